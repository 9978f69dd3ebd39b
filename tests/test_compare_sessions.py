"""`reports compare`: its exit codes, and the doubts that come with its verdicts."""

import json
import math
from pathlib import Path

import msgspec
import pytest

import made_results as made
from bench.results import stats
from bench.results.records import Case, Record
from made_sessions import BASELINES, CHANGED, MODEL, NAME, session, slowed
from reports.__main__ import main


def write(path: Path, records: list[Record]) -> str:
    return str(made.write(path, records))


def test_a_regression_is_exit_code_1(tmp_path: Path, capsys) -> None:
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    after = write(tmp_path / "b.jsonl", slowed(session([*BASELINES, CHANGED], seed=11), 1.2))
    assert main(["compare", before, after]) == 1
    out = capsys.readouterr().out
    assert "slower" in next(line for line in out.splitlines() if NAME in line and "+" in line)
    assert main(["compare", after, before]) == 0
    assert "faster" in capsys.readouterr().out


def test_json_has_the_level_of_all_comparisons_together(tmp_path: Path, capsys) -> None:
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    after = write(tmp_path / "b.jsonl", session([*BASELINES, MODEL], seed=11))
    assert main(["compare", before, after, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["level"] == stats.adjusted_level(4) == pytest.approx(0.9875)
    assert [each["verdict"] for each in found["comparisons"]] == ["no difference shown"] * 4
    assert all(1 < each["bound"] < 1.1 for each in found["comparisons"])
    assert found["exit_code"] == 0


def test_too_few_rounds_are_undecided_and_say_how_many_it_takes(tmp_path: Path, capsys) -> None:
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL], rounds=4))
    after = write(tmp_path / "b.jsonl", session([*BASELINES, MODEL], rounds=4, seed=11))
    assert main(["compare", before, after]) == 3
    assert "too few rounds: takes at least 5" in capsys.readouterr().out
    assert 2 / math.comb(10, 5) <= 0.05 / 4 < 2 / math.comb(8, 4)


def test_an_unreliable_session_qualifies_its_verdicts(tmp_path: Path, capsys) -> None:
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    uneven = slowed(session([*BASELINES, CHANGED], seed=11), 1.3, "twin")
    after = write(tmp_path / "b.jsonl", slowed(uneven, 1.5))
    assert main(["compare", before, after]) == 4
    out = " ".join(capsys.readouterr().out.split())
    assert f"unreliable: {after}: the A/A control found a difference" in out
    assert "slower, but the session is unreliable" in out
    assert main(["compare", after, "--cases", NAME, NAME.replace("100", "050")]) == 4
    assert "faster, but the session is unreliable" in " ".join(capsys.readouterr().out.split())
    assert main(["compare", before, after, "--json"]) == 4
    assert "the A/A control" in json.loads(capsys.readouterr().out)["doubts"]["unreliable"][0]


def test_warnings_of_the_sessions_come_with_the_verdicts(tmp_path: Path, capsys) -> None:
    busy = made.environment(load_average=9.0)
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL], environment=busy))
    after = write(tmp_path / "b.jsonl", session([*BASELINES, MODEL], seed=11, environment=busy))
    main(["compare", before, after])
    assert "warning: all sessions: other programs are running" in capsys.readouterr().out


def test_another_model_under_the_same_name_is_told(tmp_path: Path, capsys) -> None:
    other = msgspec.structs.replace(CHANGED, macs=300_000_000, precision="fp32", weights="mine")
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    after = write(tmp_path / "b.jsonl", session([*BASELINES, other], seed=11))
    main(["compare", before, after])
    out = capsys.readouterr().out
    assert "another model under the same name: MACs 568,740,352 and 300,000,000; precision" in out
    assert f"weights {MODEL.weights} and mine" in out
    assert "size" not in out
    assert out.count("another model") == 1
    after = write(tmp_path / "c.jsonl", session([*BASELINES, CHANGED], seed=12))
    main(["compare", before, after])
    assert "other contents (SHA-256" in capsys.readouterr().out


def test_a_session_is_not_compared_with_itself(tmp_path: Path, capsys) -> None:
    records = session([*BASELINES, MODEL])
    before, after = (write(tmp_path / name, records) for name in ("a.jsonl", "b.jsonl"))
    assert main(["compare", before, after]) == 3
    assert "hold the same session" in " ".join(capsys.readouterr().out.split())


def test_a_case_that_no_longer_runs_is_undecided(tmp_path: Path, capsys) -> None:
    before = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    after = [
        made.failed(NAME, record.round, "crashed", "killed by SIGABRT")
        if getattr(record, "case", "") == NAME and not isinstance(record, Case)
        else record
        for record in session([*BASELINES, CHANGED], seed=11)
    ]
    crashed = write(tmp_path / "b.jsonl", after)
    assert main(["compare", before, crashed]) == 3
    assert f"{NAME} has figures in a.jsonl alone: killed by SIGABRT" in capsys.readouterr().out
    assert main(["compare", crashed, before]) == 0
    fewer = write(tmp_path / "c.jsonl", session(BASELINES, seed=11))
    assert main(["compare", before, fewer]) == 0
    assert f"note: {NAME} is in a.jsonl alone" in capsys.readouterr().out


def test_cases_without_figures_are_undecided(tmp_path: Path) -> None:
    before, after = (
        write(tmp_path / name, [made.session(session=name), made.case(MODEL)]) for name in "ab"
    )
    assert main(["compare", before, after]) == 3


@pytest.mark.parametrize(
    "machine",
    [{"processor": "Other CPU"}, {"memory_bytes": 1}, {"physical_cores": 8}, {"virtual": "kvm"}],
)
def test_other_machines_are_refused_unless_forced(tmp_path: Path, capsys, machine) -> None:
    here = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    moved = session([*BASELINES, MODEL], seed=11, environment=made.environment(**machine))
    there = write(tmp_path / "b.jsonl", moved)
    assert main(["compare", here, there]) == 2
    error = capsys.readouterr().err
    assert next(iter(machine)).replace("_", " ") in error
    assert "--force" in error
    assert main(["compare", here, there, "--force"]) == 0
    assert "compared by force" in capsys.readouterr().out


def test_other_software_is_said_not_refused(tmp_path: Path, capsys) -> None:
    here = write(tmp_path / "a.jsonl", session([*BASELINES, MODEL]))
    software = made.environment(python="3.13.0", packages={"onnxruntime": "1.33.0"})
    moved = session([*BASELINES, MODEL], seed=11, environment=software)
    assert main(["compare", here, write(tmp_path / "b.jsonl", moved)]) == 0
    out = capsys.readouterr().out
    assert "python is '3.11.9' and '3.13.0'" in out
    assert "onnxruntime is 1.32.0 and 1.33.0" in out
    assert "samples" not in out
    longer = session([*BASELINES, MODEL], seed=11)
    plan = msgspec.structs.replace(longer[0].plan, samples=99)
    longer[0] = msgspec.structs.replace(longer[0], plan=plan)
    main(["compare", here, write(tmp_path / "c.jsonl", longer)])
    assert "samples is 50 and 99" in capsys.readouterr().out


def test_two_cases_of_one_session(tmp_path: Path, capsys) -> None:
    both = write(tmp_path / "a.jsonl", slowed(session([*BASELINES, MODEL]), 2))
    names = [NAME, made.case(BASELINES[0]).case]
    assert main(["compare", both, "--cases", *names]) == 0
    assert "faster" in capsys.readouterr().out
    assert main(["compare", both, "--cases", *reversed(names)]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to compare with"),
        (["--cases", "x", "y"], "no case 'x'"),
        (["--cases", NAME, "twin", "--margin", "2"], "margin is 2.0"),
        (["--cases", NAME, NAME], "is compared with itself"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, capsys, options, message) -> None:
    both = write(tmp_path / "a.jsonl", session([MODEL]))
    assert main(["compare", both, *options]) == 2
    assert message in capsys.readouterr().err


def test_sessions_without_a_common_case(tmp_path: Path, capsys) -> None:
    here = write(tmp_path / "a.jsonl", session([MODEL]))
    other = write(tmp_path / "b.jsonl", made.layer_records())
    assert main(["compare", here, other]) == 2
    assert "no case in common" in capsys.readouterr().err
