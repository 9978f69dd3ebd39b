"""`--device` and `--team`: where launches run, if not here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Parameter

from mobilenet.common.errors import ConfigError
from mobilenet.common.progress import Progress

if TYPE_CHECKING:
    from bench.devices.device_list import Device
    from bench.results.environment_record import Environment
    from bench.workers.place import Place


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DeviceOptions:
    """Where launches run."""

    device: str | None = None
    """Measure on this iPhone instead: its name, or identifier, as `bench devices` has it."""
    team: str | None = None
    """Team that signs the app for it, as ABCDE12345. Default: that of the last time."""

    def place(self, progress: Progress, wait_s: float = 0) -> "Place":
        """This machine, which may be waited for, or the phone. Raises `UserError`."""
        from bench.devices import device_list
        from bench.workers.place import HERE

        if self.device is None and self.team is not None:
            raise ConfigError(f"team is {self.team}, without a device", "--device names a phone")
        if self.device is None:
            return HERE
        if wait_s:
            raise ConfigError(
                "--wait waits for this machine to be quiet, not for a phone",
                "leave out --wait, or --device",
            )
        return self._phone(device_list.find(self.device), progress)

    def place_of(self, environment: "Environment", progress: Progress) -> "Place":
        """Where a session goes on that began there: a phone is known by its model, or named.

        Raises `UserError`.
        """
        from bench.devices import device_list
        from bench.workers.place import HERE

        if self.device is not None:
            return self.place(progress)
        if not environment.is_phone:
            return HERE
        return self._phone(_only(environment, device_list.devices()), progress)

    def _phone(self, device: "Device", progress: Progress) -> "Place":
        from bench.app import app_folder
        from bench.devices import signed_app
        from bench.devices.phone import Phone

        team = self.team or signed_app.last_team()
        app_folder.check_team(team)
        return Phone(
            device,
            signed_app.bundle_identifier(team),
            lambda: signed_app.install(device, team, progress),
        )


def _only(phone: "Environment", devices: "list[Device]") -> "Device":
    from bench.devices import device_list

    same = [device for device in devices if device.hardware_properties.product_type == phone.model]
    if len(same) != 1:
        raise ConfigError(
            f"the session is of an {phone.device}, of which {len(same) or 'none'} are known",
            "--device names the one",
        )
    return device_list.checked(same[0])
