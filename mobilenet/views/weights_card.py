"""What was understood of a weight file, for `python -m mobilenet weights FILE`."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mobilenet.checkpoint import Checkpoint
from mobilenet.common import terminal
from mobilenet.common.text import one_line
from mobilenet.networks import families
from mobilenet.store import header
from mobilenet.views.layer_list import ReadLayer, read_layers

NAME = 48  # characters of a file's name for a layer; TFLite joins those of fused operators by ";"
HEADERS = ("layer", "in the file", "kernel", "stride", "pads", "dilation", "activation", "value")


def show(checkpoint: Checkpoint, *, layers: bool, json: bool) -> None:
    """Everything but the numbers; `layers` lists them one by one, JSON always does."""
    listed = read_layers(checkpoint) if layers or json else ()
    if json:
        terminal.print_json(_record(checkpoint, listed))
        return
    terminal.card(_card(checkpoint))
    if layers:
        terminal.line()
        words = (*HEADERS[:2], HEADERS[6])
        terminal.table(HEADERS, [_columns(layer) for layer in listed], words=words)


def _record(checkpoint: Checkpoint, layers: Sequence[ReadLayer]) -> dict[str, Any]:
    reading = checkpoint.reading
    return {
        **msgspec.to_builtins(header(checkpoint)),
        "config": families.described(checkpoint.config),
        "read": None if reading is None else reading.title,
        "says": () if reading is None else reading.found,
        "assumed": () if reading is None else reading.assumed,
        "labels_from": checkpoint.labels_from or None,
        "layers": [layer._asdict() for layer in layers],
    }


def _card(checkpoint: Checkpoint) -> dict[str, str | Sequence[str]]:
    config, provenance = checkpoint.config, checkpoint.provenance
    use, reading = checkpoint.normalization, checkpoint.reading
    cost, convolutions = config.cost(), config.rows()
    activations = {row.activation or "linear": None for row in convolutions}
    epsilons = {f"{row.epsilon:g}": None for row in convolutions}
    return {
        "source": provenance.source,
        "trained": "yes" if provenance.trained else "NO: its answers mean nothing",
        "licence": provenance.licence,
        "sha256": provenance.sha256 or "-",
        "published": _published(checkpoint),
        "read": "made here" if reading is None else reading.title,
        "network": f"{config.family}, alpha {config.alpha:g}, {config.size}"
        + (", shallow" if config.shallow else ""),
        "arithmetic": f"padding {convolutions[0].padding}, {', '.join(activations)}, "
        + ("batch norms folded" if checkpoint.folded else f"epsilon {', '.join(epsilons)}"),
        "head": _head(checkpoint),
        "labels": _labels(checkpoint),
        "cost": f"{cost.macs / 1e6:.2f} M multiply-accumulates, "
        f"{cost.parameters / 1e6:.3f} M parameters",
        "pixels": f"{use.order}, scale {_numbers(use.scale)}, bias {_numbers(use.bias)}",
        "photographs": _photographs(checkpoint),
        **({"file says": reading.found} if reading and reading.found else {}),
        **({"assumed": reading.assumed} if reading and reading.assumed else {}),
    }


def _photographs(checkpoint: Checkpoint) -> str:
    geometry = checkpoint.geometry
    if geometry.whole:
        return geometry.describe(checkpoint.config.size)
    return f"{geometry.interpolation}, centre crop {geometry.crop:g}"


def _head(checkpoint: Checkpoint) -> str:
    readout = checkpoint.config.readout
    if readout.classes is None:
        return readout.title
    mean = ["mean of the map"] if readout.pool == "mean" else []
    return ", ".join([*mean, readout.title, readout.scores])


def _labels(checkpoint: Checkpoint) -> str:
    if not checkpoint.labels:
        return "none"
    first = ", ".join(checkpoint.labels[:2]) + (" ..." if len(checkpoint.labels) > 2 else "")
    return f"{first} ({checkpoint.labels_from})" if checkpoint.labels_from else first


def _columns(layer: ReadLayer) -> tuple[str, ...]:
    file_name = one_line(layer.file_name.partition(";")[0], NAME) or "-"
    pads = " ".join(map(str, layer.pads))
    return (
        layer.name, file_name, _by(layer.kernel), f"{layer.stride}", pads, f"{layer.dilation}",
        layer.activation, _by(layer.value),
    )  # fmt: skip


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def _published(checkpoint: Checkpoint) -> str:
    top1, top5 = checkpoint.provenance.published_top1, checkpoint.provenance.published_top5
    return "-" if top1 is None else f"top-1 {top1} %, top-5 {top5} %"


def _numbers(values: tuple[float, ...]) -> str:
    same = len(set(values)) == 1
    return f"{values[0]:g}" if same else ", ".join(f"{value:g}" for value in values)
