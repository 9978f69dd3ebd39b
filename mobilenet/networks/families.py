"""The networks there are, and their configs as files keep them."""

import dataclasses
from typing import Any, Literal, Protocol

import msgspec

from mobilenet.common.errors import ConfigError
from mobilenet.networks.base_config import LEFT_OUT, BaseConfig
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.networks.v2 import MobileNetV2Config

NetworkName = Literal["v1", "v2"]
NETWORKS: dict[NetworkName, type[BaseConfig]] = {"v1": MobileNetConfig, "v2": MobileNetV2Config}
DEFAULT_NETWORK: NetworkName = "v1"
# By the word under `network` in a config's JSON; MobileNet v1's has none, it was the first.
FAMILIES: dict[NetworkName, type[NetworkConfig]] = {**NETWORKS}


def config_type(network: str | None) -> type[BaseConfig]:
    """The config of "v1" or "v2"; None is the default. Raises `ConfigError` for another word."""
    word = network or DEFAULT_NETWORK
    for name, kind in NETWORKS.items():
        if name == word:
            return kind
    raise ConfigError(f"network {word!r} is unknown", f"one of {', '.join(NETWORKS)}")


def name_of(config: NetworkConfig) -> NetworkName | None:
    """The word for its network: "v2"; None for a network that has none."""
    return next((name for name, kind in FAMILIES.items() if type(config) is kind), None)


class HoldsConfig(Protocol):
    """A record that is kept as JSON, its config among other fields."""

    @property
    def config(self) -> NetworkConfig | None:
        """The network that it is about."""


def encode(record: HoldsConfig) -> bytes:
    """JSON of a record, its config so that `decode` reads it back."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    if record.config is not None:
        fields["config"] = _stored(record.config)
    return msgspec.json.encode(fields)


def _stored(config: NetworkConfig) -> dict[str, Any]:
    """Its fields as files keep them: younger ones than the format's only where they say more."""
    fields: dict[str, Any] = msgspec.to_builtins(config)
    for each in dataclasses.fields(config):  # type: ignore[arg-type]  # the protocol says so
        if each.metadata.get(LEFT_OUT) and getattr(config, each.name) == each.default:
            fields.pop(each.name, None)  # of a decoded one, msgspec knows only what was there
    name = name_of(config)
    return fields if name in (None, DEFAULT_NETWORK) else {"network": name} | fields


def described(config: NetworkConfig) -> dict[str, Any]:
    """Its fields as commands print them: with the network, and the layer where features end."""
    fields = {"network": name_of(config)} | _stored(config)
    return fields | {"layer": fields.pop("until", "") or None}


def decode(kind: type, value: Any) -> Any:
    """msgspec's `dec_hook` for records that hold a `NetworkConfig`.

    Raises `ValueError` for a network that is not known, `ConfigError` for one that cannot be.
    """
    if kind is not NetworkConfig or not isinstance(value, dict):
        raise NotImplementedError(f"{kind}")
    name = value.get("network", DEFAULT_NETWORK)
    if name not in FAMILIES:
        raise ValueError(f"network {name!r} is none of {', '.join(FAMILIES)}")
    fields = {key: field for key, field in value.items() if key != "network"}
    return msgspec.convert(fields, FAMILIES[name])
