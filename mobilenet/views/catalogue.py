"""The table of `python -m mobilenet weights`: what was published."""

from itertools import groupby
from typing import Any, NamedTuple

from mobilenet.common import terminal
from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.weights import bundled, cache, fetch, pypi
from mobilenet.weights.published import NEVER_PUBLISHED
from mobilenet.weights.releases import RELEASES, Release

AUTHORS, OTHERS = "the authors", ("timm", "torchvision")
CACHED, BUNDLED, DAMAGED = "cached", "bundled", "damaged"
HEADERS = ("network", "alpha", "input", "top-1 %", "top-5 %", "--weights", "trained by")


class AskedKnobs(NamedTuple):
    """Which releases are listed: all where nothing is asked for."""

    network: str | None = None
    alpha: float | None = None
    resolution: int | None = None

    def fit(self, release: Release) -> bool:
        """Whether the release is of what is asked for."""
        knobs = release.network, release.alpha, release.resolution
        return all(ours in (None, its) for ours, its in zip(self, knobs, strict=True))


def show(asked: AskedKnobs, *, json: bool) -> None:
    """What was published, how accurate it is, and what of it is in the cache.

    Raises `ConfigError` where nothing was published of what is asked for.
    """
    packaged = [packaged.release for packaged in pypi.PACKAGED]
    releases = [release for release in (*RELEASES, *packaged) if asked.fit(release)]
    if not releases:
        knobs = [f"{name} {value}" for name, value in asked._asdict().items() if value is not None]
        raise ConfigError(f"nothing was published of {', '.join(knobs)}", "list all: leave it out")
    states = {release: _state(release) for release in releases}
    if json:
        terminal.print_json([_row(release, state) for release, state in states.items()])
        return
    rows, listed = [], [release for release in releases if release not in packaged]
    for (network, alpha, size, maker, _), group in groupby(sorted(listed, key=_line), _line):
        same = list(group)
        best = same[0]
        names = ", ".join(release.word + _mark(states[release]) for release in same)
        top5 = f"{best.top5 or '-'}"
        rows.append(
            (network, f"{-alpha:g}", f"{-size}", f"{best.top1}", top5, names, maker or AUTHORS)
        )
    terminal.table(HEADERS, rows, words=(HEADERS[0], *HEADERS[-2:]))
    terminal.say()
    terminal.say(f"accuracies are those of the float weights as published; {NEVER_PUBLISHED}")
    if pypi.CLASSIFIER.release in states:
        terminal.say(
            f"v1 of alpha 1, input 224 is on PyPI, too{_mark(states[pypi.CLASSIFIER.release])}: "
            f"inside {pypi.CLASSIFIER.file}, for machines that reach nothing but an index"
        )
    person = pypi.PERSON.release
    if person in states:
        terminal.say(
            f"--weights {person.word}{_mark(states[person])}: a detector of one class, SSDLite on "
            f"{person.network}, alpha {person.alpha:g}, input {person.resolution}, inside "
            f"{pypi.PERSON.file}"
        )
    terminal.say(
        f"* at hand: in the cache, {cache.cache_folder()}, or in this package "
        f"({bundled.RELEASE.name})"
    )


def _line(release: Release) -> tuple[str, float, int, str, str]:
    """Releases of one line share the accuracy: all but others' are the authors' own weights."""
    maker = release.family if release.family in OTHERS else ""
    return release.network, -release.alpha, -release.resolution, maker, release.edition


def _state(release: Release) -> str:
    if release == bundled.RELEASE:
        return BUNDLED
    try:
        return CACHED if fetch.cached(release) else ""
    except CheckpointError:
        return DAMAGED


def _mark(state: str) -> str:
    return {CACHED: "*", BUNDLED: "*", DAMAGED: " (damaged in the cache)"}.get(state, "")


def _row(release: Release, state: str) -> dict[str, Any]:
    return {
        "family": release.family, "edition": release.edition or None, "network": release.network,
        "head": release.head, "alpha": release.alpha, "resolution": release.resolution,
        "top1": release.top1, "top5": release.top5, "source": release.source,
        "licence": release.licence, "url": release.url, "cache": state or None,
    }  # fmt: skip
