"""Which output of a network a class of the photographs is.

A class comes as a WordNet id ("n02123045"), a label ("tabby") or a number (ImageNet's order from
0). Networks have 1000 outputs in ImageNet's order, 1001 with "background" first, or their own.
"""

import re
from collections.abc import Iterable

from mobilenet.common.errors import ConfigError
from mobilenet.labels import imagenet_labels, wordnet_ids

SAME_LIST = 0.9  # share of labels at their place that makes a list ImageNet's: wordings differ
SHOWN = 3


def outputs_of(
    classes: Iterable[str], labels: tuple[str, ...], outputs: int, network: str
) -> dict[str, int]:
    """Each class to its position among `outputs`; `labels` may be empty.

    Raises `ConfigError` when the network cannot answer with one of them: it would count as wrong.
    """
    offset = imagenet_offset(labels, outputs)
    places = {plain(label): i for i, label in reversed(list(enumerate(labels)))}
    output_of = {name: _output(name, places, offset, outputs) for name in classes}
    if unknown := [name for name, output in output_of.items() if output is None]:
        shown = ", ".join(map(repr, unknown[:SHOWN])) + (", ..." if len(unknown) > SHOWN else "")
        if all(name.isdigit() for name in unknown):
            hint = f"numbers count from 0 to {outputs - (offset or 0) - 1}: do these from 1?"
        else:
            hint = "name folders by WordNet id or by the network's labels, or give --labels FILE"
        raise ConfigError(
            f"{network} has no output for {len(unknown)} of {len(output_of)} classes: {shown}",
            hint,
        )
    return {name: output for name, output in output_of.items() if output is not None}


def imagenet_offset(labels: tuple[str, ...], outputs: int) -> int | None:
    """How many outputs precede ImageNet's 1000; None when they are not ImageNet's."""
    offset = outputs - 1000
    if offset not in {0, 1}:
        return None
    if not labels:
        return offset
    pairs = zip(imagenet_labels(), labels[offset:], strict=True)
    same = sum(_lemma(ours) == _lemma(theirs) for ours, theirs in pairs)
    return offset if same >= SAME_LIST * 1000 else None


def plain(label: str) -> str:
    """A label without case, and with spaces where folders have underscores."""
    return " ".join(label.replace("_", " ").casefold().split())


def _lemma(label: str) -> str:
    """Of "tench, Tinca tinca" and "crane (bird)", the first name alone."""
    return plain(re.split(r"[,(]", label, maxsplit=1)[0])


def _output(name: str, places: dict[str, int], offset: int | None, outputs: int) -> int | None:
    if plain(name) in places:
        return places[plain(name)]
    position = _IMAGENET.get(plain(name))
    if position is not None:
        by_label = places.get(plain(imagenet_labels()[position]))
        return by_label if offset is None else position + offset
    if name.isascii() and name.isdigit():
        number = int(name) + (offset or 0)
        return number if number < outputs else None
    return None


_IMAGENET = {
    plain(name): i for names in (imagenet_labels(), wordnet_ids()) for i, name in enumerate(names)
}
