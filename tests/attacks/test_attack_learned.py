"""Claim: a learned package of which any number was changed is not verified, and says so.

Its photographs are gone, so nobody knows again what the numbers should be: a single bit, in a
code, an index, a mask, a table, a scale or a bias, leaves the package working.
"""

import shutil
from pathlib import Path

import pytest

from export.__main__ import app
from export.compression.forms import LayerForm
from export.formats.registry import format_of
from export.mil.read.model import read
from export.package.model_files import find
from export.source import Published
from export.spec import ExportSpec, Variant
from learned_networks import learned
from mobilenet.common import terminal

FORMS = {
    "conv8_pointwise": LayerForm("palette4", 16), "conv9_pointwise": LayerForm("prune50"),
    "conv10_pointwise": LayerForm("int4", 32),
}  # fmt: skip
METADATA_BYTES = 64


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    variant = Variant(alpha=0.25, resolution=33, weights="untrained")
    prepared = learned(Published(variant).prepare(ExportSpec(compress="int4").resolved()), FORMS)
    path = tmp_path_factory.mktemp("learned") / "n.mlpackage"
    format_of(prepared.spec).write(prepared, path)
    return path


def offsets(package: Path, layer: str) -> dict[str, int]:
    """Where in the weight file the parts of a layer begin, by name."""
    function = read(package).function()
    (operation,) = (op for op in function.ops if op.name == layer)
    constants = {name: function.argument(operation, name) for name in ("weight", "bias")}
    parts = dict(constants["weight"].operands) | {"bias": constants["bias"]}
    return {name: part.location[1] for name, part in parts.items() if part.location}


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        ("conv8_pointwise", "indices"), ("conv8_pointwise", "lut"), ("conv8_pointwise", "bias"),
        ("conv9_pointwise", "mask"), ("conv9_pointwise", "nonzero_data"),
        ("conv10_pointwise", "data"), ("conv10_pointwise", "scale"),
    ],
)  # fmt: skip
def test_one_bit_of_a_learned_package(
    package: Path, layer: str, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "n.mlpackage"
    shutil.copytree(package, path)
    (weights,) = find(path).weights.iterdir()
    content = bytearray(weights.read_bytes())
    content[offsets(path, layer)[part] + METADATA_BYTES + 8] ^= 1
    weights.write_bytes(content)
    # a mask that does not fit its values is no failed proof, but damage
    code, said = (2, layer) if part == "mask" else (1, "not those that were learned")
    assert terminal.run(app, ["verify", str(path), "--offline"]) == code
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert said in printed


def test_untouched_it_is_verified(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.run(app, ["verify", str(package), "--offline"]) == 0
    assert "loss" in capsys.readouterr().out
