"""Inputs that are not square in the benchmark's records: what is measured, and what it joins."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

import made_results as made
from bench.accuracy import classifiers, recipes
from bench.accuracy.decode import Wanted, decode
from bench.accuracy.evaluate import Evaluation, _asked
from bench.accuracy.subjects import CompiledPackage
from bench.results.accuracy_table import published_for
from bench.results.records import Model
from bench.results.summary import CaseSummary, summarize
from bench.results.top1 import config_of, top1_by_identity
from bench.session.model_facts import model_of
from bench.workers import made_inputs
from conftest import PHOTO
from export import pipeline
from export.mil.read.model import read
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec
from export.verify import reference
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.size import Size
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained
from reports import frame
from reports.plots import plot_data

CONFIG = MobileNetConfig(1.0, 224, input_width=320)
SQUARE = MobileNetConfig(1.0, 224)


@pytest.fixture(scope="module")
def oblong() -> Checkpoint:
    return untrained(MobileNetConfig(0.25, 64, input_width=96))


@pytest.fixture(scope="module")
def package(oblong: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("oblong") / "net.mlpackage"
    return pipeline.export(oblong, path, spec=ExportSpec(precision="fp32"), verify=False).path


def rows(models: Sequence[Model]) -> list[CaseSummary]:
    cases = [made.case(model) for model in models]
    return [summarize(case, [made.measured(case.case)]) for case in cases]


def test_a_model_says_its_width_only_where_it_says_more(package: Path, oblong: Checkpoint) -> None:
    model = model_of(package)
    assert (model.resolution, model.input_width) == (64, 96)
    assert config_of(model) == oblong.config
    assert msgspec.json.decode(msgspec.json.encode(model), type=Model) == model
    assert b"input_width" not in msgspec.json.encode(made.model(SQUARE))


def test_nothing_is_published_for_it() -> None:
    square, oblong = made.model(SQUARE), made.model(CONFIG)
    assert [*top1_by_identity([square, oblong], [])] == [square.identity]
    assert published_for([made.accuracy(oblong, 1)]) == []
    assert published_for([made.accuracy(square, 1)])


def test_it_is_never_taken_for_the_square_of_its_height() -> None:
    alphas = MobileNetConfig(0.5, 224), MobileNetConfig(0.75, 224)
    sides = MobileNetConfig(1.0, 160), MobileNetConfig(1.0, 192)
    configs = (SQUARE, CONFIG, *alphas, *sides)
    square, oblong, *others = rows([made.model(config) for config in configs])
    assert [plot_data.label(row.model) for row in (square, oblong)] == ["1.0-224", "1.0-224x320"]
    for sweep in (plot_data.alpha_sweep, plot_data.resolution_sweep):
        assert sweep([oblong, square, *others]) == sweep([square, *others]) != []


def test_the_table_has_both_sides(tmp_path: Path) -> None:
    cases = [made.case(made.model(config)) for config in (SQUARE, CONFIG)]
    path = made.write(tmp_path / "r.jsonl", [made.session(), *cases])
    table = frame.read(path)
    assert list(table["resolution"]) == [224, 224]
    assert list(table["input_width"].fillna(0)) == [0, 320]


def test_inputs_of_launches_have_its_shape(package: Path, tmp_path: Path) -> None:
    description = read(package).description
    (made_here,) = made_inputs.make(description).values()
    inputs = made_inputs.read(made_inputs.write(description, tmp_path), description)
    (picture,) = inputs.values()
    assert made_here.size == picture.size == (96, 64)


def test_package_and_network_answer_photographs_alike(
    package: Path, oblong: Checkpoint, tmp_path: Path
) -> None:
    """Through decoding, where pictures are bytes whose shape is known from the size alone."""
    runtime = PortableRuntime()
    compiled = runtime.compile(package, tmp_path)
    subjects = [
        classifiers.of_package(CompiledPackage(model_of(package), runtime, compiled, "CPU")),
        classifiers.of_checkpoint(oblong),
    ]
    recipe = recipes.of_package(oblong.geometry, Size(64, 96))
    answers = []
    for subject in subjects:
        assert subject.size == Size(64, 96)
        assert (subject.model.resolution, subject.model.input_width) == (64, 96)
        evaluation = Evaluation(subject, recipe, {})
        assert evaluation.wanted == Wanted(recipe, Size(64, 96))
        decoded = decode(PHOTO, [evaluation.wanted])
        answers.append(_asked(evaluation, [evaluation.wanted], [decoded]))
    picture = oblong.geometry.apply(Image.open(PHOTO), (64, 96))
    expected = classifiers.log_probabilities(reference.of_network(oblong, [picture]).logits, True)
    for answer in answers:
        np.testing.assert_allclose(answer, expected, atol=1e-3)
