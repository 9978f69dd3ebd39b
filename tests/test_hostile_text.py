"""Names from other people's files, on every command: shown as text, never obeyed.

Labels, layers, metadata, photographs, cases and paths hold markup of rich, terminal codes, marks
that turn the direction of writing, and line ends.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import bench.__main__
import export.__main__
import made_metrics
import made_results
import mobilenet.__main__
import reports.__main__
from conftest import PHOTO
from export.mil.read.specification import proto
from export.package.model_files import find
from mobilenet.common import terminal

HOSTILE = "[/red][link=https://example.org]\x1b[31m\x9b1m\u202e:cat:"
SHOWN = r"[/red][link=https://example.org]\x1b[31m\x9b1m\u202e:cat:"
NAME = "x[bold]\x1b]0;title\x07\u2066\n"  # of files: without a slash, with a line end
NAME_SHOWN = r"x[bold]\x1b]0;title\x07\u2066\n"
PACKAGE, PHOTOGRAPH, RESULTS = f"{NAME}.mlpackage", f"{NAME}.jpg", f"{NAME}.jsonl"
CASE = "MobileNetV1_100" + HOSTILE + "_224 | portable | CPU"
SMALL = ["--alpha", "0.25", "--resolution", "64"]
UNTRAINED = [*SMALL, "--weights", "untrained", "--classes", "labels.txt"]
LAYERS = ("conv0", "conv5_depthwise", "pool", "logits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Files of every kind, full of hostile text."""
    folder = tmp_path_factory.mktemp("hostile")
    labels = [HOSTILE, *(f"{HOSTILE} {number}" for number in range(999))]
    (folder / "labels.txt").write_text("\n".join(labels), "utf-8")
    shutil.copy(PHOTO, folder / PHOTOGRAPH)
    photographs = folder / "photographs"
    photographs.mkdir()
    shutil.copy(PHOTO, photographs / "a[b]\u202e.jpg")
    (photographs / "b[red]\x1b.jpg").write_bytes(b"no photograph")
    (photographs / "val.txt").write_text(
        f"a[b]\u202e.jpg\t{HOSTILE}\nb[red]\x1b.jpg\t{HOSTILE} 1\nc[c]\u202e.jpg\t{HOSTILE} 2\n",
        "utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert terminal.run(export.__main__.app, [*UNTRAINED, "-o", PACKAGE]) == 0
        rename_layers(folder / PACKAGE, folder / "layers.mlpackage")
        write_results(folder / RESULTS)
        yield folder


def rename_layers(package: Path, copy: Path) -> None:
    """A copy with hostile metadata and names of layers."""
    shutil.copytree(package, copy)
    path = find(copy).specification
    model = proto("Model_pb2").Model.FromString(path.read_bytes())
    about = model.description.metadata
    about.shortDescription = about.author = about.license = f"{HOSTILE}\nsecond line"
    function = model.mlProgram.functions["main"]
    for operation in function.block_specializations[function.opset].operations:
        arguments = (bound for value in operation.inputs.values() for bound in value.arguments)
        operation.attributes.pop("name", None)  # its output's name is taken instead
        for value in (*operation.outputs, *arguments):
            if value.name in LAYERS:
                value.name += f"{HOSTILE}\n"
    path.write_bytes(model.SerializeToString())


def write_results(path: Path) -> None:
    """Records of a session, a soak, a placement and accuracies, with hostile names in them."""
    records = [
        *made_results.realistic(rounds=6, samples=8),
        *made_results.layer_records(),
        *made_results.photographs(),
        *made_metrics.metrics(),
    ]
    made_results.write(path, records)
    text = path.read_text("utf-8")
    escaped = json.dumps(HOSTILE)[1:-1]
    for name in ("MobileNetV1_100", "Made-up CPU", "no answer", "tabby", "a.jpg", "conv0",
                 "needs macOS", "killed by", "shorter side", "pets", "SSDLite", "val2017",
                 "squashed", "ground truth"):  # fmt: skip
        text = text.replace(name, f"{name}{escaped}")
    path.write_text(text, "utf-8")


def shown(
    command: ModuleType, arguments: list[str], capfd: pytest.CaptureFixture[str], *codes: int
) -> str:
    """What a command printed, once it is known to be plain text."""
    code = terminal.run(command.app, arguments)
    out, err = capfd.readouterr()
    assert code in (codes or (0,)), err
    text = out + err
    assert text.replace("\n", "").isprintable()
    assert all(line == line.rstrip() for line in text.splitlines())
    return text


def named(value: object) -> str | None:
    """The name of a case: of the package, and the words of the command."""
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0]
    return " ".join(filter(str.isalnum, value)) if isinstance(value, list) else ""


@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (mobilenet.__main__, ["weights", "untrained", *SMALL, "--classes", "labels.txt"]),
        (export.__main__, [*UNTRAINED, "--no-verify", "-o", f"{NAME}/"]),
        (export.__main__, ["verify", PACKAGE, "--image", PHOTOGRAPH]),
        (export.__main__, ["run", "layers.mlpackage", "--image", PHOTOGRAPH]),
        (export.__main__, ["inspect", "layers.mlpackage"]),
        (export.__main__, ["diff", "layers.mlpackage", PACKAGE, "--image", PHOTOGRAPH]),
        (bench.__main__, ["accuracy", PACKAGE, "--data", "photographs", "--runtime", "portable"]),
        (reports.__main__, [RESULTS]),
        (reports.__main__, ["choose", RESULTS, "--fps", "1"]),
    ],
    ids=named,
)  # fmt: skip
def test_commands_show_it(
    command: ModuleType, arguments: list[str], json: list[str], folder: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    text = shown(command, [*arguments, *json], capfd)
    assert json or SHOWN in text or NAME_SHOWN in text


@pytest.mark.parametrize(
    ("command", "arguments", "codes"),
    [
        (export.__main__, ["all", *SMALL, "--depth", "deep", "--weights", "untrained",
                           "--workers", "1", "-o", f"{NAME} all"], ()),
        (bench.__main__, ["run", PACKAGE, "--quick", "--rounds", "1", "--runtime", "portable",
                          "-o", f"{NAME}run.jsonl"], ()),
        (bench.__main__, ["soak", PACKAGE, "--seconds", "1", "--runtime", "portable",
                          "-o", f"{NAME}soak.jsonl"], ()),
        (reports.__main__, ["compare", RESULTS, RESULTS], (3, 4)),
        (reports.__main__, ["compare", RESULTS, "--cases", CASE, CASE], (0, 1, 2, 3, 4)),
        (reports.__main__, ["claims", RESULTS], ()),
        (reports.__main__, ["claims", RESULTS, "--json"], ()),
        (reports.__main__, [RESULTS, "--markdown"], ()),
        (reports.__main__, ["plots", RESULTS, "-o", f"{NAME}plots"], ()),
        (reports.__main__, ["page", RESULTS, "-o", f"{NAME}.html"], ()),
    ],
    ids=named,
)  # fmt: skip
def test_commands_print_nothing_but_text(
    command: ModuleType, arguments: list[str], codes: tuple[int, ...], folder: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    assert shown(command, arguments, capfd, *codes)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (mobilenet.__main__, ["weights", HOSTILE]),
        (mobilenet.__main__, ["weights", "untrained", "--classes", HOSTILE]),
        (mobilenet.__main__, [HOSTILE]),
        (export.__main__, ["--weights", HOSTILE]),
        (export.__main__, ["--compress", HOSTILE]),
        (export.__main__, [f"--{HOSTILE}"]),
        (export.__main__, ["-o", HOSTILE, "--weights", "untrained", "--target", HOSTILE]),
        (export.__main__, ["verify", HOSTILE]),
        (export.__main__, ["run", HOSTILE]),
        (export.__main__, ["run", PACKAGE, "--image", HOSTILE]),
        (export.__main__, ["run", PACKAGE, "--input", f"{HOSTILE}={HOSTILE}"]),
        (export.__main__, ["inspect", HOSTILE]),
        (export.__main__, ["diff", HOSTILE, HOSTILE]),
        (export.__main__, ["all", "--target", HOSTILE]),
        (bench.__main__, ["run", HOSTILE]),
        (bench.__main__, ["run", PACKAGE, "--runtime", HOSTILE]),
        (bench.__main__, ["all", "--baseline", HOSTILE]),
        (bench.__main__, ["resume", HOSTILE]),
        (bench.__main__, ["soak", HOSTILE]),
        (bench.__main__, ["placement", PACKAGE, "--require", HOSTILE]),
        (bench.__main__, ["accuracy", PACKAGE, "--data", HOSTILE]),
        (bench.__main__, ["accuracy", PACKAGE, "--data", "photographs", "--recipe", HOSTILE]),
        (reports.__main__, [HOSTILE]),
        (reports.__main__, ["compare", RESULTS, "--cases", HOSTILE, HOSTILE]),
        (reports.__main__, ["choose", HOSTILE, "--fps", "1"]),
        (reports.__main__, ["claims", HOSTILE]),
        (reports.__main__, ["plots", RESULTS, "--samples", HOSTILE]),
        (reports.__main__, ["page", HOSTILE]),
    ],
    ids=named,
)
def test_mistakes_are_one_line(
    command: ModuleType, arguments: list[str], folder: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    text = shown(command, arguments, capfd, 2)
    assert text.startswith("error: ")
    assert text.count("\n") == 1
