"""A difference between two models on the terminal, and as a record that `reports` draws."""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from export.verify.diff import Difference
from export.views.inspect_card import print_wide
from mobilenet.common import files, terminal


def show(difference: Difference, *, json: bool) -> None:
    """Each pair of layers, what has no partner, and where they part."""
    if json:
        terminal.print_json(difference)
        return
    print_wide(_table(difference))
    terminal.out.print()
    for path, names in (
        (difference.package, difference.unmatched),
        (difference.reference, difference.unmatched_reference),
    ):
        if names:
            terminal.out.print(f"not matched in {escape(path)}: {escape(', '.join(names))}")
    terminal.out.print(_verdict(difference))


def write(difference: Difference, path: Path) -> None:
    """One line of JSON, which `python -m reports plots` draws."""
    import msgspec

    files.write_atomically(path, msgspec.json.encode(difference) + b"\n")


def _table(difference: Difference) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", overflow="fold")
    same = all(one.name == one.reference_name for one in difference.layers)
    if not same:
        table.add_column("in the reference", overflow="fold")
    for title in ("relative L2", "largest", "weights"):
        table.add_column(title, justify="right")
    for one in difference.layers:
        style = "" if one.within(difference.tolerance) else "red"
        names = [escape(one.name)] + ([] if same else [escape(one.reference_name)])
        weights = "" if one.weights is None else _number(one.weights)
        table.add_row(
            *names, _number(one.relative_l2), _number(one.max_absolute), weights, style=style
        )
    return table


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.1e}" if value else "0"


def _verdict(difference: Difference) -> str:
    last = difference.layers[-1]
    if difference.parting is None:
        return (
            f"no layer is off by more than {difference.tolerance:g}; the last, "
            f"{escape(last.name)}, by {_number(last.relative_l2)}"
        )
    return (
        f"they part at [bold]{escape(difference.parting)}[/]: the first layer off by more than "
        f"{difference.tolerance:g}"
    )
