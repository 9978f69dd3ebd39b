"""A detector's pipeline as a benchmark takes it: timed as a whole, where a runtime knows it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fake_native
from bench.results.records import Case, Plan
from bench.session import cases
from bench.session.prepare import PreparedCase, Preparer
from bench.workers import made_inputs
from detectors import detector
from export.runtimes import coreml
from export.runtimes.coreml import CoreMLRuntime
from export.runtimes.portable import PortableRuntime
from suppression_reference import crowd

PLAN = Plan(rounds=1, warmup_s=0, warmup_calls=1, samples=3, timeout_s=60, seed=7)
LABELS = ("cat", "dog", "bird")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scores, boxes = crowd(np.random.default_rng(5), 40, 3)
    return detector(tmp_path_factory.mktemp("d") / "d.mlpackage", scores, boxes, LABELS)


def test_it_is_prepared_by_the_portable_runtime_and_skipped_by_torch(
    package: Path, tmp_path: Path
) -> None:
    portable, torch = cases.candidates([package], ["portable"]) + cases.candidates(
        [package], ["torch"]
    )
    assert portable.model.format == "pipeline"
    preparer = Preparer(PLAN, tmp_path)
    prepared = preparer.prepare(portable)
    assert isinstance(prepared, PreparedCase)
    assert prepared.reference is not None
    assert len(prepared.reference) % 7 == 0  # confidences of three classes, and a box
    skipped = preparer.prepare(torch)
    assert isinstance(skipped, Case)
    assert skipped.skipped == "pipeline models are timed on coreml, coreml-native, portable alone"


def test_core_ml_is_asked_as_the_portable_runtime_is(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_native.install(monkeypatch)
    monkeypatch.setattr(coreml, "sys", SimpleNamespace(platform="darwin"))
    runtime = CoreMLRuntime()
    session = runtime.load(runtime.compile(package, tmp_path), "CPU_ONLY")
    assert [number.default for number in session.description.numbers] == [0.5, 0.25]
    inputs = made_inputs.make(session.description) | {"confidenceThreshold": 0.05}
    machine = PortableRuntime(1)
    wanted = machine.load(machine.compile(package, tmp_path), "CPU").predict(inputs)
    for name, value in session.predict(inputs).items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-2)
