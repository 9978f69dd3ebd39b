"""The claim: no model file makes a command end otherwise than in a result, or in one line and a
hint; and what is refused takes less than a GiB of memory."""

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.workers import made_inputs
from export.inspect.inspect import inspect
from export.mil.ops import OPERATIONS
from export.mil.read.specification import proto
from export.package.metadata import KEY, metadata_of
from export.runtimes.portable import PortableRuntime
from export.verify.diff import diff
from export.verify.reverify import reverify
from message_mutants import mutate
from mobilenet.common.errors import UserError
from model_messages import ROOT, ProgramMessage, save
from small_models import MODELS, classifier, network

MUTANTS = 125  # of each model
MAX_MESSAGE = 410  # characters, where the middle is left out
GIB_IN_KB = 1 << 20
WORDS = tuple(OPERATIONS)


def run(path: Path, folder: Path) -> object:
    """As a benchmark does: compile, load, predict."""
    runtime = PortableRuntime(1, "declared")
    session = runtime.load(runtime.compile(path, folder), "CPU")
    return session.predict(made_inputs.make(session.description))


def refusal(work: Callable[[], object]) -> str:
    """The one line that `work` is refused with; "" when it gives a result."""
    try:
        work()
    except UserError as error:
        refused = error
    else:
        return ""
    assert 0 < len(refused.message) <= MAX_MESSAGE
    assert refused.message.isprintable()
    assert refused.hint
    return refused.message


@pytest.fixture(autouse=True)
def memory() -> Any:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIB_IN_KB


@pytest.mark.parametrize("name", MODELS)
def test_what_is_attacked_is_sound(name: str, tmp_path: Path) -> None:
    path = save(tmp_path / "m.mlpackage", *MODELS[name]())
    assert not inspect(path).parts[0].unknown
    assert run(path, tmp_path)


@pytest.mark.parametrize("name", MODELS)
def test_a_field_gone_wrong(name: str, tmp_path: Path) -> None:
    sound, weights = MODELS[name]()
    for seed in range(MUTANTS):
        model = proto("Model_pb2").Model()
        model.CopyFrom(sound)
        mutate(model, seed, WORDS)
        path = save(tmp_path / "m.mlpackage", model, weights)
        refusal(lambda: inspect(path))  # noqa: B023  # called at once
        refusal(lambda: run(path, tmp_path))  # noqa: B023


def repeated(program: ProgramMessage) -> str:
    program.const("reps", [1, 1, 1_600, 1_600])  # 2 GB
    return program.op("tile", "huge", (1, 3, 8, 8), x="image", reps="reps")


def declared(program: ProgramMessage) -> str:
    return program.op("relu", "huge", (1 << 40, 1 << 20), x="image")


def windows(program: ProgramMessage) -> str:
    for name, value in {"n": [1 << 20, 1 << 20], "one": [1, 1], "kind": "same"}.items():
        program.const(name, value)
    return program.op("max_pool", "huge", (1, 3, 8, 8), x="image", kernel_sizes="n",
                      strides="one", pad_type="kind")  # fmt: skip


def claimed(program: ProgramMessage) -> str:
    program.blob("weight", np.ones((3, 1, 1), np.float32))
    operation = program.block.operations[-1]
    for kind in (operation.outputs[0].type, operation.attributes["val"].type):
        kind.tensorType.dimensions[0].constant.size = 1 << 50
    return program.op("mul", "huge", (1, 3, 8, 8), x="image", y="weight")


def circle(program: ProgramMessage) -> str:
    return program.op("identity", "image", (1, 3, 8, 8), x="image")


def nested(program: ProgramMessage) -> str:
    """Each constant is decompressed from the one before, taken several times."""
    program.blob("c0", np.ones((3, 1, 1), np.float32))
    for number in range(40):
        program.op("constexpr_blockwise_shift_scale", f"c{number + 1}", (3, 1, 1),
                   data=f"c{number}", scale=f"c{number}", offset=f"c{number}")  # fmt: skip
    return program.op("mul", "huge", (1, 3, 8, 8), x="image", y="c40")


PROGRAMS = {build: build.__name__ for build in (repeated, declared, windows, claimed, nested)}


@pytest.mark.parametrize("build", PROGRAMS, ids=PROGRAMS.get)
def test_sizes_are_counted_before_memory_is_taken(
    build: Callable[[ProgramMessage], str], tmp_path: Path
) -> None:
    program = ProgramMessage()
    path = program.gives(build(program)).save(tmp_path / "m.mlpackage")
    refusal(lambda: inspect(path))
    assert refusal(lambda: run(path, tmp_path))
    assert refusal(lambda: diff(path, path))


def test_nothing_goes_in_circles(tmp_path: Path) -> None:
    program = ProgramMessage()
    path = program.gives(circle(program)).save(tmp_path / "m.mlpackage")
    refusal(lambda: inspect(path))
    refusal(lambda: diff(path, path))


@pytest.mark.parametrize("side", [0, -5, 1 << 24, (1 << 31) - 1, 1 << 62])
def test_no_picture_is_made_of_such_sides(side: int, tmp_path: Path) -> None:
    model = network()
    model.description.input[0].type.imageType.width = side
    path = save(tmp_path / "m.mlpackage", model)
    refusal(lambda: inspect(path))
    assert refusal(lambda: run(path, tmp_path))
    assert refusal(lambda: diff(path, path))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_messages_that_are_nothing_but_many(tmp_path: Path) -> None:
    """Two bytes of a file become a hundred of memory."""
    layers = b"\x0a\x00" * (10 << 20)  # field 1 of NeuralNetwork
    size = bytes(0x80 | len(layers) >> shift & 0x7F for shift in (0, 7, 14)) + bytes([10])
    path = tmp_path / "m.mlmodel"
    path.write_bytes(network().SerializeToString() + b"\xa2\x1f" + size + layers)  # field 500
    assert refusal(lambda: inspect(path))


FACTS = {
    "schema": 1, "tool": "t", "normalization": {"scale": [1, 1, 1], "bias": [0, 0, 0]},
    "config": {"resolution": 32}, "geometry": {}, "provenance": {"source": "s", "trained": True},
    "format": "mlprogram", "precision": "fp16", "target": "all", "compute_units": "all",
    "min_ios": 15, "compression": "", "macs": 1, "parameters": 1,
}  # fmt: skip
LIES = (None, 0, -1, 10**400, 1e308, "x", "../../etc/passwd", "\x1b[2J", [], {}, [[]] * 50, True,
        {"alpha": 1e9}, {"resolution": 1 << 40}, {"crop": 1e-9}, {"scale": [0, 0, 0]})  # fmt: skip


@pytest.mark.parametrize("fact", FACTS)
def test_what_a_package_says_of_itself_is_not_believed(
    fact: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert metadata_of({KEY: json.dumps(FACTS)})
    monkeypatch.setattr("export.verify.reverify.MAX_RATIO", 1e9)  # or no fact is looked at
    program = classifier()
    picture = program.model.description.input[0].type.imageType
    picture.width = picture.height = 32
    for lie in LIES:
        program.model.description.metadata.userDefined[KEY] = json.dumps(FACTS | {fact: lie})
        path = program.save(tmp_path / "m.mlpackage")
        refusal(lambda: inspect(path))  # noqa: B023
        assert refusal(lambda: reverify(path, offline=True))  # noqa: B023


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{" * 100, "null", "\ud83d" * 9, "9" * 5000])
def test_metadata_that_are_no_record(text: str, tmp_path: Path) -> None:
    program = classifier()
    program.model.description.metadata.userDefined[KEY] = text.encode("utf-8", "replace").decode()
    path = program.save(tmp_path / "m.mlpackage")
    assert refusal(lambda: inspect(path))
    assert refusal(lambda: reverify(path))


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


PLACES: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link out of it": lambda path: path.symlink_to("/etc/passwd"),
    "a folder": Path.mkdir,
    "nothing": lambda path: None,
    "a pointer": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "part", ["", "Manifest.json", f"{ROOT}/model.mlmodel", f"{ROOT}/weights/weight.bin"]
)
def test_what_lies_in_the_place_of_a_file(
    place: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    path = Path("m.mlmodel" if not part else "m.mlpackage")
    if part:
        classifier().save(path)
        (path / part).unlink()
    PLACES[place](path / part)
    assert refusal(lambda: inspect(path)) or "weights-unreadable" in {
        finding.rule for finding in inspect(path).findings
    }
    assert refusal(lambda: run(path, tmp_path))
    assert refusal(lambda: reverify(path))


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_command_that_is_given_a_pipe_ends(command: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.mlmodel")
    words = [sys.executable, "-m", "export", command, str(tmp_path / "m.mlmodel")]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
