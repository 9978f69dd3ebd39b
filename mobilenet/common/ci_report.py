"""What was checked, for whoever watches the checks of a pull request: JUnit XML, and Markdown.

JUnit's XML has no standard but its readers: a suite of cases, each with at most one `failure`,
`error` or `skipped` (the schema of Apache Ant's writer, which Jenkins, GitLab and GitHub's actions
read). The Markdown is appended to GitHub's step summary, a file that `$GITHUB_STEP_SUMMARY` names.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from xml.etree import ElementTree

from mobilenet.common import files
from mobilenet.common.text import markdown, one_line

Outcome = Literal["passed", "failed", "undecided", "error"]
ELEMENTS = {"failed": "failure", "undecided": "skipped", "error": "error"}
SUMMARY = "GITHUB_STEP_SUMMARY"


class CheckedCase(NamedTuple):
    """One thing that was checked, and what came of it, each in a line."""

    name: str
    outcome: Outcome
    message: str


def junit(suite: str, cases: Sequence[CheckedCase]) -> bytes:
    """A suite of cases as XML in UTF-8; undecided ones count as skipped."""
    outcomes = [case.outcome for case in cases]
    counts = {
        "tests": len(cases), "failures": outcomes.count("failed"),
        "errors": outcomes.count("error"), "skipped": outcomes.count("undecided"),
    }  # fmt: skip
    attributes = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", attributes)
    tests = ElementTree.SubElement(root, "testsuite", {"name": one_line(suite), **attributes})
    for case in cases:
        message = one_line(case.message)
        names = {"classname": one_line(suite), "name": one_line(case.name)}
        test = ElementTree.SubElement(tests, "testcase", names)
        if case.outcome == "passed":
            ElementTree.SubElement(test, "system-out").text = message
        else:
            ElementTree.SubElement(test, ELEMENTS[case.outcome], {"message": message})
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return text + b"\n"


def step_summary(suite: str, cases: Sequence[CheckedCase]) -> str:
    """A heading and a table, what did not pass first."""
    ordered = sorted(cases, key=lambda case: case.outcome == "passed")
    rows = [
        f"| {markdown(case.name)} | {_emphasized(case.outcome)} | {markdown(case.message)} |"
        for case in ordered
    ]
    head = [f"### {markdown(suite)}", "", "| | | |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", ""])


def check_files(junit_file: Path | None, summary_file: Path | None, *inputs: Path) -> None:
    """Raise `ConfigError` unless both can be written without the loss of anything."""
    for path in (junit_file, summary_file):
        if path is not None:
            files.check_file(path, inputs)


def publish(
    suite: str, cases: Sequence[CheckedCase], junit_file: Path | None, summary_file: Path | None
) -> None:
    """Write the XML where it is asked for; append the summary to its file, or to GitHub's."""
    if junit_file is not None:
        files.write_atomically(junit_file, junit(suite, cases))
    named = os.environ.get(SUMMARY)
    path = summary_file or (Path(named) if named else None)
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(step_summary(suite, cases))


def _emphasized(outcome: Outcome) -> str:
    return outcome if outcome == "passed" else f"**{outcome}**"
