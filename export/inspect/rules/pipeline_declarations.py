"""What the models of a pipeline declare of each other: Core ML refuses what does not fit.

Source: coremltools, `mlmodel/src/Validation/PipelineValidator.cpp` and
`NonMaximumSuppressionValidator.cpp`, which Core ML's compiler runs.
"""

from collections.abc import Callable, Iterator

from export.inspect.rules.finding import RuleFinding
from export.mil.read import pipeline_file, specification
from export.mil.read.specification import Message

SUPPRESSION_TYPES = ("float32", "float64")

DeclarationRule = Callable[[Message, str], Iterator[RuleFinding]]


def declaration_findings(model: Message, name: str = "", depth: int = 0) -> Iterator[RuleFinding]:
    """All findings about `model`, a `Model` message called `name`, and the models in it."""
    kind = model.WhichOneof("Type")
    if kind == "nonMaximumSuppression":
        yield from _suppression_types(model, name)
    if kind not in pipeline_file.KINDS or depth == pipeline_file.MAX_DEPTH:
        return
    for rule in RULES:
        yield from rule(model, name)
    for inner_name, inner in pipeline_file.stages(model):
        path = f"{name}/{inner_name}" if name else inner_name
        yield from declaration_findings(inner, path, depth + 1)


def _types(model: Message, name: str) -> Iterator[RuleFinding]:
    """coremltools#177, #1018, #2422: "does not match the type previously specified"."""
    given = {feature.name: feature for feature in model.description.input}
    for inner_name, inner in pipeline_file.stages(model):
        for feature in inner.description.input:
            if feature.name in given and _differ(given[feature.name], feature):
                yield _mismatch(name, inner_name, given[feature.name], feature)
        given |= {feature.name: feature for feature in inner.description.output}
    for feature in model.description.output:
        if feature.name in given and _differ(given[feature.name], feature):
            yield _mismatch(name, "the pipeline", given[feature.name], feature)


def _mismatch(part: str, reader: str, given: Message, taken: Message) -> RuleFinding:
    return RuleFinding(
        "pipeline-types", "error",
        f"{reader!r} declares {taken.name!r} as {_type(taken)}, what gives it as {_type(given)}: "
        "Core ML does not compile a pipeline whose types do not match",
        "declare both alike: kind, data type and shape; coremltools' make_pipeline does so",
        part,
    )  # fmt: skip


def _differ(given: Message, taken: Message) -> bool:
    """Whether kinds, the types of elements or two declared shapes are not the same."""
    kinds = [feature.type.WhichOneof("Type") for feature in (given, taken)]
    if kinds[0] != kinds[1] or kinds[0] != "multiArrayType":
        return str(kinds[0]) != str(kinds[1])
    arrays = [feature.type.multiArrayType for feature in (given, taken)]
    shapes = [tuple(array.shape) for array in arrays]
    are_fixed = all(array.WhichOneof("ShapeFlexibility") is None for array in arrays)
    return arrays[0].dataType != arrays[1].dataType or (
        are_fixed and all(shapes) and shapes[0] != shapes[1]
    )


def _type(feature: Message) -> str:
    kind = str(feature.type.WhichOneof("Type"))
    if kind != "multiArrayType":
        return kind.removesuffix("Type")
    array = feature.type.multiArrayType
    dtype = specification.ARRAY_TYPES.get(array.dataType, "an unknown type")
    return f"{dtype} ({', '.join(map(str, array.shape)) or 'shape not declared'})"


def _updatable(model: Message, name: str) -> Iterator[RuleFinding]:
    """Only the last model of a pipeline may be trained on a device, and only with the whole."""
    stages = [*pipeline_file.stages(model)]
    allowed = [False] * (len(stages) - 1) + [model.isUpdatable]
    for (inner_name, inner), is_allowed in zip(stages, allowed, strict=False):
        if inner.isUpdatable != is_allowed:
            yield RuleFinding(
                "pipeline-updatable", "error",
                f"{inner_name!r} is {'' if inner.isUpdatable else 'not '}updatable: in a pipeline "
                f"that is {'' if model.isUpdatable else 'not '}so, Core ML refuses that",
                "mark the pipeline and its last model alone, or neither", name,
            )  # fmt: skip


def _names(model: Message, name: str) -> Iterator[RuleFinding]:
    """Each model has a name, or none has."""
    pipeline = pipeline_file.pipeline_of(model)
    names = list(pipeline.names)
    if names and (len(names) != len(pipeline.models) or len({*names}) != len(names)):
        yield RuleFinding(
            "pipeline-names", "error",
            f"{len(pipeline.models)} models have {len({*names})} different names, of "
            f"{len(names)}: Core ML refuses that", "name each model once, or none", name,
        )  # fmt: skip


def _suppression_types(model: Message, name: str) -> Iterator[RuleFinding]:
    """ultralytics#19953, hollance/YOLO-CoreML-MPSNNGraph#47."""
    for feature in (*model.description.input, *model.description.output):
        dtype = specification.ARRAY_TYPES.get(feature.type.multiArrayType.dataType, "unknown")
        is_array = feature.type.WhichOneof("Type") == "multiArrayType"
        if is_array and dtype not in SUPPRESSION_TYPES:
            yield RuleFinding(
                "suppression-types", "error",
                f"non-maximum suppression of {feature.name!r}, which is {dtype}: Core ML takes "
                "and gives doubles, newer systems float32 too", "cast the network's outputs", name,
            )  # fmt: skip


RULES: tuple[DeclarationRule, ...] = (_types, _updatable, _names)
