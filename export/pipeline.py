"""From a variant, a checkpoint or a module to a verified package on disk: one way for all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from export.calibrate import Calibrating
from export.calibration_options import NO_CALIBRATION, CalibrationOptions
from export.formats.registry import format_of
from export.package import metadata
from export.package.metadata import PackageMetadata, Verified
from export.prepared import Prepared
from export.source import TRAINED_BY_USER, UNKNOWN, Source, source_of
from export.spec import ExportSpec, Variant
from mobilenet.checkpoint import Checkpoint
from mobilenet.common import files
from mobilenet.common.errors import ConfigError, PackageError
from mobilenet.common.files import Folder
from mobilenet.common.size import Sides
from mobilenet.common.temporary import owned_folder
from mobilenet.preprocess import INCEPTION, STANDARD_CROP, Geometry, Normalization

if TYPE_CHECKING:
    from torch import nn

    from export.package.model_files import ModelFiles

UNFINISHED = ".finetuning"  # ends the name of what training goes on from
DEFAULT_FOLDER = Path("models")


@dataclass(frozen=True)
class Exported:
    """A package that is whole and on disk."""

    path: Path
    metadata: PackageMetadata
    size_bytes: int
    identity: str
    verified: Verified | None
    swift: Path | None = None
    """The Swift file beside it, if one was asked for."""
    unchanged: bool = False
    """It was there already, whole, verified and made from the same facts."""
    notes: tuple[str, ...] = ()
    """What should be known of it, such as that its weights are untrained."""
    read: str = ""
    """How its weights were read, in words; empty for what was none of a file."""
    assumed: tuple[str, ...] = ()
    """In words, what the weights do not say and was assumed."""
    unused_classes: int = 0
    """That a detector names beside its own (`head_outputs.PADDED_TO`)."""


def export(
    model: "Source | Variant | Checkpoint | nn.Module",
    output: Path | Folder | None = None,
    *,
    labels: Sequence[str] = (),
    resolution: Sides | None = None,
    normalization: Normalization = INCEPTION,
    geometry: Geometry = STANDARD_CROP,
    source: str = TRAINED_BY_USER,
    licence: str = UNKNOWN,
    spec: ExportSpec | None = None,
    verify: bool = True,
    calibration: CalibrationOptions = NO_CALIBRATION,
    swift: bool = False,
    reuse: bool = False,
) -> Exported:
    """Build, save, verify, and only then take the package's name.

    `output` is a package or a folder; one that is there is replaced whole. `labels` to `licence`
    describe a module, as `TrainedModule` says; variants and checkpoints know their own.
    `calibration` names photographs that compression learns from. `swift` adds the app's file.
    `reuse` leaves a package that is there already, whole, verified and made from the same facts.

    Raises `UserError`, among them `VerificationError` when the package does not compute what the
    network does; nothing is left behind under the package's name when it does, but what was
    trained stays beside it, for the next export.
    """
    from export.app import swift as swift_file

    spec = (spec or ExportSpec()).for_file(output.suffix if isinstance(output, Path) else "")
    spec = calibration.applied_to(spec).resolved()
    format_of(spec).check(spec)
    origin = source_of(
        model,
        labels=labels,
        resolution=resolution,
        normalization=normalization,
        geometry=geometry,
        source=source,
        licence=licence,
    )
    destination(output, "any", spec, origin.reads)  # said before work
    if swift:
        swift_file.check_spec(spec)
    prepared = replace(origin.prepare(spec), suffix=calibration.suffix(spec))
    path = destination(output, prepared.name, spec, origin.reads)
    if swift:
        swift_file.check_network(prepared)
        swift_file.check_destination(path, swift_file.kind_of(prepared))
    learner, state = None, path.with_suffix(UNFINISHED)
    if calibration.calibrate is not None:
        learner = Calibrating.of(prepared, calibration)
        prepared = learner.prepared
    exported = _existing(path, prepared, learner.digest if learner else "") if reuse else None
    if exported is None:
        if learner is not None:
            prepared = learner.finished(_size_of, state)
        exported = _made(path, prepared, verify)
    if calibration.finetune is not None:
        state.unlink(missing_ok=True)  # only now: what was trained is in the package
    if swift:
        return replace(exported, swift=swift_file.write(path, prepared))
    return exported


def destination(
    output: Path | Folder | None, stem: str, spec: ExportSpec, inputs: Sequence[Path] = ()
) -> Path:
    """Where the package goes, called `stem` in a folder. Raises before any work is done for it.

    `inputs` are files that are read and must not be replaced.
    """
    kind = spec.file_kind
    name = stem + kind.suffix
    path = output.path / name if isinstance(output, Folder) else output or DEFAULT_FOLDER / name
    if path.suffix != kind.suffix and files.is_package(path):
        path = path.resolve()  # a link to a package may be called as it likes
    if path.suffix != kind.suffix:
        if path.suffix and not path.is_dir():
            raise ConfigError(
                f"output is {path}", f"a name that ends in {kind.suffix}, or a folder/"
            )
        path = path / name
    if files.is_package(path.parent):
        raise PackageError(
            f"{path.parent} is a model package, not a folder for one", "choose another --output"
        )
    if kind.is_folder:
        files.check_package(path, inputs)
    else:
        files.check_regular_file(path, inputs)
    files.check_regular_file(metadata.verified_path(path), inputs)
    return path


def _size_of(prepared: Prepared) -> int:
    """Bytes of the file, once it is written."""
    from export.package.model_files import find

    with owned_folder() as folder:
        path = folder / f"{prepared.name}{prepared.spec.file_kind.suffix}"
        format_of(prepared.spec).write(prepared, path)
        return find(path).size_bytes


def _made(path: Path, prepared: Prepared, verify: bool) -> Exported:
    with files.replacing(path) as temporary:
        format_of(prepared.spec).write(prepared, temporary)
        verified = _verified(temporary, prepared) if verify else None
    return _finish(path, prepared, verified)


def _verified(path: Path, prepared: Prepared) -> Verified:
    from export.verify.gates import (
        verify_package,  # loads PyTorch, which an export alone does without
    )

    return verify_package(path, prepared)


def _existing(path: Path, prepared: Prepared, digest: str) -> Exported | None:
    """The package at `path` if it is just what would be written there.

    `digest` is of what weights are learned from; empty where none are.
    """
    from export.mil.read.model import read_any
    from export.package.model_files import find

    if not path.exists() or prepared.metadata.config is None:
        return None  # of a traced module, the weights are not known to be the same
    try:
        package = find(path)
        verified = metadata.verified(path, package.identity())
        there = metadata.metadata_of(read_any(path).description.metadata)
    except PackageError:
        return None  # it is damaged: made again
    if there is None or verified is None:
        return None
    learned_from = there.calibration.digest if there.calibration else ""
    if (there.without_calibration, learned_from) != (prepared.metadata, digest):
        return None
    prepared = replace(prepared, metadata=there)
    exported = _exported(package, prepared, verified, verified.identity)
    return replace(exported, unchanged=True)


def _finish(path: Path, prepared: Prepared, verified: Verified | None) -> Exported:
    from export.package.model_files import find

    note = metadata.verified_path(path)
    if verified is None:
        note.unlink(missing_ok=True)
    else:
        import msgspec

        files.write_atomically(note, msgspec.json.encode(verified))
    package = find(path)
    return _exported(package, prepared, verified, package.identity())


def _exported(
    package: "ModelFiles", prepared: Prepared, verified: Verified | None, identity: str
) -> Exported:
    notes = prepared.notes if prepared.compress else (*prepared.notes, *_remarks(verified))
    path, size = package.path, package.size_bytes
    network = prepared.network
    reading = network.reading if isinstance(network, Checkpoint) else None
    read, assumed = ("", ()) if reading is None else (reading.title, reading.assumed)
    return Exported(
        path, prepared.metadata, size, identity, verified,
        notes=notes, read=read, assumed=assumed, unused_classes=prepared.unused_classes,
    )  # fmt: skip


def _remarks(verified: Verified | None) -> Sequence[str]:
    """What a verification that passed leaves to say."""
    if verified is None or verified.agreement_limit <= Verified.agreement_limit:
        return ()
    return (
        f"float16 moves this network's logits by {verified.agreement:.1e} (relative L2): it loses "
        "digits that others keep; --precision fp32 keeps them",
    )
