"""Each fault that users meet is found, and a package without faults is left in peace."""

import numpy as np
import pytest

from detectors import detector
from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from export.mil.read.specification import proto
from export.package.model_files import find
from inspected import detector_pipeline, small

IMAGENET = [f"class {i}" for i in range(1000)]
TENCH = ["tench, Tinca tinca", *IMAGENET[1:]]
STD = np.array((0.229, 0.224, 0.225))
MEAN = np.array((0.485, 0.456, 0.406))


def rules(path) -> set[str]:
    return {finding.rule for finding in inspect(path).findings}


def divided(mb, x):
    return mb.real_div(x=x, y=np.float32(255))


def standardized(mb, x):
    x = mb.sub(x=x, y=MEAN.astype(np.float32).reshape(1, 3, 1, 1))
    return mb.real_div(x=x, y=STD.astype(np.float32).reshape(1, 3, 1, 1))


def nothing(mb, x):
    return mb.identity(x=x)


def softmax_twice(mb, x):
    return mb.softmax(x=mb.softmax(x=x, axis=1, name="first"), axis=1, name="second")


def sigmoid(mb, x):
    return mb.sigmoid(x=x)


BROKEN = np.full((8, 3, 3, 3), 0.1)
BROKEN[1, 2, 0, 1] = np.nan

FAULTS = {
    "preprocessing-doubled": {"scale": 1 / 255, "bias": (0, 0, 0), "before": divided},
    "preprocessing-doubled twice": {
        "scale": 1 / (255 * 0.226), "bias": tuple(-MEAN / STD), "before": standardized,
    },
    "preprocessing-offset": {"scale": 1 / 127.5, "bias": (-127.5, -127.5, -127.5)},
    "preprocessing-missing": {"scale": 1.0, "bias": (0, 0, 0)},
    "scale-averaged": {"scale": 1 / (255 * 0.226), "bias": tuple(-MEAN / STD)},
    "bgr": {"color": "BGR"},
    "bgr-means-on-rgb": {"scale": 1.0, "bias": (-103.94, -116.78, -123.68)},
    "ops-before-first-layer": {"scale": 1 / 255, "bias": (0, 0, 0), "before": standardized},
    "label-off-by-one": {"labels": ["background", *TENCH[:-1]], "outputs": 1000},
    "label-off-by-one the other way": {"labels": [*TENCH, "last"], "outputs": 1001},
    "background-class": {"labels": ["background", *TENCH], "outputs": 1001},
    "duplicate-labels": {"labels": ["crane", "crane", *"abcdefgh"]},
    "logits-as-probabilities": {"labels": list("abcdefghij"), "after": nothing},
    "logits-as-probabilities by name": {"after": nothing, "output_name": "probabilities"},
    "softmax-twice": {"after": softmax_twice},
    "independent-classes": {"labels": list("abcdefghij"), "after": sigmoid},
    "float32": {"half": False},
    "weights-not-finite": {"kernel": BROKEN},
    "pad-apart": {"before": lambda mb, x: mb.pad(x=x, pad=[0, 1, 0, 1])},
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found(name, tmp_path):
    rule = name.split()[0]
    found = inspect(small(tmp_path / "m.mlpackage", **FAULTS[name])).findings
    assert rule in {finding.rule for finding in found}
    finding = next(finding for finding in found if finding.rule == rule)
    assert finding.message
    assert finding.advice


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"labels": TENCH, "outputs": 1000},
        {"scale": 1 / (255 * 0.226), "bias": tuple(-MEAN / 0.226)},  # exact, rest in the kernel
        {"scale": 1 / 255, "bias": (0, 0, 0)},
        {"scale": 1.0, "bias": (0, 0, 0), "kernel": np.full((8, 3, 3, 3), 0.002)},  # folded
        {"scale": 1.0, "bias": (-123.68, -116.78, -103.94)},  # Caffe's, in the right order
    ],
)
def test_nothing_is_found_in_what_is_right(options, tmp_path):
    assert not rules(small(tmp_path / "m.mlpackage", **options))


@pytest.mark.parametrize(("bias", "far"), [(-3.9, False), (-4.1, True), (1.9, False), (2.1, True)])
def test_an_offset_is_far_when_the_middle_is_1_5_spans_from_0(bias, far, tmp_path):
    """The pixels' span is 2 and their middle at bias + 1, so 3 is the limit."""
    path = small(tmp_path / "m.mlpackage", scale=1 / 127.5, bias=(bias,) * 3)
    assert ("preprocessing-offset" in rules(path)) is far


def test_a_pad_is_no_preprocessing(tmp_path):
    def padded(mb, x):
        return mb.pad(x=x, pad=[0, 0, 0, 0, 0, 1, 0, 1])

    assert rules(small(tmp_path / "m.mlpackage", before=padded)) == {"pad-apart"}


@pytest.mark.parametrize("options", [{"mode": "reflect"}, {"constant_val": np.float32(1)}])
def test_a_pad_that_no_convolution_has_is_left_in_peace(options, tmp_path):
    def padded(mb, x):
        return mb.pad(x=x, pad=[0, 1, 0, 1], **options)

    assert "pad-apart" not in rules(small(tmp_path / "m.mlpackage", before=padded))


def test_labels_that_do_not_fit_the_outputs(tmp_path):
    """coremltools refuses to write it; other tools do not."""
    path = small(tmp_path / "m.mlpackage", labels=list("abcdefghij"))
    specification = find(path).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    block = model.mlProgram.functions["main"].block_specializations["CoreML6"]
    (classify,) = (op for op in block.operations if op.type == "classify")
    del classify.inputs["classes"].arguments[0].value.immediateValue.list.values[-1]
    specification.write_bytes(model.SerializeToString())
    finding = next(f for f in inspect(path).findings if f.rule == "label-count")
    assert "9 labels for 10 outputs" in finding.message


def test_error_messages_carry_the_numbers(tmp_path):
    path = small(tmp_path / "m.mlpackage", bias=(-127.5, -127.5, -127.5))
    (finding,) = [f for f in inspect(path).findings if f.rule == "preprocessing-offset"]
    assert "-127.5 to -125.5" in finding.message
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("name", "classes", "is_reported"),
    [("d.mlpackage", 3, True), ("d.mlpackage", 160, False), ("d.mlmodel", 3, False)],
)
def test_an_ml_program_before_a_suppression_is_told_of(name, classes, is_reported, tmp_path):
    scores, boxes = np.zeros((2, classes)), np.zeros((2, 4))
    labels = [f"class {number}" for number in range(classes)]
    found = inspect(detector(tmp_path / name, scores, boxes, labels)).findings
    told = [finding for finding in found if finding.rule == "pipeline-suppression"]
    assert bool(told) is is_reported
    for finding in told:
        assert "of 3 classes" in finding.message
        assert "not verified here" in finding.message
        assert finding.part == "model 1"


def test_compressed_weights_in_a_pipeline_are_told_of(tmp_path):
    ct = coremltools()
    detector_pipeline(tmp_path / "d.mlpackage")
    assert "pipeline-compressed" not in rules(tmp_path / "d.mlpackage")
    whole = ct.models.MLModel(str(tmp_path / "d.mlpackage"), skip_model_load=True)
    first, last = (
        ct.models.MLModel(spec, weights_dir=whole.weights_dir, skip_model_load=True)
        for spec in whole.get_spec().pipeline.models
    )
    config = ct.optimize.coreml.OptimizationConfig(
        ct.optimize.coreml.OpLinearQuantizerConfig(weight_threshold=100)
    )
    small = ct.optimize.coreml.linear_quantize_weights(first, config)
    ct.utils.make_pipeline(small, last).save(str(tmp_path / "c.mlpackage"))
    (finding,) = [
        f for f in inspect(tmp_path / "c.mlpackage").findings if f.rule == "pipeline-compressed"
    ]
    assert "int8" in finding.message
