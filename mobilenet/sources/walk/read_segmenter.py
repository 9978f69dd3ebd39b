"""What the walk has met where it ends in scores of pixels, as rows."""

from mobilenet.common.errors import CheckpointError
from mobilenet.sources.walk.read_network import rows_behind
from mobilenet.sources.walk.read_rows import ReadNetwork, ReadRow
from mobilenet.sources.walk.steps import (
    EXPORT_MODULE,
    NO_PADS,
    BestClass,
    Convolution,
    Enlarged,
    GraphValue,
    Joined,
    Matrix,
    Pooling,
    Spread,
)


def read_segmenter(result: GraphValue) -> ReadNetwork | None:
    """DeepLab's rows, the one behind the mean first among those of its head.

    None for the result of no segmenter. Raises `CheckpointError` for one with another head.
    """
    if isinstance(result.maker, BestClass):
        result = result.maker.reads
    if not isinstance(result.maker, Enlarged):
        return None
    rows = rows_behind(result.maker.reads)
    if len(rows) < 2 or not isinstance(rows[-2].convolution.reads.maker, Joined):
        raise CheckpointError("the scores of pixels stand on no joined maps", EXPORT_MODULE)
    pooled = rows[-2].convolution.reads.maker.parts[0].maker
    if not (isinstance(pooled, Spread) and isinstance(pooled.reads.maker, Matrix)):
        raise CheckpointError(
            f"{rows[-2].title} joins maps, the first of which is no mean", EXPORT_MODULE
        )
    matrix = pooled.reads.maker
    if not isinstance(matrix.reads.maker, Pooling) or matrix.number is None:
        raise CheckpointError(f"{matrix.node.title} reads no mean of a map", EXPORT_MODULE)
    *backbone, _, _, _ = rows
    made = Convolution(
        matrix.number, matrix.node, matrix.reads.maker.reads, matrix.kernel, (1, 1), (1, 1), 1,
        NO_PADS, is_same=True,
    )  # fmt: skip
    row = ReadRow(made, pooled.reads, pooled=True)
    if rows[0].convolution.reads.layout.natural[1:] != result.layout.natural[1:]:
        raise CheckpointError(
            f"the scores are enlarged to {result.layout.natural[1:]}, which is not the size of "
            "the picture",
            EXPORT_MODULE,
        )
    return ReadNetwork((*backbone, row, *rows[-3:]), (), "none", "", result, is_segmenter=True)
