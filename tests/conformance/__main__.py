"""`make conformance`, or `python -m conformance [NETWORK ...]` in the peers' environment.

Converts networks of torchvision and timm with random weights to every form, runs each by the
portable runtime, and prints a table: runs, relative L2 against PyTorch in float64, MACs against
`torch.utils.flop_counter`. The exit code is 1 when one fails, 2 for an unknown name.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from conformance.forms import FORMS
from conformance.networks import NETWORKS
from conformance.table_row import HEADINGS, Row, cells, decoded, encoded

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; the table goes to standard output, progress to the other."""
    asked = _parsed(arguments)
    names = asked.networks or list(NETWORKS)
    rows: list[Row] = []
    for number, name in enumerate(names, start=1):
        for row in measured(name, asked.form or list(FORMS)):
            print(
                f"[{number}/{len(names)}] {'  '.join(cells(row))}  {row.reason}", file=sys.stderr
            )
            rows.append(row)
            if asked.json:
                print(encoded(row), flush=True)
    if not asked.json:
        print("\n".join(_markdown(rows) if asked.markdown else _plain(rows)))
    failed = [row for row in rows if row.failed]
    print(f"{len(rows) - len(failed)} of {len(rows)} are as they must be", file=sys.stderr)
    for row in failed:
        print(f"failed: {row.network}, {row.form}: {_failure(row)}", file=sys.stderr)
    return int(bool(failed))


def measured(name: str, forms: Sequence[str]) -> Iterator[Row]:
    """Rows of one network, from a process of its own, which gives its memory back."""
    command = [sys.executable, "-m", "conformance.one_network", name, *forms]
    missing = dict.fromkeys(forms)
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, text=True,
            env=os.environ | {"PYTHONPATH": paths},
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            row = decoded(line)
            del missing[row.form]
            yield row
        code = process.wait()
        said.seek(0)
        last = (said.read().strip().splitlines() or [""])[-1]
    for form in missing:
        yield Row(name, form, reason=f"its process ended with code {code}: {last}")


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="all without one")
    parser.add_argument("--form", action="append", choices=list(FORMS), help="may be repeated")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="a line of JSON for each row")
    shown.add_argument("--markdown", action="store_true", help="one row for each network")
    asked = parser.parse_args(arguments)
    for name in asked.networks:
        if name not in NETWORKS:
            parser.error(f"no network {name!r} is on the list: {', '.join(NETWORKS)}")
    return asked


def _plain(rows: Sequence[Row]) -> Iterator[str]:
    table = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield "  ".join(map(str.ljust, line, widths)).rstrip()


def _markdown(rows: Sequence[Row]) -> Iterator[str]:
    """A row for each network: the relative L2 of each form, or that it does not run; MACs."""
    forms = list(dict.fromkeys(row.form for row in rows))
    yield f"| network | {' | '.join(forms)} | MACs | as PyTorch counts |"
    yield f"|---|{'---:|' * (len(forms) + 1)}---|"
    for name in dict.fromkeys(row.network for row in rows):
        own = {row.form: row for row in rows if row.network == name}
        errors = ["does not run" if r.reason else f"{r.relative_l2:.0e}" for r in own.values()]
        equal = "yes" if all(r.macs == r.counted_macs for r in own.values()) else "**no**"
        macs = next(iter(own.values())).macs
        yield f"| {name} | {' | '.join(errors)} | {macs / 1e6:,.1f} M | {equal} |"


def _failure(row: Row) -> str:
    if row.reason:
        return row.reason
    if row.macs != row.counted_macs:
        return f"{row.counted_macs:,} MACs are counted, PyTorch counts {row.macs:,}"
    return f"relative L2 {row.relative_l2:.1e}, at most {row.limit:.1e}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
