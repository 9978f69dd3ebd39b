"""The command that makes exactly this package, as far as options do."""

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from export.inspect.package_options import needed_options, spec_of
from export.mil.description import ModelDescription
from export.package.metadata import PackageMetadata, listed_labels
from mobilenet.checkpoint import Provenance
from mobilenet.common.errors import UserError
from mobilenet.common.text import one_line
from mobilenet.labels import (
    IMAGENET_CLASSES,
    WITH_BACKGROUND,
    labels_of_boxes,
    labels_of_pixels,
)
from mobilenet.networks import families
from mobilenet.networks.base_config import HEADS, BaseConfig
from mobilenet.networks.deeplab import OUTPUT_STRIDE
from mobilenet.weights import heads
from mobilenet.weights.labels_beside import GIVEN
from mobilenet.weights.origin import release_of, word_for

PROGRAM = "python -m export"
FILE, LABELS, PHOTOGRAPHS = "FILE", "LABELS", "PHOTOGRAPHS"  # in place of the user's own
MAX_NAME = 100
USUAL_LABELS = {heads.DEEPLAB: labels_of_pixels, heads.SSDLITE: labels_of_boxes}


class ExportCommand(NamedTuple):
    """What to type, and what stands in it for files that only the user has; both may be empty."""

    text: str = ""
    note: str = ""


def command_of(about: PackageMetadata, description: ModelDescription) -> ExportCommand:
    """Of a package of ours; empty for one that no options make.

    Those are modules and checkpoints from Python, and inputs that are not square, unless the
    weights are a file, which is taken to be of that size.
    """
    try:
        return _command(about, description)
    except UserError:  # its metadata name a network that there is not
        return ExportCommand()


def _command(about: PackageMetadata, description: ModelDescription) -> ExportCommand:
    config, origin = about.config, about.provenance
    if not isinstance(config, BaseConfig):
        return ExportCommand()
    labels = description.labels or listed_labels(description.metadata)
    if release := release_of(origin):
        if not config.size.is_square or not _is_published(config):
            return ExportCommand()
        network = [*_knobs(config, about.resolutions), "--weights", word_for(release, config)]
    elif origin.sha256:
        network = [*_size(config, about.resolutions), "--weights", FILE]
    elif origin == Provenance.drawn() and config == _untrained(config):
        network = [*_knobs(config, about.resolutions), *_head(config), "--weights", "untrained"]
    else:
        return ExportCommand()
    words = [PROGRAM, *network, *_labels(about, config, labels), *_written(about, description)]
    notes = {
        FILE: f"your own weights ({one_line(origin.source, MAX_NAME)}, sha256 "
        f"{origin.sha256[:12]}), with the options that they needed",
        LABELS: "your own labels",
        PHOTOGRAPHS: "the photographs that it was calibrated with",
    }
    said = [f"{name}: {note}" for name, note in notes.items() if name in words]
    return ExportCommand(" ".join(words), "; ".join(said))


def _knobs(config: BaseConfig, resolutions: tuple[int, ...]) -> Iterator[str]:
    network = families.name_of(config)
    if network != families.DEFAULT_NETWORK:
        yield from ("--network", str(network))
    yield from ("--alpha", _number(config.alpha))
    if config.shallow:
        yield "--shallow"
    yield from _size(config, resolutions)


def _size(config: BaseConfig, resolutions: tuple[int, ...]) -> Iterator[str]:
    """Several are an option of how it is written."""
    if not resolutions and config.size.is_square:
        yield from ("--resolution", str(config.resolution))


def _head(config: BaseConfig) -> Iterator[str]:
    if config.head in HEADS:
        yield from ("--head", config.head)
    if config.output_stride not in (None, OUTPUT_STRIDE):
        yield from ("--output-stride", str(config.output_stride))


def _labels(about: PackageMetadata, config: BaseConfig, labels: tuple[str, ...]) -> Iterator[str]:
    """A list of one's own, and whether class 0 was kept."""
    head, own = heads.head_of(config), about.labels_from or ""
    usual = USUAL_LABELS.get(head, lambda _: labels)(config.classes)
    if own.endswith(GIVEN):
        yield from ("--classes", shlex.quote(own.removesuffix(GIVEN)))
    elif labels[: config.classes] != usual and labels and not about.provenance.sha256:
        yield from ("--classes", LABELS)
    if head == heads.CLASSIFIER and config.classes == WITH_BACKGROUND:
        yield "--keep-background"


def _written(about: PackageMetadata, description: ModelDescription) -> Iterator[str]:
    """How it is written."""
    assert about.config is not None, "of a network of ours"
    options = dict(needed_options(spec_of(about, description), about.config.readout))
    if about.calibration and about.format == "mlprogram":
        options["min_ios"] = about.min_ios  # photographs make the newest forms worth their while
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        number = _number(value) if isinstance(value, float) else str(value)
        yield from [flag] if value is True else [flag, number]
    yield from _learned(about)


def _learned(about: PackageMetadata) -> Iterator[str]:
    """What it was to reach with the photographs that were at hand."""
    record = about.calibration
    if record or about.compression == "w8a8":
        yield from ("--calibrate", PHOTOGRAPHS)
    if not record:
        return
    if record.finetuned:
        yield from ("--finetune", _number(record.finetuned))
    if record.size:
        kilobytes, rest = divmod(record.size, 1000)
        yield from ("--size", f"{record.size}B" if rest else f"{kilobytes}kB")
    if record.loss_limit:
        yield from ("--loss", _number(record.loss_limit))


def _is_published(config: BaseConfig) -> bool:
    """Whether it has the head of published weights, or features of them."""
    readout = config.readout
    return readout.classes is None or (readout.is_plain and readout.classes in IMAGENET_CLASSES)


def _untrained(config: BaseConfig) -> BaseConfig:
    """What `--weights untrained` makes of the options that `config` has."""
    kind = families.config_type(families.name_of(config))
    plain = kind(alpha=config.alpha, shallow=config.shallow).at(config.size)
    if config.head == "features":
        return plain.as_features(config.until)
    return heads.with_head(plain, config.head, config.output_stride, config.classes)


def _number(value: float) -> str:
    """In as few digits as tell it from others."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
