"""A difference between two models on the terminal, and as a record that `reports` draws."""

from pathlib import Path

from export.verify.diff import Difference, shown
from mobilenet.common import files, terminal
from mobilenet.common.ci_report import CheckedCase, Outcome

FIRST = ">"  # marks the first layer that differs, in pipes too, where there is no colour


def show(difference: Difference, *, json: bool) -> None:
    """The verdict, what may be its cause, each pair of layers, and what has no partner."""
    if json:
        terminal.print_json(difference)
        return
    terminal.line((difference.verdict, "bold"))
    for cause in difference.causes:
        terminal.line(f"  {cause}")
    if difference.growth is not None:
        terminal.line(f"size: {_sizes(difference)}")
    terminal.line()
    _table(difference)
    for path, names in (
        (difference.package, difference.unmatched),
        (difference.reference, difference.unmatched_reference),
    ):
        if names:
            terminal.line(f"not matched in {path}: {', '.join(names)}")


def checked(
    difference: Difference, limit: float | None, growth_limit: float | None
) -> list[CheckedCase]:
    """What gates of the answers and of the size say; without a gate it passes."""
    failed = limit is not None and difference.is_over(limit)
    message = "; ".join([difference.verdict, *difference.causes])
    name = f"{difference.package} against {difference.reference}"
    cases = [CheckedCase(f"{name}: answers", "failed" if failed else "passed", message)]
    if growth_limit is not None:
        is_larger = difference.growth is None or difference.growth > growth_limit
        outcome: Outcome = "failed" if is_larger else "passed"
        cases.append(CheckedCase(f"{name}: size", outcome, _sizes(difference)))
    return cases


def _sizes(difference: Difference) -> str:
    ours, reference, growth = (
        difference.size_bytes, difference.reference_size_bytes, difference.growth,
    )  # fmt: skip
    if ours is None or reference is None or growth is None:
        return "a file of weights has no size to compare"
    return f"{ours / 1e6:.2f} MB, in the reference {reference / 1e6:.2f} MB ({growth:+.1%})"


def write(difference: Difference, path: Path) -> None:
    """One line of JSON, which `python -m reports plots` draws."""
    import msgspec

    files.write_atomically(path, msgspec.json.encode(difference) + b"\n")
    if not files.is_stream(path):
        terminal.say(f"to draw it: python -m reports plots {path} -o plots/")


def _table(difference: Difference) -> None:
    layers, first = difference.layers, difference.first_difference
    words = ["", "layer"]
    if any(layer.name != layer.reference_name for layer in layers):
        words.append("in the reference")
    terminal.table(
        [*words, "relative L2", "largest", "weights"],
        [
            (
                FIRST if layer.name == first else "",
                *(layer.name, layer.reference_name)[: len(words) - 1],
                shown(layer.relative_l2),
                shown(layer.max_absolute),
                "" if layer.weights is None else shown(layer.weights),
            )
            for layer in layers
        ],
        words=words,
        styles=("" if layer.within(difference.tolerance) else "red" for layer in layers),
    )
