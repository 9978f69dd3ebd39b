"""The Builder route against the trace route: two ways to the same program."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from export import pipeline
from export.formats.coreml.build import build
from export.formats.coreml.kinds import KINDS
from export.formats.coreml.save import save_reproducibly
from export.formats.coreml.trace import trace
from export.mil.read.model import read
from export.prepared import TracedModule, prepare_checkpoint
from export.runtimes.inputs import from_picture
from export.spec import ExportSpec
from export.verify.agreement import logits_name, probe_pictures, relative_l2, run, stacked
from mobilenet.checkpoint import Checkpoint
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.preprocess import CAFFE, IMAGENET
from mobilenet.torch_module import from_checkpoint
from mobilenet.untrained import untrained


def ops(path: Path) -> Counter[str]:
    return Counter(op.type for op in read(path).function().ops)


def answers(path: Path, checkpoint: Checkpoint) -> tuple[np.ndarray, list[str]]:
    """Logits and labels for two pictures."""
    function = read(path).function()
    inputs = [
        from_picture(function.description, picture, checkpoint.normalization)
        for picture in probe_pictures(checkpoint.config.resolution)
    ]
    name = logits_name(function)
    outputs = list(run(path, inputs, "float32", [name]))
    return stacked(outputs, name), [output.get("classLabel", "") for output in outputs]


@pytest.mark.parametrize("normalization", [None, IMAGENET, CAFFE], ids=["[-1, 1]", "std", "BGR"])
@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_both_routes_give_the_same_outputs_and_operations(
    hot: Checkpoint, padding: str, normalization: object, tmp_path: Path
) -> None:
    from dataclasses import replace

    checkpoint = replace(hot, config=replace(hot.config, padding=padding))
    if normalization is not None:
        checkpoint = replace(checkpoint, normalization=normalization)
    spec = ExportSpec(precision="fp32", outputs="classifier")
    built, traced = tmp_path / "built.mlpackage", tmp_path / "traced.mlpackage"
    save_reproducibly(build(prepare_checkpoint(checkpoint, spec)), KINDS["mlprogram"], built)
    module = TracedModule(
        from_checkpoint(checkpoint), "MobileNet", checkpoint.config.size, 1000, 0, 0,
        checkpoint.provenance, checkpoint.normalization, checkpoint.geometry, checkpoint.labels,
    )  # fmt: skip
    save_reproducibly(trace(module, spec.resolved(), "fp32"), KINDS["mlprogram"], traced)
    (ours, our_labels), (theirs, their_labels) = (
        answers(path, checkpoint) for path in (built, traced)
    )
    assert relative_l2(ours, theirs) <= 1e-5
    assert our_labels == their_labels
    extra = ops(traced) - ops(built)
    # the trace keeps explicit pads (coremltools fuses none), and multiplies by a gain per channel
    # where Core ML's scalar scale does not do, which the Builder route folds into conv0
    assert set(extra) <= {"pad", "mul"}
    assert extra["pad"] in (0, 5, 14)
    assert extra["mul"] == (1 if normalization is IMAGENET else 0)
    assert ops(built) - ops(traced) == Counter()


def test_operations_of_a_float16_classifier(hot: Checkpoint, tmp_path: Path) -> None:
    save_reproducibly(
        build(prepare_checkpoint(hot, ExportSpec())), KINDS["mlprogram"], tmp_path / "m.mlpackage"
    )
    assert ops(tmp_path / "m.mlpackage") == {
        "mul": 1, "add": 1, "cast": 2, "conv": 27, "relu6": 27,
        "reduce_mean": 1, "linear": 1, "softmax": 1, "classify": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        MobileNetConfig(0.5, 97, padding="same", classes=10),
        MobileNetConfig(0.35, 65, shallow=True, padding="symmetric", width_rule="timm"),
        MobileNetConfig(1.25, 32, activation="relu", width_rule="timm"),
    ],
    ids=lambda c: c.slug,
)
def test_odd_networks_agree_with_pytorch(config: MobileNetConfig, tmp_path: Path) -> None:
    checkpoint, spec = untrained(config), ExportSpec(outputs="logits", precision="fp32")
    pipeline.export(checkpoint, tmp_path / "m.mlpackage", spec=spec)
    pictures = probe_pictures(config.resolution)
    got, _ = answers(tmp_path / "m.mlpackage", checkpoint)
    x = torch.from_numpy(np.concatenate([checkpoint.normalization.apply(p) for p in pictures]))
    assert relative_l2(got, from_checkpoint(checkpoint)(x).numpy()) <= 1e-5
