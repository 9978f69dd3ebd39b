"""Claim: whatever stands in a results file, the answer is a report, or one line and exit code 2.

Never a traceback, and nothing but text on the terminal. Mutants are made of the records of every
kind: values of the wrong type or size, hostile names, fields and lines that are gone, doubled,
moved or cut.
"""

import contextlib
import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import bench.__main__
import made_results
import reports.__main__
from bench.results import jsonl
from bench.results.read import read
from bench.results.session_report import Report, reports_of
from mobilenet.common import terminal
from mobilenet.common.errors import RecordError
from reports import claims
from reports.choose import Requirements, choose
from reports.compare_sessions import compare_sessions
from reports.page import page
from reports.plots import catalog, style

SEEDS, PRINTED, DRAWN = range(500), range(500, 506), range(506, 509)
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**63, 10**400, -0.0, 1e30, 1e308, 1e-320, "", "0", "=1+1", "x\ny", [],
    {}, [[]], "\x1b[31m", "\u202e\u2066", "a\u0301" * 500, "n" * 50_000, "<script>", "](x)|`*",
    "\ud800", "\u3164", "1\n", "../../etc/passwd", "data:text/html,x", "\uffff",
)  # fmt: skip
TEXTS = [value for value in HOSTILE if isinstance(value, str)]
LEFT_OUT = ("_025_", "_050_", "_075_", "_128", "_192")  # cases: the fewer, the faster
Records = list[dict[str, Any]]


def whole() -> Records:
    """Records of every kind, as JSON has them."""
    session = made_results.realistic(rounds=1, samples=3)
    few = [record for record in session if not any(name in str(record) for name in LEFT_OUT)]
    made = [*few, *made_results.layer_records(), *made_results.photographs()]
    return [json.loads(msgspec.json.encode(record)) for record in made]


WHOLE = whole()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    items: Any = {dict: dict.items, list: enumerate}.get(type(value), lambda _: ())(value)
    return [place for key, item in items for place in ((value, key), *places(item))]


def replace_value(made: Records, chance: random.Random) -> None:
    container, key = chance.choice(places(chance.choice(made)))
    container[key] = chance.choice(HOSTILE)


def replace_all_texts(made: Records, chance: random.Random) -> None:
    text = chance.choice(TEXTS)
    for container, key in places(made):
        if isinstance(container[key], str) and key not in ("kind", "status", "error_of"):
            container[key] = text


def rename_a_case(made: Records, chance: random.Random) -> None:
    name = chance.choice([record["case"] for record in made if "case" in record])
    text = chance.choice(TEXTS)
    for container, key in places(made):
        if container[key] == name:
            container[key] = text


def delete_value(made: Records, chance: random.Random) -> None:
    container, key = chance.choice(places(chance.choice(made)))
    del container[key]


def repeat_lines(made: Records, chance: random.Random) -> None:
    made[:] = chance.choices(made, k=len(made))


def nest(made: Records, chance: random.Random) -> None:
    chance.choice(made)["deep"] = copy.deepcopy(made[:3])


MUTATIONS: tuple[Callable[[Records, random.Random], None], ...] = (
    replace_value, replace_value, replace_value, replace_all_texts, rename_a_case, delete_value,
    repeat_lines, nest,
)  # fmt: skip


def mutant(seed: int) -> bytes:
    """A file of results with a few faults; the same for the same seed."""
    chance, made = random.Random(seed), copy.deepcopy(WHOLE)
    for _ in range(chance.randint(1, 4)):
        with contextlib.suppress(IndexError, TypeError):  # nothing of the kind is left
            chance.choice(MUTATIONS)(made, chance)
    data = b"".join(json.dumps(record).encode() + b"\n" for record in made)
    if chance.random() < 0.1:
        place = chance.randrange(len(data))
        data = data[:place] + chance.randbytes(chance.randrange(9)) + data[place + 3 :]
    return data


def figures(path: Path) -> list[Report]:
    """What all commands that draw nothing would find out."""
    sessions = read([path])
    made = reports_of(sessions)
    choose(made, Requirements(30))
    claims.claim_results(sessions)
    for results in sessions:
        with contextlib.suppress(RecordError):  # no case in common with itself: it has none
            compare_sessions(results, results, 0.01)
    return made


def refusal(call: Callable[[], object]) -> RecordError | None:
    """The error of a call, known to be one line with a hint; None where there was none."""
    try:
        call()
    except RecordError as error:
        refused = error
    else:
        return None
    assert refused.hint
    assert refused.message.isprintable()
    assert len(refused.message) < 500
    return refused


def go_on(path: Path) -> None:
    """What `bench resume` reads."""
    with jsonl.resume(path):
        pass


def test_mutants_are_reports_or_one_line(tmp_path: Path) -> None:
    path, refused = tmp_path / "mutant.jsonl", 0
    for seed in SEEDS:
        path.write_bytes(mutant(seed))
        refused += refusal(lambda: figures(path)) is not None
        refusal(lambda: go_on(path))
    assert refused < len(SEEDS) / 4  # what can be shown is shown


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"], ["--csv"]])
def test_mutants_are_printed_as_text(
    options: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mutant.jsonl"
    for seed in PRINTED:
        path.write_bytes(mutant(seed))
        assert terminal.run(reports.__main__.app, [str(path), *options]) in (0, 2)
        out, err = capfd.readouterr()
        assert (out + err).replace("\n", "").isprintable()
        assert bool(out) != bool(err)


@pytest.mark.parametrize("seed", DRAWN)
def test_mutants_are_drawn_or_one_line(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "mutant.jsonl"
    path.write_bytes(mutant(seed))
    if refusal(lambda: read([path])):
        return
    sessions = read([path])
    assert "</html>" in page.render(sessions)
    for plot in catalog.general_plots(sessions):
        assert style.save(plot, tmp_path / plot.name)


DEEP = b'{"kind":"session","x":' * 100_000
LONG = b'{"kind":"launch","samples_ns":[' + b"1," * (9 << 20)
LINES = b"{\n" * 20_000


def of_head(**changes: Any) -> bytes:
    """A session whose plan was edited."""
    head = copy.deepcopy(WHOLE[0])
    head["plan"] |= changes
    return json.dumps(head).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        DEEP, DEEP + b"\n", LONG, LINES, b"\xff\xfe\n", b"\x00", b"\xef\xbb\xbf{}\n", b"[]\n",
        of_head(rounds=10**9), of_head(rounds=0), of_head(timeout_s=1e30), of_head(warmup_s=1e30),
        of_head(samples=10**9), of_head(seed=10**30), of_head(warmup_calls=-1),
    ],
    ids=range(15),
)  # fmt: skip
def test_nothing_senseless_is_read_or_gone_on_with(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    commands = [(reports.__main__, [str(path)]), (bench.__main__, ["resume", str(path)])]
    for command, words in commands if content.endswith(b"\n") else commands[:1]:
        assert terminal.run(command.app, words) == 2
        out, err = capfd.readouterr()
        assert not out
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert len(err) < 900
    assert path.read_bytes() == content
