"""Layers that multiply by a matrix, or look its rows up."""

from export.mil.read.neuralnetwork.layer_translation import LayerRule, LayerTranslation
from export.mil.read.neuralnetwork.layer_weights import weight
from export.mil.read.plain_values import PlainValue


def _bias(layer: LayerTranslation, size: int) -> dict[str, PlainValue]:
    p = layer.params
    return {"bias": weight(p.bias, f"{layer.name}.bias", (size,))} if p.hasBias else {}


def _inner_product(layer: LayerTranslation) -> None:
    """Of rank 4 and 5 the last three axes are one, and come back as (channels, 1, 1)."""
    p, x, shape = layer.params, layer.inputs[0], layer.shape()
    out, into, name = int(p.outputChannels), int(p.inputChannels), f"{layer.name}.weight"
    rank = len(shape) if shape else 4 if layer.folded else 2
    if rank == 4 and (shape is None or shape[2:] == (1, 1)):
        kernel = weight(p.weights, name, (out, into, 1, 1))
        layer.last("conv", x=x, weight=kernel, **_bias(layer, out))
        return
    matrix = weight(p.weights, name, (out, into))
    if shape is None or rank < 4:
        _linear(layer, matrix, out)
        return
    rows = layer.step("reshape", x=x, shape=[*shape[:-3], into])
    product = layer.step("linear", x=rows, weight=matrix, **_bias(layer, out))
    layer.last("reshape", x=product, shape=[*shape[:-3], out, 1, 1])


def _linear(layer: LayerTranslation, matrix: PlainValue, out: int) -> None:
    """Of rank 2 and more; a vector is a row for it."""
    x, bias = layer.inputs[0], _bias(layer, out)
    if layer.rank() != 1:
        layer.last("linear", x=x, weight=matrix, **bias)
        return
    row = layer.step("expand_dims", x=x, axes=[0])
    layer.last("reshape", x=layer.step("linear", x=row, weight=matrix, **bias), shape=[out])


def _matmul(layer: LayerTranslation) -> None:
    p = layer.params
    if len(layer.inputs) == 2:
        x, y = (_matrix(layer, at) for at in range(2))
        layer.last("matmul", x=x, y=y, transpose_x=p.transposeA, transpose_y=p.transposeB)
        return
    into, out = int(p.weightMatrixFirstDimension), int(p.weightMatrixSecondDimension)
    _linear(
        layer, weight(p.weights, f"{layer.name}.weight", (out, into)), out
    )  # stored transposed


def _matrix(layer: LayerTranslation, at: int) -> str:
    """An operand of a product; a vector is a row on the left and a column on the right."""
    if layer.rank(at) != 1:
        return layer.inputs[at]
    return layer.step("expand_dims", x=layer.inputs[at], axes=[at])


def _embedding(layer: LayerTranslation) -> None:
    """Of (..., 1, 1, 1): rows of a table, as channels."""
    p, shape = layer.params, layer.shape()
    if shape is None:
        layer.refuse()
        return
    rows = _rows(layer, [*shape[:-3]], int(p.inputDim), int(p.outputChannels))
    layer.last("reshape", x=rows, shape=[*shape[:-3], int(p.outputChannels), 1, 1])


def _embedding_nd(layer: LayerTranslation) -> None:
    """Of (..., 1): rows of a table, as the last axis."""
    p, shape = layer.params, layer.shape()
    if shape is None:
        layer.refuse()
        return
    layer.last("identity", x=_rows(layer, [*shape[:-1]], int(p.vocabSize), int(p.embeddingSize)))


def _rows(layer: LayerTranslation, shape: list[int], count: int, size: int) -> str:
    """Those of the layer's table at the places it takes, with its bias: `shape` and `size`."""
    p = layer.params
    places = layer.step("reshape", "int32", x=layer.counted(), shape=shape)
    stored = weight(p.weights, f"{layer.name}.weight", (size, count))  # transposed
    table = layer.step("transpose", x=stored, perm=[1, 0])
    rows = layer.step("gather", x=table, indices=places, axis=0)
    if not p.hasBias:
        return rows
    return layer.step("add", x=rows, y=weight(p.bias, f"{layer.name}.bias", (size,)))


def _dot(layer: LayerTranslation) -> None:
    """Of (..., C, 1, 1): over channels; normalized, it is the cosine of their angle."""
    x, y = layer.inputs
    if layer.params.cosineSimilarity:
        x, y = (
            layer.step("real_div", x=value,
                       y=layer.step("reduce_l2_norm", x=value, axes=[-3], keep_dims=True))
            for value in (x, y)
        )  # fmt: skip
    layer.last("reduce_sum", x=layer.step("mul", x=x, y=y), axes=[-3], keep_dims=True)


RULES: dict[str, LayerRule] = {
    "batchedMatmul": _matmul,
    "dot": _dot,
    "embedding": _embedding,
    "embeddingND": _embedding_nd,
    "innerProduct": _inner_product,
}
