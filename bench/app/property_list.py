"""Property lists in the form of OpenStep, which Xcode keeps projects in."""

import re
from collections.abc import Mapping, Sequence

Value = str | Sequence["Value"] | Mapping[str, "Value"]
HEAD = "// !$*UTF8*$!\n"
PLAIN = re.compile(r"(?:[A-Za-z0-9_.]|/(?!/))+")  # two slashes begin a comment
ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')


def document(value: Value) -> str:
    """The text of a file."""
    return f"{HEAD}{_text(value, '')}\n"


def quoted(text: str) -> str:
    r"""A string that ends where it is to end, whatever is in it.

    >>> quoted('a "b";')
    '"a \\"b\\";"'
    """
    return text if PLAIN.fullmatch(text) else f'"{ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return f"\\{character}" if character in '"\\' else f"\\U{ord(character):04x}"


def _text(value: Value, margin: str) -> str:
    if isinstance(value, str):
        return quoted(value)
    inner = f"{margin}\t"
    if isinstance(value, Mapping):
        lines = [f"{quoted(key)} = {_text(item, inner)};" for key, item in value.items()]
        return _block("{}", lines, margin)
    return _block("()", [f"{_text(item, inner)}," for item in value], margin)


def _block(brackets: str, lines: Sequence[str], margin: str) -> str:
    content = "".join(f"{margin}\t{line}\n" for line in lines)
    return f"{brackets[0]}\n{content}{margin}{brackets[1]}"
