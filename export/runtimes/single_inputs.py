"""Inputs that are neither pictures nor arrays: numbers, strings, lists and dictionaries."""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real

from export.mil.description import CategoryInput, NumberInput
from export.runtimes.base import Feature
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import one_line

MAX_SHOWN = 80  # characters of a value


def may_be_missing(item: NumberInput | CategoryInput) -> bool:
    """Whether a model runs without it."""
    return item.is_optional or (isinstance(item, NumberInput) and item.default is not None)


def check_single(item: NumberInput | CategoryInput, value: Feature) -> None:
    """Raise `UnsupportedError` for a value that is not of the kind.

    A number without a default is a column of a table: NaN is then a value that is missing.
    """
    wanted = _number(item, value) if isinstance(item, NumberInput) else _category(item, value)
    if wanted:
        shown = one_line(repr(value), MAX_SHOWN)
        raise UnsupportedError(f"input {item.name!r} is {shown}", f"give {wanted}")


def _number(item: NumberInput, value: Feature) -> str:
    """What should have been given; "" where it was."""
    if not isinstance(value, Real):
        return "a number"
    if item.is_integer:
        return "" if math.isfinite(value) and float(value).is_integer() else "an integer"
    return "" if item.default is None or math.isfinite(value) else "a number"


def _category(item: CategoryInput, value: Feature) -> str:
    names = "strings" if item.keys == "string" else "integers"
    if item.kind == "string":
        return "" if isinstance(value, str) else "a string"
    if item.kind == "sequence":
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return "" if is_list and _are_keys(item, value) else f"a list of {names}"
    if not isinstance(value, Mapping) or not _are_keys(item, value):
        return f"a dictionary of {names} to numbers"
    is_numbers = all(isinstance(number, Real) for number in value.values())
    return "" if is_numbers else f"a dictionary of {names} to numbers"


def _are_keys(item: CategoryInput, values: Iterable[Feature]) -> bool:
    return all(isinstance(value, str if item.keys == "string" else Integral) for value in values)
