"""What sessions say against their own numbers, said once for all that follows from these."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import msgspec

from bench.results.read import SessionResults
from bench.results.reliability import Trust
from bench.results.session_report import report


class SessionTrust(NamedTuple):
    """How far one session can be trusted."""

    results: SessionResults
    trust: Trust


class Doubts(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences that begin with the session's file, or "all sessions" where all say the same."""

    unreliable: tuple[str, ...]  # why, of each session that is
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, trust: Iterable[SessionTrust]) -> Self:
        """The doubts of several sessions."""
        named = [(str(results.source), each) for results, each in trust]
        return cls(
            unreliable=_together([(name, [each.unreliable]) for name, each in named]),
            warnings=_together([(name, each.warnings) for name, each in named]),
        )


def trust_of(*sessions: SessionResults) -> list[SessionTrust]:
    """How far each session can be trusted."""
    return [SessionTrust(results, report(results).trust) for results in sessions]


def qualified(words: str, is_unreliable: bool) -> str:
    """A verdict in words, with the gravest doubt."""
    return f"{words}, but the session is unreliable" if is_unreliable else words


def _together(lines: Sequence[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    sources: dict[str, list[str]] = {}
    for name, of_session in lines:
        for line in filter(None, of_session):
            sources.setdefault(line, []).append(name)
    return tuple(
        f"{'all sessions' if 1 < len(names) == len(lines) else ', '.join(names)}: {line}"
        for line, names in sources.items()
    )
