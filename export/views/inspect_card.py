"""What an inspection looks like on the terminal."""

from collections.abc import Sequence

from export.head_outputs import THRESHOLDS
from export.inspect.declared import FeatureFacts
from export.inspect.inspect import Inspection
from export.inspect.part_facts import LayerFacts, PartFacts
from export.inspect.rules.finding import RuleFinding
from export.package.calibration_record import CalibrationRecord
from export.views.learned_rows import agreement_words, training_words
from mobilenet.common import terminal
from mobilenet.common.ci_report import CheckedCase

COLORS = {"error": "red", "warning": "yellow", "note": "blue"}
UNKNOWN = "unknown"
MAX_ROWS = 5000  # of a table; nobody reads more, and each takes a millisecond to lay out
Card = dict[str, str | Sequence[str]]
WORDS = ("layer", "type", "stored as")
HEADERS = (*WORDS[:2], "out", "MACs (M)", "params", "weights (kB)", WORDS[2], "values (kB)")


def show(inspection: Inspection, *, layers: bool, json: bool) -> None:
    """Summary, layers, and the findings last, where they are seen."""
    if json:
        terminal.print_json(inspection)
        return
    terminal.card(_summary(inspection))
    for part in inspection.parts:
        terminal.line()
        terminal.card(_part(part))
        if layers and part.layers:
            terminal.line()
            _layers(part)
    terminal.line()
    if not inspection.findings:
        terminal.line("no findings")
    for finding in inspection.findings:
        _print_finding(finding)


def checked(inspection: Inspection) -> list[CheckedCase]:
    """Every finding, of which errors and warnings fail; or that there are none."""
    if not inspection.findings:
        return [CheckedCase(inspection.path, "passed", "no findings")]
    return [
        CheckedCase(
            f"{inspection.path}: {finding.rule}" + (f" in {finding.part}" if finding.part else ""),
            "passed" if finding.severity == "note" else "failed",
            f"{finding.severity}: {finding.message}; {finding.advice}",
        )
        for finding in inspection.findings
    ]


def _summary(inspection: Inspection) -> Card:
    rows: Card = {
        "model": f"{inspection.path}  ({inspection.size_bytes / 1e6:.2f} MB)",
        "kind": f"{inspection.kind}, specification {inspection.specification_version}: "
        + (UNKNOWN if inspection.oldest == UNKNOWN else f"{inspection.oldest} and later"),
        **_features("input", inspection.inputs),
        **_features("output", inspection.outputs),
    }
    if inspection.labels:
        shown = ", ".join(inspection.labels[:3])
        more = ", ..." if len(inspection.labels) > 3 else ""
        rows["labels"] = f"{len(inspection.labels)}: {shown}{more}"
    if inspection.photographs:
        rows["photographs"] = inspection.photographs
    if inspection.learned is not None:
        rows["learned"] = _learned(inspection.learned)
    thresholds = {name: inspection.about[name] for name in THRESHOLDS if name in inspection.about}
    if thresholds:
        rows["thresholds"] = ", ".join(f"{name} {value}" for name, value in thresholds.items())
    for key in ("description", "author", "license"):
        if inspection.about.get(key):
            rows[key] = inspection.about[key]
    return rows


def _learned(record: CalibrationRecord) -> list[str]:
    lines = [f"from {record.photographs} photographs: {record.summary}"]
    if trained := training_words(record):
        lines.append(f"then {trained}")
    if record.agreement is not None:
        lines.append(agreement_words(record, "others"))
    return lines


def _features(side: str, features: tuple[FeatureFacts, ...]) -> Card:
    lines = [f"{feature.name}: {feature.kind}" for feature in features]
    return {side + ("s" if len(lines) > 1 else ""): lines} if lines else {}


def _part(part: PartFacts) -> Card:
    rows: Card = {"part": f"{part.name}: {part.kind}"} if part.name else {}
    rows |= {**_features("input", part.inputs), **_features("output", part.outputs)}
    if part.unknown:
        return {**rows, "costs": f"{UNKNOWN}: {part.unknown}"}
    if part.contents:
        return {**rows, "contents": part.contents, "parameters": f"{part.parameters:,}"}
    macs = f"{(part.macs or 0) / 1e6:,.1f} million"
    if part.layers_of_unknown_macs:
        macs = f"at least {macs}: unknown for {part.layers_of_unknown_macs} of the layers"
    weights = ", ".join(f"{size / 1e6:.2f} MB {form}"
                        for form, size in (part.weight_bytes or {}).items())  # fmt: skip
    rows |= {"counted at": part.counted_at} if part.counted_at else {}
    rows |= {
        "macs": macs,
        "parameters": f"{part.parameters:,}",
        "weights": weights or "none",
        "activations": f"{_megabytes(part.activation_bytes)} in all, "
        f"{_megabytes(part.peak_activation_bytes)} at most at once (by arithmetic)",
    }
    if part.pixels:
        rows["pixels"] = part.pixels
    return rows


def _layers(part: PartFacts) -> None:
    shown = part.layers[:MAX_ROWS]
    measured = any(layer.largest is not None for layer in shown)
    terminal.table(
        [*HEADERS, "largest"] if measured else HEADERS,
        [[*_cells(layer), *([_largest(layer)] if measured else [])] for layer in shown],
        words=WORDS,
    )
    if len(part.layers) > MAX_ROWS:
        terminal.line(f"and {len(part.layers) - MAX_ROWS:,} layers more: --json has all of them")


def _cells(layer: LayerFacts) -> list[str]:
    return [
        layer.name, layer.type, _shape(layer.output_shape),
        UNKNOWN if layer.macs is None else f"{layer.macs / 1e6:.2f}" if layer.macs else "",
        f"{layer.parameters:,}" if layer.parameters else "",
        f"{layer.weight_bytes / 1e3:.1f}" if layer.weight_bytes else "", layer.stored_as,
        UNKNOWN if layer.activation_bytes is None else f"{layer.activation_bytes / 1e3:.0f}",
    ]  # fmt: skip


def _largest(layer: LayerFacts) -> str:
    return "" if layer.largest is None else f"{layer.largest:.4g}"


def _shape(shape: tuple[int, ...] | None) -> str:
    return UNKNOWN if shape is None else "x".join(map(str, shape))


def _megabytes(size: int | None) -> str:
    return UNKNOWN if size is None else f"{size / 1e6:.2f} MB"


def _print_finding(finding: RuleFinding) -> None:
    where = f" in {finding.part}" if finding.part else ""
    severity = (finding.severity, COLORS[finding.severity])
    terminal.line(severity, " ", (finding.rule, "bold"), where)
    terminal.line(f"  {finding.message}")
    terminal.line((f"  {finding.advice}", "dim"))
