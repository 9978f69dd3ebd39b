"""From a variant, a checkpoint or a module to a verified package on disk."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from export import metadata
from export.metadata import Facts, Verified
from export.spec import ExportSpec, Variant
from mobilenet import __version__, files
from mobilenet.checkpoint import Checkpoint
from mobilenet.errors import ConfigError, PackageError

SUFFIX = ".mlpackage"
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


def export_variant(
    variant: Variant,
    spec: ExportSpec | None = None,
    output: Path | None = None,
    *,
    verify: bool = True,
    offline: bool = False,
    classes: Path | None = None,
    keep_background: bool = False,
    swift: bool = False,
) -> Exported:
    """Find the weights of `variant` and export them; `output` is a file, a folder or None.

    Raises `UserError`; nothing is left behind under the package's name when it does.
    """
    from mobilenet.weights import obtain

    checkpoint = obtain(
        variant.weights,
        alpha=variant.alpha,
        resolution=variant.pixels,
        shallow=variant.shallow,
        offline=offline,
        keep_background=keep_background,
        classes=classes,
    )
    return export_checkpoint(checkpoint, spec or ExportSpec(), output, verify=verify, swift=swift)


def export_checkpoint(
    checkpoint: Checkpoint,
    spec: ExportSpec,
    output: Path | None = None,
    *,
    verify: bool = True,
    swift: bool = False,
) -> Exported:
    """Build, save, verify, and only then take the package's name; `swift` adds the app's file."""
    from export import swift as swift_file
    from export.build import build

    spec = spec.resolved()
    if spec.outputs == "features":
        checkpoint = checkpoint.with_config(head="features")
    elif spec.outputs == "classifier" and not checkpoint.labels:
        raise ConfigError(
            f"the {checkpoint.config.classes} classes of these weights have no labels",
            "give them with --classes labels.txt, or choose --outputs probabilities",
        )
    facts = facts_about(checkpoint, spec)
    path = destination(output, default_name(checkpoint, spec))
    if swift:
        swift_file.check_spec(spec)
        swift_file.check_destination(path)
    with files.replacing(path) as temporary:
        write(build(checkpoint, spec), facts, temporary)
        result = _verified(temporary, checkpoint, spec) if verify else None
    exported = _finish(path, facts, result)
    return replace(exported, swift=swift_file.write_classifier(path, facts)) if swift else exported


def _verified(path: Path, checkpoint: Checkpoint, spec: ExportSpec) -> Verified:
    from export.verify import verify_package  # loads PyTorch, which an export alone does without

    return verify_package(path, checkpoint, spec)


def write(model: Any, facts: Facts, path: Path) -> None:
    """Describe an `MLModel` and save it reproducibly as a new package at `path`."""
    from export.save import describe, save_reproducibly

    describe(model, facts)
    save_reproducibly(model, path)


def facts_about(checkpoint: Checkpoint, spec: ExportSpec) -> Facts:
    """What the package will say about itself."""
    spec, cost = spec.resolved(), checkpoint.config.cost()
    assert spec.precision is not None, "resolved"
    assert spec.min_ios is not None, "resolved"
    return Facts(
        schema=metadata.SCHEMA,
        tool=__version__,
        config=checkpoint.config,
        normalization=checkpoint.normalization,
        geometry=checkpoint.geometry,
        provenance=checkpoint.provenance,
        format="mlprogram",
        precision=spec.precision,
        target=spec.target,
        compute_units=spec.rule.compute_units,
        min_ios=spec.min_ios,
        compression="",
        macs=cost.macs,
        parameters=cost.parameters,
    )


def default_name(checkpoint: Checkpoint, spec: ExportSpec) -> str:
    """A name without dots, so that Xcode's Swift class bears it unchanged."""
    mark = f"_{checkpoint.provenance.mark}" if checkpoint.provenance.mark else ""
    return checkpoint.config.slug + spec.suffix + mark + SUFFIX


def destination(output: Path | None, name: str) -> Path:
    """Where the package goes. Raises before any work is done for it."""
    path = output or DEFAULT_FOLDER / name
    if path.suffix != SUFFIX:
        if path.suffix and not path.is_dir():
            raise ConfigError(
                f"output is {path}", f"a name that ends in {SUFFIX}, or a folder to put {name} in"
            )
        path = path / name
    if path.exists() and not (path / "Manifest.json").is_file():
        raise PackageError(
            f"{path} exists and is not a model package: it is not replaced",
            "choose another --output, or move it away",
        )
    return path


def _finish(path: Path, facts: Facts, result: Verified | None) -> Exported:
    from export.package import find

    package = find(path)
    note = metadata.verified_path(path)
    if result is None:
        note.unlink(missing_ok=True)
    else:
        import msgspec

        files.write_atomically(note, msgspec.json.encode(result))
    return Exported(path, facts, package.size_bytes, package.identity(), result)
