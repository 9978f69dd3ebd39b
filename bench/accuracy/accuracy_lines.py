"""Records of accuracy as tables on the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from bench.results.records import Accuracy, Agreement, Model
from mobilenet.common import terminal
from mobilenet.weights import published

FIRST = 10  # broken photographs that are named; the records have them all
LEVEL = 0.05
VALIDATION_IMAGES = 50_000


def show(records: Sequence[Accuracy | Agreement]) -> None:
    """What was measured, beside what is published, and where models part."""
    measured = [record for record in records if isinstance(record, Accuracy)]
    agreements = [record for record in records if isinstance(record, Agreement)]
    terminal.out.print(Group(accuracies(measured), "", *recipes(measured)))
    if others := published_beside(measured):
        terminal.out.print(Group("", others, caveat(measured[0])))
    if agreements:
        names = [record.name for record in measured]
        terminal.out.print(Group("", agreement(agreements, names), *explained(len(agreements))))
    for line in remarks(measured):
        terminal.warn(line)


def accuracies(records: Iterable[Accuracy]) -> Table:
    table = _table(
        "#", "Model", "On", "Recipe", "Images", "Top-1 % (95 %)", "Top-5 % (95 %)", left=4
    )
    for number, one in enumerate(records, start=1):
        table.add_row(
            str(number),
            named(one.model),
            " ".join(part for part in (one.runtime, one.unit, one.precision) if part),
            one.recipe,
            str(one.images),
            f"{share(one.top1, one.images)} {interval(one.top1_interval)}",
            f"{share(one.top5, one.images)} {interval(one.top5_interval)}",
        )
    return table


def recipes(records: Iterable[Accuracy]) -> list[str]:
    """What the names of the recipes mean, once each."""
    lines = {f"{record.recipe}: {record.geometry}": None for record in records}
    return [f"[dim]{escape(line)}[/]" for line in lines]


def published_beside(records: Sequence[Accuracy]) -> Table | None:
    """What others say of networks with the same three knobs, under what was measured here."""
    table = _table("Network", "Figure", "Top-1 %", "Top-5 %", left=2)
    for alpha, resolution, shallow in dict.fromkeys(_knobs(record.model) for record in records):
        if alpha is None or resolution is None:
            continue  # a foreign package
        network = f"{alpha:g}, {resolution}{', shallow' if shallow else ''}"
        for number, record in enumerate(records, start=1):
            if _knobs(record.model) == (alpha, resolution, shallow):
                top = share(record.top1, record.images), share(record.top5, record.images)
                table.add_row(network, f"measured here, #{number}", *top)
        for row in published.ACCURACIES:
            if (row.alpha, row.resolution, row.shallow) == (alpha, resolution, shallow):
                note = f" ({row.note})" if row.note else ""
                top5 = "-" if row.top5 is None else f"{row.top5:.2f}"
                table.add_row(network, row.source + note, f"{row.top1:.2f}", top5, style="dim")
    return table if table.row_count else None


def caveat(record: Accuracy) -> str:
    """What the comparison with published figures is worth."""
    photographs = record.photographs
    if photographs.images == VALIDATION_IMAGES:
        return "[dim]Published on ImageNet's 50,000 validation images. Is this that set?[/]"
    return (
        "[dim]Published on ImageNet's 50,000 validation images, which these "
        f"photographs are not (images: {photographs.images}, classes: {photographs.classes}): "
        "only rows measured here compare.[/]"
    )


def agreement(records: Sequence[Agreement], names: Sequence[str]) -> Table:
    table = _table(
        "Pair", "Same top-1 %", "Right alone", "p", "Verdict", "Difference p50", "p99", "max",
        left=1,
    )  # fmt: skip
    for one in records:
        first, second = names.index(one.reference) + 1, names.index(one.other) + 1
        errors = (one.error_p50, one.error_p99, one.error_max)
        table.add_row(
            f"#{first}, #{second}",
            share(one.same_top1, one.images),
            f"{one.only_reference_right} : {one.only_other_right}",
            f"{one.p_worse:.2g}",
            verdict(one, len(records)),
            *("-" if value is None else f"{value:.2g}" for value in errors),
        )
    return table


def explained(pairs: int) -> list[str]:
    level = f"{LEVEL:g} / {pairs} pairs" if pairs > 1 else f"{LEVEL:g}"
    return [
        f"[dim]Verdict on the second of a pair: exact one-sided McNemar test, p < {level}.[/]",
        "[dim]Difference: the largest of the log-probabilities of a photograph (natural log).[/]",
    ]


def verdict(record: Agreement, pairs: int) -> str:
    """Bonferroni: of many pairs, one would look worse by chance."""
    return "worse" if record.p_worse < LEVEL / pairs else "not shown worse"


def remarks(records: Sequence[Accuracy]) -> list[str]:
    """What casts doubt on the figures."""
    broken, found = records[0].broken, []
    if broken:
        names = "; ".join(broken[:FIRST]) + ("; ..." if len(broken) > FIRST else "")
        found.append(f"{len(broken)} of {records[0].photographs.images} not opened: {names}")
    found += [
        f"#{number} gave NaN or infinity for {record.not_finite} photographs: counted as wrong"
        for number, record in enumerate(records, start=1)
        if record.not_finite
    ]
    return found


def named(model: Model) -> str:
    mark = " [red]untrained[/]" if model.trained is False else ""
    return escape(model.name) + mark


def share(count: int, total: int) -> str:
    return f"{100 * count / total:.2f}" if total else "-"


def interval(bounds: tuple[float, float]) -> str:
    return f"({100 * bounds[0]:.1f} to {100 * bounds[1]:.1f})"


def _knobs(model: Model) -> tuple[float | None, int | None, bool]:
    return model.alpha, model.resolution, bool(model.shallow)


def _table(*headers: str, left: int) -> Table:
    """`left` columns of words, then numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, header in enumerate(headers):
        table.add_column(header, justify="left" if position < left else "right")
    return table
