"""How the oldest models map their values: five axes, sequences, declared types and shapes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.coremltools_import import coremltools
from export.mil.read.model import read
from mobilenet.common.errors import UnsupportedError
from old_format import answer, save_layers
from programs import run_package

X = np.random.default_rng(3).normal(size=(4, 6, 5)).astype(np.float32)


def pixels_from_channels(builder) -> None:
    """As converters wrote it for iOS 11: by way of the sequence axis."""
    builder.add_reshape("a", "x", "a", (2, 2, 6, 5), 0)
    builder.add_permute("b", (2, 0, 3, 1), "a", "b")
    builder.add_reshape("c", "b", "c", (6, 2, 5, 2), 0)
    builder.add_permute("d", (1, 0, 2, 3), "c", "d")
    builder.add_reshape("e", "d", "y", (1, 12, 10), 0)


REARRANGED = {
    "sequence from channels": (
        lambda b: b.add_permute("p", (1, 0, 2, 3), "x", "y"),
        X[:, None, None],
    ),
    "map from sequence": (
        lambda b: (
            b.add_reshape("r", "x", "r", (2, 2, 6, 5), 0),
            b.add_permute("p", (2, 1, 0, 3), "r", "y"),
        ),
        X.reshape(2, 2, 6, 5).transpose(2, 1, 0, 3)[:, None],
    ),
    "as it was, three sizes": (
        lambda b: (b.add_reshape("r", "x", "r", (2, 2, 6, 5), 0),
                   b.add_reshape("s", "r", "y", (5, 4, 3), 0)),
        X.reshape(2, 1, 5, 4, 3),
    ),
    "to pixels": (
        pixels_from_channels,
        X.reshape(2, 2, 6, 5).transpose(2, 0, 3, 1).transpose(1, 0, 2, 3).reshape(1, 12, 10),
    ),
    "channels last": (
        lambda b: b.add_reshape("r", "x", "y", (8, 3, 5), 1),
        X.transpose(1, 2, 0).reshape(3, 5, 8).transpose(2, 0, 1),
    ),
    "a sequence, channels last": (
        lambda b: b.add_reshape("r", "x", "y", (3, 8, 1, 5), 1),
        X.transpose(1, 2, 0).reshape(3, 1, 5, 8).transpose(0, 3, 1, 2)[:, None],
    ),
    "a sequence, flat": (
        lambda b: (b.add_reshape("r", "x", "r", (2, 2, 6, 5), 0),
                   b.add_flatten("f", 1, "r", "y")),
        X.reshape(2, 2, 6, 5).transpose(0, 2, 3, 1).reshape(2, 1, 60, 1, 1),
    ),
    "repeated": (
        lambda b: b.add_sequence_repeat("r", 3, "x", "y"),
        np.tile(X[None, None], (3, 1, 1, 1, 1)),
    ),
    "sequences joined": (
        lambda b: (b.add_activation("n", "LINEAR", "x", "n", [-1.0, 0.0]),
                   b.add_elementwise("l", ["x", "n"], "y", "CONCAT"),
                   b.layers and setattr(
                       b.spec.neuralNetwork.layers[-1].concat, "sequenceConcat", True)),
        np.stack([X, -X])[:, None],
    ),
    "maps of a sequence": (
        lambda b: (b.add_permute("p", (1, 0, 2, 3), "x", "p"),
                   b.add_pooling("m", 2, 2, 2, 2, "MAX", "VALID", "p", "y")),
        X[:, :, :4].reshape(4, 3, 2, 2, 2).max((2, 4))[:, None, None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REARRANGED)
def test_the_sequence_is_an_axis(name: str, tmp_path: Path) -> None:
    add, wanted = REARRANGED[name]
    np.testing.assert_allclose(answer(tmp_path, {"x": X}, add, rank5=True), wanted)


@pytest.mark.parametrize("shape", [(1, 6, 5), None])
@pytest.mark.parametrize("rank5", [True, False])
def test_an_argument_is_of_the_declared_type(
    shape: tuple[int, ...] | None, rank5: bool, tmp_path: Path
) -> None:
    def add(builder) -> None:
        if rank5:
            builder.add_reduce("l", "x", "y", "C", "argmax")
        else:
            builder.add_argmax("l", "x", "y", axis=-3)

    for integers, dtype in ((True, np.int32), (False, np.float32)):
        got = answer(tmp_path, {"x": X}, add, outputs={"y": shape}, rank5=rank5, integers=integers)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, X.argmax(0, keepdims=True))


@pytest.mark.parametrize("rank4", [True, False])
def test_an_image_has_four_axes_or_five(rank4: bool, tmp_path: Path) -> None:
    path = tmp_path / "image.mlmodel"
    save_layers(
        path, {"x": X[:3]}, lambda b: b.add_reduce_sum("l", "x", "y", axes=[1 if rank4 else 2]),
        rank5=not rank4,
    )  # fmt: skip
    ct = coremltools()
    spec = ct.utils.load_spec(str(path))
    image = spec.description.input[0].type.imageType
    image.width, image.height, image.colorSpace = 5, 6, 20
    ct.utils.save_spec(spec, str(path))
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    (got,) = run_package(path, {"x": Image.fromarray(pixels)}).values()
    wanted = pixels.astype(np.float32).sum(2).reshape(1, 1, 6, 5)
    np.testing.assert_allclose(got, wanted if rank4 else wanted[0])


@pytest.mark.parametrize("order", ["NCHW", "NHWC"])
def test_an_array_of_rank_3_that_became_an_image(order: str, tmp_path: Path) -> None:
    shape = (3, 6, 5) if order == "NCHW" else (6, 5, 3)
    path = save_layers(
        tmp_path / "i.mlmodel", {"x": np.zeros(shape, np.float32)},
        lambda b: b.add_activation("l", "LINEAR", "x", "y", [2.0, 0.0]), outputs={"y": shape},
    )  # fmt: skip
    ct = coremltools()
    from coremltools.models.neural_network.utils import make_image_input

    model = ct.models.MLModel(str(path), skip_model_load=True)
    ct.utils.save_spec(make_image_input(model, "x", image_format=order).get_spec(), str(path))
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    (got,) = run_package(path, {"x": Image.fromarray(pixels)}).values()
    wanted = 2 * pixels.astype(np.float32)
    np.testing.assert_allclose(got, wanted.transpose(2, 0, 1) if order == "NCHW" else wanted)


@pytest.mark.parametrize("rank5", [True, False])
def test_embedding(rank5: bool, tmp_path: Path) -> None:
    table, bias = X.reshape(8, 15), X.reshape(-1)[:8]
    word = np.array([7.0], np.float32) if rank5 else np.array([2, 14, 7], np.float32)
    got = answer(
        tmp_path, {"x": word if rank5 else word.reshape(3, 1, 1, 1)},
        lambda b: b.add_embedding("l", table, bias, 15, 8, True, "x", "y"), rank5=rank5,
    )  # fmt: skip
    wanted = (table.T[word.astype(int)] + bias).reshape(-1, 8, 1, 1)
    np.testing.assert_allclose(got, wanted[0] if rank5 else wanted, rtol=1e-6)


@pytest.mark.parametrize("layer", ["inner product", "matrix product"])
def test_weights_of_dynamic_quantization(layer: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(2, 5)).astype(np.float32), rng.integers(-127, 128, (3, 5))
    stored = {
        "int_8_dynamic_quantize": True, "is_quantized_weight": True, "nbits": 8,
        "quantization_type": "linear", "quant_scale": np.array([0.25]),
    }  # fmt: skip

    def add(builder) -> None:
        if layer == "inner product":
            rows = weights.astype(np.int8).tobytes()
            builder.add_inner_product("l", rows, None, 5, 3, False, "x", "y", **stored)
        else:
            columns = weights.T.astype(np.int8).tobytes()
            builder.add_batched_mat_mul(
                "l", ["x"], "y", weight_matrix_rows=5, weight_matrix_columns=3, W=columns, **stored
            )

    np.testing.assert_allclose(answer(tmp_path, {"x": x}, add), x @ weights.T / 4, rtol=1e-5)


def unknown(builder) -> None:
    """Behind a branch that nobody could run, and a layer of somebody's own, one that is known."""
    branch = builder.add_branch("b", "x").branch
    inside = type(builder)(nn_spec=branch.ifBranch)
    inside.add_copy("c", "x", "z")
    other = type(builder)(nn_spec=branch.elseBranch)
    other.add_expand_dims("e", "x", "z", [0])  # of another rank
    own = builder.spec.neuralNetwork.layers.add(name="mine", input=["z"], output=["w"])
    own.custom.className = "My\n\x1b[31mClass"
    builder.add_activation("l", "RELU", "w", "y")


def test_what_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    path = save_layers(tmp_path / "u.mlmodel", {"x": X[0, 0, :1]}, unknown)
    kinds = [op.type for op in read(path).function().ops]
    assert kinds == ["layer.branch", "layer.custom My 31mClass", "relu"]
    with pytest.raises(UnsupportedError, match=r"layer\.custom My 31mClass"):
        run_package(path, {"x": X[0, 0, :1]})


@pytest.mark.parametrize("kind", ["loopBreak", "loopContinue"])
def test_a_layer_without_a_rule_is_no_operation_of_that_name(kind: str, tmp_path: Path) -> None:
    def add(builder) -> None:
        layer = builder.spec.neuralNetwork.layers.add(name="l", input=["x"], output=["y"])
        getattr(layer, kind).SetInParent()

    path = save_layers(tmp_path / "l.mlmodel", {"x": X[0, 0]}, add)
    with pytest.raises(UnsupportedError, match=rf"cannot be run here: layer\.{kind}"):
        run_package(path, {"x": X[0, 0]})
