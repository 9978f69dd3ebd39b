"""`python -m bench`: measure packages on every runtime and compute unit there is."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

from bench.accuracy.command import accuracy
from bench.comparison import compare
from bench.disturbances import env
from bench.placement import placement
from bench.run import resume, run
from bench.soak import soak
from mobilenet import cli

P = ParamSpec("P")

app = cli.command("python -m bench", "Measure model packages, one fresh process per launch.")


def reported(command: Callable[P, Path], *, claims: bool = False) -> Callable[P, None]:
    """A command that writes a results file, with its summary (and `claims`) printed at the end."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from reports.tables import print_results

        path = command(*args, **kwargs)
        print_results([path], claims=claims)
        cli.say(f"`python -m reports {path}` prints this again; --markdown, --csv, --json.")

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
    sys.exit(cli.run(app))
