"""Every kind of model that Core ML's format has is run here, or refused by name with a reason."""

from pathlib import Path

import pytest

from export.mil.read import neuralnetwork_file, pipeline_file, tabular_file
from export.mil.read.model import read_any
from export.mil.read.specification import proto
from mobilenet.common.errors import PackageError, UnsupportedError

RUN = {"mlProgram", "nonMaximumSuppression", *neuralnetwork_file.KINDS, *pipeline_file.KINDS,
       *tabular_file.READERS}  # fmt: skip
KINDS = [field.name for field in proto("Model_pb2").Model.DESCRIPTOR.oneofs_by_name["Type"].fields]


def empty(kind: str, folder: Path) -> Path:
    model = proto("Model_pb2").Model(specificationVersion=5)
    getattr(model, kind).SetInParent()
    path = folder / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("kind", sorted({*KINDS} - RUN))
def test_what_is_not_run_has_a_reason(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=f"is or holds a {kind}: ") as error:
        read_any(empty(kind, tmp_path))
    assert "\n" not in error.value.message
    assert tabular_file.UNKNOWN not in error.value.message


@pytest.mark.parametrize("kind", sorted(tabular_file.READERS.keys() - {"identity"}))
def test_an_empty_one_is_damaged(kind: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=f"a {kind} ") as error:
        read_any(empty(kind, tmp_path))
    assert "\n" not in error.value.message


@pytest.mark.parametrize(
    ("kind", "field", "name"),
    [("customModel", "className", "Secret\x1b[31m"), ("serializedModel", "identifier", "a\nb")],
)
def test_the_code_that_it_needs_is_named_harmlessly(
    kind: str, field: str, name: str, tmp_path: Path
) -> None:
    model = proto("Model_pb2").Model(specificationVersion=5)
    setattr(getattr(model, kind), field, name)
    path = tmp_path / "m.mlmodel"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedError) as error:
        read_any(path)
    assert name[0] in error.value.message
    assert error.value.message.isprintable()
