"""Fixtures shared by the suite. Randomness is seeded per test, never globally."""

import hashlib
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

# The same examples on every run and machine; a busy machine is no failure.
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

# PyTorch reads it when it is imported. Workers whose threads wait for each other's cores take
# three times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell script starts what it runs in the background with Ctrl-C ignored, nohup with SIGHUP: what
# is ignored stays so in every process that a test starts.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

PHOTO = Path(__file__).parent / "data" / "chelsea.jpg"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Seeded from the test's own name: independent of order and of other tests."""
    digest = hashlib.sha256(request.node.nodeid.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


@pytest.fixture(scope="session")
def hot() -> Checkpoint:
    """A small network that saturates both ends of the clip: alpha 0.25 at 96 pixels."""
    from dataclasses import replace

    checkpoint = untrained(MobileNetConfig(0.25, 96), seed=1)
    return replace(checkpoint, labels=tuple(f"class {i}" for i in range(1000)))


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """A folder with published weights; tests that need it are skipped where there is none."""
    folder = os.environ.get("MOBILENET_TEST_WEIGHTS")
    if not folder:
        pytest.skip("MOBILENET_TEST_WEIGHTS names no folder with published weights")
    return Path(folder)


@pytest.fixture(scope="session")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins of Apple's frameworks; for tests that need a Swift compiler."""
    from swift_compiler import make_frameworks

    return make_frameworks(tmp_path_factory.mktemp("frameworks"))


@pytest.fixture(scope="session")
def swift_worker(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """The worker in Swift, as a command; built once for a source, and kept with pytest's cache."""
    from bench.runtimes import swift_runner

    if not shutil.which(swift_runner.SWIFT[0]):
        pytest.skip("no Swift compiler")
    assert pytestconfig.cache
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILENET_CACHE", str(pytestconfig.cache.mkdir("swift")))
        return (str(swift_runner.built()),)
