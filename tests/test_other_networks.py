"""Networks that are not read here are called what they are."""

from collections.abc import Callable

import numpy as np
import pytest

from file_graphs import GraphMaker
from mobilenet.common.errors import CheckpointError
from mobilenet.graph import FileGraph
from mobilenet.sources.walk.graph_checkpoint import Defaults, read

Part = Callable[[GraphMaker], object]


def refused(graph: FileGraph) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(graph, Defaults("a made file"))
    assert "export(module" in caught.value.hint
    return caught.value.message


def fire(maker: GraphMaker) -> None:
    source = maker.last
    left = maker.add("Conv", np.ones((4, 3 if source == "picture" else 8, 1, 1)), of=source)
    maker.add("Conv", np.ones((4, 3 if source == "picture" else 8, 3, 3)), of=source,
              auto_pad="SAME_UPPER")  # fmt: skip
    maker.add("Concat", left, axis=1)


def shortcut(maker: GraphMaker) -> None:
    source = maker.last
    maker.add("Conv", np.ones((3, 3, 3, 3)), auto_pad="SAME_UPPER")
    maker.add("Add", source)


def plain(maker: GraphMaker) -> None:
    maker.add("Conv", np.ones((3, 3, 3, 3)), auto_pad="SAME_UPPER")
    maker.add("MaxPool", kernel_shape=(2, 2), strides=(2, 2))


def swish(maker: GraphMaker) -> None:
    maker.add("Conv", np.ones((3, 3, 3, 3)), auto_pad="SAME_UPPER")
    maker.add("HardSwish")


def matrices(maker: GraphMaker) -> None:
    maker.add("Flatten")
    maker.add("MatMul", np.ones((3 * 64 * 64, 4)))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (fire, "SqueezeNet"),
        (shortcut, "ResNet"),
        (plain, "VGG"),
        (swish, "MobileNet v3"),
        (matrices, "without a convolution"),
    ],
)
def test_other_networks_are_called_what_they_are(part: Part, words: str) -> None:
    maker = GraphMaker()
    for _ in range(2 if part is not matrices else 1):
        part(maker)
    message = refused(maker.graph((64, 64)))
    assert message.startswith("this is a")
    assert words in message


def test_another_width_or_depth_is_no_network_of_ours() -> None:
    maker = GraphMaker()
    maker.add("Conv", np.ones((8, 3, 3, 3)), strides=(2, 2), auto_pad="SAME_UPPER")
    maker.add("Clip", 0.0, 6.0)
    maker.add("GlobalAveragePool")
    message = refused(maker.graph((64, 64)))
    assert "1 convolutions are in the file, MobileNet v1 has 27" in message
