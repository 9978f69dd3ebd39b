"""What is shown of addresses, and where redirects may lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilenet.weights.addresses import UNREADABLE, host, redirected, shown, without_addresses


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://example.org:8443/a/b.tgz", "https://example.org:8443/a/b.tgz"),
        ("https://me:secret@example.org/b.tgz", "https://example.org/b.tgz"),
        ("https://me:sec@ret@example.org/b.tgz", "https://example.org/b.tgz"),
        ("https://me:secret@[::1]:80/b", "https://[::1]:80/b"),
        ("https://example.org/b?token=secret#secret", "https://example.org/b"),
        ("https://me:sec/ret@example.org/b", UNREADABLE),
        ("https://me:12/secret@example.org/b", UNREADABLE),
        ("https://me:12?secret@example.org/b", UNREADABLE),
        ("https://[secret", UNREADABLE),
        ("https://host:99999999/secret", UNREADABLE),
        ("secret", UNREADABLE),
        ("", UNREADABLE),
    ],
)
def test_no_password_is_shown(url: str, text: str) -> None:
    assert shown(url) == text
    assert "secret" not in host(url)


@given(st.text(max_size=20), st.sampled_from(["https://u:{}@host/p", "http://host/p?sig={}"]))
def test_no_secret_is_shown_whatever_its_characters(secret: str, template: str) -> None:
    secret = f"SECRET{secret}"
    assert "SECRET" not in shown(template.format(secret))
    assert "SECRET" not in host(template.format(secret))
    text = f"Failed to parse: {template.format('SECRET')} (bad port)"
    assert without_addresses(text) == "Failed to parse: ... (bad port)"


def test_redirects_stay_on_the_web() -> None:
    assert redirected("https://a/b/c", "../d?x") == "https://a/d?x"
    assert redirected("http://a/b", "https://b/c") == "https://b/c"
    assert redirected("https://a/b", "//b/c") == "https://b/c"
    for location in ("file:///etc/passwd", "ftp://a/b", "javascript:alert(1)"):
        with pytest.raises(ValueError, match="which is no web address"):
            redirected("http://a/b", location)
    with pytest.raises(ValueError, match="redirects to an address that cannot be read"):
        redirected("http://a/b", "http://[")
    with pytest.raises(ValueError, match="from https to http://b/c, which anybody can forge"):
        redirected("https://a/b", "http://b/c?signed=x")
