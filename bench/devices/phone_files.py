"""What lies on a phone for the app's errands, and the way there and back."""

import secrets
from pathlib import Path

from bench.devices import devicectl
from bench.devices.device_list import Device
from bench.devices.devicectl import DeviceError
from mobilenet.common.temporary import owned_folder

FOLDER = (
    "Documents/Errands"  # of bench/workers/swift/Sources/Measure/Errand.swift, which empties it
)
ATTEMPTS = 2  # to bring a whole file: it may be copied while it grows


class PhoneFiles:
    """The folder of errands in the container of the app `bundle`."""

    def __init__(self, device: Device, bundle: str) -> None:
        self._device = device
        # Of the user of apps, else files are root's, and the app may not remove them.
        self._container = (
            "--user", "mobile", "--domain-type", "appDataContainer", "--domain-identifier", bundle,
        )  # fmt: skip
        self._mark = secrets.token_hex(4)  # a file that could not be removed is not in the way
        self._sent: dict[str, str] = {}

    def send(self, path: str) -> str:
        """Copy a file or folder of this machine, once; its name there.

        What is in a folder goes into the destination, which is made (coremltools' remote_device.py
        and published logs agree).
        """
        if path not in self._sent:
            name = f"{self._mark}-{len(self._sent)}{Path(path).suffix}"
            self._copy("to", path, f"{FOLDER}/{name}", devicectl.COPY_S)
            self._sent[path] = name
        return self._sent[path]

    def read(self, name: str) -> bytes:
        """What is in a file by now; nothing where there is none as yet."""
        with owned_folder() as folder:
            file = folder / "copied"
            try:
                self._copy("from", f"{FOLDER}/{name}", str(file), devicectl.SHORT_S)
                return file.read_bytes()
            except DeviceError as error:
                if error.trouble:
                    raise
            except OSError:
                pass  # it was said to be copied, and was not
            return b""

    def read_whole(self, name: str, size: int) -> bytes:
        """A file of `size` bytes. Raises `DeviceError` where it does not arrive whole."""
        for _ in range(ATTEMPTS):
            if len(contents := self.read(name)) == size:
                return contents
        raise DeviceError(
            f"of {size} bytes that {self._device.name} has computed, {len(contents)} arrive",
            "connect it by cable",
        )

    def _copy(self, direction: str, source: str, destination: str, limit_s: float) -> None:
        devicectl.ask(
            devicectl.Done, "device", "copy", direction, "--device", self._device.identifier,
            "--source", source, "--destination", destination, *self._container,
            name=self._device.name, limit_s=limit_s,
        )  # fmt: skip
