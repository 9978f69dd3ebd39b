"""`reports choose`: the most accurate variant that is fast enough, with the reason."""

import math
from collections.abc import Iterable
from typing import NamedTuple, Self

import msgspec

from bench.results import format
from bench.results.records import Model
from bench.results.session_report import Report
from bench.results.summary import CaseSummary
from bench.results.top1 import Top1, config_of
from mobilenet.common.errors import ConfigError
from mobilenet.networks.families import DEFAULT_NETWORK, name_of

# Export targets by the runtime and unit that were measured; the rest is right for "all".
TARGETS = {
    ("coreml", "CPU_ONLY"): "cpu", ("coreml", "CPU_AND_GPU"): "gpu",
    ("coreml", "CPU_AND_NE"): "ane", ("coreai", "CPU"): "cpu", ("coreai", "GPU"): "gpu",
    ("coreai", "NE"): "ane",
}  # fmt: skip


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one session and runtime: a variant with its reason, or why there is none."""

    source: str
    runtime: str
    reason: str
    case: str = ""
    unit: str = ""
    model: str = ""
    frame_ns: float | None = None
    top1: float | None = None
    export: str = ""  # the command that makes it
    untrained: bool = False


class Option(NamedTuple):
    """A measured variant of known accuracy."""

    row: CaseSummary
    frame_ns: float
    top1: Top1


class Requirements(NamedTuple):
    """What the variant must do."""

    fps: float
    min_top1: float = 0.0
    max_bytes: float = math.inf
    ios: int | None = None  # the oldest that must load it

    @classmethod
    def checked(
        cls, fps: float, min_top1: float, max_bytes: float, ios: int | None = None
    ) -> Self:
        """Raises `ConfigError` for requirements that make no sense."""
        if not (math.isfinite(fps) and fps > 0):
            raise ConfigError(f"fps is {fps:g}", "frames a second, above 0")
        if not 0 <= min_top1 <= 100:
            raise ConfigError(f"min-top1 is {min_top1:g}", "percent, 0 to 100")
        if not max_bytes > 0:
            raise ConfigError(f"max-mb is {max_bytes / 1e6:g}", "megabytes, above 0")
        if ios is not None and ios < 1:
            raise ConfigError(f"ios is {ios}", "a version of iOS: 15, or 27")
        return cls(fps, min_top1, max_bytes, ios)

    def is_loaded(self, model: Model) -> bool:
        """Whether the oldest system loads it, as far as the model says what it needs."""
        return self.ios is None or model.min_ios is None or model.min_ios <= self.ios


def choose(reports: Iterable[Report], requirements: Requirements) -> list[Choice]:
    """One choice per session and runtime: figures of different runtimes are never mixed."""
    return [
        _choice(report.source, runtime, options(rows, report.top1), requirements)
        for report in reports
        for runtime, rows in report.runtimes().items()
    ]


def options(rows: Iterable[CaseSummary], top1: dict[str, Top1]) -> list[Option]:
    """The rows that have both a time and an accuracy."""
    both = ((row, frame_ns(row), top1.get(row.model.identity)) for row in rows)
    return [Option(row, time, accuracy) for row, time, accuracy in both if time and accuracy]


def frame_ns(row: CaseSummary) -> float | None:
    """Time of a frame to plan with: nine of ten calls take no longer."""
    if row.p50 is None or "batch" in row.options:
        return None
    return row.p90.value if row.p90 else row.p50.value


def _choice(
    source: str, runtime: str, options: list[Option], requirements: Requirements
) -> Choice:
    loaded = [option for option in options if requirements.is_loaded(option.row.model)]
    small = [option for option in loaded if option.row.model.size_bytes <= requirements.max_bytes]
    good = [option for option in small if option.top1.percent >= requirements.min_top1]
    fits = [option for option in good if option.frame_ns <= 1e9 / requirements.fps]
    if not fits:
        reason = _why_none(options, loaded, small, good, requirements)
        return Choice(source=source, runtime=runtime, reason=reason)
    best = max(fits, key=lambda option: (option.top1.percent, -option.frame_ns))
    row = best.row
    return Choice(
        source=source, runtime=runtime, case=row.case, unit=row.unit, model=row.model.name,
        frame_ns=best.frame_ns, top1=best.top1.percent, export=export_command(row),
        untrained=row.model.trained is False,
        reason=f"{_reason(best, requirements.fps)}, the best of {len(fits)} that fit, "
        f"{len(options)} measured",
    )  # fmt: skip


def _reason(best: Option, fps: float) -> str:
    needs = f"; needs iOS {best.row.model.min_ios}" if best.row.model.min_ios else ""
    return (
        f"{'p90' if best.row.p90 else 'p50'} {format.milliseconds(best.frame_ns)} ms of the "
        f"{format.significant(1e3 / fps)} ms that a frame may take; top-1 "
        f"{best.top1.percent:g} %, {best.top1.source}{needs}"
    )


def _why_none(
    options: list[Option],
    loaded: list[Option],
    small: list[Option],
    good: list[Option],
    requirements: Requirements,
) -> str:
    if not options:
        return "nothing was measured whose accuracy is known"
    if not loaded:
        return f"nothing measured is loaded by iOS {requirements.ios}"
    if not small:
        return f"nothing measured has at most {format.megabytes(int(requirements.max_bytes))} MB"
    if not good:
        best = max(small, key=lambda option: option.top1.percent)
        return (
            f"nothing measured reaches a top-1 of {requirements.min_top1:g} %: "
            f"{best.row.model.name} comes closest with {best.top1.percent:g} %"
        )
    fastest = min(good, key=lambda option: option.frame_ns)
    return (
        f"nothing accurate enough makes {requirements.fps:g} frames a second: "
        f"{fastest.row.model.name} on {fastest.row.unit} comes closest with "
        f"{format.significant(1e9 / fastest.frame_ns)}"
    )


def export_command(row: CaseSummary) -> str:
    """What to type to get the package that was measured, with weights.

    Empty for one that no options make: a foreign one, or of an input that is not square.
    """
    config = config_of(row.model)
    if config is None or not config.size.is_square:
        return ""
    network = name_of(config)
    parts = ["python -m export", *([] if network == DEFAULT_NETWORK else [f"--network {network}"])]
    parts += [f"--alpha {config.alpha:g}", f"--resolution {config.resolution}"]
    if config.shallow:
        parts.append("--shallow")
    if target := TARGETS.get((row.runtime, row.unit)):
        parts.append(f"--target {target}")
    if row.model.format != "mlprogram":
        parts.append(f"--format {row.model.format}")
    if row.model.precision == "fp32" and target != "cpu":
        parts.append("--precision fp32")
    return " ".join(parts)
