"""`python -m reports`: results into tables, plots, a page, a choice and a verdict."""

import math
import runpy
import sys
from pathlib import Path
from typing import Annotated, cast

if runpy.run_path(str(Path(__file__).parents[1] / "mobilenet/common/own_packages.py"))["shadowed"](
    "mobilenet", "bench"
):
    sys.exit(2)

from cyclopts import Parameter

from mobilenet.common import files, terminal
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import OutputFile

Flag = Annotated[bool, Parameter(negative=())]
Files = Annotated[list[Path], Parameter(negative=())]

app = terminal.command(
    "python -m reports",
    "Turn benchmark results into something to decide from.",
    script="mobilenet-reports",
)


@app.default
def table(
    results: Files,
    /,
    *,
    markdown: Flag = False,
    csv: Flag = False,
    json: Flag = False,
) -> None:
    """Show what was measured, a table per runtime.

    Parameters
    ----------
    results
        Files that `python -m bench` wrote.
    markdown
        Print Markdown.
    csv
        Print one line a case, raw figures.
    json
        Print everything, raw figures.
    """
    from bench.results import tables
    from bench.results.session_report import read_reports
    from reports import frame

    reports = read_reports(results)
    if json:
        terminal.print_json(reports)
    elif csv:
        terminal.print_data(frame.as_csv(reports))
    elif markdown:
        terminal.print_data(tables.markdown(reports))
    else:
        terminal.show(*tables.contents(reports))


@app.command
def compare(
    a: Path,
    b: Path | None = None,
    *,
    cases: tuple[str, str] | None = None,
    margin: float = 0.01,
    force: Flag = False,
    json: Flag = False,
) -> int:
    """Tell whether B is slower than A: of two sessions, relative to models that did not change.

    Exit code 0: nothing is shown to be slower. 1: something is. 2: an error.
    3: undecided (too few rounds, too uncertain, or a shift that may be the machine's).
    4: a session is unreliable, nothing can be concluded.

    Parameters
    ----------
    a
        Results of the first session.
    b
        Results of the second one, on the same machine.
    cases
        Instead of B: two cases of A, the surest way to compare two packages.
    margin
        Ratio that a difference must pass besides its interval: 0.01 is 1 %.
    force
        Compare sessions of different machines or options.
    json
        Print everything as JSON.
    """
    from bench.results.read import last_session
    from reports import answers
    from reports.compare_sessions import compare_cases, compare_sessions

    if (b is None) == (cases is None):
        raise ConfigError("nothing to compare with", "give a second file, or --cases A B")
    if not 0 <= margin < 1:
        raise ConfigError(f"margin is {margin}", "a ratio of at least 0, below 1: 0.01 is 1 %")
    verdicts = (
        compare_cases(last_session(a), *cases, margin)
        if cases
        else compare_sessions(last_session(a), last_session(cast(Path, b)), margin, force)
    )
    if json:
        terminal.print_json(verdicts)
    else:
        terminal.show(*answers.verdicts(verdicts))
    return int(verdicts.exit_code)


@app.command
def choose(
    results: Files,
    /,
    *,
    fps: float,
    min_top1: float = 0.0,
    max_mb: float = math.inf,
    ios: int | None = None,
    json: Flag = False,
) -> int:
    """Recommend the most accurate variant that is fast enough. Exit code 1 when none is.

    Parameters
    ----------
    results
        Files that `python -m bench` wrote.
    fps
        Frames a second that the variant must classify.
    min_top1
        Least top-1 accuracy in percent.
    max_mb
        Largest package in megabytes.
    ios
        Oldest iOS that must load it: an .aimodel needs 27.
    json
        Print the choices as JSON.
    """
    from bench.results.session_report import read_reports
    from reports import answers
    from reports.choose import Requirements
    from reports.choose import choose as choices_of

    requirements = Requirements.checked(fps, min_top1, max_mb * 1e6, ios)
    choices = choices_of(read_reports(results), requirements)
    if json:
        terminal.print_json(choices)
    else:
        terminal.show(*answers.recommendations(choices))
    return int(not any(choice.case for choice in choices))


@app.command
def claims(results: Files, /, *, json: Flag = False) -> None:
    """Check the claims of the paper and the article against what was measured.

    Parameters
    ----------
    results
        Files that `python -m bench` wrote.
    json
        Print the findings as JSON.
    """
    from bench.results.read import read
    from reports import answers
    from reports.claims import check

    checked = check(read(results))
    if json:
        terminal.print_json(checked)
    else:
        terminal.show(*answers.claims(checked))


@app.command
def plots(
    results: Files,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path("plots"),
    samples: str | None = None,
) -> None:
    """Draw every plot that the results have the data for, as PNG and SVG.

    Parameters
    ----------
    results
        Files that `python -m bench` wrote.
    output
        Folder to write to.
    samples
        A case whose raw samples are drawn as well.
    """
    from bench.results.read import read
    from reports.plots import catalog

    with terminal.working("drawing"):
        written = catalog.draw(read(results), output, samples)
    for path in written:
        terminal.line(str(path))


@app.command
def page(
    results: Files,
    /,
    *,
    output: OutputFile = Path("report.html"),
    open_: Annotated[bool, Parameter(name="--open", negative=())] = False,
) -> None:
    """Write everything into one HTML file that needs no network.

    Parameters
    ----------
    results
        Files that `python -m bench` wrote: of one machine or of several, side by side.
    output
        The page.
    open_
        Show it in the browser.
    """
    import webbrowser

    from reports.page import page as html

    if open_ and files.is_stream(output):
        raise ConfigError(f"{output} is no file that a browser can open", "--output PAGE.html")
    with terminal.working("writing the page"):
        html.write(results, output)
    if not files.is_stream(output):
        terminal.line(str(output))
    if open_ and not webbrowser.open(output.resolve().as_uri()):
        terminal.warn("no browser could be started")


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    return terminal.run(app, argv)


if __name__ == "__main__":
    sys.exit(main())
