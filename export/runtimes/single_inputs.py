"""Inputs that are neither pictures nor arrays: numbers, strings, lists and dictionaries."""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real

from export.mil.description import CategoryInput, NumberInput, SingleInput
from export.runtimes.base import Feature
from mobilenet.common.errors import UnsupportedError
from mobilenet.common.text import one_line

MAX_SHOWN = 80  # characters of a value


def check_single(item: SingleInput, value: Feature) -> None:
    """Raise `UnsupportedError` for a value that is not of the kind.

    A number without a default is a column of a table: NaN is then a value that is missing.
    """
    fits = _is_number(item, value) if isinstance(item, NumberInput) else _is_category(item, value)
    if not fits:
        shown = one_line(repr(value), MAX_SHOWN)
        raise UnsupportedError(f"input {item.name!r} is {shown}", f"give {wanted(item)}")


def wanted(item: SingleInput) -> str:
    """What a value has to be, in words."""
    if isinstance(item, NumberInput):
        return "an integer" if item.is_integer else "a number"
    keys = "strings" if item.keys == "string" else "integers"
    words = {"sequence": f"a list of {keys}", "dictionary": f"a dictionary of {keys} to numbers"}
    return words.get(item.kind, "a string")


def example(item: SingleInput) -> str:
    """A value as it is written on a command line: JSON, but for a string."""
    if isinstance(item, NumberInput):
        return "2" if item.is_integer else "1.5"
    key = '"red"' if item.keys == "string" else "2"
    quoted = key if item.keys == "string" else f'"{key}"'
    return {"sequence": f"'[{key}]'", "dictionary": f"'{{{quoted}: 1.5}}'"}.get(item.kind, "red")


def _is_number(item: NumberInput, value: Feature) -> bool:
    if not isinstance(value, Real):
        return False
    if item.is_integer:
        return math.isfinite(value) and float(value).is_integer()
    return item.default is None or math.isfinite(value)


def _is_category(item: CategoryInput, value: Feature) -> bool:
    if item.kind == "string":
        return isinstance(value, str)
    if item.kind == "sequence":
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return is_list and _are_keys(item, value)
    is_dictionary = isinstance(value, Mapping) and _are_keys(item, value)
    return is_dictionary and all(isinstance(number, Real) for number in value.values())


def _are_keys(item: CategoryInput, values: Iterable[Feature]) -> bool:
    return all(isinstance(value, str if item.keys == "string" else Integral) for value in values)
