"""Claim: `reports compare` is green for no files that tell nothing, and red for no machine.

Each attack is a pair of files that a careless comparison would call equal, faster or slower.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results.records import Launch, Record
from made_sessions import BASELINES, CHANGED, MODEL, NAME, session, slowed
from reports.__main__ import main

BEFORE = session([*BASELINES, MODEL])
AFTER = session([*BASELINES, CHANGED], seed=11)


def failing(records: list[Record], case: str = "") -> list[Record]:
    return [
        made.failed(record.case, record.round, "timeout", "no answer within 60 s")
        if isinstance(record, Launch) and case in record.case
        else record
        for record in records
    ]


def cut(records: list[Record], rounds: int) -> list[Record]:
    return [record for record in records if getattr(record, "round", 0) < rounds]


def renamed(records: list[Record]) -> list[Record]:
    """The same session again, under another identity."""
    return [msgspec.structs.replace(records[0], session="other"), *records[1:]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, BEFORE),
        (BEFORE, cut(BEFORE, 10)),
        (BEFORE, failing(AFTER)),
        (BEFORE, failing(AFTER, NAME)),
        (BEFORE, cut(AFTER, 3)),
        (cut(BEFORE, 3), AFTER),
        (session([MODEL]), session([CHANGED], 1.3, seed=11)),
        (session([MODEL]), session([CHANGED], 0.7, seed=11)),
        (session([MODEL]), renamed(session([MODEL], 1.3, seed=11))),
        (BEFORE, session([*BASELINES, MODEL], 3.0, seed=11)),
        (BEFORE, slowed(AFTER, 1.5, "twin")),
        (slowed(BEFORE, 0.5, "twin"), slowed(AFTER, 2.0)),
    ],
)
def test_what_cannot_be_told_is_neither_green_nor_red(
    before: list[Record], after: list[Record], tmp_path: Path, capsys
) -> None:
    files = [
        str(made.write(tmp_path / name, records))
        for name, records in (("a.jsonl", before), ("b.jsonl", after))
    ]
    assert main(["compare", *files]) in (3, 4)
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda records: records, 0),
        (lambda records: slowed(records, 1.3), 1),
        (lambda records: slowed(records, 0.7), 0),
    ],
)
def test_what_can_be_told_is(
    change: Callable[[list[Record]], list[Record]], code: int, tmp_path: Path
) -> None:
    """The machine is slower by 40 % meanwhile."""
    moved = session([*BASELINES, CHANGED], 1.4, seed=11)
    before = made.write(tmp_path / "a.jsonl", BEFORE)
    after = made.write(tmp_path / "b.jsonl", change(moved))
    assert main(["compare", str(before), str(after)]) == code
