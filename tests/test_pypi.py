"""The graph inside a package, against a package index on the loopback."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import web
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import download, pypi

GRAPH = b"the graph"


def sdist(member: str = pypi.MEMBER) -> bytes:
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


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[web.Web]:
    data = sdist()
    monkeypatch.setattr(download, "PATIENCE", web.IMPATIENT)
    monkeypatch.setattr(pypi, "ARCHIVE_SHA256", hashlib.sha256(data).hexdigest())
    with web.serving() as server:
        server.answers["/simple/nudity/"] = page("nudity-0.2.2.tar.gz", pypi.FILE)
        server.answers[f"/files/{pypi.FILE}"] = data
        settings = {"index-url": f"{server.url}/simple/"}
        monkeypatch.setattr(pypi, "pip_settings", lambda: settings)
        yield server


def test_the_one_member_is_taken_and_nothing_else_unpacked(index: web.Web, tmp_path: Path) -> None:
    pypi.fetch_graph(tmp_path / "graph.pb")
    assert (tmp_path / "graph.pb").read_bytes() == GRAPH
    assert [path.name for path in tmp_path.iterdir()] == ["graph.pb"]


def test_another_archive_of_that_name_is_an_error(index: web.Web, tmp_path: Path) -> None:
    index.answers[f"/files/{pypi.FILE}"] = sdist("nudity-0.2.3/other.pb")
    with pytest.raises(CheckpointError, match="sha256"):
        pypi.fetch_graph(tmp_path / "graph.pb")


def test_an_archive_without_the_member_is_an_error(
    index: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sdist("nudity-0.2.3/other.pb")
    index.answers[f"/files/{pypi.FILE}"] = other
    monkeypatch.setattr(pypi, "ARCHIVE_SHA256", hashlib.sha256(other).hexdigest())
    with pytest.raises(CheckpointError, match=r"retrained_graph\.pb"):
        pypi.fetch_graph(tmp_path / "graph.pb")


@pytest.mark.parametrize("answer", [404, 503, page("nudity-0.2.2.tar.gz")])
def test_an_index_without_it_is_unreachable(
    index: web.Web, answer: web.Answer, tmp_path: Path
) -> None:
    index.answers["/simple/nudity/"] = answer
    with pytest.raises(UnreachableError):
        pypi.fetch_graph(tmp_path / "graph.pb")


LINK = f'<a href="{{}}">{pypi.FILE}</a>'
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
        pypi.fetch_graph(tmp_path / "graph.pb")
    assert "SECRET" not in error.value.message


def test_passwords_of_an_index_are_used_and_not_shown(
    index: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = index.url.replace("//", "//me:SECRET@") + "/simple/"
    monkeypatch.setattr(pypi, "pip_settings", lambda: {"index-url": url})
    pypi.fetch_graph(tmp_path / "graph.pb")
    assert index.authorizations == ["Basic bWU6U0VDUkVU"] * 2  # links are relative to the page
    index.answers[f"/files/{pypi.FILE}"] = b"another"
    with pytest.raises(CheckpointError, match="sha256") as error:
        pypi.fetch_graph(tmp_path / "graph.pb")
    assert error.value.hint == f"{index.url}/simple/ does not serve the known {pypi.FILE}"
    index.answers["/simple/nudity/"] = b" " * (pypi.MAX_PAGE_BYTES + 1)
    with pytest.raises(CheckpointError, match="bytes, where 262,144 are the limit"):
        pypi.fetch_graph(tmp_path / "graph.pb")


def test_extra_indexes_are_asked_only_when_the_first_has_it_not(
    index: web.Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "index-url": f"{index.url}/empty/",
        "extra-index-url": f"file:///nowhere {index.url}/simple/",
    }
    monkeypatch.setattr(pypi, "pip_settings", lambda: settings)
    pypi.fetch_graph(tmp_path / "graph.pb")
    assert index.asked == ["/empty/nudity/", "/simple/nudity/", f"/files/{pypi.FILE}"]


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
