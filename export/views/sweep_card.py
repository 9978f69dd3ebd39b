"""What the grid looks like: one bar while it is made, one table when it is done."""

from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

from export.sweep.sweep import MANIFEST, Manifest, ManifestRow
from mobilenet.common import terminal

AGREEMENT = (
    "agreement: relative L2 of logits against PyTorch; packages on the portable runtime, "
    "assets on Core AI"
)
HEADERS = ("package", "alpha", "pixels", "MB", "M MACs", "M params", "agreement", "status")


def followed(
    rows: Iterator[ManifestRow], total: int
) -> tuple[list[ManifestRow], KeyboardInterrupt | None]:
    """Collect the rows behind a progress bar: what is finished, and what cut it short, if any."""
    interruption = None
    finished: list[ManifestRow] = []
    with terminal.DRAWN.bar("exporting") as bar:
        bar.update(0, total, f"0/{total}")
        try:
            for row in rows:
                finished.append(row)
                bar.update(len(finished), total, f"{len(finished)}/{total}")
        except KeyboardInterrupt as error:
            interruption = error
            terminal.warn("interrupted: what is finished is kept; run it again to go on")
            if isinstance(rows, Generator):
                rows.close()
    return finished, interruption


def show(manifest: Manifest, folder: Path, *, json: bool) -> None:
    """The manifest as a table, with every distinct warning once."""
    if json:
        terminal.print_json(manifest)
        return
    terminal.table(HEADERS, map(_cells, manifest.rows), words=(HEADERS[0], HEADERS[-1]))
    statuses = Counter(row.status for row in manifest.rows)
    counts = ", ".join(f"{number} {status}" for status, number in statuses.items())
    terminal.line()
    terminal.line(f"{counts}; manifest in {folder / MANIFEST}")
    terminal.line((AGREEMENT, "dim"))
    for remark, number in Counter(r for row in manifest.rows for r in row.remarks).items():
        terminal.warn(f"{number} x {remark}")


def _cells(row: ManifestRow) -> list[str]:
    shallow = " shallow" if row.shallow else ""
    network = f"MobileNet {row.network}{shallow}, target {row.target}, {row.format}"
    return [
        row.package or network,
        f"{row.alpha:g}",
        str(row.resolution),
        _number(row.size_bytes, 1e6, ".2f"),
        _number(row.macs, 1e6, ".1f"),
        _number(row.parameters, 1e6, ".2f"),
        "" if row.agreement is None else f"{row.agreement:.1e}",
        row.status + (f": {row.reason}" if row.reason else ""),
    ]


def _number(value: int | None, unit: float, form: str) -> str:
    return "" if value is None else format(value / unit, form)
