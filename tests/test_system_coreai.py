"""Core AI is timed on macOS 27 alone, up to Apple's boundary; elsewhere the row says why not."""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np
import pytest

import fake_coreai
import fake_worker
from bench.results.records import Case, Plan
from bench.results.upgrade import decode
from bench.runtimes.system_coreai import SystemCoreAIRuntime
from bench.session import cases, runner
from bench.workers import made_inputs
from bench.workers.process import run_worker
from bench.workers.protocol import Compiled, Job, WorkerResult
from export.coreai import compute_units
from export.pipeline import export
from export.runtimes.portable import PortableRuntime
from export.spec import ExportSpec, Variant
from mobilenet.common.errors import ConfigError, UnsupportedError

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
PLAN = Plan(rounds=1, warmup_s=0, warmup_calls=1, samples=3, timeout_s=60, seed=0)
SMALL = Variant(alpha=0.25, resolution=32, weights="untrained")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A package and an asset of one network."""
    folder = tmp_path_factory.mktemp("models")
    made = [
        export(SMALL, folder / f"net{suffix}", spec=ExportSpec(format=format), verify=False).path
        for suffix, format in ((".mlpackage", "mlprogram"), (".aimodel", "coreai"))
    ]
    return made[0], made[1]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """A process that never loads Apple's real library."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("input", ["image", "tensor"])
def test_every_unit_is_asked_for_and_computes_what_the_portable_runtime_does(
    models: tuple[Path, Path], tmp_path: Path, elsewhere: ProcessPoolExecutor, input: str
) -> None:
    asset, portable = models[1], PortableRuntime(threads=1)
    if input == "tensor":
        spec = ExportSpec(format="coreai", input="tensor", outputs="logits")
        asset = export(SMALL, tmp_path / "t.aimodel", spec=spec, verify=False).path
    reference = portable.load(portable.compile(asset, tmp_path), "CPU")
    expected = reference.predict(made_inputs.make(reference.description))
    seen = elsewhere.submit(fake_coreai.observed, asset, tmp_path).result()
    assert tuple(seen.outputs) == compute_units.COMPUTE_UNITS
    for outputs in seen.outputs.values():
        assert outputs.keys() == expected.keys()
        assert all(np.array_equal(outputs[name], expected[name]) for name in expected)
    assert seen.asked_for[:4] == [
        f"prefers {what}" for what in ("nothing but the CPU", "gpu", "neural engine", "nothing")
    ]
    gone, other = seen.refusals
    assert gone.endswith("cannot use it: The model could not be found")
    assert other.endswith("it has no function other")


@pytest.mark.parametrize(
    ("macos", "variable", "is_system"),
    [("27.1", "USE_OS_COREAI", True), ("27.1", "USE_LOCAL_COREAI", False),
     ("26.4", "USE_OS_COREAI", False)],
)  # fmt: skip
def test_the_librarys_interpreter_is_not_timed(
    elsewhere: ProcessPoolExecutor, macos: str, variable: str, is_system: bool
) -> None:
    """By what the library itself says that it uses; a session records it."""
    chosen = elsewhere.submit(fake_coreai.choice, macos, variable).result()
    if is_system:
        assert chosen == ("system", None, compute_units.COMPUTE_UNITS)
    else:
        assert (chosen.core_ai, chosen.units) == ("interpreter", ("CPU",))
        assert "macOS 27, and USE_OS_COREAI=1" in str(chosen.unavailable)


def test_a_launch_is_a_fresh_process(models: tuple[Path, Path], tmp_path: Path) -> None:
    """Worker, runtime, Apple's Python and fake module together."""
    job = Job(
        task="compile", runtime="coreai", package=str(models[1]), folder=str(tmp_path),
        unit="NE", outputs=str(tmp_path / "outputs"), samples=3, timeout_s=100,
        memory_limit_bytes=4 << 30,
    )  # fmt: skip
    compiled = run_worker(fake_worker.COMMAND, job, Compiled)
    assert compiled.answer, compiled.reason
    inputs = made_inputs.write(cases.description_of(models[1]), tmp_path)
    job = msgspec.structs.replace(
        job, task="measure", compiled=compiled.answer.compiled, inputs=inputs
    )
    launch = run_worker(fake_worker.COMMAND, job, WorkerResult)
    assert launch.answer, launch.reason
    assert len(launch.answer.samples_ns) == 3


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac may time it")
def test_on_linux_an_asset_is_a_row_with_the_reason(
    models: tuple[Path, Path], tmp_path: Path
) -> None:
    """Beside its package, and on whatever runtime it is asked for."""
    chosen = cases.candidates(models, ("coreai", "portable"))
    assert [(each.package.suffix, each.runtime) for each in chosen] == [
        (".mlpackage", "portable"), (".aimodel", "coreai"),
    ]  # fmt: skip
    (other,) = cases.candidates(models[1:], ("portable",))
    with pytest.raises(UnsupportedError, match="its time says nothing"):
        runner.start([chosen[1], other], PLAN, tmp_path / "r.jsonl")
    rows = {
        case.runtime: case.skipped
        for case in map(decode, (tmp_path / "r.jsonl").read_bytes().splitlines())
        if isinstance(case, Case)
    }
    assert rows["coreai"].startswith("Core AI is an interpreter on linux")
    assert rows["portable"] == "coreai models are timed on coreai alone"


def test_a_unit_that_no_runtime_of_the_format_has_is_refused(models: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="net has no unit CPU_ONLY"):
        cases.candidates(models[1:], ("coreml", "coreai"), units=("CPU_ONLY",))


@pytest.mark.macos
@pytest.mark.skipif(not compute_units.uses_system(), reason="Core AI itself runs on macOS 27")
def test_core_ai_itself_agrees_with_the_portable_runtime(
    models: tuple[Path, Path], tmp_path: Path
) -> None:
    apple, portable = SystemCoreAIRuntime(), PortableRuntime(threads=1)
    reference = portable.load(portable.compile(models[1], tmp_path), "CPU")
    inputs = made_inputs.make(reference.description)
    outputs = apple.load(apple.compile(models[1], tmp_path), "CPU").predict(inputs)
    for name, value in reference.predict(inputs).items():
        assert np.linalg.norm(outputs[name] - value) < 5e-2 * np.linalg.norm(value)
