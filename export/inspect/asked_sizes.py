"""The sizes at which flexible models are looked at: their own, or those that the user asks for."""

from collections.abc import Iterable, Iterator

from export.mil.chosen_sizes import chosen_sizes
from export.mil.program import Function, Shape
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.options import SizeOptions


def asked_sizes(
    functions: Iterable[tuple[str, Function]], options: SizeOptions
) -> dict[str, dict[str, Shape]]:
    """Of each function that takes what is asked for, by its name, the sizes of its inputs.

    Raises `UnsupportedError` where none does: of a pipeline one is enough.
    """
    asked: dict[str, dict[str, Shape]] = {}
    refusal: UnsupportedError | None = None
    for name, function in functions:
        try:
            asked[name] = chosen_sizes(function.description, options.size, options.batch)
        except UnsupportedError as error:
            refusal = error
    if refusal is not None and not asked:
        raise refusal
    return asked


def sizes_in_words(flexible: Function, fixed: Function) -> Iterator[str]:
    """The sizes of flexible inputs that were fixed."""
    for item, chosen in zip(flexible.description.inputs, fixed.description.inputs, strict=True):
        if item.allowed is not None:
            yield f"{item.name}: {chosen.words}"
