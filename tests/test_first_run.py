"""Every command of the README, as somebody runs it first: a fresh process in an empty folder.

The cache is empty and there is no network. What would take long is made small: words of the
command are replaced, options added; what a command reads lies in its folder, and nothing else.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

import keras_networks
import made_photographs
import made_results
from bench.baselines import BASELINES
from bench.results.read import last_session
from bench.session.suite import GridOptions
from conftest import PHOTO
from export.coreai import library
from export.pipeline import export
from export.spec import Variant
from mobilenet import store
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
from mobilenet.weights import bundled

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
CLOSED = "http://127.0.0.1:9"  # nobody listens there
INSIDE = bundled.RELEASE.alpha  # trained, whatever can be reached
SMALL = "--alpha 0.25 --resolution 64"
ONE_ROUND = "--quick --rounds 1 --runtime portable"
ELSEWHERE = {"make demo", "make test"}  # they install; the workflow runs both


class Command(NamedTuple):
    """A command as it is documented, and what a test makes of it."""

    text: str
    options: str = ""  # added
    says: str = ""
    writes: tuple[str, ...] = ()  # patterns
    words: dict[str, str] = {}  # noqa: RUF012  # replaced
    inputs: tuple[str, ...] = ()  # copied into the folder
    exit_code: int = 0


PACKAGE, RESULTS = ("net.mlpackage",), ("results",)
LEARNED = {"photos/": "many"}
COMMANDS = [
    Command("python -m mobilenet weights", says="70.9"),
    Command(
        "python -m mobilenet weights FILE",
        says="by its graph", words={"FILE": "flowers.keras"}, inputs=("flowers.keras",),
    ),
    Command(
        "python -m export --weights flowers.keras --classes labels.txt",
        says="from the file's own graph", writes=("models/MobileNetV1_025_64.mlpackage",),
        inputs=("flowers.keras", "labels.txt"),
    ),
    Command(
        "python -m export --network v2 --alpha 0.35 --resolution 96",
        says="going on UNTRAINED", writes=("models/MobileNetV2_035_96_untrained.mlpackage",),
    ),
    Command(
        "python -m export --compress palette4 --calibrate photos/", SMALL,
        says="photographs held back", writes=("models/*_palette4_learned.mlpackage",),
        words=LEARNED, inputs=("many",),
    ),
    Command(
        "python -m export --size 2.7MB --calibrate photos/", SMALL,
        says="photographs held back", writes=("models/*_750kB.mlpackage",),
        words=LEARNED | {"2.7MB": "750kB"}, inputs=("many",),
    ),
    Command(
        "python -m export --compress int4 --calibrate photos/ --finetune 10", SMALL,
        says="finetuning:", writes=("models/*_trained*.mlpackage",),
        words=LEARNED | {"10": "0.05"}, inputs=("many",),
    ),
    Command("python -m export --weights person", says="error:", exit_code=2),  # not reached
    Command(
        "python -m export --network v2 --head deeplab --outputs mask --swift",
        "--alpha 0.35 --resolution 65", says="going on UNTRAINED",
        writes=("models/DeepLabV2_*_untrained.mlpackage", "models/*Segmenter.swift"),
    ),
    Command(
        "python -m export verify DETECTOR --image photo.jpg --drawing boxes.png",
        says="the package computes what the network does", writes=("boxes.png",),
        words={"DETECTOR": "detector.mlpackage"}, inputs=("detector.mlpackage", "photo.jpg"),
    ),
    Command(
        "python -m bench accuracy DETECTOR --data instances.json --images photos/",
        says="error:", words={"DETECTOR": "net.mlpackage"}, exit_code=2,
        inputs=(*PACKAGE, "instances.json", "photos"),
    ),
    Command(
        "python -m bench accuracy SEGMENTER --data FOLDER",
        says="error:", words={"SEGMENTER": "net.mlpackage", "FOLDER": "masked"}, exit_code=2,
        inputs=(*PACKAGE, "masked"),
    ),
    Command(
        "python -m mobilenet weights FILE --save OUT.safetensors",
        says="alpha 0.25, 64 x 64", writes=("OUT.safetensors",),
        words={"FILE": "my.safetensors"}, inputs=("my.safetensors",),
    ),
    Command(
        "python -m mobilenet weights untrained --save new.safetensors", SMALL,
        says="alpha 0.25, 64 x 64", writes=("new.safetensors",),
    ),
    Command(
        "python -m export", SMALL,
        says="are used at 64", writes=("models/MobileNetV1_025_64.mlpackage",),
    ),
    Command(
        "python -m export --alpha 0.75",
        says="going on UNTRAINED", writes=("models/MobileNetV1_075_224_untrained.mlpackage",),
    ),
    Command(
        "python -m export --rho 0.857 --target ane", "--alpha 0.25",
        says=".cpuAndNeuralEngine", writes=("models/MobileNetV1_025_64_ane.mlpackage",),
        words={"0.857": "0.286"},
    ),
    Command(
        "python -m export --weights my.safetensors --classes labels.txt --compress int8 --swift",
        says="int8 needs iOS 16", writes=("models/*_int8*.mlpackage", "models/*Classifier.swift"),
        inputs=("my.safetensors", "labels.txt"),
    ),
    Command(
        "python -m export --alpha 1.0 --swift --output models/", "--resolution 64",
        says="are used at 64", writes=("models/*.mlpackage", "models/*Classifier.swift"),
        words={"1.0": "0.25"},
    ),
    Command(
        "python -m export --alpha 0.25 --format coreai", "--resolution 64",
        says="run in Apple's runtime: pixels", writes=("models/*_coreai.aimodel",),
    ),
    Command(
        "python -m export --alpha 1.0 --format coreai --swift --output models/", "--resolution 64",
        says="are used at 64", writes=("models/*.aimodel", "models/*Classifier.swift"),
        words={"1.0": "0.25"},
    ),
    Command(
        "python -m export verify PKG --oracle coreai",
        says="Apple's Core AI runtime:", words={"PKG": "net.mlpackage"}, inputs=PACKAGE,
    ),
    Command(
        "python -m export all", f"{SMALL} --depth deep --workers 1",
        says="1 exported", writes=("models/*.mlpackage", "models/manifest.json"),
    ),
    Command(
        "python -m export all --format coreml coreai",
        f"{SMALL} --depth deep --workers 1", says="2 exported",
        writes=("models/*.mlpackage", "models/*.aimodel", "models/manifest.json"),
    ),
    Command(
        "python -m export verify PKG --image photo.jpg",
        says="the package computes what the network does",
        words={"PKG": "net.mlpackage"}, inputs=(*PACKAGE, "photo.jpg"),
    ),
    Command(
        "python -m export verify models/MobileNetV1_100_224.mlpackage --image photo.jpg",
        says="the package computes what the network does",
        words={"models/MobileNetV1_100_224.mlpackage": "net.mlpackage"},
        inputs=(*PACKAGE, "photo.jpg"),
    ),
    Command(
        "python -m export inspect ANY.mlpackage",
        says="image: pixels 0 to 255 reach the first layer as -1 to 1",
        words={"ANY.mlpackage": "net.mlpackage"}, inputs=PACKAGE,
    ),
    Command(
        "python -m export run ANY.mlpackage --image photo.jpg",
        says="(as the package says)",
        words={"ANY.mlpackage": "net.mlpackage"}, inputs=(*PACKAGE, "photo.jpg"),
    ),
    Command(
        "python -m export diff A B",
        says="the same but for rounding", words={"A": "net.mlpackage", "B": "my.safetensors"},
        inputs=(*PACKAGE, "my.safetensors"),
    ),
    Command("python -m bench env", says="coremltools 9."),
    Command(
        "python -m bench run models/*.mlpackage --quick", "--rounds 1 --runtime portable",
        says="p50", writes=("results/*.jsonl",), inputs=("models",),
    ),
    Command(  # weights of a file: the first package is written without torch, the second traced
        "python -m bench all",
        f"{SMALL} --depth deep --baseline SqueezeNet11 --weights my.safetensors {ONE_ROUND}",
        says="SqueezeNet11_224_untrained",
        writes=("models/SqueezeNet11_224_untrained.mlpackage", "results/*.jsonl"),
        inputs=("my.safetensors",),
    ),
    Command(
        "python -m bench soak PKG --seconds 120", "--runtime portable",
        says="calls/s", writes=("results/soak-*.jsonl",),
        words={"PKG": "net.mlpackage", "120": "1"}, inputs=PACKAGE,
    ),
    Command(
        "python -m bench placement PKG --require ane=0.95",
        says="error: Core ML runs on macOS", words={"PKG": "net.mlpackage"}, inputs=PACKAGE,
        exit_code=2,
    ),
    Command(
        "python -m bench app models/*.mlpackage --output App/ --team ABCDE12345",
        says="Open it in Xcode", writes=("App/MobileNet.xcodeproj/project.pbxproj",),
        inputs=("models",),
    ),
    Command("python -m bench devices", says="this machine"),
    Command(
        'python -m bench run models/*.mlpackage --device "My iPhone" --team ABCDE12345 '
        "--pace 0 30 -o phone.jsonl",
        says="error:", inputs=("models",), exit_code=2,
    ),
    Command(
        "python -m bench resume phone.jsonl",
        says="error:", words={"phone.jsonl": "before.jsonl"}, inputs=("before.jsonl",),
        exit_code=2,
    ),
    Command(
        "python -m reports phone.jsonl",
        says="p50", words={"phone.jsonl": "before.jsonl"}, inputs=("before.jsonl",),
    ),
    Command(
        "python -m bench accuracy PKG --data photos/", "--runtime portable",
        says="untrained", writes=("results/accuracy-*.jsonl",),
        words={"PKG": "net.mlpackage"}, inputs=(*PACKAGE, "photos"),
    ),
    Command(
        "python -m bench accuracy MODEL.aimodel --data photos/ --limit 50",
        says="untrained", writes=("results/accuracy-*.jsonl",),
        words={"MODEL.aimodel": "net.aimodel"}, inputs=("net.aimodel", "photos"),
    ),
    Command("python -m bench accuracy", says="error:", exit_code=2),
    Command("python -m reports results/*.jsonl", says="p50", inputs=RESULTS),
    Command(
        "python -m reports page results/*.jsonl -o report.html",
        says="report.html", writes=("report.html",), inputs=RESULTS,
    ),
    Command(
        "python -m reports plots results/*.jsonl -o plots/",
        says="plots/", writes=("plots/*.png", "plots/*.svg"), inputs=RESULTS,
    ),
    Command(
        "python -m reports compare before.jsonl after.jsonl",
        says="no difference shown", inputs=("before.jsonl", "after.jsonl"),
    ),
    Command(
        "python -m reports choose results/*.jsonl --fps 30 --min-top1 65",
        says="python -m export --alpha", inputs=RESULTS,
    ),
    Command(
        "python -m reports choose RESULTS --fps 30 --min-top1 65",
        says="python -m export --alpha", words={"RESULTS": "before.jsonl"},
        inputs=("before.jsonl",),
    ),
    Command(
        "python -m reports choose RESULTS --fps 30 --ios 26",
        says="python -m export --alpha", words={"RESULTS": "before.jsonl"},
        inputs=("before.jsonl",),
    ),
    Command(
        "python -m reports claims RESULTS",
        says="10 times faster than VGG-16", words={"RESULTS": "before.jsonl"},
        inputs=("before.jsonl",),
    ),
]  # fmt: skip
RESUME = "python -m bench resume FILE"  # has a test of its own


def documented() -> set[str]:
    """Lines of the README's `console` blocks, and commands within its text."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    lines = (line.strip() for block in blocks for line in block.splitlines())
    typed = {line[2:].split("#")[0].strip() for line in lines if line.startswith("$ ")}
    return typed | set(re.findall(r"`(python -m [^`]+)`", README))


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a command of the README reads, small."""
    folder = tmp_path_factory.mktemp("inputs")
    checkpoint = untrained(MobileNetConfig(0.25, 64))
    store.save(checkpoint, folder / "my.safetensors")
    keras_networks.whole(checkpoint, folder / "flowers.keras", "keras")
    pictures = [{"id": 1, "file_name": "tabby/chelsea.jpg", "width": 451, "height": 300}]
    instances = {"images": pictures, "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    (folder / "instances.json").write_text(json.dumps(instances))
    for name in ("images", "masks"):
        (folder / "masked" / name).mkdir(parents=True)
        Image.new("L", (64, 64)).save(folder / f"masked/{name}/a.png")
    (folder / "labels.txt").write_text("\n".join(f"class {i}" for i in range(1000)))
    export(checkpoint, folder / "net.mlpackage", verify=False)
    boxes = Variant(alpha=0.25, resolution=96, head="ssdlite", weights="untrained")
    export(boxes, folder / "detector.mlpackage", verify=False)
    if library.missing() is None:
        export(checkpoint, folder / "net.aimodel", verify=False)
    shutil.copytree(folder / "net.mlpackage", folder / "models/net.mlpackage")
    shutil.copy(PHOTO, folder / "photo.jpg")
    made_photographs.folder_of(folder / "many")
    (folder / "photos/tabby").mkdir(parents=True)
    shutil.copy(PHOTO, folder / "photos/tabby/chelsea.jpg")
    for seed, name in enumerate(("before.jsonl", "after.jsonl")):
        records = made_results.realistic(rounds=9, samples=10, seed=seed)
        made_results.write(folder / name, records)
    (folder / "results").mkdir()
    shutil.copy(folder / "before.jsonl", folder / "results")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "empty"
    path.mkdir()
    return path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`command` in `folder`, on a machine that was never used and reaches nothing."""
    python, *words = shlex.split(command)
    assert python == "python"
    expanded = (
        str(path)
        for word in words
        for path in (sorted(folder.glob(word)) if "*" in word else [word])
    )
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    own = ("PIP_", "HF_", "XDG_", "MOBILENET_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(own) and not name.lower().endswith("_proxy")
    }
    proxies = {f"{scheme}_proxy": CLOSED for scheme in ("http", "https", "all")}
    return subprocess.run(
        [sys.executable, *expanded], cwd=folder, capture_output=True, text=True, check=False,
        env=kept | proxies | {
            "HOME": str(home), "MOBILENET_CACHE": str(home / "cache"),
            "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": CLOSED,
        },
    )  # fmt: skip


def test_every_command_of_the_readme_is_run() -> None:
    assert documented() <= {command.text for command in COMMANDS} | {RESUME} | ELSEWHERE


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text)
def test_first_run(command: Command, inputs: Path, folder: Path) -> None:
    if "placement" in command.text and sys.platform == "darwin":
        pytest.skip("this is a Mac, where it is not refused")
    if re.search("coreai|aimodel", command.text) and (reason := library.missing()):
        pytest.skip(reason)
    for name in command.inputs:
        copy = shutil.copytree if (inputs / name).is_dir() else shutil.copy
        copy(inputs / name, folder / name)
    words = (command.words.get(word, word) for word in shlex.split(command.text))
    done = run(f"{' '.join(words)} {command.options}", folder)
    said = done.stdout + done.stderr
    assert done.returncode == command.exit_code, said
    assert "Traceback" not in said
    assert command.says in said
    assert "\x1b" not in said  # a pipe gets neither colours nor bars
    assert all(line == line.rstrip() for line in said.splitlines())
    for pattern in command.writes:
        assert list(folder.glob(pattern)), f"{pattern} is not among {sorted(folder.rglob('*'))}"


def test_an_interrupted_session_is_resumed(inputs: Path, folder: Path) -> None:
    shutil.copytree(inputs / "net.mlpackage", folder / "net.mlpackage")
    begun = run(f"python -m bench run net.mlpackage {ONE_ROUND} --output r.jsonl", folder)
    assert begun.returncode == 0, begun.stderr
    results = folder / "r.jsonl"
    lines = results.read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join(lines[:-1]))
    resumed = run("python -m bench resume r.jsonl", folder)
    assert resumed.returncode == 0, resumed.stderr
    assert "1 launches" in resumed.stderr
    assert len(results.read_bytes().splitlines()) == len(lines)


@pytest.mark.whole
def test_the_whole_comparison(folder: Path) -> None:
    done = run("python -m bench all --rounds 1 --runtime portable", folder)
    assert done.returncode == 0, done.stderr
    (results,) = folder.glob("results/*.jsonl")
    session = last_session(results)
    measured = {session.cases[name].model.name for name in session.cases if session.measured(name)}
    grid = {
        variant.slug + ("" if variant.alpha == INSIDE and not variant.shallow else "_untrained")
        for variant in GridOptions().variants(quick=False)
    }
    assert measured == grid | {path.stem for path in folder.glob("models/*.mlpackage")}
    assert all(any(name.startswith(baseline) for name in measured) for baseline in BASELINES)
