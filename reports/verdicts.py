"""What `reports compare` answers, with the doubts that the sessions carry, and its exit code."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Self

import msgspec

from bench.results import format
from bench.results.compare import Comparison
from reports.doubts import Doubts, qualified


class ExitCode(IntEnum):
    """Of `reports compare`. 2 is an error, of any command."""

    NOTHING_SLOWER = 0
    SLOWER = 1
    UNDECIDED = 3
    UNRELIABLE = 4


CONCLUSIONS = {
    ExitCode.NOTHING_SLOWER: "nothing is shown to be slower",
    ExitCode.SLOWER: "something is slower",
    ExitCode.UNDECIDED: "undecided: something may be slower or not",
    ExitCode.UNRELIABLE: "nothing can be concluded: a session is unreliable",
}


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """All comparisons of one call; each interval has a level at which all hold at 95 %."""

    level: float
    comparisons: tuple[Comparison, ...]
    doubts: Doubts
    undecided: tuple[str, ...]  # what keeps all comparisons from deciding
    remarks: tuple[str, ...]
    exit_code: ExitCode
    conclusion: str

    @classmethod
    def of(
        cls,
        level: float,
        comparisons: Sequence[Comparison],
        doubts: Doubts,
        undecided: Sequence[str] = (),
        remarks: Sequence[str] = (),
    ) -> Self:
        """With the exit code that follows."""
        code = _exit_code(comparisons, doubts.unreliable, undecided)
        return cls(
            level=level, comparisons=tuple(comparisons), doubts=doubts,
            undecided=tuple(undecided), remarks=tuple(remarks), exit_code=code,
            conclusion=CONCLUSIONS[code],
        )  # fmt: skip

    def words(self, comparison: Comparison) -> str:
        """The verdict on one case, qualified where a session is unreliable."""
        words: str = comparison.verdict
        if comparison.reason:
            words += f": {comparison.reason}"
        elif comparison.bound is not None:
            words += f": less than {format.difference(comparison.bound)} at 95 %"
        return qualified(words, bool(self.doubts.unreliable))


def _exit_code(
    comparisons: Sequence[Comparison], unreliable: Sequence[str], undecided: Sequence[str]
) -> ExitCode:
    verdicts = {comparison.verdict for comparison in comparisons}
    if unreliable:
        return ExitCode.UNRELIABLE
    if "slower" in verdicts:
        return ExitCode.SLOWER
    if undecided or verdicts & {"undecided", "too few rounds"}:
        return ExitCode.UNDECIDED
    return ExitCode.NOTHING_SLOWER
