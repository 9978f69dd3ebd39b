import subprocess
import sys
from pathlib import Path

from mobilenet import store
from mobilenet.checkpoint import Checkpoint

WRITE_AND_TRACE = """
import sys
from pathlib import Path
from export.package.model_files import find
weights, folder, steps = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
path = folder / "x.mlpackage"

def write():
    from export.pipeline import export
    from export.spec import ExportSpec
    from mobilenet import store
    export(store.load(weights), path, spec=ExportSpec(compress="int8"), verify=False)

def trace():
    import torch
    from torch import nn
    from export.pipeline import export
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(),
        nn.Upsample(scale_factor=2, mode="bilinear"),  # of torch's own dialect, with its own pass
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
    ).eval()
    export(model, path, labels=list("abc"), resolution=32, verify=False)

for step in steps:
    {"write": write, "trace": trace}[step]()
    print(find(path).identity(), "torch" in sys.modules)
"""

IMPORT = "from export.coremltools_import import "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )


def test_import_is_silent_and_leaves_torch_out_on_request():
    done = run(
        f"import sys; {IMPORT}coremltools; coremltools(torch=False)\n"
        "print([n for n in ('torch', 'scipy', 'sklearn') if n in sys.modules])"
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)


def test_writing_and_tracing_do_not_depend_on_their_order(hot: Checkpoint, tmp_path: Path) -> None:
    weights = tmp_path / "hot.safetensors"
    store.save(hot, weights)
    (traced, _), (written_last, _) = steps(weights, tmp_path / "1", "trace", "write")
    (written, torch_is_there), *later = steps(weights, tmp_path / "2", "write", "trace", "write")
    assert torch_is_there == "False"
    assert [identity for identity, _ in later] == [traced, written]
    assert written_last == written


def steps(weights: Path, folder: Path, *names: str) -> list[list[str]]:
    """In one fresh process: each step's package by its identity, and whether torch is loaded."""
    folder.mkdir()
    command = [sys.executable, "-c", WRITE_AND_TRACE, weights, folder, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return [line.split() for line in done.stdout.splitlines()]


def test_conversion_draws_no_bars_and_downloads_keep_theirs():
    done = run(
        f"import tqdm; {IMPORT}coremltools; ct = coremltools(torch=False)\n"
        "from coremltools.converters.mil import Builder as mb\n"
        "@mb.program(input_specs=[mb.TensorSpec(shape=(1,))])\n"
        "def program(x): return mb.relu(x=x)\n"
        "ct.convert(program, skip_model_load=True)\n"
        "list(tqdm.tqdm([0], desc='download'))"
    )
    assert done.returncode == 0, done.stderr
    assert "download" in done.stderr
    assert "pipeline" not in done.stderr
