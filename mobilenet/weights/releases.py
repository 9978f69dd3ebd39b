"""Which weights of MobileNet v1 and v2 exist, and where: the table behind `--weights`."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, get_args

from mobilenet.common.errors import CheckpointError
from mobilenet.networks.classifier import Head
from mobilenet.networks.config import NetworkConfig
from mobilenet.networks.families import DEFAULT_NETWORK, NETWORKS, NetworkName, name_of
from mobilenet.weights.published import (
    NEVER_PUBLISHED,
    SLIM_ACCURACIES,
    TIMM_ACCURACIES,
    TORCHVISION_ACCURACIES,
    PublishedAccuracy,
)

Family = Literal["slim", "keras", "timm", "torchvision", "transformers", "quant", "person"]
DETECTORS: tuple[Family, ...] = ("person",)  # what they find
FAMILIES: tuple[Family, ...] = tuple(each for each in get_args(Family) if each not in DETECTORS)

_SLIM: dict[NetworkName, str] = {
    "v1": "https://download.tensorflow.org/models/mobilenet_v1_2018_08_02/mobilenet_v1_",
    "v2": "https://storage.googleapis.com/mobilenet_v2/checkpoints/mobilenet_v2_",
}
_GOOGLE: dict[NetworkName, str] = {
    "v1": "the authors' TF-Slim release of 2018-08-02",
    "v2": "the authors' TF-Slim release of MobileNet v2",
}
_HUB_LICENCE: dict[NetworkName, str] = {"v1": "Apache-2.0", "v2": "other"}  # as their cards say
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERAS_V2 = f"{_KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels"
_TORCHVISION = "https://download.pytorch.org/models"
_HUB = "https://huggingface.co"
_KERAS_ALPHA = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
_SUFFIX: dict[Family, str] = {
    "slim": ".pb", "keras": ".h5", "timm": "", "torchvision": ".pth", "transformers": "",
    "quant": ".tflite", "person": ".pb",
}  # fmt: skip
_TIMM: dict[NetworkName, dict[float, str]] = {
    "v1": {
        1.0: "mobilenetv1_100.ra4_e3600_r224_in1k", 1.25: "mobilenetv1_125.ra4_e3600_r224_in1k",
    },
    # 110d and 120d have more blocks than alpha says
    "v2": {
        1.0: "mobilenetv2_100.ra_in1k", 1.4: "mobilenetv2_140.ra_in1k",
        0.5: "mobilenetv2_050.lamb_in1k",
    },
}  # fmt: skip
_TRANSFORMERS: dict[NetworkName, tuple[tuple[float, int], ...]] = {
    "v1": ((1.0, 224), (0.75, 192)),
    "v2": ((1.0, 224), (1.4, 224), (0.75, 160), (0.35, 96)),
}
# file and share of the shorter side that the crop takes: resized to 256, and to 232
_TORCHVISION_FILES = {
    "IMAGENET1K_V2": ("mobilenet_v2-7ebf99e0.pth", 224 / 232),
    "IMAGENET1K_V1": ("mobilenet_v2-b0353104.pth", 224 / 256),
}


@dataclass(frozen=True)
class Release:
    """One published checkpoint. `url` is a file or release archive, or a Hugging Face page."""

    family: Family
    alpha: float
    resolution: int
    url: str
    source: str
    top1: float | None = None  # percent, of the unfolded float checkpoint
    top5: float | None = None
    licence: str = "Apache-2.0"
    output: str = ""  # the graph's result that is meant, where the file goes on behind it
    network: NetworkName = DEFAULT_NETWORK
    edition: str = ""  # the family's own word for one beside that which it recommends
    crop: float | None = None  # share of the shorter side, where the file does not tell it
    head: Head = "classifier"
    labels: tuple[str, ...] = ()  # where the file does not tell them

    @property
    def name(self) -> str:
        """What tables and the cache call it: "slim_1.0_224", "slim_v2_1.0_224"."""
        network = "" if self.network == DEFAULT_NETWORK else f"_{self.network}"
        edition = f"_{self.edition}" if self.edition else ""
        return f"{self.family}{network}_{self.alpha}_{self.resolution}{edition}"

    def used_at(self, sizes: Iterable[int]) -> str:
        """In words, at which other sizes its weights are used; empty where at none."""
        others = [f"{size}" for size in sizes if size != self.resolution]
        return f"trained at {self.resolution} pixels, used at {', '.join(others)}" * bool(others)

    @property
    def word(self) -> str:
        """What `--weights` calls it: "torchvision-IMAGENET1K_V1"."""
        return f"{self.family}-{self.edition}" if self.edition else self.family

    @property
    def cache_name(self) -> str:
        """Where below the cache folder its one model file is kept."""
        return f"{self.family}/{self.name}{_SUFFIX[self.family]}"

    @property
    def repository(self) -> str:
        """owner/name on Hugging Face, or "" for a plain address."""
        return self.url.removeprefix(f"{_HUB}/") if self.url.startswith(_HUB) else ""


def _authors(row: PublishedAccuracy) -> Iterator[Release]:
    """The authors' float weights, as they released them and as Keras has them."""
    assert row.resolution is not None
    network: NetworkName = row.network
    knobs, top = (row.alpha, row.resolution), (row.top1, row.top5)
    google = _GOOGLE[network]
    tgz = f"{_SLIM[network]}{row.alpha}_{row.resolution}"
    h5 = (
        f"{_KERAS}/mobilenet/mobilenet_{_KERAS_ALPHA[row.alpha]}_{row.resolution}_tf.h5"
        if network == "v1"
        else f"{_KERAS_V2}_{row.alpha}_{row.resolution}.h5"
    )
    keras = "Keras Applications: the authors' weights"
    yield Release("slim", *knobs, f"{tgz}.tgz", google, *top, network=network)
    yield Release("keras", *knobs, h5, keras, *top, network=network)
    if network == "v1":
        yield Release("quant", *knobs, f"{tgz}_quant.tgz", f"{google}, quantised")


def _timm(network: NetworkName) -> Iterator[Release]:
    for row in TIMM_ACCURACIES:
        name = _TIMM[network].get(row.alpha)
        if (row.network, row.resolution) == (network, 224) and name is not None:
            yield Release(
                "timm", row.alpha, 224, f"{_HUB}/timm/{name}",
                "timm, trained anew by Ross Wightman", row.top1, row.top5, network=network,
            )  # fmt: skip


def _transformers(network: NetworkName) -> Iterator[Release]:
    for row in SLIM_ACCURACIES:
        if row.network == network and (row.alpha, row.resolution) in _TRANSFORMERS[network]:
            assert row.resolution is not None
            yield Release(
                "transformers", row.alpha, row.resolution,
                f"{_HUB}/google/mobilenet_{network}_{row.alpha}_{row.resolution}",
                "transformers: the authors' weights", row.top1, row.top5,
                licence=_HUB_LICENCE[network], network=network,
            )  # fmt: skip


def _torchvision() -> Iterator[Release]:
    recommended = TORCHVISION_ACCURACIES[0]
    for row in TORCHVISION_ACCURACIES:
        edition = "" if row is recommended else row.note
        file, crop = _TORCHVISION_FILES[row.note]
        yield Release(
            "torchvision", row.alpha, 224, f"{_TORCHVISION}/{file}", f"torchvision, {row.note}",
            row.top1, row.top5, licence="BSD-3-Clause", network="v2", edition=edition, crop=crop,
        )  # fmt: skip


RELEASES = tuple(
    sorted(
        (
            *chain.from_iterable(map(_authors, SLIM_ACCURACIES)),
            *chain.from_iterable(map(_timm, NETWORKS)),
            *chain.from_iterable(map(_transformers, NETWORKS)),
            *_torchvision(),
        ),
        key=lambda release: (
            [*NETWORKS].index(release.network), FAMILIES.index(release.family),
        ),
    )
)  # fmt: skip


EDITIONS = tuple(release.word for release in RELEASES if release.edition)
BY_NAME = {release.name: release for release in RELEASES}


def named(name: str, config: NetworkConfig) -> Release | None:
    """The release of this very name ("slim_0.5_160"), whatever the size it is used at.

    Raises `CheckpointError` where its weights are another network's than `config`.
    """
    release = BY_NAME.get(name)
    if release is None:
        return None
    is_same = release.network == name_of(config) and not config.shallow
    if not (is_same and math.isclose(release.alpha, config.alpha)):
        raise CheckpointError(
            f"{name} is not of {config.family}, alpha {config.alpha:g}"
            f"{', shallow' * config.shallow}",
            f"add --network {release.network} --alpha {release.alpha:g}",
        )
    return release


def find(families: tuple[Family, ...], config: NetworkConfig, edition: str = "") -> Release:
    """The release of the first family that has this network, at the nearest resolution.

    `edition` "" is the one that its family recommends. Raises `CheckpointError`, naming what
    there is, when none was published.
    """
    if config.shallow:
        raise CheckpointError(
            NEVER_PUBLISHED, "give your own file with --weights PATH, or --weights untrained"
        )
    alike = [r for r in RELEASES if r.family in families and r.edition == edition]
    mine = [release for release in alike if release.network == name_of(config)]
    fitting = [release for release in mine if math.isclose(release.alpha, config.alpha)]
    if not mine:
        networks = " or ".join(dict.fromkeys(release.network for release in alike))
        raise CheckpointError(
            f"no {' or '.join(families)} weights of {config.family} are known by name",
            f"there are some of --network {networks}; or --weights PATH, or --weights untrained",
        )
    if not fitting:
        alphas = ", ".join(f"{a:g}" for a in sorted({r.alpha for r in mine}, reverse=True))
        raise CheckpointError(
            f"no {' or '.join(families)} weights were published for alpha {config.alpha:g}",
            f"published: alpha {alphas}; or --weights PATH, or --weights untrained",
        )
    return min(
        fitting,
        key=lambda r: (
            families.index(r.family), abs(r.resolution - config.resolution), r.resolution,
        ),
    )  # fmt: skip
