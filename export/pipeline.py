"""From a variant, a checkpoint or a module to a verified package on disk."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from export.formats.coreml.save import describe, save_reproducibly
from export.package import metadata
from export.package.metadata import Facts, Verified
from export.spec import SUFFIXES, ExportSpec, Variant
from mobilenet import __version__
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import files
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.files import Folder
from mobilenet.common.progress import SILENT, Progress

DEFAULT_FOLDER = Path("models")


@dataclass(frozen=True)
class Exported:
    """A package that is whole and on disk."""

    path: Path
    facts: Facts
    size_bytes: int
    identity: str
    verified: Verified | None
    swift: Path | None = None
    """The Swift file beside it, if one was asked for."""
    unchanged: bool = False
    """It was there already, whole, verified and made from the same facts."""
    notes: tuple[str, ...] = ()
    """What its user must know of the weights, such as that they are untrained."""


def export_variant(
    variant: Variant,
    spec: ExportSpec | None = None,
    output: Path | Folder | None = None,
    *,
    verify: bool = True,
    offline: bool = False,
    classes: Path | None = None,
    keep_background: bool = False,
    calibrate: Path | None = None,
    swift: bool = False,
    reuse: bool = False,
    progress: Progress = SILENT,
) -> Exported:
    """Find the weights of `variant` and export them; `output` is a package or a folder.

    Of several resolutions, the weights are those published for the largest. `calibrate` is the
    folder of pictures that w8a8 needs. `progress` is told of downloads.

    Raises `UserError`; nothing is left behind under the package's name when it does.
    """
    from mobilenet.weights.resolve import inputs, obtain

    spec = (spec or ExportSpec()).for_file(_suffix(output))
    check_calibration(spec, calibrate)
    read = inputs(variant.weights, classes)
    destination(output, "any" + _ending(spec), spec, read)  # said before work
    if spec.sizes and variant.pixels is not None:
        raise ConfigError(
            f"resolution {variant.pixels} and resolutions {spec.resolutions}",
            "give one of the two",
        )
    checkpoint, notes = obtain(
        variant.weights,
        alpha=variant.alpha,
        resolution=spec.sizes[-1] if spec.sizes else variant.pixels,
        shallow=variant.shallow,
        offline=offline,
        keep_background=keep_background,
        classes=classes,
        progress=progress,
    )
    exported = export_checkpoint(
        checkpoint, spec, output, verify=verify, calibrate=calibrate, swift=swift, reuse=reuse
    )
    return replace(exported, notes=notes)


def export_checkpoint(
    checkpoint: Checkpoint,
    spec: ExportSpec,
    output: Path | Folder | None = None,
    *,
    verify: bool = True,
    calibrate: Path | None = None,
    swift: bool = False,
    reuse: bool = False,
) -> Exported:
    """Build, save, verify, and only then take the package's name.

    `swift` adds the app's file. `reuse` leaves a package that is there already, whole, verified
    and made from the same facts, as it is.
    """
    from export.app import swift as swift_file

    spec = spec.for_file(_suffix(output)).resolved()
    check_calibration(spec, calibrate)
    if spec.sizes:
        checkpoint = checkpoint.at(spec.sizes[-1])
    if spec.outputs == "features":
        checkpoint = checkpoint.as_features(spec.layer or "")
    elif spec.outputs == "classifier" and not checkpoint.labels:
        raise ConfigError(
            f"the {checkpoint.config.classes} classes of these weights have no labels",
            "give them with --classes labels.txt, or choose --outputs probabilities",
        )
    facts = facts_about(checkpoint, spec)
    path = destination(output, default_name(checkpoint, spec), spec)
    if swift:
        swift_file.check_spec(spec)
        swift_file.check_destination(path)
    if reuse and calibrate is None and (existing := _existing(path, facts)):
        return existing
    with files.replacing(path) as temporary:
        _write(checkpoint, spec, temporary, calibrate)
        result = _verified(temporary, checkpoint, spec) if verify else None
    exported = _finish(path, facts, result)
    return replace(exported, swift=swift_file.write_classifier(path, facts)) if swift else exported


def _verified(path: Path, checkpoint: Checkpoint, spec: ExportSpec) -> Verified:
    from export.verify.gates import (
        verify_package,  # loads PyTorch, which an export alone does without
    )

    return verify_package(path, checkpoint, spec)


def _write(checkpoint: Checkpoint, spec: ExportSpec, path: Path, calibrate: Path | None) -> None:
    """Build the model, one function or several, and save it at `path`."""
    from export.formats.coreml import multifunction

    if not spec.sizes:
        write(_model(checkpoint, spec, calibrate), facts_about(checkpoint, spec), path)
        return
    models = {}
    for name, size in multifunction.functions(spec, checkpoint.config.resolution).items():
        sized = checkpoint.at(size)
        models[name] = _model(sized, spec, calibrate)
        describe(models[name], facts_about(sized, spec))
    with tempfile.TemporaryDirectory() as folder:
        merged = multifunction.merged(models, Path(folder))
        write(merged, facts_about(checkpoint, spec), path)


def _model(checkpoint: Checkpoint, spec: ExportSpec, calibrate: Path | None) -> Any:
    """An `MLModel` of one function, without metadata."""
    from export.formats.coreml.build import build

    if spec.compress is None:
        return build(checkpoint, spec)
    from export.compression.weights import compressed

    if spec.compress != "w8a8" or calibrate is None:
        return compressed(checkpoint, spec)
    from export.compression.activations import calibrated  # loads PyTorch

    return compressed(checkpoint, spec, calibrated(checkpoint, calibrate))


def check_calibration(spec: ExportSpec, folder: Path | None) -> None:
    """Raise `ConfigError` unless pictures are given where, and only where, they are needed."""
    from mobilenet.common.images import pictures_in

    if spec.compress == "w8a8" and folder is None:
        raise ConfigError(
            "compress w8a8 without calibration pictures",
            "add --calibrate, a folder of photographs",
        )
    if spec.compress != "w8a8" and folder is not None:
        raise ConfigError(
            f"calibrate {folder} with compress {spec.compress}", "only w8a8 is calibrated"
        )
    if folder is not None:
        pictures_in(folder)


def write(model: Any, facts: Facts, path: Path) -> None:
    """Describe an `MLModel` and save it reproducibly as a new package at `path`."""
    describe(model, facts)
    save_reproducibly(model, path)


def facts_about(checkpoint: Checkpoint, spec: ExportSpec) -> Facts:
    """What the package will say about itself."""
    spec, cost = spec.resolved(), checkpoint.config.cost()
    assert spec.precision is not None, "resolved"
    assert spec.min_ios is not None, "resolved"
    assert spec.format is not None, "resolved"
    return Facts(
        schema=metadata.SCHEMA,
        tool=__version__,
        config=checkpoint.config,
        normalization=checkpoint.normalization,
        geometry=checkpoint.geometry,
        provenance=checkpoint.provenance,
        format=spec.format,
        precision=spec.precision,
        target=spec.target,
        compute_units=spec.rule.compute_units,
        min_ios=spec.min_ios,
        compression=spec.compress or "",
        macs=cost.macs,
        parameters=cost.parameters,
        resolutions=spec.sizes,
    )


def default_name(checkpoint: Checkpoint, spec: ExportSpec) -> str:
    """A name without dots, so that Xcode's Swift class bears it unchanged."""
    mark = f"_{checkpoint.provenance.mark}" if checkpoint.provenance.mark else ""
    return checkpoint.config.slug + spec.suffix + mark + _ending(spec)


def destination(
    output: Path | Folder | None, name: str, spec: ExportSpec, inputs: Sequence[Path] = ()
) -> Path:
    """Where the package goes. Raises before any work is done for it.

    `inputs` are files that are read and must not be replaced.
    """
    suffix = _ending(spec)
    path = output.path / name if isinstance(output, Folder) else output or DEFAULT_FOLDER / name
    if path.suffix != suffix:
        if path.suffix and not path.is_dir():
            raise ConfigError(f"output is {path}", f"a name that ends in {suffix}, or a folder/")
        path = path / name
    if suffix == SUFFIXES["neuralnetwork"]:
        files.check_regular_file(path, inputs)
    else:
        files.check_package(path, inputs)
    files.check_regular_file(metadata.verified_path(path), inputs)
    return path


def _suffix(output: Path | Folder | None) -> str:
    return output.suffix if isinstance(output, Path) else ""


def _ending(spec: ExportSpec) -> str:
    return SUFFIXES[spec.resolved().format or "mlprogram"]


def _existing(path: Path, facts: Facts) -> Exported | None:
    """The package at `path` if it is just what would be written there."""
    from export.mil.read.model import read
    from export.package.model_files import find

    if not path.exists():
        return None
    try:
        package = find(path)
        result = metadata.verified(path, package.identity())
        if metadata.facts_of(read(path).description.metadata) != facts or result is None:
            return None
    except PackageError:
        return None  # it is damaged: made again
    size = package.size_bytes
    return Exported(path, facts, size, result.identity, result, unchanged=True)


def _finish(path: Path, facts: Facts, result: Verified | None) -> Exported:
    from export.package.model_files import find

    package = find(path)
    note = metadata.verified_path(path)
    if result is None:
        note.unlink(missing_ok=True)
    else:
        import msgspec

        files.write_atomically(note, msgspec.json.encode(result))
    return Exported(path, facts, package.size_bytes, package.identity(), result)
