"""What a model said, on the terminal."""

import numpy as np

from export.answers.model_answer import ModelAnswer
from export.answers.output_files import kind_of, record
from export.runtimes.base import Feature
from export.views import answer_card
from mobilenet.common import terminal

FIRST = 6  # values of an array that are shown
UNTRAINED = "the weights were never trained: this answer means nothing"


def show(answer: ModelAnswer, *, json: bool) -> None:
    """What went in, what it says of a photograph, and each output in a line."""
    if answer.untrained:
        terminal.warn(UNTRAINED)
    if json:
        terminal.print_json(record(answer))
        return
    terminal.card({
        "model": answer.model if not answer.network else f"{answer.model}: {answer.network}",
        **({"input": answer.inputs} if answer.inputs else {}),
    })  # fmt: skip
    answer_card.show(answer.said, percent=True)
    terminal.line()
    terminal.table(
        ["output", "kind", "shape", "from", "to", "values"],
        [(name, kind_of(value), *_cells(value)) for name, value in answer.outputs.items()],
        words=("output", "kind", "values"),
    )


def _cells(value: Feature) -> tuple[str, ...]:
    """Shape, least and greatest value, and the first ones."""
    if hasattr(value, "mode"):
        return f"{value.width} x {value.height}", "", "", ""
    if isinstance(value, dict):
        value = np.array([*value.values()], np.float64)
    if not isinstance(value, np.ndarray):
        return "", "", "", str(value)
    finite = value[np.isfinite(value)] if value.dtype.kind == "f" else value
    ends = [_number(end) for end in (finite.min(), finite.max())] if finite.size else ["", ""]
    numbers = [_number(number) for number in value.ravel()[:FIRST]]
    if value.size > FIRST:
        numbers.append("...")
    if odd := value.size - finite.size:
        numbers.append(f"{odd} of them no numbers")
    return " x ".join(map(str, value.shape)), *ends, ", ".join(numbers)


def _number(value: np.generic) -> str:
    return f"{value.item():.4g}" if value.dtype.kind == "f" else str(value)
