"""A segmenter is read off its graph: maps joined, dilation, the way up; or refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from export import pipeline
from export.verify.file_answers import compared_at_own_size, run
from file_graphs import GraphMaker, changed
from made_segmenter import segmenter
from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph
from mobilenet.networks.rows import IMAGE
from mobilenet.sources.walk.graph_checkpoint import Defaults, read
from mobilenet.torch_module import enlarged, from_checkpoint
from mobilenet.weights.heads import with_output_stride

DEFAULTS = Defaults("a made file")
HEAD = ("image_pooling", "aspp0", "concat_projection", "class_scores")


def joined(maker: GraphMaker, values: dict[str, str], size: tuple[int, int], branches: int) -> str:
    """The mean spread over the map, then the other branches."""
    channels = 256
    spread = maker.add(
        "Resize", "", "", np.array([1, channels, *size]), of=values["image_pooling"],
        name="spread", mode="linear", coordinate_transformation_mode="align_corners",
    )  # fmt: skip
    return maker.add("Concat", *[values["aspp0"]] * branches, of=spread, name="join", axis=1)


def graph_of(
    checkpoint: Checkpoint, *, branches: int = 1, classes: bool = True, own_first: bool = False
) -> FileGraph:
    """As TensorFlow Lite has it: the enlargement in two steps, then the best class."""
    maker, values = GraphMaker(), {IMAGE: "picture"}
    rows = {row.name: row for row in checkpoint.config.rows()}
    order = [*rows][: -len(HEAD)] + ([HEAD[1], HEAD[0]] if own_first else [*HEAD[:2]])
    for name in (*order, *HEAD[2:]):
        row = rows[name]
        source = values[row.reads]
        if row.pooled:
            source = maker.add("GlobalAveragePool", of=source)
        if row.joins is not None:
            source = joined(maker, values, tuple(row.in_size), branches)
        values[name] = maker.row(row, checkpoint.layers[name], source)
        if row.adds is not None:
            values[name] = maker.add("Add", values[row.adds])
    count, (height, width) = checkpoint.config.classes, checkpoint.config.size
    for number, size in enumerate((checkpoint.config.readout.size, (height, width))):
        maker.add(
            "Resize", "", "", np.array([1, count, *size]), name=f"larger{number}",
            mode="linear", coordinate_transformation_mode="align_corners",
        )  # fmt: skip
    if classes:
        maker.add("Transpose", perm=(0, 2, 3, 1))
        maker.add("ArgMax", name="best", axis=3, keepdims=0)
    return maker.graph((height, width))


@pytest.mark.parametrize("own_first", [False, True], ids=["mean first", "own branch first"])
@pytest.mark.parametrize(("network", "size"), [("v1", 65), ("v2", 64)])
def test_what_is_written_is_read(network: str, size: int, own_first: bool) -> None:
    checkpoint = segmenter(network, size, shallow=False)
    graph = graph_of(checkpoint, own_first=own_first, classes=not own_first)
    result = read(graph, DEFAULTS)
    assert result.config.title == checkpoint.config.title
    assert [row.dilation for row in result.config.rows()] == [
        row.dilation for row in checkpoint.config.rows()
    ]
    x = torch.rand(1, 3, size, size) * 2 - 1
    scores, expected = from_checkpoint(result)(x), from_checkpoint(checkpoint)(x)
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)
    (given,) = run(graph, [x.numpy()], ["larger1_value"])
    large = enlarged(expected, checkpoint.config.readout.picture).numpy()[0]
    np.testing.assert_allclose(given["larger1_value"][0], large, rtol=1e-3, atol=1e-3)
    assert compared_at_own_size(result).distance <= 1e-5


def test_widths_of_any_number_have_a_rule_of_their_own() -> None:
    """dm05 has 12 channels where all other publishers have 16."""
    checkpoint = segmenter("v2", 65, alpha=0.3, width_rule="deeplab")
    assert checkpoint.layers["block1_project"].kernel.shape[0] == 7
    result = read(graph_of(checkpoint), DEFAULTS)
    assert (result.config.width_rule, result.config.alpha) == ("deeplab", 0.3)


@pytest.mark.parametrize("output_stride", [16, 8])
def test_a_package_is_verified_against_the_graph(output_stride: int, tmp_path: Path) -> None:
    """At the graph's own output stride, whatever the package's is."""
    result = read(graph_of(segmenter("v1", 65, shallow=False)), DEFAULTS)
    result = with_output_stride(replace(result, labels=tuple("abcde")), output_stride)
    assert result.config.output_stride == output_stride
    exported = pipeline.export(result, tmp_path / "net.mlpackage")
    assert exported.verified.file <= 1e-5


@pytest.mark.parametrize(
    ("name", "attributes", "problem"),
    [
        ("larger1", {"coordinate_transformation_mode": "half_pixel"},
         "larger1 .* enlarges a map by half_pixel, not with its corners aligned"),
        ("larger1", {"mode": "nearest"}, "larger1 .* resizes a map by other means"),
        ("best", {"axis": 1}, "best .* chooses along axis 1"),
        ("join", {"axis": 2}, "join .* not along their channels"),
        ("conv8_depthwise", {"dilations": (2, 2)}, "conv8_depthwise .* has dilation 2"),
    ],
)  # fmt: skip
def test_another_head_is_refused_by_name(
    name: str, attributes: dict[str, object], problem: str
) -> None:
    graph = changed(graph_of(segmenter("v1", 65, shallow=False)), name, **attributes)
    with pytest.raises(CheckpointError, match=problem):
        read(graph, DEFAULTS)


def test_more_branches_are_a_deeplab_of_another_kind() -> None:
    with pytest.raises(CheckpointError, match="this is a DeepLab with ASPP's 3x3 branches"):
        read(graph_of(segmenter("v1", 65, shallow=False), branches=4), DEFAULTS)


def test_maps_joined_twice_are_a_decoder() -> None:
    graph = graph_of(segmenter("v1", 65, shallow=False), classes=False)
    maker = GraphMaker(list(graph.nodes), dict(graph.constants), graph.outputs[0])
    maker.add("Concat", graph.outputs[0], axis=1)
    kernel = np.ones((5, 10, 1, 1), np.float32)
    maker.add("Conv", kernel, name="decoder", kernel_shape=(1, 1))
    decoded = maker.graph((65, 65))
    with pytest.raises(CheckpointError, match="this is a DeepLab with a decoder"):
        read(decoded, DEFAULTS)
