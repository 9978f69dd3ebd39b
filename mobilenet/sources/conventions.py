"""What shapes do not tell of a network: said by its file, assumed of its family, or given."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from mobilenet.checkpoint import Checkpoint
from mobilenet.common.errors import CheckpointError
from mobilenet.common.size import Sides
from mobilenet.networks.base_config import BaseConfig
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.overrides import Overrides
from mobilenet.preprocess import Normalization
from mobilenet.reading import Evidence, Reading

GRAPH = ("padding", "epsilon", "activation")
PREPROCESSING = "preprocessing"
SAID = (*GRAPH, PREPROCESSING)
GIVEN = "given"
Config = TypeVar("Config", bound=BaseConfig)
Value = TypeVar("Value")
SAVE_HINT = "or save it with mobilenet.store.save, which keeps all"


class Conventions:
    """Settles each convention of a file once, and remembers by what it did, for the card.

    `by` is the family that is known to have the usual value; where `said`, what says so: a file,
    and to give something else is a `CheckpointError`. `resolution` is the one that is asked for;
    raises `ConfigError` for one that no network can have.
    """

    def __init__(
        self, file: str, overrides: Overrides | None = None, resolution: Sides | None = None
    ) -> None:
        if resolution is not None:
            MobileNetConfig().at(resolution)  # one that no network has is not the file's fault
        self.file = file
        self._overrides = overrides or Overrides()
        self._resolution = resolution
        self._assumed: dict[str, list[str]] = {}  # by whose
        self._found: dict[str, list[str]] = {}  # by what says so

    def require_all(self) -> None:
        """Raise `CheckpointError` for what is not given, of a file that says nothing at all."""
        overrides = self._overrides
        options = {
            "padding": ("--padding", overrides.padding is None),
            "epsilon": ("--epsilon", overrides.epsilon is None),
            "activation": ("--activation", overrides.activation is None),
            PREPROCESSING: ("--mean --std", not overrides.has_preprocessing),
            "resolution": ("--resolution", self._resolution is None),
        }
        missing = {what: option for what, (option, is_missing) in options.items() if is_missing}
        if missing:
            raise CheckpointError(
                f"{self.file} does not say {', '.join(missing)}",
                f"give {' '.join(missing.values())}, as it was trained, {SAVE_HINT}",
            )

    def checkpoint(self, read: Checkpoint) -> Checkpoint:
        """What a reader gives that settled nothing: by a graph or a file of ours, which say all.

        But for a graph's preprocessing where it was assumed.
        """
        before = read.reading
        if before is None or self._overrides == Overrides() or self._found or self._assumed:
            return read
        assert isinstance(read.config, BaseConfig), "of the families here"
        by, said = self.file, set(SAID)
        rest = tuple(note for note in before.assumed if not note.startswith(PREPROCESSING))
        if rest != before.assumed:
            said.remove(PREPROCESSING)
        if read.folded:
            said.discard("epsilon")  # nothing has it any more
        config = self.network(read.config, by, said)
        is_said = PREPROCESSING in said
        usual = read.normalization if is_said else before.feed
        pixels = self.normalization(usual, by, said=is_said)
        is_replaced = pixels is not usual and not is_said
        reading = replace(
            before,
            feed=pixels if is_replaced else before.feed,
            assumed=rest if is_replaced else before.assumed,
            found=(*before.found, *_joined({GIVEN: self._found.get(GIVEN, [])})),
        )
        normalization = read.normalization
        if is_replaced:
            normalization = normalization.fed_as(before.feed, pixels)
        return replace(read, config=config, normalization=normalization, reading=reading)

    def network(self, usual: Config, by: str, said: Collection[str] = ()) -> Config:
        """The config with padding, epsilon and activation as they are settled."""
        return replace(
            usual,
            padding=self._settled("padding", usual.padding, by, said),
            bn_epsilon=self._settled("epsilon", usual.bn_epsilon, by, said),
            activation=self._settled("activation", usual.activation, by, said),
        )

    def _settled(self, what: str, usual: Value, by: str, said: Collection[str]) -> Value:
        given: Value | None = getattr(self._overrides, what)
        if what in said and given is not None and not _same(given, usual):
            raise CheckpointError(
                f"{by} says {what} {usual}, given is {given}",
                f"leave --{what} out to take what {by} says",
            )
        settled = usual if given is None else given
        self._note(f"{what} {settled}", by, what in said, given is not None)
        return settled

    def normalization(self, usual: Normalization, by: str, *, said: bool = False) -> Normalization:
        """How pixels become the network's input."""
        given = self._overrides.normalization(usual)
        if said and not _alike(given, usual):
            raise CheckpointError(
                f"{by} says preprocessing {usual.title}, given is {given.title}",
                f"leave --scale --bias --mean --std --channels out to take what {by} says",
            )
        self._note(f"{PREPROCESSING} {given.title}", by, said, given is not usual)
        return given

    def at_resolution(self, usual: Config, by: str, *, said: bool = False) -> Config:
        """The config over the size that is asked for, whatever is said: weights fit any."""
        if self._resolution is None:
            self._note(f"resolution {usual.size.slug}", by, said, False)
            return usual
        return usual.at(self._resolution)

    def assume(self, what: str, by: str) -> None:
        """Note what no option changes."""
        self._note(what, by, False, False)

    def _note(self, what: str, by: str, said: bool, given: bool) -> None:
        notes = self._found if said or given else self._assumed
        notes.setdefault(GIVEN if given and not said else by, []).append(what)

    def reading(self, how: Evidence) -> Reading:
        """How the network was told, with what was settled, and by what."""
        return Reading(how, assumed=_joined(self._assumed), found=_joined(self._found))


def _joined(notes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(f"{', '.join(whats)}: {by}" for by, whats in notes.items() if whats)


def _same(given: object, said: object) -> bool:
    if isinstance(given, float) and isinstance(said, float):
        return math.isclose(given, said, rel_tol=1e-6)
    return given == said


def _alike(given: Normalization, said: Normalization) -> bool:
    numbers, others = ((each.scale, each.bias) for each in (given, said))
    return given.order == said.order and np.allclose(numbers, others, rtol=1e-5, atol=1e-7)
