"""`python -m export all`: a whole grid of variants, in worker processes, resumable.

A package that is whole, verified and made from the same weights and options is left as it is. A
variant that fails, or takes longer than `CELL_LIMIT_S`, is a row; the others are finished. Workers
are fresh processes: coremltools is not thread-safe, and in forked ones it leaves its temporary
packages behind.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal, Self

import msgspec

from export.file_kinds import DEFAULT
from export.pipeline import Exported, export
from export.source import Published
from export.spec import ExportSpec, Variant
from export.sweep.export_options import CellOptions, SweepOptions, shared
from export.targets import Target
from mobilenet import __version__
from mobilenet.common import files
from mobilenet.common.children import Child, ChildError, ChildPool
from mobilenet.common.errors import ConfigError
from mobilenet.networks.families import DEFAULT_NETWORK, NetworkName
from mobilenet.networks.grid import SizeGrid

MANIFEST = "manifest.json"
SCHEMA = 1
CELL_LIMIT_S = 1800.0  # the slowest takes a minute, and its weights may come over a slow line
SHARED = 8  # times as long as two cores alone take to finetune, where cells share them
Status = Literal["exported", "unchanged", "failed", "not reached"]


@dataclass(frozen=True)
class SweepItem:
    """One variant of the grid and how to write it."""

    variant: Variant
    spec: ExportSpec

    @property
    def name(self) -> str:
        """What progress and failures call it: "v2 0.75 192 ane coreai"."""
        variant, spec = self.variant, self.spec
        words = (
            "" if variant.network in (None, DEFAULT_NETWORK) else variant.network,
            f"{variant.alpha:g}", f"{variant.pixels}", "shallow" if variant.shallow else "",
            spec.target, spec.format,
        )  # fmt: skip
        return " ".join(filter(None, words))


def grid(sizes: SizeGrid, cells: CellOptions) -> list[SweepItem]:
    """Every combination. Raises `ConfigError` for options that contradict each other."""
    if cells.weights.head not in (None, "classifier") and sizes.resolution is None:
        raise ConfigError(
            f"head {cells.weights.head} in a grid without sizes",
            "name them: --resolution 513 of deeplab, 300 of ssdlite",
        )
    return [
        SweepItem(
            Variant(**knobs._asdict(), **shared(cells.weights)),
            ExportSpec(
                target=target,
                format=None if format == "coreml" else format,
                **shared(cells.form),
            ),
        )
        for knobs, target, format in product(sizes.sizes(), cells.target, cells.format)
    ]


@dataclass(frozen=True)
class ManifestRow:
    """What became of a cell: a line of the manifest."""

    alpha: float
    resolution: int
    shallow: bool
    target: Target
    status: Status
    reason: str = ""  # of a failure
    remarks: tuple[str, ...] = ()  # warnings, such as that the weights are untrained
    package: str = ""
    identity: str = ""
    size_bytes: int | None = None
    macs: int | None = None
    parameters: int | None = None
    agreement: float | None = None
    weights: str = ""
    trained: bool | None = None
    format: str = DEFAULT
    network: NetworkName = DEFAULT_NETWORK

    @property
    def cell(self) -> tuple[object, ...]:
        """What tells it from the others of a grid."""
        size = self.network, self.alpha, self.resolution, self.shallow
        return *size, self.target, self.format

    @classmethod
    def of(cls, item: SweepItem, status: Status, reason: str = "") -> Self:
        """A row that tells only what was asked for and why it is not there."""
        variant = item.variant
        assert variant.alpha is not None, "a grid names every alpha"
        assert variant.pixels is not None, "a grid names every resolution"
        spec = item.spec.resolved()
        return cls(
            variant.alpha, variant.pixels, bool(variant.shallow), spec.target, status, reason,
            format=str(spec.format), network=variant.network or DEFAULT_NETWORK,
        )  # fmt: skip

    def with_package(self, exported: Exported) -> Self:
        """The row with what is known of the finished package."""
        metadata = exported.metadata
        return replace(
            self,
            package=exported.path.name,
            identity=exported.identity,
            size_bytes=exported.size_bytes,
            macs=metadata.macs,
            parameters=metadata.parameters,
            agreement=exported.verified.agreement if exported.verified else None,
            weights=metadata.provenance.source,
            trained=metadata.provenance.trained,
            remarks=exported.notes,
        )


@dataclass(frozen=True)
class Manifest:
    """The whole grid as it stands in a folder."""

    schema: int
    tool: str
    rows: tuple[ManifestRow, ...]

    @property
    def exit_code(self) -> int:
        """0 when every cell has its package, else 2."""
        return 0 if all(row.package for row in self.rows) else 2


def export_all(
    grid: Sequence[SweepItem], folder: Path, options: SweepOptions
) -> Iterator[ManifestRow]:
    """Rows as they are finished. Closing the iterator ends what has begun, too."""
    cores = os.cpu_count() or 1
    workers = min(cores if options.workers is None else options.workers, len(grid))
    if workers < 1:
        raise ConfigError(f"workers is {workers}", "at least 1")
    threads = max(1, cores // workers)
    # read by torch when it is imported
    with ChildPool(workers, {"OMP_NUM_THREADS": str(threads)}) as pool:
        rows = [pool.submit(partial(_row, item, folder, options)) for item in grid]
        for row in as_completed(rows):
            yield row.result()


def write_manifest(grid: Sequence[SweepItem], rows: Sequence[ManifestRow], path: Path) -> Manifest:
    """Write the grid in its own order; cells without a row were not reached."""
    by_cell = {row.cell: row for row in rows}
    blanks = [ManifestRow.of(item, "not reached") for item in grid]
    ordered = tuple(by_cell.get(blank.cell, blank) for blank in blanks)
    manifest = Manifest(SCHEMA, __version__, ordered)
    files.write_atomically(path, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _row(item: SweepItem, folder: Path, options: SweepOptions, child: Child) -> ManifestRow:
    limit = CELL_LIMIT_S + 60 * SHARED * (options.calibration.finetune or 0)
    try:
        return child.call(limit, _export_item, item, folder, options)
    except ChildError as error:  # of one variant: its row, not the grid's end
        return ManifestRow.of(item, "failed", error.message)


def _export_item(item: SweepItem, folder: Path, options: SweepOptions) -> ManifestRow:
    """In a worker: one variant, unless its package is there already."""
    source = Published(
        item.variant, options.offline, options.classes, options.keep_background
    )  # fmt: skip
    exported = export(
        source, files.Folder(folder), spec=item.spec, verify=options.verify,
        calibration=options.calibration, swift=options.swift, reuse=True,
    )  # fmt: skip
    status: Status = "unchanged" if exported.unchanged else "exported"
    return ManifestRow.of(item, status).with_package(exported)
