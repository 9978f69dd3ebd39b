"""A line of a results file becomes a record, whichever version wrote it."""

from typing import Any

import msgspec

from bench.results import line_file
from bench.results.records import Record
from bench.results.thermal_state import Thermal

_DECODER: "msgspec.json.Decoder[Record]" = msgspec.json.Decoder(Record)
_THERMAL = ("thermal", "thermal_before", "thermal_after")


def decode(line: bytes) -> Record:
    """The record on `line`. Raises `msgspec.DecodeError` for one of no known schema."""
    with line_file.decoding():
        try:
            return _DECODER.decode(line)
        except msgspec.ValidationError:
            document = msgspec.json.decode(line) if b'"thermal' in line else None
            if not _upgrade(document):
                raise
            return msgspec.convert(document, Record)  # type: ignore[no-any-return]


def _upgrade(document: Any) -> bool:
    """Schema 1 to 2: thermal states were words. Whether there was one to change."""
    if not isinstance(document, dict):
        return False
    words = [name for name in _THERMAL if isinstance(document.get(name), str)]
    for name in words:
        document[name] = Thermal.of_text(document[name])
    windows = document.get("windows")
    upgraded = [_upgrade(window) for window in windows] if isinstance(windows, list) else []
    return bool(words) or any(upgraded)
