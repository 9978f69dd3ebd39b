"""`python -m reports`: results into tables, plots, a page, a choice and a verdict."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mobilenet import cli

app = cli.command("python -m reports", "Turn benchmark results into something to decide from.")


@app.default
def table(
    results: Annotated[list[Path], Parameter(negative=())],
    /,
    *,
    markdown: Annotated[bool, Parameter(negative=())] = False,
    csv: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
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
    from reports import tables
    from reports.read import read
    from reports.report import report

    reports = [report(session) for session in read(results)]
    if json:
        cli.print_json(reports)
    elif csv:
        cli.out.out(tables.as_csv(reports), end="")
    elif markdown:
        cli.out.out(tables.markdown(reports), end="")
    else:
        tables.show(reports)


def main(argv: list[str] | None = None) -> int:
    return cli.run(app, argv)


if __name__ == "__main__":
    sys.exit(main())
