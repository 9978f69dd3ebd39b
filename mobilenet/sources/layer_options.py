"""What a file sets of a layer: all of it is translated, or has no effect, or is refused."""

from collections.abc import Collection, Mapping
from typing import Any

from mobilenet.common.errors import CheckpointError
from mobilenet.common.text import one_line

MAX_VALUE = 80  # characters of a value in a message


class LayerOptions:
    """The options of one layer by name; each is taken by the translator that understands it.

    `title` is what errors call the layer: "layer conv1 (Conv2D)".
    """

    def __init__(self, title: str, values: Mapping[str, Any]) -> None:
        self.title = title
        self._values = dict(values)

    def take(self, name: str, default: Any) -> Any:
        """The option's value, or what the format says of a layer that does not set it."""
        return self._values.pop(name, default)

    def require(self, name: str, default: Any, *allowed: Any) -> Any:
        """The option's value. Raises `CheckpointError` for one that is not among `allowed`."""
        value = self.take(name, default)
        if value not in allowed:
            raise self.refused(name, value)
        return value

    def refused(self, name: str, value: Any) -> CheckpointError:
        """The error about a value that is not understood, to be raised."""
        return CheckpointError(
            f"{self.title} has {one_line(name, MAX_VALUE)} {one_line(str(value), MAX_VALUE)}, "
            "which is not read here",
            "export the network from Python: export(model, ...)",
        )

    def refuse_rest(self, without_effect: Collection[str], harmless: Collection[Any] = ()) -> None:
        """Raise `CheckpointError` for an option that nobody took.

        Those named in `without_effect` may have any value, all others only one in `harmless`.
        """
        for name, value in self._values.items():
            if name not in without_effect and value not in harmless:
                raise self.refused(name, value)
