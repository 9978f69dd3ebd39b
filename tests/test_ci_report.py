"""What continuous integration reads: sound XML and Markdown, whatever the texts hold."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from mobilenet.common import ci_report
from mobilenet.common.ci_report import SUMMARY, CheckedCase
from mobilenet.common.errors import ConfigError, VerificationError
from mobilenet.common.options import CheckOptions

HOSTILE = "]]></testcase>&\x1b[31m\x00\ufffe\n| `code` <b>\ud800"
CASES = [
    CheckedCase("right", "passed", "within the limit"),
    CheckedCase(HOSTILE, "failed", HOSTILE),
    CheckedCase("close", "undecided", "too few rounds"),
    CheckedCase("broken", "error", "no such file"),
]


def test_junit_counts_and_says_what_came_of_each_case() -> None:
    root = ElementTree.fromstring(ci_report.junit("export diff", CASES))
    (suite,) = root
    assert root.tag == "testsuites"
    assert suite.attrib | {"name": "export diff"} == suite.attrib
    assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == [
        "4", "1", "1", "1",
    ]  # fmt: skip
    kinds = [[element.tag for element in case] for case in suite]
    assert kinds == [["system-out"], ["failure"], ["skipped"], ["error"]]
    assert suite[3][0].get("message") == "no such file"


def test_hostile_text_is_text() -> None:
    text = ci_report.junit(HOSTILE, CASES).decode()
    case = ElementTree.fromstring(text)[0][1]
    assert case.get("name") == r"]]></testcase>&\x1b[31m\x00\ufffe\n| `code` <b>\ud800"
    assert not any(character in text for character in "\x1b\x00\ufffe")
    summary = ci_report.step_summary("diff", CASES)
    row = next(line for line in summary.splitlines() if "testcase" in line)
    assert row.replace("\\|", "").count("|") == 4
    assert "<b>" not in row
    assert "\\`code\\`" in row


def test_what_failed_comes_first() -> None:
    rows = ci_report.step_summary("diff", CASES).splitlines()[4:]
    assert "**failed**" in rows[0]
    assert "| right | passed |" in rows[3]


def test_the_step_summary_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SUMMARY, str(tmp_path / "step.md"))
    for name in ("one", "two"):
        CheckOptions(junit=tmp_path / "j.xml").publish(name, CASES[:1])
    text = (tmp_path / "step.md").read_text()
    assert text.index("### one") < text.index("### two")
    assert ElementTree.parse(tmp_path / "j.xml").getroot()[0].get("name") == "two"
    CheckOptions(summary=tmp_path / "own.md").publish("three", CASES[:1])
    assert "three" in (tmp_path / "own.md").read_text()
    assert "three" not in (tmp_path / "step.md").read_text()


@pytest.mark.parametrize(
    ("error", "tag"),
    [(VerificationError("wrong"), "failure"), (ConfigError("odd", "mend"), "error")],
)
def test_an_error_is_published_and_raised(error: ConfigError, tag: str, tmp_path: Path) -> None:
    options = CheckOptions(junit=tmp_path / "j.xml", summary=tmp_path / "s.md")
    with pytest.raises(type(error)), options.watching("verify", "net"):
        raise error
    case = ElementTree.parse(tmp_path / "j.xml").getroot()[0][0]
    assert [element.tag for element in case] == [tag]
    assert error.message in (tmp_path / "s.md").read_text()


def test_files_take_no_place_but_a_files(tmp_path: Path) -> None:
    for options in (CheckOptions(junit=tmp_path), CheckOptions(summary=tmp_path)):
        with pytest.raises(ConfigError, match="is a folder"):
            options.check()
    (tmp_path / "a.h5").write_text("weights")
    with pytest.raises(ConfigError, match="would replace"):
        CheckOptions(junit=tmp_path / "a.h5").check(tmp_path / "a.h5")
