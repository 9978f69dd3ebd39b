"""Xcode's tools, by way of xcrun: command lines as lists, and a time limit to each."""

import subprocess

from mobilenet.common.errors import PlaceLostError, UnsupportedError


def xcrun(*words: str, limit_s: float) -> tuple[int, str]:
    """The exit code, and all that was printed.

    Raises `UnsupportedError` where there is no Xcode or the line is too long, and
    `PlaceLostError` after `limit_s`.
    """
    line = ["xcrun", *words]
    try:
        done = subprocess.run(
            line, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit_s,
        )  # fmt: skip
    except FileNotFoundError:
        raise UnsupportedError(
            "phones are reached by Xcode's devicectl, and there is no xcrun here",
            "a Mac with Xcode 15.3 or later is needed",
        ) from None
    except OSError as error:  # a job with more inputs than a command line takes
        raise UnsupportedError(
            f"xcrun {words[0]} cannot be started: {error.strerror}",
            "leave out packages with very many inputs",
        ) from None
    except subprocess.TimeoutExpired:
        raise PlaceLostError(
            f"{words[0]} did not end within {limit_s:.0f} s",
            "connect the phone by cable and unlock it; if that does not help, restart it",
        ) from None
    return done.returncode, done.stdout
