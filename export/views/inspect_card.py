"""What an inspection looks like on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.inspect.inspect import FeatureFacts, Inspection, LayerFacts, PartFacts
from export.inspect.rules.finding import RuleFinding
from mobilenet.common import terminal

COLORS = {"error": "red", "warning": "yellow", "note": "blue"}
UNKNOWN = "unknown"
WIDTH = 160  # of a table of layers: a narrower terminal wraps lines, no cell is cut


def show(inspection: Inspection, *, layers: bool, json: bool) -> None:
    """Summary, layers, and the findings last, where they are seen."""
    if json:
        terminal.print_json(inspection)
        return
    terminal.out.print(_summary(inspection))
    for part in inspection.parts:
        terminal.out.print()
        terminal.out.print(_part(part))
        if layers and part.layers:
            terminal.out.print()
            print_wide(_layers(part))
    terminal.out.print()
    if not inspection.findings:
        terminal.out.print("no findings")
    for finding in inspection.findings:
        _print_finding(finding)


def print_wide(table: Table) -> None:
    Console(highlight=False, width=WIDTH).print(table)


def _summary(inspection: Inspection) -> Table:
    rows = {
        "model": f"{inspection.path}  ({inspection.size_bytes / 1e6:.2f} MB)",
        "kind": f"{inspection.kind}, specification {inspection.specification_version}: "
        f"{inspection.oldest} and later",
        **_features("input", inspection.inputs),
        **_features("output", inspection.outputs),
    }
    if inspection.labels:
        shown = ", ".join(inspection.labels[:3])
        more = ", ..." if len(inspection.labels) > 3 else ""
        rows["labels"] = f"{len(inspection.labels)}: {shown}{more}"
    for key in ("description", "author", "license"):
        if inspection.about.get(key):
            rows[key] = inspection.about[key]
    return _grid(rows)


def _features(side: str, features: tuple[FeatureFacts, ...]) -> dict[str, str]:
    lines = [f"{feature.name}: {feature.kind}" for feature in features]
    return {side + ("s" if len(lines) > 1 else ""): "\n".join(lines)} if lines else {}


def _part(part: PartFacts) -> Table:
    rows = {"part": f"{part.name}: {part.kind}"} if part.name else {}
    if part.unknown:
        return _grid({**rows, "costs": f"{UNKNOWN}: {part.unknown}"})
    macs = f"{(part.macs or 0) / 1e6:,.1f} million"
    if part.layers_of_unknown_macs:
        macs = f"at least {macs}: {part.layers_of_unknown_macs} layers are unknown"
    weights = ", ".join(f"{size / 1e6:.2f} MB {form}"
                        for form, size in (part.weight_bytes or {}).items())  # fmt: skip
    rows |= {
        "macs": macs,
        "parameters": f"{part.parameters:,}",
        "weights": weights or "none",
        "activations": f"{_megabytes(part.activation_bytes)} in all, "
        f"{_megabytes(part.peak_activation_bytes)} at most at once (by arithmetic)",
    }
    if part.pixels:
        rows["pixels"] = "\n".join(part.pixels)
    return _grid(rows)


def _layers(part: PartFacts) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", overflow="fold")
    table.add_column("type")
    for title in ("out", "MACs (M)", "params", "weights (kB)", "stored as", "values (kB)"):
        table.add_column(title, justify="left" if title == "stored as" else "right", no_wrap=True)
    measured = any(layer.largest is not None for layer in part.layers)
    if measured:
        table.add_column("largest", justify="right")
    for layer in part.layers:
        table.add_row(*_cells(layer), *([_largest(layer)] if measured else []))
    return table


def _cells(layer: LayerFacts) -> list[str]:
    return [
        escape(layer.name), layer.type, _shape(layer.output_shape),
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
    color = COLORS[finding.severity]
    where = f" in {escape(finding.part)}" if finding.part else ""
    terminal.out.print(f"[{color}]{finding.severity}[/] [bold]{finding.rule}[/]{where}")
    terminal.out.print(f"  {escape(finding.message)}")
    terminal.out.print(f"  [dim]{escape(finding.advice)}[/]")


def _grid(rows: dict[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for key, value in rows.items():
        grid.add_row(f"[bold]{key}[/]", escape(value))
    return grid
