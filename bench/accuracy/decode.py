"""Files to pictures of the networks' size, in processes of their own.

Processes, because a photograph may come from anywhere: one that crashes the decoder, hangs or
fills memory is reported like any other that cannot be opened, and decoding goes on whatever the
runtime does with the interpreter's lock. Pixels come back as bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.accuracy.recipes import Recipe
from mobilenet.common import memory_limit
from mobilenet.common.children import Child, ChildError
from mobilenet.common.images import MAX_DECODING_BYTES, PictureError, open_picture
from mobilenet.common.size import Size

PHOTOGRAPH_LIMIT_S = 30.0  # the largest that is allowed takes some seconds


class Wanted(NamedTuple):
    """One form in which a photograph is needed."""

    recipe: Recipe
    size: Size


Pictures = list[bytes]  # (height, width, 3) RGB each, one for every `Wanted`
Decoded = Pictures | str  # or why there are none


def decode_all(paths: Sequence[Path], wanted: Sequence[Wanted], child: Child) -> list[Decoded]:
    """`decode` of several photographs in a child. Whatever befalls one costs that one."""

    def decoded(path: Path) -> Decoded:
        try:
            return child.call(PHOTOGRAPH_LIMIT_S, decode, path, wanted)
        except ChildError as error:
            return error.message

    return [decoded(path) for path in paths]


def decode(path: Path, wanted: Sequence[Wanted]) -> Decoded:
    """All forms of one photograph, which is opened once."""
    try:
        with memory_limit.growth(MAX_DECODING_BYTES):
            picture = open_picture(path)
            return [recipe.apply(picture, size).tobytes() for recipe, size in wanted]
    except PictureError as error:
        return error.reason
    except FileNotFoundError:
        return "it is not there any more"
