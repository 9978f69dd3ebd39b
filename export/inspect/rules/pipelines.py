"""Models that run one after the other: what is reported of them together."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from export.inspect.rules.finding import RuleFinding

# ultralytics pads to a multiple of it since 8.3.207 (its #22310): the cause is not stated there
SOUND_CLASSES = 80
PLAIN = ("float16", "float32")


class PipelineStage(NamedTuple):
    """One model of a pipeline."""

    name: str
    kind: str  # as Core ML calls it
    classes: int  # of a non-maximum suppression; 0 where they are not known
    stored_as: tuple[str, ...]  # all forms its weights have in the file


PipelineRule = Callable[[Sequence[PipelineStage]], Iterator[RuleFinding]]


def pipeline_findings(stages: Sequence[PipelineStage]) -> Iterator[RuleFinding]:
    """All findings about the models of one pipeline, in their order."""
    for rule in RULES:
        yield from rule(stages)


def _suppression_after_program(stages: Sequence[PipelineStage]) -> Iterator[RuleFinding]:
    """coremltools#2445, #1773, #2158; ultralytics#19857, #22309; yolo-ios-app#87."""
    if not any(stage.kind == "mlProgram" for stage in stages):
        return
    for stage in stages:
        if stage.kind == "nonMaximumSuppression" and (
            not stage.classes or stage.classes % SOUND_CLASSES
        ):
            yield RuleFinding(
                "pipeline-suppression", "warning",
                f"an ML Program and non-maximum suppression of {stage.classes or 'unnamed'} "
                "classes in one pipeline: users report wrong boxes, or confidences of 1, on "
                "Apple's systems, where both are right apart (coremltools#2445, open); that is "
                "not verified here",
                f"pad the classes to a multiple of {SOUND_CLASSES}, as ultralytics does, or make "
                "the detector a neuralNetwork; a model of identity between both helps in Python, "
                "not in Vision (the same thread); compare the pipeline with its parts on a device",
                stage.name,
            )  # fmt: skip


def _compressed(stages: Sequence[PipelineStage]) -> Iterator[RuleFinding]:
    """coremltools#2485."""
    for stage in stages:
        forms = [form for form in stage.stored_as if form not in PLAIN]
        if forms:
            yield RuleFinding(
                "pipeline-compressed", "note",
                f"weights in a pipeline are stored as {', '.join(forms)}: users report that "
                "Xcode crashes on such a pipeline (coremltools#2485); not verified here",
                "open it in Xcode before it is shipped; float16 weights are not concerned",
                stage.name,
            )  # fmt: skip


RULES: tuple[PipelineRule, ...] = (_suppression_after_program, _compressed)
