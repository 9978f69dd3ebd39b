"""What stands before and behind a detector's network in TensorFlow's graphs: loops and boxes."""

from collections.abc import Callable

import numpy as np

from tensorflow_graphs import FLOAT, INT, Type, const, node

T = Type(FLOAT)


def loop(
    name: str, source: str, body: Callable[[str], tuple[list[bytes], str]], *others: str
) -> tuple[list[bytes], str]:
    """map_fn of a batch: its nodes, and the name of the result. `others` are read beside it."""
    inside = f"{name}/while"
    nodes = [
        const(f"{name}/size", 1), const(f"{name}/range", [0]), const(f"{name}/zero", 0),
        node(f"{name}/made", "TensorArrayV3", f"{name}/size"),
        node(f"{inside}/less", "Less", f"{inside}/merge", f"{inside}/most"),
        node(f"{inside}/most", "Enter", f"{name}/size"),
        node(f"{inside}/cond", "LoopCond", f"{inside}/less"),
        *_variable(inside, "", f"{name}/zero", f"{inside}/add"),
        const(f"{inside}/one", 1), node(f"{inside}/add", "Add", f"{inside}/now", f"{inside}/one"),
        *_variable(inside, "_flow", f"{name}/made:1", f"{inside}/write"),
    ]  # fmt: skip
    for number, each in enumerate((source, *others)):
        end = f"_{number}" if number else ""
        array, scattered = f"{name}/array{end}", f"{name}/scatter{end}"
        nodes += [
            node(array, "TensorArrayV3", f"{name}/size"),
            node(scattered, "TensorArrayScatterV3", array, f"{name}/range", each, f"{array}:1"),
            node(f"{inside}/array{end}", "Enter", array),
            node(f"{inside}/flow{end}", "Enter", scattered),
            node(f"{inside}/read{end}", "TensorArrayReadV3", f"{inside}/array{end}",
                 f"{inside}/now", f"{inside}/flow{end}"),
        ]  # fmt: skip
    made, result = body(f"{inside}/read")
    ends = [
        node(f"{inside}/out", "Enter", f"{name}/made"),
        node(f"{inside}/write", "TensorArrayWriteV3", f"{inside}/out", f"{inside}/now", result,
             f"{inside}/now_flow"),
        node(f"{name}/stack", "TensorArrayGatherV3", f"{name}/made", f"{name}/range",
             f"{inside}/exit_flow"),
    ]  # fmt: skip
    return [*nodes, *made, *ends], f"{name}/stack"


def _variable(inside: str, end: str, start: str, following: str) -> list[bytes]:
    return [
        node(f"{inside}/enter{end}", "Enter", start),
        node(f"{inside}/next{end}", "NextIteration", following),
        node(f"{inside}/merge{end}", "Merge", f"{inside}/enter{end}", f"{inside}/next{end}"),
        node(f"{inside}/switch{end}", "Switch", f"{inside}/merge{end}", f"{inside}/cond"),
        node(f"{inside}/now{end}", "Identity", f"{inside}/switch{end}:1"),
        node(f"{inside}/exit{end}", "Exit", f"{inside}/switch{end}"),
    ]


def sliced(name: str, source: str, begins: tuple[int, ...], sizes: tuple[int, ...]) -> list[bytes]:
    """Of a value."""
    return [
        const(f"{name}/begin", begins), const(f"{name}/sizes", sizes),
        node(name, "Slice", source, f"{name}/begin", f"{name}/sizes", T=T, Index=Type(INT)),
    ]  # fmt: skip


def filtered(name: str, boxes: str, scores: str) -> tuple[list[bytes], list[str]]:
    """Boxes and scores over the threshold, as before suppressions of the second version."""
    nodes = [
        node(f"{name}/greater", "Greater", scores, "least", T=T),
        node(f"{name}/where", "Where", f"{name}/greater"),
        node(f"{name}/places", "Reshape", f"{name}/where", "flat", T=Type(9)),
        node(f"{name}/boxes", "GatherV2", boxes, f"{name}/places", "axis", T=T),
        node(f"{name}/scores", "GatherV2", scores, f"{name}/places", "axis", T=T),
    ]
    return nodes, [f"{name}/boxes", f"{name}/scores"]


def decoded(
    encodings: str, anchors: np.ndarray, coder: tuple[float, ...], wrong: tuple[bool, bool]
) -> tuple[list[bytes], str]:
    """faster_rcnn_box_coder.py, `_decode`: (boxes, 4), top, left, bottom, right.

    `wrong` says whether axes are swapped, and sides crossed.
    """
    swapped, crossed = wrong
    centres, sides = anchors[:, :2], anchors[:, 2:]
    corners = np.concatenate([centres - sides / 2, centres + sides / 2], 1)
    nodes = [
        const("Concatenate/concat", corners), const("Decode/shape", [-1, 4]),
        const("Decode/turn", [1, 0]), const("Decode/two", 2.0),
        node("Decode/flat", "Reshape", encodings, "Decode/shape", T=T),
        node("Decode/transpose", "Transpose", "Decode/flat", "Decode/turn", T=T),
        node("Decode/unstack", "Unpack", "Decode/transpose", num=4, axis=0, T=T),
        node("Decode/anchors", "Transpose", "Concatenate/concat", "Decode/turn", T=T),
        node("Decode/corners", "Unpack", "Decode/anchors", num=4, axis=0, T=T),
    ]  # fmt: skip

    def made(kind: str, name: str, *inputs: str) -> str:
        nodes.append(node(f"Decode/{name}", kind, *inputs, T=T))
        return f"Decode/{name}"

    lows, highs = list[str](), list[str]()
    for axis in (0, 1):
        at = 1 - axis if swapped else axis
        low, high = ("Decode/corners", "Decode/corners:1")[at], f"Decode/corners:{2 + at}"
        step, growth = ("Decode/unstack", "Decode/unstack:1")[axis], f"Decode/unstack:{2 + axis}"
        nodes.extend(const(f"Decode/scale{number}", coder[number]) for number in (axis, 2 + axis))
        side = made("Sub", f"side{axis}", high, low)
        half = made("RealDiv", f"half{axis}", side, "Decode/two")
        centre = made("Add", f"centre{axis}", low, half)
        shift = made("RealDiv", f"shift{axis}", step, f"Decode/scale{axis}")
        times = f"Decode/side{1 - axis}" if crossed else side
        shifted = made("Add", f"moved{axis}", made("Mul", f"way{axis}", shift, times), centre)
        power = made("RealDiv", f"power{axis}", growth, f"Decode/scale{2 + axis}")
        grown = made("Mul", f"grown{axis}", made("Exp", f"exp{axis}", power), side)
        reach = made("RealDiv", f"reach{axis}", grown, "Decode/two")
        lows.append(made("Sub", f"low{axis}", shifted, reach))
        highs.append(made("Add", f"high{axis}", shifted, reach))
    corners_of = made("Pack", "stack", *lows, *highs)
    return nodes, made("Transpose", "boxes", corners_of, "Decode/turn")
