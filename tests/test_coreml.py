"""The Core ML runtime up to Apple's boundary: all of coremltools' Python runs, over a fake."""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from PIL import Image

import fake_native
import fake_worker
from bench.results.records import Case, Launch, Model, Plan, Record
from bench.runtimes.entries import RUNTIMES
from bench.session import runner
from bench.session.cases import Candidate
from bench.workers import made_inputs
from export.pipeline import export
from export.runtimes import coreml
from export.runtimes.coreml import UNITS, CoreMLRuntime
from export.runtimes.portable import PortableRuntime
from mobilenet.common.errors import PackageError, UnsupportedError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

SOURCE = Path(importlib.util.find_spec("coremltools").origin).parent


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = replace(
        untrained(MobileNetConfig(0.25, 64, classes=10)), labels=tuple("abcdefghij")
    )
    folder = tmp_path_factory.mktemp("package")
    return export(checkpoint, folder, verify=False).path


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[CoreMLRuntime]:
    fake_native.install(monkeypatch)
    monkeypatch.setattr(coreml, "sys", SimpleNamespace(platform="darwin"))
    yield CoreMLRuntime()
    fake_native.Model.units.clear()


def calls_on(holders: set[str], classes: set[str], *modules: str) -> set[str]:
    """Names that coremltools' source looks up on a proxy: as `Name.x`, or in these classes."""
    found = set()
    for module in modules:
        tree = ast.parse((SOURCE / module).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found |= {node.attr} if node.value.id in holders else set()
            if isinstance(node, ast.ClassDef) and node.name in classes:
                found |= {
                    part.attr
                    for part in ast.walk(node)
                    if isinstance(part, ast.Attribute)
                    and ast.unparse(part.value) in ("self._proxy", "self.__proxy__", "proxy")
                }
    return found


def public(of: type) -> set[str]:
    return {name for name in vars(of) if not name.startswith("_")}


def test_the_fake_has_what_coremltools_calls_and_nothing_else() -> None:
    everywhere = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "_MLModelProxy" in path.read_text()
    ]
    models = ("models/model.py", "models/_compiled_model.py")
    called = calls_on({"_MLModelProxy"}, set(), *everywhere)
    called |= calls_on(set(), {"MLModel", "CompiledMLModel"}, *models)
    own = {"units", "machine", "devices"}
    assert public(fake_native.Model) - own == called
    plan = calls_on(set(), {"MLComputePlan"}, "models/compute_plan.py")
    assert public(fake_native.Plan) == plan - {"model_structure"}  # an attribute of the instance
    engine = calls_on(set(), {"MLNeuralEngineComputeDevice"}, "models/compute_device.py")
    assert public(fake_native.NeuralEngineDevice) == engine


def test_off_a_mac_the_reason_is_given() -> None:
    if sys.platform != "darwin":
        assert CoreMLRuntime().unavailable() == f"Core ML runs on macOS, this is {sys.platform}"


def test_every_unit_computes_what_the_portable_runtime_does(
    runtime: CoreMLRuntime, package: Path, tmp_path: Path
) -> None:
    assert runtime.unavailable() is None
    assert runtime.units() == UNITS
    compiled = runtime.compile(package, tmp_path)
    assert compiled.suffix == ".mlmodelc"
    portable = PortableRuntime(threads=1)
    reference = portable.load(portable.compile(package, tmp_path), "CPU")
    made = made_inputs.make(reference.description)
    expected = reference.predict(made)
    fake_native.Model.units.clear()
    for unit in UNITS:
        loaded = runtime.load(compiled, unit)
        assert loaded.description == reference.description
        assert loaded.predict(made) == expected
        native = loaded.last_predict_ns()
        assert native is not None
        assert native > 0
        assert loaded.predict_batch([made, made]) == [expected, expected]
    assert fake_native.Model.units == list(UNITS)


@pytest.mark.parametrize(
    ("machine", "units"),
    [
        (("CPU",), ("CPU_ONLY", "ALL")),
        (("CPU", "GPU"), ("CPU_ONLY", "CPU_AND_GPU", "ALL")),
    ],
)
def test_a_unit_whose_device_is_missing_is_not_offered(
    runtime: CoreMLRuntime,
    monkeypatch: pytest.MonkeyPatch,
    machine: tuple[str, ...],
    units: tuple[str, ...],
) -> None:
    """Core ML itself falls back to the CPU in silence."""
    monkeypatch.setattr(fake_native.Model, "machine", machine)
    assert runtime.units() == units


def test_wrong_inputs_are_named(runtime: CoreMLRuntime, package: Path, tmp_path: Path) -> None:
    loaded = runtime.load(runtime.compile(package, tmp_path), "ALL")
    for wrong, message in [
        ({}, "'image' is missing"),
        ({"picture": None}, "'image' is missing"),
        ({"image": np.zeros((1, 3, 64, 64))}, "is a ndarray"),
        ({"image": Image.new("RGB", (32, 64))}, "RGB, 32 x 64"),
        ({"image": Image.new("RGBA", (64, 64))}, "RGBA, 64 x 64"),
    ]:
        with pytest.raises(UnsupportedError, match=message):
            loaded.predict(wrong)


def test_apples_errors_are_one_line(
    runtime: CoreMLRuntime, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = runtime.compile(package, tmp_path)
    for file in compiled.iterdir():
        file.unlink()
    with pytest.raises(PackageError, match=r"cannot load .* for ALL: Error opening file stream"):
        runtime.load(compiled, "ALL")

    def refuse(*_: object) -> None:
        raise RuntimeError("Failed to build the model execution plan\nerror code: -4")

    monkeypatch.setattr(fake_native.Model, "compileModel", refuse)
    with pytest.raises(PackageError, match="execution plan error code: -4"):
        runtime.compile(package, tmp_path / "again")


def test_a_session_measures_all_units_in_fresh_processes(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker, runtime, coremltools and fake library together; batches where there are some."""
    entry = RUNTIMES["coreml"]._replace(worker=fake_worker.COMMAND)
    fake_native.install(monkeypatch)
    model = Model(name="net", identity="0" * 64, size_bytes=1)
    chosen = [
        Candidate(package, model, "coreml", entry, "ALL"),
        Candidate(package, model, "coreml", entry, "ALL", batch=4),
        Candidate(package, model, "portable", RUNTIMES["portable"], "CPU", {"threads": 1}, 4),
    ]
    plan = Plan(rounds=1, warmup_s=0, warmup_calls=2, samples=5, timeout_s=60, seed=0)
    path = tmp_path / "results.jsonl"
    runner.start(chosen, plan, path)
    records = [msgspec.json.decode(line, type=Record) for line in path.read_bytes().splitlines()]
    cases = {record.case: record for record in records if isinstance(record, Case)}
    launches = [record for record in records if isinstance(record, Launch)]
    assert cases["net | portable | CPU | batch 4"].skipped.endswith("has no batch prediction")
    assert {launch.status for launch in launches} == {"ok"}
    assert len(launches) == 3
    for launch in launches:
        assert len(launch.native_ns) == 5
        pairs = zip(launch.native_ns, launch.samples_ns, strict=True)
        assert all(native > 0 for native, _ in pairs)
        assert cases[launch.case].first_load_ns is not None
        assert cases[launch.case].compile_ns is not None


@pytest.mark.macos
@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on macOS")
def test_core_ml_itself_agrees_with_the_portable_runtime(package: Path, tmp_path: Path) -> None:
    portable, apple = PortableRuntime(), CoreMLRuntime()
    reference = portable.load(portable.compile(package, tmp_path), "CPU")
    made = made_inputs.make(reference.description)
    expected = reference.predict(made)
    loaded = apple.load(apple.compile(package, tmp_path), "CPU_ONLY")
    outputs = loaded.predict(made)
    assert outputs["classLabel"] == expected["classLabel"]
    for label, probability in expected["classLabel_probs"].items():
        assert outputs["classLabel_probs"][label] == pytest.approx(probability, abs=5e-3)
