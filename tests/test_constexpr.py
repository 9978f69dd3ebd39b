"""Dense values of compressed weights: coremltools' own compressors write, its own decompressor
is the oracle; and by hand what it never writes."""

import numpy as np
import pytest

from export.mil.read import constexpr
from export.mil.read.model import read
from programs import convert

RNG = np.random.default_rng(0)
CONV = RNG.normal(size=(32, 64, 1, 1)).astype(np.float16)
LINEAR = RNG.normal(size=(48, 64)).astype(np.float32)


def network(mb, x):
    x = mb.conv(x=mb.cast(x=x, dtype="fp16"), weight=np.tile(CONV, (2, 1, 1, 1)), pad_type="valid")
    x = mb.cast(x=mb.reduce_mean(x=x, axes=[2, 3]), dtype="fp32")
    return mb.linear(x=x, weight=LINEAR)


def quantize(optimize, model, **options):
    config = optimize.OpLinearQuantizerConfig(weight_threshold=0, **options)
    return optimize.linear_quantize_weights(model, optimize.OptimizationConfig(config))


def palettize(optimize, model, **options):
    config = optimize.OpPalettizerConfig(weight_threshold=0, mode="uniform", **options)
    return optimize.palettize_weights(model, optimize.OptimizationConfig(config))


def lut(bits):
    """A table of fixed values, so that no clustering library is asked."""

    def values(weight):
        table = np.linspace(weight.min(), weight.max(), 2**bits).astype(weight.dtype)
        return table, np.abs(weight.reshape(-1, 1) - table).argmin(1).astype(np.uint8)

    return values


def custom(optimize, model, bits):
    config = optimize.OpPalettizerConfig(weight_threshold=0, mode="custom", lut_function=lut(bits))
    return optimize.palettize_weights(model, optimize.OptimizationConfig(config))


def prune(optimize, model, **options):
    config = optimize.OpMagnitudePrunerConfig(weight_threshold=0, **options)
    return optimize.prune_weights(model, optimize.OptimizationConfig(config))


def joint(optimize, model, second, **options):
    config_class, compress = {
        "quantize": (optimize.OpLinearQuantizerConfig, optimize.linear_quantize_weights),
        "palettize": (optimize.OpPalettizerConfig, optimize.palettize_weights),
    }[second]
    config = optimize.OptimizationConfig(config_class(weight_threshold=0, **options))
    return compress(model, config, joint_compression=True)


SPARSE = {"target_sparsity": 0.5}
VARIANTS = {
    "int8 symmetric": ("iOS16", quantize),
    "uint8 asymmetric": ("iOS16", lambda o, m: quantize(o, m, mode="linear", dtype="uint8")),
    "int8 per tensor": ("iOS16", lambda o, m: quantize(o, m, granularity="per_tensor")),
    "1 bit": ("iOS16", lambda o, m: custom(o, m, 1)),
    "2 bit": ("iOS16", lambda o, m: palettize(o, m, nbits=2)),
    "4 bit": ("iOS16", lambda o, m: palettize(o, m, nbits=4)),
    "6 bit": ("iOS16", lambda o, m: palettize(o, m, nbits=6)),
    "8 bit": ("iOS16", lambda o, m: palettize(o, m, nbits=8)),
    "pruned": ("iOS16", lambda o, m: prune(o, m, **SPARSE)),
    "int8 on iOS 18": ("iOS18", quantize),
    "int4 channels": ("iOS18", lambda o, m: quantize(o, m, dtype="int4")),
    "uint4 blocks": (
        "iOS18",
        lambda o, m: quantize(o, m, dtype="uint4", mode="linear", granularity="per_block"),
    ),
    "3 bit": ("iOS18", lambda o, m: palettize(o, m, nbits=3)),
    "4 bit groups": (
        "iOS18",
        lambda o, m: palettize(o, m, nbits=4, granularity="per_grouped_channel", group_size=16),
    ),
    "2:4": ("iOS18", lambda o, m: prune(o, m, n_m_ratio=(2, 4))),
    "pruned, then 4 bit": (
        "iOS18",
        lambda o, m: joint(o, prune(o, m, **SPARSE), "palettize", nbits=4, mode="uniform"),
    ),
    "pruned, then int8": ("iOS18", lambda o, m: joint(o, prune(o, m, **SPARSE), "quantize")),
    "4 bit, then int8 table": (
        "iOS18",
        lambda o, m: joint(o, palettize(o, m, nbits=4), "quantize", granularity="per_tensor"),
    ),
}


@pytest.fixture(scope="module")
def models():
    inputs = [np.zeros((1, 64, 2, 2), np.float32)]
    return {opset: convert(network, inputs, opset) for opset in ("iOS16", "iOS18")}


def weights(path):
    function = read(path).function()
    return {
        op.type: (function.array(op, "weight"), function.argument(op, "weight"))
        for op in function.ops
        if op.type in ("conv", "linear")
    }


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.filterwarnings("ignore")  # coremltools' compressors divide by zero scales
def test_dense_values_are_those_of_coremltools(name, models, tmp_path):
    from coremltools.optimize import coreml as optimize

    opset, compress = VARIANTS[name]
    compressed = compress(optimize, models[opset])
    compressed.save(str(tmp_path / "c.mlpackage"))
    optimize.decompress_weights(compressed).save(str(tmp_path / "d.mlpackage"))
    got, wanted = weights(tmp_path / "c.mlpackage"), weights(tmp_path / "d.mlpackage")
    for kind, (dense, constant) in got.items():
        assert constant.form.startswith("constexpr_")
        assert constant.size_bytes < wanted[kind][1].size_bytes
        assert dense.dtype == wanted[kind][0].dtype
        np.testing.assert_array_equal(dense, wanted[kind][0])


def test_vectors_of_a_table_as_documented():
    """iOS18/compression.py, constexpr_lut_to_dense, case 2.1 and 2.2."""
    indices = np.array([[[0, 0], [1, 0]], [[1, 1], [0, 0]]], np.uint8)
    table = np.array([[10, 11, 12], [20, 21, 22]], np.float16).reshape(1, 1, 1, 2, 3)
    operands = {"indices": indices, "lut": table, "vector_axis": np.int32(1)}
    (dense,) = constexpr.dense("constexpr_lut_to_dense", operands, 24)
    a, b = [10, 10], [20, 20]
    assert dense.shape == (2, 6, 2)
    assert dense[0].tolist() == [a, [11, 11], [12, 12], [20, 10], [21, 11], [22, 12]]
    assert dense[1].tolist() == [b, [21, 21], [22, 22], a, [11, 11], [12, 12]]
    operands["vector_axis"] = np.int32(-1)
    (dense,) = constexpr.dense("constexpr_lut_to_dense", operands, 24)
    assert dense[0].tolist() == [[10, 11, 12] * 2, [20, 21, 22, 10, 11, 12]]


def test_groups_of_tables_as_documented():
    """iOS18/compression.py, constexpr_lut_to_dense, case 1."""
    indices = np.array([2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3], np.uint8).reshape(6, 2)
    table = np.array([1, 5, 9, 13, 2, 10, 18, 26], np.float16).reshape(2, 1, 4, 1)
    (dense,) = constexpr.dense("constexpr_lut_to_dense", {"indices": indices, "lut": table}, 12)
    assert dense.tolist() == [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]


def test_sparse_vectors_as_documented():
    """iOS18/compression.py, constexpr_lut_to_sparse."""
    mask = np.array(
        [[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]], np.uint8
    )
    operands = {
        "indices_mask": mask,
        "indices_nonzero_data": np.array([0, 1, 1, 0, 1, 1, 0, 0, 1], np.uint8),
        "lut": np.array([2, 2, 3, 3], np.float16).reshape(1, 1, 2, 2),
        "vector_axis": np.int32(0),
    }
    expanded, nonzero = constexpr.dense("constexpr_lut_to_sparse", operands, 18)
    np.testing.assert_array_equal(expanded, np.repeat(mask, 2, 0))
    assert nonzero.tolist() == [2, 3, 2, 3, 3, 2, 3, 3, 2, 3, 3, 2, 2, 3, 2, 2, 3, 3]


def test_cast_and_affine_along_another_axis():
    half = np.array([0.1, np.inf], np.float16)
    (dense,) = constexpr.dense("constexpr_cast", {"source_val": half}, 2)
    assert (dense.dtype, dense.tolist()) == (np.float32, half.astype(np.float32).tolist())
    operands = {
        "quantized_data": np.array([[0, 255], [10, 20]], np.uint8),
        "zero_point": np.uint8([0, 5]), "scale": np.float32([2, 3]), "axis": np.int32(1),
    }  # fmt: skip
    (dense,) = constexpr.dense("constexpr_affine_dequantize", operands, 4)
    assert dense.tolist() == [[0, 750], [20, 45]]


@pytest.mark.parametrize(
    ("form", "operands", "elements"),
    [
        ("constexpr_lut_to_dense", {"indices": np.uint8([[9]]), "lut": np.zeros((1, 1, 2, 1))}, 1),
        ("constexpr_lut_to_dense", {"indices": np.uint8([[0]]), "lut": np.zeros((1, 1, 2, 9))}, 1),
        (
            "constexpr_lut_to_dense",
            {"indices": np.uint8([1]), "lut": np.zeros(16), "shape": np.uint32([1 << 20])},
            1 << 20,
        ),
        ("constexpr_sparse_to_dense", {"mask": np.uint8([1, 1]), "nonzero_data": np.ones(1)}, 9),
        (
            "constexpr_sparse_to_dense",
            {"mask": np.uint8([1, 1, 1]), "nonzero_data": np.ones(2)},
            3,
        ),
        (
            "constexpr_blockwise_shift_scale",
            {"data": np.ones((3, 2)), "scale": np.ones((2, 2))},
            6,
        ),
        ("constexpr_affine_dequantize", {"quantized_data": np.ones(3)}, 3),
    ],
)
def test_operands_that_do_not_belong_together(form, operands, elements):
    with pytest.raises((ValueError, IndexError, KeyError)):
        constexpr.dense(form, operands, elements)
