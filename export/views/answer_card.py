"""A package's answer to a photograph on the terminal."""

from typing import TYPE_CHECKING

from mobilenet.common import terminal

if TYPE_CHECKING:
    from export.verify.picture_answer import PictureAnswer
    from export.verify.reverify import Reverification

MOST = 20  # rows; nobody reads more, and --json has all


def show(result: "Reverification | PictureAnswer", *, percent: bool = False) -> None:
    """The five best classes, the objects, or the share of each class of pixels.

    Chances are shown in `percent` where all are some: what a strange model gives may be none.
    """
    percent = percent and all(0 <= chance <= 1 for _, chance in result.top5)
    form = "6.1%" if percent else ".3f"
    rows = [f"{chance:{form}}  {label}" for label, chance in result.top5]
    rows += [f"{share:6.1%}  {label}" for label, share in result.shares]
    if rows or result.objects is not None:
        terminal.line()
    for row in rows:
        terminal.line(row)
    if result.objects is not None:
        _objects(result)


def _objects(result: "Reverification | PictureAnswer") -> None:
    objects = result.objects or ()
    if not objects:
        terminal.line("no object in the photograph")
        return
    terminal.table(
        ["score", "object", "left", "top", "width", "height"],
        [
            (f"{each.confidence:.3f}", each.label, *(f"{side:.0f}" for side in each.box))
            for each in objects[:MOST]
        ],
        words=("object",),
    )
    if len(objects) > MOST:
        terminal.line(f"and {len(objects) - MOST} objects more: --json has all of them")
