"""A pipeline: its models in order, each given what it takes of all that is there by then."""

from collections.abc import Mapping, Sequence

import msgspec

from export.mil.description import ModelDescription
from export.package.model_files import REMAKE
from export.runtimes.base import Feature, LoadedModel
from export.runtimes.inputs import check
from export.runtimes.tabular_session import TabularSession
from mobilenet.common.errors import PackageError


class CompiledPipeline(msgspec.Struct, frozen=True):
    """The list of a pipeline's compiled models, files beside it, in the order they run."""

    description: ModelDescription
    stages: list[str]
    extra_outputs: tuple[str, ...] = ()


class PipelineSession:
    """`LoadedModel` of loaded `stages`. A value is handed on as it came out.

    `extra_outputs` are names of values to be given beside what it declares.
    """

    def __init__(
        self,
        description: ModelDescription,
        stages: Sequence[LoadedModel],
        extra_outputs: Sequence[str] = (),
    ) -> None:
        self.description, self._stages = description, tuple(stages)
        self._names = (*(output.name for output in description.outputs), *extra_outputs)

    def predict(self, inputs: Mapping[str, Feature]) -> dict[str, Feature]:
        """What the pipeline declares to give. Raises as its models do, and `PackageError` for an
        output that no model gives, whatever it declares."""
        check(self.description, inputs)
        values = dict(inputs)
        for stage in self._stages:
            takes = stage.description.all_inputs
            feed = {item.name: values[item.name] for item in takes if item.name in values}
            values |= stage.predict(
                stage.fitted(feed) if isinstance(stage, TabularSession) else feed
            )
        if missing := [name for name in self._names if name not in values]:
            raise PackageError(f"{missing[0]!r} is declared to come out, and does not", REMAKE)
        return {name: values[name] for name in self._names}
