"""What is killed by attacks/attack_kills.py: `bench app`, which writes a folder of many files."""

import hashlib
import tempfile
from pathlib import Path

from bench.app.app_command import AppOptions, write_app
from kill_scenarios import small_package
from killing import Command, Result


def digest(folder: Path) -> str:
    """Of all names and contents; of a folder that is not there the digest of nothing."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return total.hexdigest()


class AppFolder:
    """`bench app` with two plans in turn, over the folder that is there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "App"
        self.quick, self.stands = False, False
        self.package = small_package(folder.with_name("app.mlpackage"))
        with tempfile.TemporaryDirectory() as name:
            self.digests = []
            for quick in (False, True):
                options = AppOptions(unit=("ALL",), quick=quick)
                write_app([self.package], Path(name, "App"), options)
                self.digests.append(digest(Path(name, "App")))

    def command(self) -> Command:
        plan = ["--unit", "ALL", *(["--quick"] if self.quick else [])]
        arguments = ["-m", "bench", "app", str(self.package), *plan, "-o", str(self.path)]
        return Command("bench app", arguments)

    def broken(self) -> int:
        return int(self.stands and digest(self.path) not in self.digests)

    def result(self) -> Result:
        self.stands = True
        return Result(int(digest(self.path) != self.digests[self.quick]))

    def renew(self) -> None:
        self.quick = not self.quick
