"""What the words of `export run` become: photographs, arrays, numbers; and what is none."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from export.answers.model_answer import answer
from export.coremltools_import import coremltools
from mobilenet.common.errors import ConfigError
from programs import save
from test_run_command import photograph, reader, run


def test_a_turned_photograph_is_upright(tmp_path: Path) -> None:
    """EXIF 6: what is left in the file is above."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = reader(tmp_path / "r.mlpackage")
    turned = photograph(tmp_path / "t.jpg", exif=exif.tobytes())
    values = answer(path, [str(turned)]).outputs["y"][0]
    assert values[0, 2, 8] > 2 * values[2, 2, 8]
    assert values[2, 13, 8] > 2 * values[0, 13, 8]


def test_arrays_numbers_and_lists(tmp_path: Path, capsys: Any) -> None:
    examples = [np.zeros((2, 3), np.float32), np.zeros(1, np.float32)]
    path = save(tmp_path / "a.mlpackage", lambda mb, x, y: mb.mul(x=x, y=y, name="z"), examples)
    values = np.arange(6).reshape(2, 3)
    np.save(tmp_path / "x.npy", values)
    for given in (f"x0={tmp_path}/x.npy", "x0=[[0,1,2],[3,4,5]]", "x0=[0,1,2,3,4,5]"):
        outputs = answer(path, [], [given, "x1=0.5"]).outputs
        assert outputs["z"].tolist() == (values / 2).tolist()
    assert run(path, "--input", "x0=[0,1,2,3,4,5]", "--input", "x1=0.5") == 0
    cells = capsys.readouterr().out.splitlines()[-1].split("  ")
    assert [cell.strip() for cell in cells if cell] == [
        "z", "float32", "2 x 3", "0", "2.5", "0, 0.5, 1, 1.5, 2, 2.5"
    ]  # fmt: skip


def test_several_pictures_go_by_their_names(tmp_path: Path) -> None:
    ct = coremltools()
    images = [ct.ImageType(name, (1, 3, 4, 4)) for name in ("x0", "x1")]
    examples = [np.zeros((1, 3, 4, 4), np.float32)] * 2
    path = save(tmp_path / "t.mlpackage", lambda mb, x, y: mb.sub(x=x, y=y, name="z"), examples,
                inputs=images)  # fmt: skip
    for name, shade in (("light.png", 90), ("dark.png", 20)):
        Image.new("RGB", (9, 9), (shade,) * 3).save(tmp_path / name)
    words = [f"x1={tmp_path}/dark.png", f"x0={tmp_path}/light.png"]
    assert (answer(path, words).outputs["z"] == 70).all()
    with pytest.raises(ConfigError, match="several inputs that are images, 'x0', 'x1'"):
        answer(path, [str(tmp_path / "dark.png")])


LYING = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }"
).ljust(128)


class Intruder:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("intruder"),)


def stored(array: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no array", "cannot be read"),
        (LYING, "cannot be read"),
        (stored(np.array(["a"] * 6)), "float32 of shape (2, 3) is needed"),
        (stored(np.array([Intruder()] * 6)), "cannot be read"),
    ],
    ids=["text", "a header that lies", "strings", "code"],
)
def test_arrays_of_strangers(
    content: bytes, said: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "a.mlpackage", lambda mb, x: mb.relu(x=x),
                [np.zeros((2, 3), np.float32)])  # fmt: skip
    (tmp_path / "x.npy").write_bytes(content)
    assert run(path, "--input", f"x0={tmp_path}/x.npy") == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "intruder").exists()


MISTAKES = [
    ([], "input 'x0' is missing, an image of 16 x 16 pixels (--image x0=photo.jpg)"),
    (["--image", "{photo}", "--input", "x1=1"], "input 'x1' is unknown"),
    (["--image", "{photo}", "--input", "x0=1"], "input 'x0' is an image"),
    (["--image", "{photo}", "--input", "x0"], "input x0 has no value"),
    (["--image", "{model}"], "Is a directory"),
    (["--image", "none.jpg"], "No such file"),
    (["--image", "{photo}", "--drawing", "d.png"], "no boxes and no classes of pixels"),
    (["--image", "{photo}", "--drawing", "d.txt"], "a picture: .png"),
    (["--image", "{photo}", "--drawing", "{model}/d.png"], "would replace what is read"),
    (["--image", "{photo}", "-o", "{photo}"], "is no folder"),
    (["--image", "{photo}", "-o", "o.txt"], "would be of an unknown kind, .txt"),
    (["--image", "{photo}", "--image", "{photo}"], "input 'x0' is given twice"),
    (["--image", "{photo}", "-o", "{model}/o.npz"], "would replace what is read"),
    (["--image", "{photo}", "--function", "other"], "no function 'other'"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reader(tmp_path_factory.mktemp("model") / "r.mlpackage")


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_mistakes_are_one_line_and_write_nothing(
    words: list[str], said: str, model: Path, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = photograph(tmp_path / "photo.png")
    before = photo.read_bytes()
    assert run(model, *(word.format(photo=photo, model=model) for word in words)) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert [*tmp_path.iterdir()] == [photo]
    assert photo.read_bytes() == before
