"""A network in the numbers of its file: what each form stands for, in every shape."""

import numpy as np
import pytest

from export.compression import kernels
from export.compression.compressed_network import CompressedNetwork
from export.compression.forms import LayerForm
from export.compression.kernels import CompressedKernel
from mobilenet import fold
from mobilenet.common.errors import ConfigError
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.untrained import untrained

SHAPE = (6, 8, 1, 1)


def made(form: str, rng: np.random.Generator) -> tuple[CompressedKernel, np.ndarray]:
    """A kernel, and what it stands for, said in another way."""
    if form == "blocks":
        codes, scales = rng.integers(-7, 8, SHAPE), rng.random((6, 2)).astype(np.float16)
        dense = codes * np.repeat(scales.astype(np.float32), 4, axis=1)[..., None, None]
        return kernels.quantized(codes, scales, 4), dense.astype(np.float16)
    if form == "tables":
        indices, tables = rng.integers(0, 4, SHAPE), rng.random((3, 4)).astype(np.float16)
        dense = np.stack([tables[at // 2][row] for at, row in enumerate(indices)])
        return kernels.clustered(indices, tables), dense
    dense = rng.standard_normal(SHAPE).astype(np.float16)
    dense.flat[::2] = 0
    return kernels.sparse(dense), dense


FORMS = {
    "blocks": LayerForm("int4", 4),
    "tables": LayerForm("palette2", 2),
    "sparse": LayerForm("prune50"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_kernel_is_what_its_parts_make(form: str, rng: np.random.Generator) -> None:
    kernel, dense = made(form, rng)
    assert kernel.layer_form == FORMS[form]
    assert np.array_equal(kernel.dense(), dense)
    matrix = kernel.reshaped(SHAPE[:2])
    assert np.array_equal(matrix.dense(), dense[..., 0, 0])
    assert matrix.layer_form == FORMS[form]
    assert np.array_equal(matrix.reshaped(SHAPE).dense(), dense)


def test_parts_must_divide_the_channels(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="3 parts of 8 input channels"):
        kernels.quantized(np.zeros(SHAPE), np.ones((6, 3)), 4)
    with pytest.raises(ValueError, match="4 parts of 6 output channels"):
        kernels.clustered(np.zeros(SHAPE), np.ones((4, 16)))


def test_a_matrix_over_a_map_has_whole_channels_to_a_scale(rng: np.random.Generator) -> None:
    """12 channels of 2 x 2 pixels, in columns: blocks of 16 are 4 channels, those of 24 are 6."""
    codes = rng.integers(-7, 8, (3, 48, 1, 1))
    for blocks in (2, 3):
        matrix = kernels.quantized(codes, rng.random((3, blocks)).astype(np.float16), 4)
        over_map = matrix.reshaped((3, 12, 2, 2))
        assert np.array_equal(over_map.dense().ravel(), matrix.dense().ravel())
    matrix = kernels.quantized(codes, rng.random((3, 8)).astype(np.float16), 4)
    with pytest.raises(ConfigError, match=r"int4/6 for a layer .* of 12 channels, which 8 scales"):
        matrix.reshaped((3, 12, 2, 2))


def test_groups_need_a_newer_system() -> None:
    forms = [LayerForm("palette4"), LayerForm("palette4", 16), LayerForm("int4"), FORMS["sparse"]]
    assert [form.min_ios for form in forms] == [16, 18, 18, 16]
    assert [str(form) for form in forms[:2]] == ["palette4", "palette4/16"]


def test_a_network_has_the_dense_kernels_of_its_compressed_layers(
    rng: np.random.Generator,
) -> None:
    folded = fold.fold(untrained(MobileNetConfig(0.25, 32)))
    shape = folded.layers["logits"].kernel.shape
    logits = kernels.sparse(rng.standard_normal((*shape, 1, 1)).astype(np.float16))
    network = CompressedNetwork.of(folded, {"logits": logits})
    layers = network.folded.layers
    assert np.array_equal(layers["logits"].kernel, logits.dense().reshape(shape))
    assert layers["logits"].bias is folded.layers["logits"].bias
    assert layers["conv0"] is folded.layers["conv0"]
    assert network.at(64).folded.config.size == (64, 64)
    assert network.at(64).forms == {"logits": LayerForm("prune1")}
