"""Which MobileNet v1 weights exist, and where: the table behind `--weights`."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from mobilenet.common.errors import CheckpointError
from mobilenet.weights.published import NEVER_PUBLISHED, SLIM_ACCURACIES, TIMM_ACCURACIES

Family = Literal["slim", "keras", "timm", "transformers", "quant"]
FAMILIES: tuple[Family, ...] = get_args(Family)

_GOOGLE = "https://download.tensorflow.org/models/mobilenet_v1_2018_08_02"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet"
_HUB = "https://huggingface.co"
_KERAS_ALPHA = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
_SUFFIX = {"slim": ".pb", "keras": ".h5", "timm": "", "transformers": "", "quant": ".tflite"}


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

    @property
    def name(self) -> str:
        """What tables and the cache call it: "slim_1.0_224"."""
        return f"{self.family}_{self.alpha}_{self.resolution}"

    @property
    def cache_name(self) -> str:
        """Where below the cache folder its one model file is kept."""
        return f"{self.family}/{self.name}{_SUFFIX[self.family]}"

    @property
    def repository(self) -> str:
        """owner/name on Hugging Face, or "" for a plain address."""
        return self.url.removeprefix(f"{_HUB}/") if self.url.startswith(_HUB) else ""


def _authors() -> list[Release]:
    google, rows = "the authors' TF-Slim release of 2018-08-02", []
    for row in SLIM_ACCURACIES:
        assert row.resolution is not None
        alpha, size, best = row.alpha, row.resolution, (row.top1, row.top5)
        tgz = f"{_GOOGLE}/mobilenet_v1_{alpha}_{size}"
        h5 = f"{_KERAS}/mobilenet_{_KERAS_ALPHA[alpha]}_{size}_tf.h5"
        rows += [
            Release("slim", alpha, size, f"{tgz}.tgz", google, *best),
            Release("keras", alpha, size, h5, "Keras Applications: the authors' weights", *best),
            Release("quant", alpha, size, f"{tgz}_quant.tgz", f"{google}, quantised"),
        ]
    return rows


def _hugging_face() -> list[Release]:
    top = {(row.alpha, row.resolution): (row.top1, row.top5) for row in SLIM_ACCURACIES}
    timm = {row.alpha: (row.top1, row.top5) for row in TIMM_ACCURACIES if row.resolution == 224}
    return [
        *(
            Release(
                "timm", alpha, 224,
                f"{_HUB}/timm/mobilenetv1_{alpha * 100:.0f}.ra4_e3600_r224_in1k",
                "timm, trained anew by Ross Wightman", *timm[alpha],
            )
            for alpha in (1.0, 1.25)
        ),
        *(
            Release(
                "transformers", alpha, size, f"{_HUB}/google/mobilenet_v1_{alpha}_{size}",
                "transformers: the authors' weights", *top[alpha, size],
            )
            for alpha, size in ((1.0, 224), (0.75, 192))
        ),
    ]  # fmt: skip


RELEASES = tuple(
    sorted((*_authors(), *_hugging_face()), key=lambda release: FAMILIES.index(release.family))
)


def find(
    families: tuple[Family, ...], alpha: float, resolution: int, shallow: bool = False
) -> Release:
    """The release of the first family that has this alpha, at the nearest resolution.

    Raises `CheckpointError`, naming what there is, when none was published.
    """
    if shallow:
        raise CheckpointError(
            NEVER_PUBLISHED, "give your own file with --weights PATH, or --weights untrained"
        )
    mine = [release for release in RELEASES if release.family in families]
    fitting = [release for release in mine if math.isclose(release.alpha, alpha)]
    if not fitting:
        alphas = ", ".join(f"{a:g}" for a in sorted({r.alpha for r in mine}, reverse=True))
        raise CheckpointError(
            f"no {' or '.join(families)} weights were published for alpha {alpha:g}",
            f"published: alpha {alphas}; or --weights PATH, or --weights untrained",
        )
    return min(
        fitting,
        key=lambda r: (families.index(r.family), abs(r.resolution - resolution), r.resolution),
    )
