"""`python -m bench`: measure packages on every runtime and compute unit there is."""

import functools
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

if runpy.run_path(str(Path(__file__).parents[1] / "mobilenet/common/own_packages.py"))["shadowed"](
    "mobilenet", "export"
):
    sys.exit(2)

from bench.accuracy.command import accuracy
from bench.machine.interference import env
from bench.placement import placement
from bench.session.options import resume, run
from bench.session.suite import compare
from bench.soak import soak
from mobilenet.common import terminal

P = ParamSpec("P")

app = terminal.command("python -m bench", "Measure model packages, one fresh process per launch.")


def reported(command: Callable[P, Path], *, claims: bool = False) -> Callable[P, None]:
    """A command that writes a results file, with its summary printed at the end.

    `claims`: with the command that holds the results against the article's claims.
    """

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from bench.results import tables
        from bench.results.session_report import read_reports

        path = command(*args, **kwargs)
        terminal.show(*tables.contents(read_reports([path])))
        terminal.say(f"`python -m reports {path}` prints this again; --markdown, --csv, --json.")
        if claims:
            terminal.say(
                f"`python -m reports claims {path}` holds it against the article's claims."
            )

    wrapper.__annotations__["return"] = None
    return wrapper


app.command(reported(run))
app.command(reported(compare, claims=True), name="all")
app.command(reported(resume))
app.command(soak)
app.command(placement)
app.command(env)
app.command(accuracy)

if __name__ == "__main__":
    sys.exit(terminal.run(app))
