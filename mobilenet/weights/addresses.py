"""Web addresses: what of them may be shown, and where a redirect may lead."""

import re
from urllib.parse import urljoin, urlsplit

SCHEMES = ("http", "https")
UNREADABLE = "an address that cannot be read"
ADDRESS_IN_TEXT = re.compile(r"\S*(?:://|@|\?)\S*")


def shown(url: str) -> str:
    """The address without user, password, query and fragment: a query may be a signature.

    >>> shown("https://me:secret@example.org/model.tgz?token=secret")
    'https://example.org/model.tgz'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return UNREADABLE
    # A password with an unquoted / or ? in it ends the host too early; the rest has the @.
    is_cut = port is not None and "@" in url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    if not parts.hostname or is_cut:
        return UNREADABLE
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def host(url: str) -> str:
    """The name of the machine that is asked."""
    return (urlsplit(url).hostname or "") if shown(url) != UNREADABLE else UNREADABLE


def is_web(url: str) -> bool:
    """Whether a web server can be asked for it."""
    return shown(url) != UNREADABLE and urlsplit(url).scheme in SCHEMES


def without_addresses(text: str) -> str:
    """A library's message, from which every address is taken: it may hold a password."""
    return ADDRESS_IN_TEXT.sub("...", text)


def redirected(url: str, location: str) -> str:
    """Where the server at `url` sends us; `location` is the header as it came.

    Raises `ValueError`, in words that follow the server's name, for what is not to be followed.
    """
    try:
        target = urljoin(url, location.encode("latin-1").decode())  # UTF-8, whatever HTTP says
        parts = urlsplit(target)
    except ValueError:
        raise ValueError(f"redirects to {UNREADABLE}") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ValueError(f"redirects to {parts.scheme}:..., which is no web address")
    if urlsplit(url).scheme == "https" and parts.scheme == "http":
        raise ValueError(f"redirects from https to {shown(target)}, which anybody can forge")
    return target
