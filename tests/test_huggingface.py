"""A repository as Hugging Face serves it, from a loopback that stands for it."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import web
from mobilenet.common.errors import CheckpointError, UnreachableError
from mobilenet.weights import download, huggingface

BASE = "/timm/some/resolve/main"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[web.Web]:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PATIENCE", web.IMPATIENT)
    with web.serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
        server.answers[f"{BASE}/config.json"] = b"{}"
        server.answers[f"{BASE}/model.safetensors"] = b"weights"
        yield server


def fetch(folder: Path) -> dict[str, bytes]:
    huggingface.fetch("timm/some", folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_it_has_and_no_others(hub: web.Web, tmp_path: Path) -> None:
    contents = {"config.json": b"{}", "model.safetensors": b"weights"}
    assert fetch(tmp_path / "one") == contents
    hub.answers[f"{BASE}/preprocessor_config.json"] = b"[]"
    assert fetch(tmp_path / "two") == contents | {"preprocessor_config.json": b"[]"}


def test_weights_come_from_where_it_redirects_to(hub: web.Web, tmp_path: Path) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/store/abc?signature=secret")
        handler.end_headers()

    hub.answers[f"{BASE}/model.safetensors"] = redirect
    hub.answers["/store/abc?signature=secret"] = web.Versioned(b"stored", cuts=(2,))
    assert fetch(tmp_path / "folder")["model.safetensors"] == b"stored"
    assert hub.ranges[-2:] == ["bytes=2-", "bytes=2-"]


def test_what_it_must_have(hub: web.Web, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        without = hub.answers.pop(f"{BASE}/{name}")
        with pytest.raises(UnreachableError, match=f"answers 404 Not Found for .*{name}"):
            fetch(tmp_path / name)
        hub.answers[f"{BASE}/{name}"] = without
    hub.answers[f"{BASE}/preprocessor_config.json"] = 503
    with pytest.raises(UnreachableError, match="answers 503"):
        fetch(tmp_path / "unavailable")


def test_its_json_is_small(hub: web.Web, tmp_path: Path) -> None:
    hub.answers[f"{BASE}/config.json"] = b" " * (huggingface.MAX_JSON_BYTES + 1)
    with pytest.raises(CheckpointError, match="are the limit"):
        fetch(tmp_path / "folder")
