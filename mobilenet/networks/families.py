"""The networks there are, and their configs as files keep them."""

from typing import Any

import msgspec

from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.v1 import MobileNetConfig

# By the word under `network` in a config's JSON; MobileNet v1's has none, it was the first.
FAMILIES: dict[str, type[NetworkConfig]] = {"v1": MobileNetConfig}


def decode(kind: type, value: Any) -> Any:
    """msgspec's `dec_hook` for records that hold a `NetworkConfig`.

    Raises `ValueError` for a network that is not known, `ConfigError` for one that cannot be.
    """
    if kind is not NetworkConfig or not isinstance(value, dict):
        raise NotImplementedError(f"{kind}")
    name = value.get("network", "v1")
    if name not in FAMILIES:
        raise ValueError(f"network {name!r} is none of {', '.join(FAMILIES)}")
    return msgspec.convert(value, FAMILIES[name])
