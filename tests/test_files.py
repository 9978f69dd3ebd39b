"""What may be replaced: files by files, packages by packages, and nothing else."""

import ctypes
import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mobilenet.common import exchange, files
from mobilenet.common.errors import ConfigError, PackageError, UserError

MANIFEST = {"itemInfoEntries": {"A": {"path": "model"}}, "rootModelIdentifier": "A"}


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("irreplaceable")
    return folder


def package(folder: Path, name: str = "old", manifest: object = MANIFEST) -> Path:
    folder.mkdir()
    (folder / name).write_text(name)
    (folder / files.MANIFEST).write_text(json.dumps(manifest))
    return folder


def replace_package(path: Path) -> None:
    with files.replacing(path) as temporary:
        package(temporary, "new")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_replaces_a_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        files.check_file(tmp_path / "new" / "x")
        files.write_atomically(tmp_path / "new" / "x", data)
        assert (tmp_path / "new" / "x").read_bytes() == data
    assert names(tmp_path / "new") == ["x"]


def test_a_file_never_replaces_a_folder(precious: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        files.check_file(precious)
    with pytest.raises(ConfigError, match="is a folder"):
        files.write_atomically(precious, b"")
    link = precious.with_name("link")
    link.symlink_to(precious)
    with pytest.raises(ConfigError, match="is a folder"):
        files.write_atomically(link, b"")
    assert names(precious) == ["thesis.txt"]
    assert names(precious.parent) == ["link", "precious"]


@pytest.mark.parametrize(
    "manifest",
    [None, [], {}, {**MANIFEST, "rootModelIdentifier": "B"}, {**MANIFEST, "itemInfoEntries": "A"},
     {"name": "a web app"}, {**MANIFEST, "rootModelIdentifier": []}],
)  # fmt: skip
def test_a_package_never_replaces_another_folder(precious: Path, manifest: object) -> None:
    if manifest is not None:
        (precious / files.MANIFEST).write_text(json.dumps(manifest))
    before = names(precious)
    with pytest.raises(PackageError, match="is not a model package"):
        files.check_package(precious)
    with pytest.raises(PackageError, match="is not a model package"):
        replace_package(precious)
    assert names(precious) == before


def test_a_package_never_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(PackageError, match="is not a model package"):
        files.check_package(path)
    with pytest.raises(PackageError, match="is not a model package"):
        replace_package(path)
    assert path.read_text() == "mine"


def test_a_package_replaces_a_package_whole(tmp_path: Path) -> None:
    path = package(tmp_path / "net.mlpackage")
    files.check_package(path)
    replace_package(path)
    assert names(path) == [files.MANIFEST, "new"]
    assert names(tmp_path) == ["net.mlpackage"]


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name, target in (("made", "elsewhere/made"), ("file", "elsewhere/file")):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "elsewhere" / "file").write_text("old")
    for name in ("made", "file"):
        files.write_atomically(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "elsewhere" / name).read_bytes() == b"new"
    link = tmp_path / "net.mlpackage"
    link.symlink_to(package(tmp_path / "elsewhere" / "net"))
    files.check_package(link)
    replace_package(link)
    assert link.is_symlink()
    assert names(tmp_path / "elsewhere" / "net") == [files.MANIFEST, "new"]
    assert names(tmp_path) == ["elsewhere", "file", "made", "net.mlpackage"]
    assert names(tmp_path / "elsewhere") == ["file", "made", "net"]


def test_a_link_to_no_package_is_an_error_before_work(tmp_path: Path, precious: Path) -> None:
    for name, target in (("dangling", "nothing"), ("folder", "precious")):
        (tmp_path / name).symlink_to(target)
    with pytest.raises(PackageError, match="is a link to nothing, which does not exist"):
        files.check_package(tmp_path / "dangling")
    with pytest.raises(PackageError, match="is not a model package"):
        files.check_package(tmp_path / "folder")
    assert names(precious) == ["thesis.txt"]


@pytest.mark.parametrize("check", [files.check_file, files.check_package])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_name_is_as_long_as_the_disk_takes(
    tmp_path: Path, letter: str, check: Callable[[Path], None]
) -> None:
    longest = letter * (os.pathconf(tmp_path, "PC_NAME_MAX") // len(letter.encode()))
    for path in (tmp_path / longest, tmp_path / "new" / longest):
        check(path)
        files.write_atomically(path, b"whole")
        assert path.read_bytes() == b"whole"
        with pytest.raises(ConfigError, match="bytes"):
            check(path.with_name(longest + letter))


def test_names_change_places_in_one_step(tmp_path: Path, precious: Path) -> None:
    file = tmp_path / "file"
    file.write_text("file")
    if not exchange.exchange(file, precious):
        pytest.skip("this disk cannot")
    assert names(file) == ["thesis.txt"]
    assert precious.read_text() == "file"
    with pytest.raises(FileNotFoundError, match="missing"):
        exchange.exchange(file, tmp_path / "missing")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_disk_without_exchange_gets_two_renames(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = SimpleNamespace(renameat2=lambda *_: -1, renamex_np=lambda *_: -1)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    monkeypatch.setattr(ctypes, "get_errno", lambda: number)
    path = package(tmp_path / "net.mlpackage")
    replace_package(path)
    assert names(path) == [files.MANIFEST, "new"]
    assert names(tmp_path) == ["net.mlpackage"]


def test_what_cannot_be_there_is_an_error_before_work(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "circle", tmp_path / "file" / "x"):
        for act in (files.check_file, files.check_package, replace_package):
            with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
                act(path)
    assert names(tmp_path) == ["circle", "file"]


def test_an_output_is_no_input(tmp_path: Path, precious: Path) -> None:
    source = precious / "thesis.txt"
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "hard").hardlink_to(source)
    for output in (source, tmp_path / "link", tmp_path / "hard", precious / ".." / "link"):
        with pytest.raises(ConfigError, match="would replace what is read"):
            files.check_file(output, [tmp_path / "nothing", source])
    with pytest.raises(ConfigError, match="would replace what is read"):
        files.check_file(precious / "new", [precious])
    files.check_file(precious / "new", [source])
    (precious / files.MANIFEST).write_text(json.dumps(MANIFEST))
    with pytest.raises(PackageError, match="would replace what is read"):
        files.check_package(precious, [source])


def test_a_fifo_is_written_through(tmp_path: Path) -> None:
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    files.check_file(fifo, [fifo])
    files.write_atomically(fifo, b"through")
    reader.join(10)
    assert read == [b"through"]
    assert fifo.is_fifo()
    for act in (files.check_regular_file, files.check_package, replace_package):
        with pytest.raises(UserError):
            act(fifo)
    assert fifo.is_fifo()
    assert names(tmp_path) == ["fifo"]


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    file, fifo, socket_path = tmp_path / "file", tmp_path / "fifo", tmp_path / "socket"
    file.write_bytes(b"12345")
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to(fifo)
    with files.open_regular(file, 5) as opened:
        assert (opened.read(), Path(opened.name)) == (b"12345", file)
    with pytest.raises(ConfigError, match="has 5 bytes"):
        files.open_regular(file, 4)
    for path in (fifo, tmp_path / "link", Path(os.devnull)):
        with pytest.raises(ConfigError, match="is a device or a pipe"):
            files.open_regular(path, 5)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(socket_path))
        for path in (tmp_path, socket_path, tmp_path / "nothing"):
            with pytest.raises(OSError, match=str(path)):
                files.open_regular(path, 5)


def test_a_device_is_written_through() -> None:
    files.check_file(Path(os.devnull))
    files.write_atomically(Path(os.devnull), b"gone")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
@pytest.mark.parametrize("piped", [True, False])
def test_standard_output_is_written_through(name: str, piped: bool, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from mobilenet.common import files\n"
        f"for data in (b'one ', b'two '): files.write_atomically(Path({name!r}), data)\n"
        "print('end')"
    )
    command, output = [sys.executable, "-c", code], tmp_path / "output"
    with output.open("w+b") as file:
        file.write(b"before ")
        file.flush()
        target = subprocess.PIPE if piped else file
        done = subprocess.run(command, stdout=target, check=True)
    assert (b"before " + done.stdout if piped else output.read_bytes()) == b"before one two end\n"
