"""What the parts of the page call a session, and how far it can be trusted."""

from typing import NamedTuple

from bench.results.session_report import Report


class TrustLine(NamedTuple):
    """In one line, and whether it warns."""

    text: str
    warns: bool


def anchor(number: int) -> str:
    """Where the session of this number (from 1) stands in the page."""
    return f"session-{number}"


def machine(report: Report) -> str:
    """The machine's model, else its processor, else the file."""
    if report.session is None:
        return report.source
    environment = report.session.environment
    return environment.model or environment.processor


def trust(report: Report) -> TrustLine:
    """The worst that is known of the session."""
    unreliable = [warning for warning in report.warnings if warning.startswith("UNRELIABLE")]
    if unreliable:
        return TrustLine(unreliable[0], warns=True)
    if not report.controls:
        return TrustLine("No A/A control: how far to trust it is not known.", warns=True)
    return TrustLine("Reliable: the A/A control shows no difference where there is none.", False)
