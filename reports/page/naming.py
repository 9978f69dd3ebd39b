"""What the parts of the page call a session, and how far it can be trusted."""

from typing import NamedTuple

from bench.results import format
from bench.results.session_report import Report


class TrustLine(NamedTuple):
    """In one line, and whether it warns."""

    text: str
    warns: bool
    more: str = ""  # how many warnings the session has


def anchor(number: int) -> str:
    """Where the session of this number (from 1) stands in the page."""
    return f"session-{number}"


def machine(report: Report) -> str:
    """What it is called, or the file where that is unknown."""
    return report.session.environment.device if report.session else report.source


def trust(report: Report) -> TrustLine:
    """The worst that is known of the session."""
    more = format.plural(len(report.trust.warnings), "warning") if report.trust.warnings else ""
    if report.trust.unreliable:
        return TrustLine(f"Unreliable: {report.trust.unreliable}.", True, more)
    if not report.controls:
        text = "No A/A control: how far to trust it is unknown."
        return TrustLine(f"{text}{_finds(report)}", True, more)
    text = "The A/A control shows no difference where there is none."
    if report.is_shared:
        text += " One process served all launches, so it cannot show how processes differ."
    return TrustLine(f"{text}{_finds(report)}", report.is_shared, more)


def _finds(report: Report) -> str:
    """What difference the session could have shown."""
    sensitivity = report.trust.sensitivity
    if sensitivity is None or sensitivity.ratio is None:
        return ""
    return f" Differences from {format.difference(sensitivity.ratio)} on can be found."
