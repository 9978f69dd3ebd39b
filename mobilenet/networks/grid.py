"""Grids of networks, as `export all` and `bench all` make them, and their options."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal, NamedTuple

from cyclopts import Parameter

from mobilenet.common.errors import ConfigError
from mobilenet.common.options import SEVERAL
from mobilenet.networks.families import DEFAULT_NETWORK, NetworkName, config_type

CAN_BE_SHALLOW = ("v1",)


class Knobs(NamedTuple):
    """What sets the networks of a grid apart."""

    network: NetworkName
    shallow: bool
    alpha: float
    resolution: int


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SizeGrid:
    """Which networks."""

    network: Annotated[tuple[NetworkName, ...], SEVERAL] = (DEFAULT_NETWORK,)
    """MobileNet v1, v2, or both."""
    alpha: Annotated[tuple[float, ...] | None, SEVERAL] = None
    """Width multipliers; several are allowed. Default: those published; above 1 at 224 pixels."""
    resolution: Annotated[tuple[int, ...] | None, SEVERAL] = None
    """Sides of the input in pixels; several are allowed. Default: those published."""
    depth: Literal["both", "deep", "shallow"] = "both"
    """Deep networks, shallow ones, or both; only v1 can be shallow."""

    def sizes(self) -> Iterator[Knobs]:
        """Network by network, the deep ones before the shallow.

        Raises `ConfigError` for a network that there is not, or that cannot be shallow.
        """
        for network in self.network:
            published = config_type(network).published
            alphas = self.alpha or published.alphas
            resolutions = self.resolution or published.resolutions
            for size in product(self._depths(network), alphas, resolutions):
                knobs = Knobs(network, *size)
                if self.alpha or knobs.alpha <= 1 or knobs.resolution == published.resolutions[0]:
                    yield knobs

    def _depths(self, network: NetworkName) -> Sequence[bool]:
        if network in CAN_BE_SHALLOW:
            return {"both": (False, True), "deep": (False,), "shallow": (True,)}[self.depth]
        if self.depth == "shallow":
            raise ConfigError(
                f"depth shallow with network {network}",
                f"only {' and '.join(CAN_BE_SHALLOW)} can be shallow",
            )
        return (False,)
