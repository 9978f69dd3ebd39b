import subprocess
import sys

IMPORT = "from export.formats.coreml.coremltools_import import "


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


def test_torch_cannot_come_back_unnoticed():
    done = run(f"{IMPORT}coremltools as c; c(torch=False); c()")
    assert "first imported without torch" in done.stderr


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
