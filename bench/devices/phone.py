"""A phone as the place of a session."""

from collections.abc import Callable

from bench.devices.device_list import Device
from bench.devices.phone_launcher import PhoneLauncher
from bench.results.environment_record import Environment
from bench.runtimes.entries import COREML_NATIVE, COREML_UNITS, RuntimeEntry
from bench.workers.process import run_worker
from bench.workers.protocol import Job, Units
from mobilenet.common.errors import PlaceLostError

DESCRIBE_TIMEOUT_S = 60


class Phone:
    """`device` with the app `bundle`, which `install` brings there ahead of the first launch."""

    default_runtimes = (COREML_NATIVE,)

    def __init__(self, device: Device, bundle: str, install: Callable[[], None]) -> None:
        self._device, self._launcher = device, PhoneLauncher(device, bundle, install)
        self.runtimes = {COREML_NATIVE: RuntimeEntry(COREML_UNITS, worker=self._launcher)}

    def environment(self) -> Environment:
        """As its app says. Raises `PlaceLostError` where it does not, and as `install`."""
        job = Job(
            task="describe",
            runtime=COREML_NATIVE,
            timeout_s=DESCRIBE_TIMEOUT_S,
            memory_limit_bytes=0,
        )
        reason = run_worker(self._launcher, job, Units).reason
        if self._launcher.environment is None:
            raise PlaceLostError(
                f"the app on {self._device.name} did not say what the phone is: {reason}",
                "open the app on it once, and build it anew with --team",
            )
        return self._launcher.environment

    def load_average(self) -> None:
        """Nothing that iOS tells."""

    def thermal(self) -> None:
        """What the app says of it is in each answer."""
