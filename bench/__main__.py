"""`python -m bench`: measure packages on every runtime and compute unit there is."""

import functools
import inspect
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ParamSpec

if runpy.run_path(str(Path(__file__).parents[1] / "mobilenet/common/own_packages.py"))["shadowed"](
    "mobilenet", "export"
):
    sys.exit(2)

from cyclopts import Parameter

from bench.accuracy.accuracy_options import AccuracyOptions
from bench.app.app_command import AppOptions
from bench.devices.device_options import DeviceOptions
from bench.placement import PlacementOptions
from bench.run import resume, run
from bench.session.suite import compare
from bench.soak import soak
from mobilenet.common import terminal
from mobilenet.common.options import NO_FILES, AsJson, OutputFolder, ResultOptions

P = ParamSpec("P")
JSON = Annotated[bool, Parameter(help="Print what was measured as JSON.")]

app = terminal.command(
    "python -m bench",
    "Measure model packages, one fresh process per launch.",
    script="mobilenet-bench",
)


def drawn(command: Callable[P, Path]) -> Callable[P, Path]:
    """A command that tells the terminal how far it is."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Path:
        kwargs["progress"] = terminal.DRAWN
        return command(*args, **kwargs)

    return wrapper


def reported(command: Callable[P, Path], *, claims: bool = False) -> Callable[P, None]:
    """A command that writes a results file, with its summary printed at the end, or as JSON.

    `claims`: with the command that holds the results against the article's claims.
    """

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from bench.results import tables
        from bench.results.session_report import read_reports

        as_json = kwargs.pop("json", False)
        path = drawn(command)(*args, **kwargs)
        reports = read_reports([path])
        if as_json:
            terminal.print_json(reports)
            return
        terminal.show(*tables.contents(reports))
        terminal.say(f"`python -m reports {path}` prints this again; --markdown, --csv, --json.")
        if claims:
            terminal.say(
                f"`python -m reports claims {path}` holds it against the article's claims."
            )

    return with_json(wrapper)


def soaked(command: Callable[P, Path]) -> Callable[P, None]:
    """A command that writes a soak, which says how it went, or prints it as JSON."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        from bench.results.read import last_session

        as_json = kwargs.pop("json", False)
        path = drawn(command)(*args, **kwargs)
        if as_json:
            terminal.print_json(last_session(path).soaks)

    return with_json(wrapper)


def with_json(command: Callable[P, None]) -> Callable[P, None]:
    """A command that pops `json` off its options, declared as one of them."""
    declared = inspect.signature(command)
    json = inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JSON
    )
    signature = declared.replace(parameters=[*declared.parameters.values(), json])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {**command.__annotations__, "json": JSON, "return": None}
    return command


app.command(reported(run))
app.command(reported(compare, claims=True), name="all")
app.command(reported(resume))
app.command(soaked(soak))


@app.command
def placement(
    package: Path,
    /,
    *,
    options: PlacementOptions | None = None,
    device: DeviceOptions | None = None,
) -> int:
    """Show which device Core ML prefers for each operation of a package. Needs a Mac.

    Parameters
    ----------
    package
        Model package, ours or foreign.
    """
    from bench import placement as plans
    from bench.views import placement_card

    options = options or PlacementOptions()
    plan, is_met = plans.placement(package, options, device, terminal.DRAWN)
    placement_card.show(plan, json=options.json)
    return 0 if is_met else 1


@app.command(name="app")
def write_app(
    *packages: Path, output: OutputFolder, options: AppOptions | None = None, json: AsJson = False
) -> None:
    """Write an Xcode project of an app with packages in it, for iOS 15 and later.

    It shows what they see in the camera, and measures them without a Mac. A folder that this
    command wrote before is replaced.

    Parameters
    ----------
    packages
        Core ML packages, ours or foreign.
    output
        Folder for the project.
    """
    from bench.app import app_command

    with terminal.working("writing the app") as progress:
        project = app_command.write_app(packages, output, options or AppOptions(), progress)
    if json:
        terminal.print_json({"project": str(project)})
        return
    terminal.line(str(project))
    terminal.say("Open it in Xcode, choose your iPhone, and run.")


@app.command
def devices(*, report: ResultOptions = NO_FILES) -> None:
    """List what can be measured: this machine's runtimes, and iPhones; and why not the rest."""
    from bench.devices.measurable import measurable
    from bench.views import devices_card

    report.check()
    listed = measurable()
    report.save(devices_card.facts(listed))
    devices_card.show(listed, json=report.json)


@app.command
def env(*, report: ResultOptions = NO_FILES) -> None:
    """Describe this machine, and what would disturb a measurement on it now."""
    from bench.machine import interference
    from bench.machine.environment import environment
    from bench.views import environment_card

    report.check()
    now = environment()
    disturbing = list(interference.of_now(now))
    report.save(environment_card.facts(now, disturbing))
    environment_card.show(now, disturbing, json=report.json)


@app.command
def accuracy(
    *packages: Path,
    data: Path,
    options: AccuracyOptions | None = None,
) -> None:
    """Measure how well packages do: top-1 and top-5, mAP of boxes, or mIOU of maps.

    A recipe is the way from a photograph to the network's input; package is what
    the package's metadata says, for boxes the squashed picture, for maps DeepLab's;
    the others are what other code does. An interrupted run is continued by the
    same command. A photograph that cannot be opened within half a minute is named.

    For classifiers, --data is a folder of photographs: folders by WordNet id or
    label, names that begin with a WordNet id, or a list of classes in val.txt. For
    detectors it is COCO's instances (JSON); for segmenters a folder with images/
    and masks/ (PNG whose pixel is the class, 255 ignored).

    Parameters
    ----------
    packages
        Model packages, ours or foreign. The first is the reference unless --against is given.
    data
        Folder of photographs, COCO's instances (JSON), or folder with images/ and masks/.
    """
    from bench.accuracy import command
    from bench.results import tables
    from bench.results.session_report import read_reports

    options = options or AccuracyOptions()
    with terminal.working("measuring") as progress:
        records, path = command.measure(packages, data, options, progress)
    if options.json:
        terminal.print_json(records)
        return
    terminal.show(*tables.contents(read_reports([path])))
    terminal.say(f"Records are in {path}, every answer in {command.log_path(path)}.")


terminal.add_examples(
    app,
    {
        "": ("run models/*.mlpackage --quick", "all --alpha 0.25 0.5"),
        "run": ("models/*.mlpackage --quick", "Net.mlpackage --device iPhone --team ABCDE12345"),
        "all": ("--alpha 0.25 0.5 --resolution 224", "--network v1 v2 --quick"),
        "resume": ("results/run.jsonl", "results/run.jsonl --json"),
        "soak": ("Net.mlpackage --seconds 120", "Net.mlpackage --runtime portable"),
        "placement": ("Net.mlpackage", "Net.mlpackage --require ane=0.95"),
        "app": ("models/*.mlpackage -o App/", "Net.mlpackage -o App/ --team ABCDE12345"),
        "devices": ("", "--json -o devices.json"),
        "env": ("", "--json -o machine.json"),
        "accuracy": ("Net.mlpackage --data photos/", "A.mlpackage B.mlpackage --data photos/"),
    },
)


def main() -> int:
    """Run the command line; its exit code."""
    return terminal.run(app)


if __name__ == "__main__":
    sys.exit(main())
