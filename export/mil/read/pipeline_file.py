"""A pipeline: what its message says of the models in it, and of the values between them."""

from collections.abc import Iterator, Sequence

from export.mil.description import ModelDescription, SingleInput
from export.mil.model_pipeline import Model, ModelPipeline
from export.mil.read import specification
from export.mil.read.specification import Message
from export.package.model_files import REMAKE
from mobilenet.common.errors import PackageError

KINDS = ("pipeline", "pipelineClassifier", "pipelineRegressor")
MAX_DEPTH = 8  # of pipelines in pipelines
MAX_MODELS = 64  # in one pipeline; people use three


def pipeline_of(model: Message) -> Message:
    """The `Pipeline` message of `model`, whose type is one of `KINDS`."""
    kind = model.WhichOneof("Type")
    return model.pipeline if kind == "pipeline" else getattr(model, kind).pipeline


def stages(model: Message) -> Iterator[tuple[str, Message]]:
    """The models in `model`, whose type is one of `KINDS`, by their names.

    Raises `PackageError` for more than anybody chains.
    """
    pipeline = pipeline_of(model)
    if len(pipeline.models) > MAX_MODELS:
        raise PackageError(
            f"a pipeline has {len(pipeline.models)} models", f"at most {MAX_MODELS} are read"
        )
    for number, inner in enumerate(pipeline.models):
        yield pipeline.names[number] if number < len(pipeline.names) else f"model {number}", inner


def joined(declared: Message, names: Sequence[str], models: Sequence[Model]) -> ModelPipeline:
    """The pipeline of `models`, which `declared`, its `ModelDescription` message, describes.

    Labels, and what stands for numbers that are not given, are the models' own. Raises
    `PackageError` where a model takes what none before it gives.
    """
    inner = [model.description for model in models]
    labels = next((each.labels for each in reversed(inner) if each.labels), ())
    whole = specification.describe(declared, labels, dict(declared.metadata.userDefined))
    defaults = {number.name: number.default for each in inner for number in each.numbers}
    whole = whole.with_defaults(defaults)
    _check(whole, names, inner)
    return ModelPipeline(whole, tuple(names), tuple(models))


def _check(
    whole: ModelDescription, names: Sequence[str], inner: Sequence[ModelDescription]
) -> None:
    values = {item.name for item in whole.all_inputs}
    for name, each in zip(names, inner, strict=True):
        needed = [item.name for item in each.inputs]
        singles: tuple[SingleInput, ...] = (*each.numbers, *each.categories)
        needed += [single.name for single in singles if not single.may_be_missing]
        if missing := [item for item in needed if item not in values]:
            raise PackageError(
                f"{name!r} takes {missing[0]!r}, which nothing before it gives", REMAKE
            )
        values |= {output.name for output in each.outputs}
    if missing := [output.name for output in whole.outputs if output.name not in values]:
        raise PackageError(
            f"the pipeline gives {missing[0]!r}, which none of its models does", REMAKE
        )
