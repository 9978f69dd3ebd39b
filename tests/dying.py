"""System calls of which one fails, or at which the process dies: each in turn.

`python tests/dying.py` is run by tests/attacks/test_attack_writes.py: it forks, and pytest has
threads. It prints how many places it tried.
"""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.results import jsonl
from bench.results.records import Case, Launch, Model, Record
from mobilenet.common import exchange, files

CALLS = ("open", "mkdir", "rename", "replace", "unlink", "rmdir", "link", "fsync", "close")
NOT_REACHED, DONE, FAILED, DEAD = range(4)
CASE = Case(
    case="a", model=Model(name="a", identity="0", size_bytes=1), runtime="fake", unit="CPU"
)
LAUNCHES = [
    Launch(case="a", round=number, position=0, started="now", status="ok") for number in range(3)
]


def in_child(work: Callable[[], None], place: int, dies: bool) -> int:
    """Do `work` in a fork whose call number `place` fails, or kills it; what became of it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    calls = 0

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*args: object, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            if calls == place:
                if dies:
                    os._exit(DEAD)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return call(*args, **kwargs)

        return wrapper

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    files.exchange = counted(files.exchange)
    try:
        work()
    except Exception as error:
        if not isinstance(error, OSError) and not isinstance(error.__cause__, OSError):
            raise
        os._exit(FAILED)
    os._exit(DONE if calls >= place else NOT_REACHED)


def everywhere(work: Callable[[], None], dies: bool) -> Iterator[int]:
    """What became of `work`, for a fault at each of its calls."""
    place = 1
    while (ended := in_child(work, place, dies)) != NOT_REACHED:
        yield ended
        place += 1


def package(folder: Path, content: str) -> None:
    """A package of which every part says `content`."""
    (folder / "Data").mkdir(parents=True)
    (folder / "Data" / "weights").write_text(content)
    manifest = f'{{"itemInfoEntries": {{"{content}": 0}}, "rootModelIdentifier": "{content}"}}'
    (folder / files.MANIFEST).write_text(manifest)


def content(path: Path) -> str:
    """Which package or file is at `path`, whole; fails where none is."""
    if path.is_file():
        return path.read_text()
    said = (path / "Data" / "weights").read_text()
    assert files.is_package(path)
    assert f'"{said}"' in (path / files.MANIFEST).read_text()
    assert len(list(path.rglob("*"))) == 3
    return said


def put(path: Path, said: str) -> None:
    """Replace what is at `path`."""
    with files.replacing(path) as temporary:
        if path.suffix:
            package(temporary, said)
        else:
            temporary.write_text(said)


def attack_replacing(path: Path, dies: bool) -> Iterator[int]:
    """Old or new is whole under its name, and the next run leaves nothing else."""
    put(path, "old")
    for ended in everywhere(lambda: put(path, "new"), dies):
        files.recover(path)
        assert content(path) in (["new"] if ended == DONE else ["old", "new"]), ended
        put(path, "old")
        assert content(path) == "old"
        assert list(path.parent.iterdir()) == [path]
        yield ended


def attack_journal(path: Path, dies: bool) -> Iterator[int]:
    """What was acknowledged is there, once, and a resumed session completes it."""
    acknowledged = path.parent.with_suffix(".acknowledged")
    acknowledged.unlink(missing_ok=True)

    def work() -> None:
        with jsonl.create(path, [CASE]) as file:
            for launch in LAUNCHES:
                file.append(launch)
                with acknowledged.open("ab") as note:
                    note.write(b".")

    for ended in everywhere(work, dies):
        number = acknowledged.stat().st_size if acknowledged.exists() else 0
        complete(path, number)
        assert list(path.parent.iterdir()) == [path]
        path.unlink()
        acknowledged.unlink(missing_ok=True)
        yield ended


def complete(path: Path, number: int) -> None:
    """Go on with a session of which at least `number` launches were acknowledged."""
    if not path.exists():
        assert not number
        with jsonl.create(path, [CASE]):
            pass
    with jsonl.resume(path) as (file, records):
        done = records[1:]
        assert records == [CASE, *LAUNCHES[: len(done)]]
        assert len(done) >= number
        for launch in LAUNCHES[len(done) :]:
            file.append(launch)
    with jsonl.resume(path) as (_, records):
        expected: list[Record] = [CASE, *LAUNCHES]
        assert records == expected


@contextmanager
def without_exchange() -> Iterator[None]:
    """A file system that cannot exchange names."""
    files.exchange = lambda *_: False
    yield
    files.exchange = exchange.exchange


def main() -> None:
    """Every attack, with every fault, at every place."""
    tried = 0
    os.fsync = lambda _: None  # the disk of a busy machine takes its time, and is not in question
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "folder"
        for dies in (True, False):
            for path in (folder / "net.mlpackage", folder / "file"):
                tried += len(list(attack_replacing(path, dies)))
                shutil.rmtree(folder)
            with without_exchange():
                tried += len(list(attack_replacing(folder / "net.mlpackage", dies)))
            shutil.rmtree(folder)
            tried += len(list(attack_journal(folder / "results.jsonl", dies)))
            shutil.rmtree(folder)
    print(tried)


if __name__ == "__main__":
    sys.exit(main())
