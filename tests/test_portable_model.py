"""A model from Python: the names, types and errors are those of `MLModel.predict`."""

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import export
import test_model_states
from export.coremltools_import import coremltools
from export.mil.read.specification import proto
from export.package.model_files import find
from export.runtimes.portable_model import PortableModel
from inspected import small
from mobilenet.common.errors import UnsupportedError
from programs import convert, save
from small_models import classifier
from test_picture_outputs import declare_image

PICTURE = Image.new("RGB", (16, 16), (200, 30, 90))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> PortableModel:
    folder = tmp_path_factory.mktemp("labelled")
    return export.load(small(folder / "m.mlpackage", labels=[f"kind {n}" for n in range(10)]))


def add(folder: Path, dtype: type = np.float32, **options: Any) -> Path:
    """x0 + x1, for arrays of (2, 3)."""
    examples = [np.zeros((2, 3), dtype)] * 2
    return save(folder / "a.mlpackage", lambda mb, x, y: mb.add(x=x, y=y), examples, **options)


def test_a_classifier_gives_a_label_and_a_dictionary_of_floats(labelled: PortableModel) -> None:
    outputs = labelled.predict({"image": PICTURE})
    (chances,) = (value for value in outputs.values() if isinstance(value, dict))
    assert list(chances) == [f"kind {n}" for n in range(10)]
    assert {type(value) for value in chances.values()} == {float}
    assert outputs["classLabel"] == max(chances, key=chances.__getitem__)
    assert sum(chances.values()) == pytest.approx(1, abs=1e-3)
    assert outputs.keys() == labelled.output_description.keys()
    assert [*labelled.input_description] == ["image"]


def test_labels_that_are_integers_stay_so(tmp_path: Path) -> None:
    outputs = export.load(small(tmp_path / "m.mlpackage", labels=[*range(10)])).predict(
        {"image": PICTURE}
    )
    assert type(outputs["classLabel"]) is int
    (chances,) = (value for value in outputs.values() if isinstance(value, dict))
    assert [*chances] == [*range(10)]


@pytest.mark.parametrize(
    "make",
    [
        lambda values: values,
        lambda values: values.astype(np.float16),
        lambda values: values.tolist(),
        lambda values: torch.tensor(values, requires_grad=True),
    ],
    ids=["numpy", "float16", "a list", "PyTorch"],
)
def test_arrays_of_any_maker_go_in_and_stay_as_they_are(
    make: Callable[[np.ndarray], Any], tmp_path: Path
) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = {"x0": make(values), "x1": values}
    (output,) = export.load(add(tmp_path)).predict(data).values()
    assert (output.dtype, output.tolist()) == (np.float32, (2 * values).tolist())
    assert type(data["x0"]) is type(make(values))


@pytest.mark.parametrize(
    ("declared", "given"),
    [(65568, np.float32), (65600, np.float64), (131104, np.int32), (65552, np.float32)],
)
def test_arrays_come_out_in_the_declared_type(declared: int, given: type, tmp_path: Path) -> None:
    """float16 as float32: Core ML's Python has no other (CoreMLPythonUtils.mm)."""
    path = add(tmp_path)
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    model.description.output[0].type.multiArrayType.dataType = declared
    specification.write_bytes(model.SerializeToString())
    values = np.full((2, 3), 2, np.float32)
    (output,) = export.load(path).predict({"x0": values, "x1": values}).values()
    assert output.dtype == given
    assert (output == 4).all()


@pytest.mark.parametrize("value", [[[1.0], [1.0, 2.0]], torch.zeros((2, 3), dtype=torch.bfloat16)])
def test_what_is_no_array_is_told_with_its_name(value: Any, tmp_path: Path) -> None:
    model = export.load(add(tmp_path))
    with pytest.raises(UnsupportedError, match="input 'x1' cannot be read: ") as caught:
        model.predict({"x0": np.zeros((2, 3), np.float32), "x1": value})
    assert "list of numbers" in caught.value.hint


def test_a_picture_comes_out_with_an_alpha_channel(tmp_path: Path) -> None:
    """As `convertImageValueToPython` makes it of 32BGRA; tests of coremltools say so as well."""
    values = np.full((1, 3, 2, 4), 7, np.float32)
    path = save(tmp_path / "p.mlpackage", lambda mb, x: mb.identity(x=x, name="y"), [values])
    declare_image(find(path).specification, 20)
    picture = export.load(path).predict({"x0": values})["y"]
    assert (picture.mode, picture.getpixel((0, 0))) == ("RGBA", (7, 7, 7, 255))


def test_a_list_is_a_batch(labelled: PortableModel) -> None:
    single = labelled.predict({"image": PICTURE})
    assert labelled.predict([{"image": PICTURE}, {"image": PICTURE}]) == [single, single]
    assert labelled.predict([]) == []


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ({}, TypeError, "'image' is a NoneType: give a PIL image of mode RGB"),
        ({"image": np.zeros((16, 16, 3), np.uint8)}, TypeError, "is a ndarray"),
        ({"image": PICTURE.convert("L")}, TypeError, "is of mode L"),
        ({"image": PICTURE, "picture": PICTURE}, KeyError, "'picture' is unknown"),
        ({"image": PICTURE.resize((8, 16))}, UnsupportedError, "8 x 16 pixels"),
        ("photo.jpg", TypeError, "data is a str"),
        ([PICTURE], TypeError, "a list of dicts"),
    ],
)
def test_errors_are_those_of_coremltools(
    data: Any, error: type[Exception], said: str, labelled: PortableModel
) -> None:
    with pytest.raises(error, match=said):
        labelled.predict(data)


def test_what_coremltools_refuses_is_refused_as_it_does(
    labelled: PortableModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own checks, before a proxy that answers anything."""
    model = coremltools().models.MLModel(str(labelled.path), skip_model_load=True)
    monkeypatch.setattr(model, "__proxy__", Anything())
    for data in (
        {"image": PICTURE}, [{"image": PICTURE}], {}, {"image": 1}, "photo.jpg", [PICTURE],
        {"image": PICTURE.convert("L")}, {"image": PICTURE, "x": 1}, ({"image": PICTURE},),
    ):  # fmt: skip
        assert raised(lambda: model.predict(data)) is raised(  # noqa: B023  # called at once
            lambda: labelled.predict(data)  # noqa: B023
        )


class Anything:
    def predict(self, *_: Any) -> None: ...

    def batchPredict(self, *_: Any) -> None: ...  # noqa: N802  # coremltools' name


def raised(call: Callable[[], object]) -> type[Exception] | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which it is, is asked
        return type(error)
    return None


def fixture() -> Callable[[pytest.MonkeyPatch, Path], None]:
    """The one of the docstring, as a function."""
    text = inspect.getdoc(PortableModel).partition("from:\n\n")[2].partition("\n\nThe numbers")[0]
    names: dict[str, Any] = {}
    exec(textwrap.dedent(text).removeprefix("@pytest.fixture"), names)
    return names["core_ml"]


def test_the_fixture_of_the_docstring_stands_under_coremltools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.ones((2, 3), np.float32)
    made = convert(lambda mb, x, y: mb.sub(x=x, y=y), [values, values])
    opened = coremltools().models.MLModel(str(add(tmp_path)), skip_model_load=True)
    fixture()(monkeypatch, tmp_path)
    for model, wanted in ((made, 2), (opened, 4)):
        (output,) = model.predict({"x0": 3 * values, "x1": values}).values()
        assert (output == wanted).all()


def test_the_fixture_keeps_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = test_model_states.package(tmp_path / "kept.mlpackage", test_model_states.mean)
    model = coremltools().models.MLModel(str(path), skip_model_load=True)
    fixture()(monkeypatch, tmp_path)
    state = model.make_state()
    means = [model.predict({"x": np.full((2, 2), n)}, state)["mean"] for n in (2.0, 4.0)]
    assert [mean.tolist() for mean in means] == [[[2, 2]] * 2, [[3, 3]] * 2]


def test_one_function_of_several(tmp_path: Path) -> None:
    ct = coremltools()
    functions = ct.utils.MultiFunctionDescriptor()
    for name in ("add", "mul"):
        values = [np.zeros((2, 3), np.float32)] * 2
        path = tmp_path / f"{name}.mlpackage"
        save(path, lambda mb, x, y: getattr(mb, name)(x=x, y=y), values, "iOS18")  # noqa: B023
        functions.add_function(str(path), "main", name)
    functions.default_function_name = "add"
    ct.utils.save_multifunction(functions, str(tmp_path / "m.mlpackage"))
    threes = {"x0": np.full((2, 3), 3.0), "x1": np.full((2, 3), 3.0)}
    for name, wanted in ((None, 6), ("mul", 9)):
        (output,) = export.load(tmp_path / "m.mlpackage", name).predict(threes).values()
        assert (output == wanted).all()


def test_declared_precision_rounds(tmp_path: Path) -> None:
    def halves(mb: Any, x: Any) -> Any:
        return mb.cast(x=mb.cast(x=x, dtype="fp16"), dtype="fp32")

    path = save(tmp_path / "h.mlpackage", halves, [np.zeros(1, np.float32)])
    third = np.array([1 / 3], np.float32)
    (declared,) = export.load(str(path)).predict({"x0": third}).values()
    (exact,) = export.load(path, precision="float32").predict({"x0": third}).values()
    assert declared == np.float16(1 / 3)
    assert exact == third


def test_it_says_what_the_model_says(tmp_path: Path) -> None:
    path = classifier().save(tmp_path / "m.mlpackage")
    model = export.load(path)
    assert model.get_spec().WhichOneof("Type") == "mlProgram"
    assert model.description.labels == ("cat", "dog", "bird")
    assert model.user_defined_metadata == {}


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = classifier().save(tmp_path / "m.mlpackage")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    model = export.load(package)
    del model
    assert not [*(tmp_path / "temporary").iterdir()]
