"""The Python worker, with the runtimes of `fakes` under the names of their classes."""

import sys
from pathlib import Path

from bench.runtimes.classes import RuntimeClass
from bench.workers import python

COMMAND = (sys.executable, "-P", str(Path(__file__).resolve()))
OTHERS = {
    "portable": RuntimeClass("fakes", "Absent"),  # so that nothing has a reference
    "coreml": RuntimeClass("fake_native", "FakeCoreMLRuntime"),
    "coreai": RuntimeClass("fake_coreai", "FakeSystemCoreAIRuntime"),
}


class Fakes(dict[str, RuntimeClass]):
    """Every name is a class in `fakes`."""

    def __missing__(self, name: str) -> RuntimeClass:
        return RuntimeClass("fakes", name)


if __name__ == "__main__":
    python.main(Fakes(OTHERS))
