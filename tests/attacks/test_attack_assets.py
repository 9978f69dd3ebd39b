"""Claim: an asset of Core AI that is cut, altered or made to deceive ends a command in one line.

Apple's loader takes damaged programs, and ends its process on others: the hash is checked before
it sees them, and it sees them in a process of its own.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coreai_graphs
import coreai_networks
from export.__main__ import app
from export.coreai import idle_processes, library
from export.mil.read.model import read
from export.package.asset_files import MAX_METADATA_BYTES, MAX_PROGRAM_BYTES
from export.package.model_files import find
from export.runtimes.portable import PortableRuntime
from mobilenet.common import terminal
from mobilenet.common.errors import PackageError, UnsupportedError

ca = pytest.importorskip(
    "coreai.authoring", reason="there is no wheel of coreai-core for this machine"
)
DEEP = 100_000
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coreai_graphs.write(tmp_path_factory.mktemp("assets") / "small.aimodel")


@pytest.fixture
def asset(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "small.aimodel")


def metadata(text: str | bytes) -> Damage:
    data = text.encode() if isinstance(text, str) else text
    return lambda asset: (asset / "metadata.json").write_bytes(data)


def entries(**creators: object) -> Damage:
    content = {"assetVersion": "2.0", "creatorDefinedMetadata": creators}
    return metadata(json.dumps(content))


def flipped(asset: Path) -> None:
    data = bytearray((asset / "main.mlirb").read_bytes())
    data[len(data) // 2] ^= 1
    (asset / "main.mlirb").write_bytes(data)


def grown(name: str, size: int) -> Damage:
    def grow(asset: Path) -> None:
        with (asset / name).open("r+b") as stream:
            stream.truncate(size)

    return grow


def linked(name: str) -> Damage:
    def link(asset: Path) -> None:
        outside = asset.parent / name
        shutil.move(asset / name, outside)
        (asset / name).symlink_to(outside)

    return link


def removed(name: str) -> Damage:
    return lambda asset: (asset / name).unlink()


DAMAGED: dict[str, tuple[Damage, str]] = {
    "cut": (grown("main.mlirb", 100), "main.mlirb has SHA-256 .*, main.hash says"),
    "emptied": (grown("main.mlirb", 0), "main.mlirb has SHA-256 .*, main.hash says"),
    "a flipped bit": (flipped, "main.mlirb has SHA-256 .*, main.hash says"),
    "no program": (removed("main.mlirb"), "its file 'main.mlirb' is missing"),
    "no hash": (removed("main.hash"), "its file 'main.hash' is missing"),
    "no metadata": (removed("metadata.json"), "its file 'metadata.json' is missing"),
    "hash emptied": (grown("main.hash", 0), "main.hash says nothing"),
    "hash too long": (grown("main.hash", 33), "main.hash says"),
    "program too large": (grown("main.mlirb", MAX_PROGRAM_BYTES + 1), "bytes"),
    "metadata too large": (grown("metadata.json", MAX_METADATA_BYTES + 1), "bytes"),
    "program a link": (linked("main.mlirb"), "main.mlirb is a link to"),
    "metadata a link": (linked("metadata.json"), "metadata.json is a link to"),
    "another link": (lambda asset: (asset / "more").symlink_to("/etc"), "more is a link to"),
    "metadata no JSON": (metadata(b"\xff{"), "metadata.json cannot be read"),
    "metadata deep": (
        metadata('{"assetVersion": "2.0", "creatorDefinedMetadata": {"a": ' + "[" * DEEP),
        "metadata.json cannot be read: maximum recursion depth",
    ),
    "metadata a list": (metadata("[]"), "Expected `object`"),
    "version a number": (metadata('{"assetVersion": 2}'), "Expected `str`"),
    "labels a table": (entries(labels={"a": 1}), "labels cannot be read"),
    "ours, and is not": (entries(mobilenet={"a": 1}), "own metadata cannot be read"),
    "labels numbers": (entries(labels=[1, 2]), "labels cannot be read"),
}


def refusal(asset: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that inspecting the asset ends in."""
    capsys.readouterr()
    assert terminal.run(app, ["inspect", str(asset)]) == 2
    printed = capsys.readouterr()
    assert not printed.out
    (line,) = printed.err.splitlines()
    return line


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_line(name: str, asset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, message = DAMAGED[name]
    damage(asset)
    assert re.search(message, refusal(asset, capsys))


def test_the_same_asset_undamaged_is_inspected(asset: Path) -> None:
    assert terminal.run(app, ["inspect", str(asset)]) == 0


def test_a_hash_that_fits_lets_apples_library_say_what_is_wrong(
    asset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = asset / "main.mlirb"
    program.write_bytes(program.read_bytes()[:-100])
    coreai_networks.mend_hash(asset)
    assert re.search(r"its runtime ended with -.*: [a-z ]+", refusal(asset, capsys))


def test_a_constant_of_any_size_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    from coreai._compiler.dialects._coreai_ops_gen import ConstantOp
    from coreai._compiler.ir import DenseElementsAttr, F32Type, FloatAttr, RankedTensorType

    def compute(x: Any) -> Any:
        kind = RankedTensorType.get([1 << 20, 1 << 20], F32Type.get())
        splat = DenseElementsAttr.get_splat(kind, FloatAttr.get(F32Type.get(), 1.0))
        return (ca.broadcasting_add(x, ca.Value._from_mlir(ConstantOp(splat).result)),)

    inputs = {"x": ca.TensorSpec((1, 1), np.float32)}
    path = coreai_networks.write(tmp_path / "vast.aimodel", {"main": (inputs, ["y"], compute)})
    function = read(path).function()
    (added,) = function.ops
    constant = function.argument(added, "y")
    assert constant is not None
    with pytest.raises(PackageError, match="declared with 1099511627776 elements"):
        constant.load()
    with pytest.raises(UnsupportedError, match="takes 4,398,046,511,104 bytes of weights"):
        PortableRuntime().compile(path, tmp_path)


def test_an_asset_is_known_by_all_of_its_files(asset: Path) -> None:
    files = find(asset)
    assert files.kind == "aimodel"
    assert files.size_bytes == sum(file.stat().st_size for file in asset.iterdir())
    identity = files.identity()
    entries(labels=["a"])(asset)
    assert find(asset).identity() != identity
    assert read(asset).description.labels == ("a",)


def test_without_the_library_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = coreai_graphs.write(tmp_path / "not read before.aimodel", size=5)
    monkeypatch.setattr(idle_processes, "_idle", [])
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnsupportedError, match="coreai-core is not installed") as caught:
        read(asset)
    assert "mobilenet-coreml[coreai]" in caught.value.hint
