"""`python -m reports` writes what it shows: JSON, Markdown, CSV, and what was checked."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

import made_results as made
from made_sessions import BASELINES, CHANGED, MODEL, session, slowed
from reports.__main__ import main


@pytest.fixture
def results(tmp_path: Path) -> str:
    return str(made.write(tmp_path / "a.jsonl", session([*BASELINES, MODEL])))


def test_a_table_goes_into_a_file(results: str, tmp_path: Path, capsys) -> None:
    output = tmp_path / "report"
    assert main([results, "-o", str(output)]) == 0
    assert "portable, fastest first" in capsys.readouterr().out
    assert json.loads(output.read_bytes())[0]["cases"]
    for option in ("--markdown", "--csv"):
        assert main([results, option]) == 0
        printed = capsys.readouterr().out
        assert main([results, option, "-o", str(output)]) == 0
        assert capsys.readouterr().out == ""
        assert output.read_text() == printed


@pytest.mark.parametrize("options", [["--csv", "--markdown"], ["--csv", "--json"]])
def test_one_format_at_once(options: list[str], results: str, capsys) -> None:
    assert main([results, *options]) == 2
    assert "several formats at once" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [["choose", "--fps", "30"], ["claims"], ["compare", "--cases", "a", "b"], []]
)
def test_results_are_not_replaced_by_what_is_made_of_them(
    command: list[str], results: str, capsys
) -> None:
    before = Path(results).read_bytes()
    assert main([*command[:1], results, *command[1:], "-o", results]) == 2
    assert "would replace what is read" in capsys.readouterr().err
    assert Path(results).read_bytes() == before


@pytest.mark.parametrize("command", [["choose", "--fps", "30"], ["claims"]])
def test_the_file_has_what_json_prints(command, results: str, tmp_path: Path, capsys) -> None:
    main([*command[:1], results, *command[1:], "--json", "-o", str(tmp_path / "o.json")])
    assert (tmp_path / "o.json").read_text() == capsys.readouterr().out


def test_what_was_drawn_is_listed(results: str, tmp_path: Path, capsys) -> None:
    assert main(["page", results, "-o", str(tmp_path / "p.html"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [str(tmp_path / "p.html")]


def test_a_comparison_is_a_suite(results: str, tmp_path: Path) -> None:
    after = slowed(session([*BASELINES, CHANGED], seed=11), 1.2)
    changed = str(made.write(tmp_path / "b.jsonl", after))
    files = ["--junit", str(tmp_path / "j.xml"), "--summary", str(tmp_path / "s.md")]
    assert main(["compare", results, changed, *files]) == 1
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    assert (suite.get("name"), suite.get("failures")) == ("reports compare", "1")
    assert (tmp_path / "s.md").read_text().count("**failed**") == 1
    assert main(["compare", results, results, *files]) == 3
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    assert suite[-1].get("name") == "all cases"
    assert suite[-1][0].tag == "skipped"
    assert main(["compare", results, str(tmp_path / "no.jsonl"), *files]) == 2
    assert ElementTree.parse(tmp_path / "j.xml").getroot()[0].get("errors") == "1"


def test_the_first_table_is_of_what_was_measured(tmp_path: Path, capsys) -> None:
    head, *cases = session([*BASELINES, MODEL])
    skipped = made.case(MODEL, "coreml", "ALL", skipped="Core ML runs on macOS, this is linux")
    results = str(made.write(tmp_path / "a.jsonl", [head, skipped, *cases]))
    for options in ([], ["--markdown"]):
        assert main([results, *options]) == 0
        printed = capsys.readouterr().out
        assert printed.index("MobileNetV1_050_224") < printed.index("Core ML runs on macOS")
