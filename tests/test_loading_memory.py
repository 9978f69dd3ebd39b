"""What loading a package takes of memory, in a process that does nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_messages import ProgramMessage

ROOT = Path(__file__).parent.parent
WIDTH, LAYERS = 2048, 2  # 16 MB each
MOST = 2.5  # of the package's size: 2, and what ONNX Runtime keeps for itself

LOADED = """
import json, sys
from pathlib import Path

import onnxruntime
from PIL import Image
from export.mil.onnx import to_onnx
from export.mil.read.specification import proto
from export.runtimes.portable import PortableRuntime


def most():
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


package, folder = Path(sys.argv[1]), Path(sys.argv[2])
proto("Model_pb2")
before, runtime = most(), PortableRuntime(threads=1)
session = runtime.load(runtime.compile(package, folder), "CPU")
taken = most() - before
picture = Image.new("RGB", (8, 8), (1, 1, 1))
print(json.dumps([taken, session.predict({"image": picture})["result"].tolist()]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc tells of memory")
def test_loading_takes_no_more_than_twice_the_package(tmp_path: Path, rng: np.random.Generator):
    program, weights = ProgramMessage(), []
    program.const("shape", [1, 192])
    x, expected = program.op("reshape", "flat", (1, 192), x="image", shape="shape"), np.ones(192)
    for at in range(LAYERS + 1):
        weights.append(rng.normal(size=(WIDTH, expected.size)).astype(np.float32) / 32)
        program.blob(f"weight{at}", weights[at])
        name = "result" if at == LAYERS else f"layer{at}"
        x = program.op("linear", name, (1, WIDTH), x=x, weight=f"weight{at}")
        expected = weights[at] @ expected
    package = program.gives(x).save(tmp_path / "wide.mlpackage")
    done = subprocess.run(
        [sys.executable, "-c", LOADED, package, tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    taken, result = json.loads(done.stdout)
    np.testing.assert_allclose(np.ravel(result), expected, rtol=1e-3, atol=1e-3)
    assert taken < MOST * sum(weight.nbytes for weight in weights)
