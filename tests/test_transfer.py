"""What a network does, as errors of ours."""

import ssl
from pathlib import Path

import pytest
import requests

from mobilenet.common.errors import UnreachableError
from mobilenet.weights import transfer
from mobilenet.weights.download import download


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILENET_CACHE", str(tmp_path / "cache"))


def test_a_forged_certificate_is_not_tried_again() -> None:
    """As requests and urllib3 wrap it; a handshake that fails otherwise may go well later."""

    def translated(cause: ssl.SSLError) -> Exception:
        wrapped = requests.exceptions.SSLError("Max retries exceeded with url: /x?token=SECRET")
        wrapped.__context__ = cause
        return transfer._translated(wrapped, "https://user:SECRET@example.org/x")

    error = translated(ssl.SSLCertVerificationError(1, "self-signed certificate"))
    assert isinstance(error, UnreachableError)
    assert error.message == "example.org cannot be trusted (self-signed certificate)"
    assert "REQUESTS_CA_BUNDLE" in error.hint
    assert isinstance(translated(ssl.SSLEOFError(8, "EOF")), transfer.TransferError)


def test_certificates_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"cannot be asked \(.*nowhere"):
        download("https://127.0.0.1:9/x", tmp_path / "x", certificates=str(tmp_path / "nowhere"))
