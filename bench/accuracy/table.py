"""Records of accuracy as tables on the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.table import Table

from bench.records import Accuracy, Agreement, Model
from mobilenet import cli, published

FIRST = 10  # broken photographs that are named; the records have them all
LEVEL = 0.05
VALIDATION_IMAGES = 50_000


def show(records: Sequence[Accuracy | Agreement]) -> None:
    """What was measured, beside what is published, and where models part."""
    measured = [record for record in records if isinstance(record, Accuracy)]
    agreements = [record for record in records if isinstance(record, Agreement)]
    cli.out.print(Group(accuracies(measured), "", published_beside(measured)))
    cli.say(caveat(measured[0]))
    if agreements:
        cli.out.print(Group("", agreement(agreements)))
        cli.say(
            f"worse: exact one-sided McNemar test below {LEVEL:g} / {len(agreements)} pairs. "
            "Error: largest difference of log-probabilities per photograph, natural logarithm."
        )
    for line in remarks(measured[0]):
        cli.warn(line)


def accuracies(records: Iterable[Accuracy]) -> Table:
    table = _table("Model", "Runtime", "Recipe", "images", "top-1 %", "95 %", "top-5 %", "95 %")
    for one in records:
        table.add_row(
            named(one.model),
            " ".join(part for part in (one.runtime, one.unit, one.precision) if part),
            f"{one.recipe}: {one.geometry}",
            str(one.images),
            share(one.top1, one.images),
            interval(one.top1_interval),
            share(one.top5, one.images),
            interval(one.top5_interval),
        )
    return table


def published_beside(records: Sequence[Accuracy]) -> Table:
    """For every network that was measured: what others say of one with the same three knobs."""
    table = _table("Network", "Figure of", "top-1 %", "top-5 %", numbers_from=2)
    for knobs in dict.fromkeys(_knobs(record.model) for record in records):
        name = f"alpha {knobs[0]:g}, {knobs[1]} pixels" if None not in knobs[:2] else "foreign"
        for record in records:
            if _knobs(record.model) == knobs:
                top = share(record.top1, record.images), share(record.top5, record.images)
                table.add_row(name, f"measured here: {record.name}", *top)
        for row in published.ACCURACIES:
            if (row.alpha, row.resolution, row.shallow) == knobs:
                note = f" ({row.note})" if row.note else ""
                top5 = "-" if row.top5 is None else f"{row.top5:g}"
                table.add_row(name, row.source + note, f"{row.top1:g}", top5, style="dim")
    return table


def caveat(record: Accuracy) -> str:
    """What the comparison with published figures is worth."""
    if record.photographs.images == VALIDATION_IMAGES:
        return "Published figures are of ImageNet's 50,000 validation images; is this that set?"
    return (
        f"Published figures are of ImageNet's 50,000 validation images. These "
        f"{record.photographs.images} photographs of {record.photographs.classes} classes "
        "are another set and do not reproduce them: compare rows measured here."
    )


def agreement(records: Sequence[Agreement]) -> Table:
    table = _table(
        "Reference", "Other", "same top-1 %", "only one right", "p", "verdict",
        "error p50", "p99", "max", numbers_from=2,
    )  # fmt: skip
    for one in records:
        table.add_row(
            one.reference,
            one.other,
            share(one.same_top1, one.images),
            f"{one.only_reference_right} : {one.only_other_right}",
            f"{one.p_worse:.2g}",
            verdict(one, len(records)),
            *(
                "-" if value is None else f"{value:.2g}"
                for value in (one.error_p50, one.error_p99, one.error_max)
            ),
        )
    return table


def verdict(record: Agreement, pairs: int) -> str:
    """Bonferroni: with many pairs, one of them would look worse by chance."""
    return "worse" if record.p_worse < LEVEL / pairs else "not shown worse"


def remarks(record: Accuracy) -> list[str]:
    """What casts doubt on all of it."""
    found = []
    if record.broken:
        names = "; ".join(record.broken[:FIRST]) + ("; ..." if len(record.broken) > FIRST else "")
        found.append(f"{len(record.broken)} photographs could not be opened: {names}")
    return found


def named(model: Model) -> str:
    return f"{model.name} [red]untrained[/]" if model.trained is False else model.name


def share(count: int, total: int) -> str:
    return f"{100 * count / total:.2f}" if total else "-"


def interval(bounds: tuple[float, float]) -> str:
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}"


def _knobs(model: Model) -> tuple[float | None, int | None, bool]:
    return model.alpha, model.resolution, bool(model.shallow)


def _table(*headers: str, numbers_from: int = 3) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, header in enumerate(headers):
        table.add_column(header, justify="right" if position >= numbers_from else "left")
    return table
