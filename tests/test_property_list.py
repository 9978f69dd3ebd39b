"""Property lists of OpenStep: strings end where they are to end, as another reader has it."""

import pytest
from openstep_parser import OpenStepDecoder

from bench.app.property_list import document, quoted


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Net-1.swift", '"Net-1.swift"'), ("Net_1.swift", "Net_1.swift"), ("", '""'),
        ('a"; b = c', r'"a\"; b = c"'), ("a\\", r'"a\\"'), ("a\nb", r'"a\U000ab"'),
        ("Zoë 🐱", '"Zoë 🐱"'), ("$(X)", '"$(X)"'), ("/* x */", '"/* x */"'),
        ("a//b", '"a//b"'), ("a/b", "a/b"),
    ],
)  # fmt: skip
def test_a_string_ends_where_it_is_to_end(text: str, written: str) -> None:
    assert quoted(text) == written
    if "\\" not in written:  # the reader knows no two of them in a row
        assert OpenStepDecoder.ParseFromString(document({"k": text})) == {"k": text}
