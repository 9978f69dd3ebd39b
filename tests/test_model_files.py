import json
import shutil
from pathlib import Path

import pytest

from export.package.model_files import find
from mobilenet.common.errors import PackageError
from mobilenet.common.files import MAX_MANIFEST_BYTES

ITEM = "com.apple.CoreML/model.mlmodel"


def manifest(item: object = ITEM) -> str:
    return json.dumps({"itemInfoEntries": {"A": {"path": item}}, "rootModelIdentifier": "A"})


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "net.mlpackage"
    weights = folder / "Data" / "com.apple.CoreML" / "weights"
    weights.mkdir(parents=True)
    (folder / "Manifest.json").write_text(manifest())
    (folder / "Data" / ITEM).write_bytes(b"specification")
    (weights / "weight.bin").write_bytes(b"weights")
    return folder


def test_parts_of_a_package(package):
    files = find(package)
    assert files.kind == "mlpackage"
    assert files.specification == package / "Data" / ITEM
    assert files.weights == package / "Data/com.apple.CoreML/weights"
    assert files.referenced("@model_path/weights/weight.bin").read_bytes() == b"weights"
    assert files.size_bytes == len(manifest()) + len(b"specification") + len(b"weights")


def test_an_mlmodel_is_one_file(tmp_path):
    path = tmp_path / "net.mlmodel"
    path.write_bytes(b"specification")
    files = find(path)
    assert (files.kind, files.weights, files.size_bytes) == ("mlmodel", None, 13)
    assert files.identity() == find(path.rename(tmp_path / "other.mlmodel")).identity()


def test_identity_follows_names_and_contents_only(package, tmp_path):
    identity = find(package).identity()
    copy = Path(shutil.copytree(package, tmp_path / "copy.mlpackage"))
    (copy / ".DS_Store").write_bytes(b"Finder was here")
    assert find(copy).identity() == identity
    (copy / "Data" / "com.apple.CoreML" / "weights" / "weight.bin").write_bytes(b"Weights")
    assert find(copy).identity() != identity
    (package / "Data" / "more").write_bytes(b"")
    assert find(package).identity() != identity


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (manifest("/etc/passwd"), "points outside"),
        (manifest("../../../etc/passwd"), "points outside"),
        (manifest("a\\..\\b"), "points outside"),
        (manifest("a\0b"), "points outside"),
        (manifest("\ud800"), "points outside"),
        (manifest("com.apple.CoreML/gone.mlmodel"), "'com.apple.CoreML/gone.mlmodel' is missing"),
        (manifest("com.apple.CoreML"), "'com.apple.CoreML' is missing"),
        (manifest(""), "'' is missing"),
        (manifest(["a"]), "gives ['a'] as a path"),
        ("{}", "names no root model"),
        ("[]", "names no root model"),
        ('{"itemInfoEntries": {}, "rootModelIdentifier": "A"}', "names no root model ('A')"),
        ("{", "json cannot be read"),
        ("[" * 100_000, "json cannot be read"),
        (" " * (MAX_MANIFEST_BYTES + 1), f"has {MAX_MANIFEST_BYTES + 1} bytes"),
    ],
)
def test_manifests_are_not_trusted(package, text, message):
    (package / "Manifest.json").write_text(text)
    with pytest.raises(PackageError) as caught:
        find(package)
    assert message in caught.value.message
    assert caught.value.hint


def test_links_may_not_leave_the_package(package, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"a secret")
    (package / "Data" / "link").symlink_to(outside)
    with pytest.raises(PackageError, match="is a link to"):
        find(package).identity()
    weights = package / "Data/com.apple.CoreML/weights/weight.bin"
    weights.unlink()
    weights.symlink_to(outside)
    with pytest.raises(PackageError, match="is a link to"):
        find(package).referenced("@model_path/weights/weight.bin")
    (package / "Data" / ITEM).unlink()
    (package / "Data" / ITEM).symlink_to(outside)
    with pytest.raises(PackageError, match="is a link to"):
        find(package)


def test_links_inside_are_fine(package):
    (package / "Data" / "link").symlink_to("com.apple.CoreML")
    assert find(package).identity()


@pytest.mark.parametrize("name", ["/etc/passwd", "@model_path/../../../secret", "weights.bin"])
def test_weights_lie_inside(package, name):
    with pytest.raises(PackageError, match="outside"):
        find(package).referenced(name)


def test_what_is_no_model(tmp_path, package):
    (tmp_path / "net.zip").write_bytes(b"PK")
    compiled = tmp_path / "net.mlmodelc"
    compiled.mkdir()
    (compiled / "coremldata.bin").write_bytes(b"")
    for path, message in [
        (tmp_path / "nothing", "does not exist"),
        (tmp_path / "net.zip", "neither a model package nor an .mlmodel"),
        (compiled, "is a compiled model"),
        (tmp_path, "has no Manifest.json"),
    ]:
        with pytest.raises(PackageError, match=message):
            find(path)


def test_a_folder_of_everything_is_no_package(package, monkeypatch):
    monkeypatch.setattr("export.package.model_files.MAX_FILES", 2)
    with pytest.raises(PackageError, match="more than 2 files"):
        find(package).identity()
