"""What is killed by attacks/attack_kills.py: commands that write, small, on untrained networks."""

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

import made_results as made
from bench.accuracy.command import log_path
from bench.results import jsonl
from bench.results.records import Case, Launch
from export.package.model_files import find
from export.pipeline import export
from export.spec import Variant
from killing import Command, Result, emptied
from mobilenet import store
from mobilenet.common.errors import UserError
from mobilenet.networks.v1 import MobileNetConfig

SMALL = ("--alpha", "0.25", "--weights", "untrained", "--no-verify")
ROUNDS, PHOTOGRAPHS = 3, 24
SYNSETS = ("n01440764", "n01443537")


def identity(path: Path) -> str:
    """Of the package at `path`; empty where none is, or one that is not whole."""
    try:
        return find(path).identity()
    except (OSError, UserError):
        return ""


class Weights:
    """`mobilenet weights --save` over the file that is there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.stands = folder, folder / "w.safetensors", False

    def command(self) -> Command:
        size = ("--alpha", "0.25", "--resolution", "32")
        arguments = ["-m", "mobilenet", "weights", "untrained", *size, "--save", str(self.path)]
        return Command("weights --save", arguments)

    def broken(self) -> int:
        try:
            store.load(self.path)
        except (OSError, UserError):
            return int(self.stands)
        return 0

    def result(self) -> Result:
        self.stands = True
        return Result(self.broken())

    def renew(self) -> None:
        """The file stays."""


class Export:
    """`export` of two networks in turn, over the package that is there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "net.mlpackage"
        self.shallow, self.stands = False, False
        with tempfile.TemporaryDirectory() as name:
            self.identities = [
                export(
                    Variant(alpha=0.25, resolution=32, shallow=shallow, weights="untrained"),
                    Path(name, f"{shallow}.mlpackage"), verify=False,
                ).identity
                for shallow in (False, True)
            ]  # fmt: skip

    def command(self) -> Command:
        options = ["--resolution", "32", *(["--shallow"] if self.shallow else [])]
        return Command("export", ["-m", "export", *SMALL, *options, "-o", str(self.path)])

    def broken(self) -> int:
        return int(self.stands and identity(self.path) not in self.identities)

    def result(self) -> Result:
        self.stands = True
        return Result(int(identity(self.path) != self.identities[self.shallow]))

    def renew(self) -> None:
        self.shallow = not self.shallow


class ExportAll:
    """`export all` of two networks by two workers, over the packages that are there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.identities = folder, dict[Path, str]()

    def command(self) -> Command:
        grid = ["--resolution", "32", "64", "--depth", "deep", "--workers", "2"]
        return Command("export all", ["-m", "export", "all", *SMALL, *grid, "-o", "models"])

    def broken(self) -> int:
        return sum(identity(path) != known for path, known in self.identities.items())

    def result(self) -> Result:
        models = self.folder / "models"
        rows = json.loads((models / "manifest.json").read_bytes())["rows"]
        if not self.identities:
            self.identities = {path: identity(path) for path in models.glob("*.mlpackage")}
        failed = sum(row["status"] != "exported" for row in rows)
        return Result(self.broken() + failed + 2 - len(self.identities))

    def renew(self) -> None:
        """The packages stay."""


class Session:
    """`bench run`, and `bench resume` for as long as there is something to go on with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "session.jsonl"
        self.package = small_package(folder.with_name("session.mlpackage"))
        self.seen, self.is_begun = set[tuple[str, int]](), False

    def command(self) -> Command:
        if self.path.exists():
            return Command("bench resume", ["-m", "bench", "resume", str(self.path)])
        plan = ["--quick", "--rounds", str(ROUNDS), "--runtime", "portable"]
        arguments = ["-m", "bench", "run", str(self.package), *plan, "-o", str(self.path)]
        return Command("bench run", arguments)

    def broken(self) -> int:
        launches = self.launches()
        lost = len(self.seen - set(launches))
        self.seen = set(launches)
        return lost

    def result(self) -> Result:
        launches = self.launches()
        with jsonl.resume(self.path) as (_, records):
            cases = [record.case for record in records if isinstance(record, Case)]
        every = {(case, number) for case in cases for number in range(ROUNDS)}
        return Result(len(every - set(launches)), launches.total() - len(launches))

    def launches(self) -> Counter[tuple[str, int]]:
        if not self.path.exists():
            return Counter()
        with jsonl.resume(self.path) as (_, records):
            return Counter((r.case, r.round) for r in records if isinstance(r, Launch))

    def renew(self) -> None:
        """Begin a session, and every other time go on with one that has just begun."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        emptied(self.path)
        self.seen, self.is_begun = set(), not self.is_begun
        if self.is_begun:
            self.path.write_bytes(b"".join(line for line in lines if b'"launch"' not in line))


class Accuracy:
    """`bench accuracy`, which the same command goes on with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "accuracy.jsonl"
        self.package = small_package(folder.with_name("accuracy.mlpackage"))
        self.photographs = photographs(folder.with_name("photographs"))
        self.seen: set[str] = set()

    def command(self) -> Command:
        options = ["--runtime", "portable", "--data", str(self.photographs), "--jobs", "2"]
        arguments = ["-m", "bench", "accuracy", str(self.package), *options, "-o", str(self.path)]
        return Command("bench accuracy", arguments)

    def broken(self) -> int:
        answered = self.answered()
        lost = len(self.seen - set(answered))
        self.seen = set(answered)
        return lost

    def result(self) -> Result:
        answered = self.answered()
        lost = PHOTOGRAPHS - len(answered) + (not self.path.exists())
        return Result(lost, answered.total() - len(answered))

    def answered(self) -> Counter[str]:
        path = log_path(self.path)
        lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
        return Counter(json.loads(line)["image"] for line in lines)

    def renew(self) -> None:
        emptied(self.path, log_path(self.path))
        self.seen = set()


class Page:
    """`reports page` over the page that is there; every other time without a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.page = folder, folder / "page.html", b""
        self.cache, self.is_cached = folder / "cache", True
        cases = [made.case(made.model(MobileNetConfig(0.25, 128)))]
        launches = made.launches(cases, {cases[0].case: 2.0}, 6, 10, 1)
        records = (made.session(6, 10), *cases, *launches)
        self.results = made.write(folder.with_name("results.jsonl"), records)

    def command(self) -> Command:
        return Command(
            "reports page",
            ["-m", "reports", "page", str(self.results), "-o", str(self.path)],
        )

    def broken(self) -> int:
        return int(bool(self.page) and self.path.read_bytes() != self.page)

    def result(self) -> Result:
        self.page = self.page or self.path.read_bytes()
        return Result(self.broken())

    def renew(self) -> None:
        self.is_cached = not self.is_cached
        if not self.is_cached:
            emptied(self.cache)


def small_package(path: Path) -> Path:
    """An untrained network, exported."""
    return export(Variant(alpha=0.25, resolution=32, weights="untrained"), path, verify=False).path


def photographs(folder: Path) -> Path:
    """Noise of two classes."""
    noise = np.random.default_rng(1)
    for number in range(PHOTOGRAPHS):
        path = folder / SYNSETS[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (48, 48, 3), np.uint8)).save(path)
    return folder
