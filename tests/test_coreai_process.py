"""Apple's library in a process of its own: what it answers, and each of its ends."""

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import coreai_graphs
from export.coreai import idle_processes, library
from export.coreai.messages import ArrayType
from export.coreai.separate_process import CoreAIProcess
from mobilenet.common.errors import PackageError, UnsupportedError

pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
X = np.array([[1, 2, 3, 4]], np.float32)


@pytest.fixture(scope="module")
def asset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coreai_graphs.write(tmp_path_factory.mktemp("assets") / "small.aimodel")


@pytest.fixture
def process() -> Iterator[CoreAIProcess]:
    with CoreAIProcess() as started:
        yield started


def test_a_function_is_run(process: CoreAIProcess, asset: Path) -> None:
    process.load(asset, "main")
    for inputs in (X, -X):
        outputs = process.call({"x": inputs})
        assert np.array_equal(outputs["twice"], 2 * inputs)
        assert np.array_equal(outputs["scaled"], inputs * [0, 1, 2, 3])


def test_graphs_are_read_with_their_weights(process: CoreAIProcess, asset: Path) -> None:
    (graph,) = process.graphs(asset)
    array = ArrayType("float32", (1, 4))
    assert graph.name == "main"
    assert graph.inputs == {"x": array}
    assert graph.outputs == {"twice": array, "scaled": array}
    (constant,) = (each for each in graph.operations if each.kind == "constant")
    assert constant.resource == "weights"
    assert constant.constant is not None
    assert np.array_equal(constant.constant.values(), [[0, 1, 2, 3]])
    makers = {each.results[0]: each.operands for each in graph.operations}
    assert [makers[value] for value in graph.returned] == [(0, 0), (0, constant.results[0])]


def test_each_end_is_one_clear_error(process: CoreAIProcess, asset: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="it has no function other"):
        process.load(asset, "other")
    cut = shutil.copytree(asset, tmp_path / "cut.aimodel") / "main.mlirb"
    cut.write_bytes(cut.read_bytes()[:100])
    with pytest.raises(PackageError, match="Core AI cannot use it"):
        process.graphs(cut.parent)
    with pytest.raises(PackageError, match="its runtime ended with -"):
        process.load(tmp_path / "missing.aimodel", "main")


def test_what_takes_too_long_is_ended(asset: Path) -> None:
    with (
        CoreAIProcess(time_limit_s=0.0) as process,
        pytest.raises(PackageError, match="no answer within 0 s"),
    ):
        process.graphs(asset)


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnsupportedError, match="coreai-core is not installed") as caught:
        CoreAIProcess()
    assert "mobilenet-coreml[coreai]" in caught.value.hint


def test_a_process_leaves_no_files(
    asset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with CoreAIProcess() as process:
        process.load(asset, "main")
        assert [*tmp_path.iterdir()]
    assert not [*tmp_path.iterdir()]


def test_values_within_are_given_when_asked_for(process: CoreAIProcess, asset: Path) -> None:
    (graph,) = process.graphs(asset)
    doubled = next(each.results[0] for each in graph.operations if len({*each.operands}) == 1)
    process.load(asset, "main", {"inside": doubled})
    outputs = process.call({"x": X})
    assert np.array_equal(outputs["inside"], 2 * X)
    assert outputs.keys() == {"twice", "scaled", "inside"}


def test_an_idle_process_outlives_the_thread_that_took_it_first(asset: Path) -> None:
    while idle_processes._idle:
        idle_processes._idle.pop().close()
    with ThreadPoolExecutor(1) as threads:
        process = threads.submit(idle_processes.take).result()
        assert len(process.graphs(asset)) == 1
    assert len(process.graphs(asset)) == 1
    idle_processes.give_back(process)
    assert idle_processes.take() is process
    process.close()
