"""A difference between two models on the terminal, and as a record that `reports` draws."""

from pathlib import Path

from export.verify.diff import Difference
from mobilenet.common import files, terminal


def show(difference: Difference, *, json: bool) -> None:
    """Each pair of layers, what has no partner, and the first layer that differs."""
    if json:
        terminal.print_json(difference)
        return
    _table(difference)
    terminal.line()
    for path, names in (
        (difference.package, difference.unmatched),
        (difference.reference, difference.unmatched_reference),
    ):
        if names:
            terminal.line(f"not matched in {path}: {', '.join(names)}")
    _verdict(difference)


def write(difference: Difference, path: Path) -> None:
    """One line of JSON, which `python -m reports plots` draws."""
    import msgspec

    files.write_atomically(path, msgspec.json.encode(difference) + b"\n")
    if not files.is_stream(path):
        terminal.say(f"to draw it: python -m reports plots {path} -o plots/")


def _table(difference: Difference) -> None:
    layers = difference.layers
    words = ["layer"]
    if any(layer.name != layer.reference_name for layer in layers):
        words.append("in the reference")
    terminal.table(
        [*words, "relative L2", "largest", "weights"],
        [
            (
                *(layer.name, layer.reference_name)[: len(words)],
                _number(layer.relative_l2),
                _number(layer.max_absolute),
                "" if layer.weights is None else _number(layer.weights),
            )
            for layer in layers
        ],
        words=words,
        styles=("" if layer.within(difference.tolerance) else "red" for layer in layers),
    )


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.1e}" if value else "0"


def _verdict(difference: Difference) -> None:
    last, limit = difference.layers[-1], f"more than {difference.tolerance:g}"
    if difference.parting is None:
        terminal.line(
            f"no layer is off by {limit}; the last, {last.name}, by {_number(last.relative_l2)}"
        )
    else:
        terminal.line("the first layer off by ", limit, ": ", (difference.parting, "bold"))
