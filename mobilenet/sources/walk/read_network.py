"""What a result is made of, sorted: rows, matrices, and the mean between them."""

from mobilenet.common.errors import CheckpointError
from mobilenet.networks.classifier import Pool
from mobilenet.sources.walk.read_rows import ReadMatrix, ReadNetwork, ReadRow
from mobilenet.sources.walk.steps import (
    EXPORT_MODULE,
    Convolution,
    GraphValue,
    Joined,
    Matrix,
    Pooling,
)


def read_network(result: GraphValue) -> ReadNetwork:
    """Sort what `result` is made of. Raises `CheckpointError` naming what cannot be exported."""
    if result.layout.places is not None or result.after is not None or result.is_padded:
        raise CheckpointError(
            "the result is moved, scaled or padded behind the last layer", EXPORT_MODULE
        )
    value, matrices = result, list[ReadMatrix]()
    while isinstance(value.maker, Matrix):
        matrices.append(ReadMatrix(value.maker, value))
        value = value.maker.reads
    pool: Pool = "flatten" if matrices else "none"
    pooled = ""
    if isinstance(value.maker, Pooling):
        if not matrices and value.affine is not None:
            raise CheckpointError("the result is scaled behind the mean", EXPORT_MODULE)
        pool, pooled, value = "mean", value.name, value.maker.reads
    rows = rows_behind(value)
    if not rows:
        raise CheckpointError("there is no convolution", EXPORT_MODULE)
    if pool == "none" and not value.layout.is_map:
        raise CheckpointError("the result is a map that was flattened", EXPORT_MODULE)
    return ReadNetwork(rows, tuple(reversed(matrices)), pool, pooled, result)


def rows_behind(*last: GraphValue) -> tuple[ReadRow, ...]:
    """The convolutions that values depend on. Each must be read at one point only."""
    rows: dict[int, ReadRow] = {}
    waiting = [*last]
    while waiting:
        value = waiting.pop()
        if isinstance(value.maker, Joined):
            waiting += value.maker.parts
        if not isinstance(value.maker, Convolution):
            continue
        row = rows.get(value.maker.number)
        if row is None:
            rows[value.maker.number] = ReadRow(value.maker, value)
            waiting += [value.maker.reads, *([value.adds] if value.adds else ())]
        elif not _is_same(row.value, value):
            raise CheckpointError(
                f"a second branch begins behind {value.maker.node.title}: it is read as "
                f"{value.name} and as {row.value.name}",
                EXPORT_MODULE,
            )
    return tuple(rows[number] for number in sorted(rows))


def _is_same(first: GraphValue, second: GraphValue) -> bool:
    return first.activation == second.activation and all(
        getattr(first, part) is getattr(second, part)
        for part in ("norm", "affine", "adds", "after")
    )
