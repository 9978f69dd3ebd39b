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

from mobilenet.common import files, options, terminal
from mobilenet.common.errors import ConfigError

Results = Annotated[list[Path], Parameter(help="Files that `python -m bench` wrote.")]
COMPARE = "reports compare"  # a suite of checks

app = terminal.command(
    "python -m reports",
    "Turn benchmark results into something to decide from.",
    script="mobilenet-reports",
)


@app.default
def table(
    results: Results,
    /,
    *,
    markdown: bool = False,
    csv: bool = False,
    report: options.ResultOptions = options.NO_FILES,
) -> None:
    """Show what was measured, a table per runtime.

    Parameters
    ----------
    markdown
        Print Markdown, or write it to the file of --output.
    csv
        Print or write one line a case, raw figures.
    """
    from bench.results import tables
    from bench.results.session_report import read_reports
    from reports import frame

    report.check(*results)
    reports = read_reports(results)
    as_text = frame.as_csv if csv else tables.markdown if markdown else None
    if as_text is None:
        report.save(reports)
        terminal.deliver(reports, tables.contents(reports), json=report.json)
    elif report.json or (csv and markdown):
        raise ConfigError("several formats at once", "one of --markdown, --csv and --json")
    elif report.output:
        files.write_atomically(report.output, as_text(reports).encode())
    else:
        terminal.print_data(as_text(reports))


@app.command
def compare(
    a: Path,
    b: Path | None = None,
    /,
    *,
    cases: tuple[str, str] | None = None,
    margin: float = 0.01,
    force: bool = False,
    report: options.CheckOptions = options.NO_REPORT,
) -> int:
    """Tell whether B is slower than A.

    Two cases of one session are compared round by round. Of two sessions, models
    that changed are compared relative to those that did not, since the machine's
    speed changes, too.

    Exit code 0: nothing is shown to be slower. 1: something is. 2: an error. 3:
    undecided (too few rounds, too uncertain, or a shift that may be the machine's).
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
        Compare different machines, isolation, options or paces.
    """
    from bench.results.read import last_session
    from reports import answers
    from reports.compare_sessions import compare_cases, compare_sessions

    if (b is None) == (cases is None):
        raise ConfigError("nothing to compare with", "give a second file, or --cases A B")
    if not 0 <= margin < 1:
        raise ConfigError(f"margin is {margin}", "a ratio of at least 0, below 1: 0.01 is 1 %")
    report.check(a, *([b] if b else []))
    with report.watching(COMPARE, f"{b or a}"):
        verdicts = (
            compare_cases(last_session(a), *cases, margin, force)
            if cases
            else compare_sessions(last_session(a), last_session(cast(Path, b)), margin, force)
        )
    report.save(verdicts)
    report.publish(COMPARE, answers.checked(verdicts))
    terminal.deliver(verdicts, answers.verdicts(verdicts), json=report.json)
    return int(verdicts.exit_code)


@app.command
def choose(
    results: Results,
    /,
    *,
    fps: float,
    min_top1: float = 0.0,
    max_mb: float = math.inf,
    ios: int | None = None,
    report: options.ResultOptions = options.NO_FILES,
) -> int:
    """Recommend the most accurate variant that is fast enough. Exit code 1 when none is.

    Published accuracies tie when equal, measured ones when McNemar's test (without one,
    the interval of each) cannot tell them apart. Then the fastest wins, then the smallest.

    Parameters
    ----------
    fps
        Frames a second that the variant must classify.
    min_top1
        Least top-1 accuracy in percent.
    max_mb
        Largest package in megabytes.
    ios
        Oldest iOS that must load it: an .aimodel needs 27.
    """
    from bench.results.session_report import read_reports
    from reports import answers
    from reports.choose import Requirements
    from reports.choose import choose as choices_of

    requirements = Requirements.checked(fps, min_top1, max_mb * 1e6, ios)
    report.check(*results)
    choices = choices_of(read_reports(results), requirements)
    report.save(choices)
    terminal.deliver(choices, answers.recommendations(choices), json=report.json)
    return int(not any(choice.case for choice in choices))


@app.command
def claims(results: Results, /, *, report: options.ResultOptions = options.NO_FILES) -> None:
    """Check the claims of the paper and the article against what was measured."""
    from bench.results.read import read
    from reports import answers
    from reports.claims import check

    report.check(*results)
    checked = check(read(results))
    report.save(checked)
    terminal.deliver(checked, answers.claims(checked), json=report.json)


@app.command
def plots(
    results: Results,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path("plots"),
    samples: str | None = None,
    json: options.AsJson = False,
) -> None:
    """Draw every plot that the results have the data for, as PNG and SVG.

    Parameters
    ----------
    output
        Folder to write to.
    samples
        A case whose raw samples are drawn as well.
    """
    from bench.results.read import read
    from reports.plots import catalog

    with terminal.working("drawing"):
        written = catalog.draw(read(results), output, samples)
    terminal.deliver(written, map(str, written), json=json)


@app.command
def page(
    results: Results,
    /,
    *,
    output: options.OutputFile = Path("report.html"),
    open_: Annotated[bool, Parameter(name="--open")] = False,
    json: options.AsJson = False,
) -> None:
    """Write everything into one HTML file that needs no network, several machines side by side.

    Parameters
    ----------
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
    if json or not files.is_stream(output):
        terminal.deliver([output], [str(output)], json=json)
    if open_ and not webbrowser.open(output.resolve().as_uri()):
        terminal.warn("no browser could be started")


terminal.add_examples(
    app,
    {
        "": ("results/*.jsonl", "results/*.jsonl --markdown -o report.md"),
        "compare": ("before.jsonl after.jsonl", "both.jsonl --cases A B --junit slower.xml"),
        "choose": ("results/*.jsonl --fps 30 --min-top1 65", "phone.jsonl --fps 60 --ios 15"),
        "claims": ("results/*.jsonl", "phone.jsonl --json"),
        "plots": ("results/*.jsonl -o plots/", "layers.jsonl --json"),
        "page": ("results/*.jsonl --open", "mac.jsonl phone.jsonl -o report.html"),
    },
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv`; returns the exit code."""
    return terminal.run(app, argv)


if __name__ == "__main__":
    sys.exit(main())
