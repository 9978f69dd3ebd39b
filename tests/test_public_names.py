"""What the four packages offer from Python: every name is there, documented, and loaded late."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import bench
import export
import mobilenet
import reports

PACKAGES = [mobilenet, export, bench, reports]
HEAVY = {"torch", "coremltools", "numpy", "onnx", "onnxruntime", "pandas", "altair", "PIL"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_is_there_and_documented(package: ModuleType) -> None:
    assert package.__all__ == sorted(set(package.__all__))
    for name in package.__all__:
        offered = getattr(package, name)
        assert offered.__name__ == name
        assert offered.__module__.partition(".")[0] == package.__name__
        assert len(offered.__doc__) > 20
        assert name in dir(package)
    with pytest.raises(AttributeError):
        package.no_such_name  # noqa: B018  # asking is what raises


def test_a_name_is_the_public_one_whatever_was_imported_before() -> None:
    importlib.import_module("reports.choose")
    importlib.import_module("reports.compare_sessions")
    importlib.import_module("export.pipeline")
    from export import export as exported
    from reports import choose, compare_sessions

    assert callable(choose)
    assert callable(compare_sessions)
    assert callable(exported)


def test_importing_them_loads_nothing_heavy() -> None:
    code = "import sys, mobilenet, export, bench, reports; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
