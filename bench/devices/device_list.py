"""Phones that devicectl knows, and why one cannot be measured on."""

import re

import msgspec

from bench.devices import devicectl
from mobilenet.common.errors import ConfigError, UnsupportedError

MIN_IOS = 17  # that devicectl reaches
NEVER_HERE = "unavailable"


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Properties(_Camel, frozen=True):
    """What it says of its software."""

    name: str = ""
    os_version_number: str = ""
    developer_mode_status: str = ""


class Hardware(_Camel, frozen=True):
    """What it is."""

    platform: str = ""
    product_type: str = ""
    marketing_name: str = ""
    reality: str = "physical"
    udid: str = ""  # by which xcodebuild knows it


class Connection(_Camel, frozen=True):
    """How it is reached."""

    pairing_state: str = ""
    tunnel_state: str = ""


class Device(_Camel, frozen=True):
    """A device, here or not."""

    identifier: str
    device_properties: Properties = Properties()
    hardware_properties: Hardware = Hardware()
    connection_properties: Connection = Connection()

    @property
    def name(self) -> str:
        """As its owner calls it."""
        return self.device_properties.name or self.identifier

    @property
    def kind(self) -> str:
        """ "iPhone 15 Pro, iOS 18.5"."""
        hardware = self.hardware_properties
        version = self.device_properties.os_version_number
        model = hardware.marketing_name or hardware.product_type
        system = f"{hardware.platform or 'iOS'} {version}" if version else ""
        return ", ".join(filter(None, [model, system]))

    def obstacle(self) -> str:
        """Why no launch can happen on it, as far as the list says; empty where one can."""
        properties, connection = self.device_properties, self.connection_properties
        version = re.match(r"\d+", properties.os_version_number)
        if connection.pairing_state and connection.pairing_state != "paired":
            return "it is not paired with this Mac: connect it by cable and tap Trust"
        if version and int(version[0]) < MIN_IOS:
            return f"devicectl reaches iOS {MIN_IOS} and later: measure in the app itself"
        if connection.tunnel_state == NEVER_HERE:
            return "it is not connected: use a cable, and unlock it"
        if properties.developer_mode_status == "disabled":
            return "developer mode is off: Settings > Privacy & Security > Developer Mode"
        return ""


class _Version(_Camel, frozen=True):
    string_value: str = ""


class _Software(_Camel, frozen=True):
    os_version_number: _Version = _Version()


class _State(_Camel, frozen=True):
    name: str = ""
    developer_mode_status: dict[str, object] = {}  # {"enabled": {"mode": 1}}


class _Link(_Camel, frozen=True):
    pairing_state: str = ""
    state: str = ""


class _Properties(_Camel, frozen=True):
    """The form of Xcode 27, which still gives the older one and announces its end."""

    hardware: Hardware = Hardware()
    software: _Software = _Software()
    state: _State = _State()
    connection: _Link = _Link()


class _Entry(Device, frozen=True):
    properties: _Properties | None = None

    def device(self) -> Device:
        """By the newer form where the older is gone."""
        new = self.properties
        if new is None or self.hardware_properties != Hardware():
            return self
        software, state = new.software.os_version_number.string_value, new.state
        mode = next(iter(state.developer_mode_status), "")
        return Device(
            self.identifier,
            Properties(state.name, software, mode),
            new.hardware,
            Connection(new.connection.pairing_state, new.connection.state),
        )


class _Listed(msgspec.Struct, frozen=True):
    devices: tuple[_Entry, ...]


def devices() -> list[Device]:
    """Phones and tablets, and no simulators. Raises as `devicectl.ask`."""
    every = [entry.device() for entry in devicectl.ask(_Listed, "list", "devices").devices]
    return [
        device
        for device in every
        if device.hardware_properties.platform in ("", "iOS")
        and device.hardware_properties.reality == "physical"
    ]


def find(name: str) -> Device:
    """The device of that name or identifier. Raises `UnsupportedError` where it is no use."""
    every = devices()
    chosen = [d for d in every if name in (d.name, d.identifier, d.hardware_properties.udid)]
    if len(chosen) != 1:
        what = "several devices are" if chosen else "no device is"
        names = ", ".join(f"{device.name!r} ({device.identifier})" for device in every)
        raise ConfigError(f"{what} called {name!r}", f"known are {names or 'none'}")
    return checked(chosen[0])


def checked(device: Device) -> Device:
    """Raises `UnsupportedError` where no launch can happen on it."""
    if obstacle := device.obstacle():
        raise UnsupportedError(f"{device.name} cannot be measured on", obstacle)
    return device
