"""One network in a process of its own: `python -m conformance.one_network NAME FORM ...`.

Prints a row for each form, as a line of JSON.
"""

import contextlib
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from conformance.forms import FORMS, INPUT, OUTPUT, Form, Model, Traced
from conformance.networks import NETWORKS, Network, made
from conformance.table_row import Row, encoded
from export.mil.cost import cost
from export.mil.read.model import read
from export.runtimes.portable import PortableRuntime

Outputs = list[NDArray[np.float64]]


class Oracle:
    """The network in PyTorch: what it gives in float64, what it loses in float32, its MACs."""

    def __init__(self, module: nn.Module, picture: Tensor) -> None:
        self.picture = picture.numpy()
        self.macs = _macs(module, picture)
        with warnings.catch_warnings():  # with autograd: without, attention is one operation
            warnings.simplefilter("ignore")  # tracing tells of sizes that become constants
            program = torch.jit.trace(module, picture, check_trace=False)
        with torch.no_grad():
            single = _tuple(module(picture))
            self.values = _arrays(_tuple(module.double()(picture.double())))
        module.float()
        self.traced = Traced(program, tuple(picture.shape), len(single))
        self.loss = worst(_arrays(single), self.values)


def rows(name: str, network: Network, forms: list[str], tell: Callable[[Row], None]) -> None:
    """Tell the row of each form as soon as it is known."""
    oracle = Oracle(*made(network))
    for form in forms:
        began = time.monotonic()
        row = Row(name, form, macs=oracle.macs, lost_by_torch=oracle.loss)
        try:
            row = _compared(row, FORMS[form], oracle)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this form's result
            text = " ".join(str(error).split())
            row = row._replace(reason=f"{type(error).__name__}: {text}")
        tell(row._replace(seconds=time.monotonic() - began))


def _compared(row: Row, form: Form, oracle: Oracle) -> Row:
    model = form.convert(oracle.traced)
    values, macs = _run(model, form, oracle)
    expected = oracle.values
    if form.counterpart is not None:
        expected, _ = _run(form.counterpart(model), form, oracle)
    return row._replace(
        relative_l2=worst(values, expected), limit=form.limit(oracle.loss), counted_macs=macs
    )


def _run(model: Model, form: Form, oracle: Oracle) -> tuple[Outputs, int]:
    """What the portable runtime gives, and the MACs that we count."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        kind = "mlmodel" if model.get_spec().WhichOneof("Type") == "neuralNetwork" else "mlpackage"
        path = Path(folder) / f"network.{kind}"
        model.save(str(path))
        counted = cost(read(path).function())
        runtime = PortableRuntime(precision=form.precision)
        session = runtime.load(runtime.compile(path, Path(folder)), "CPU")
        answer = session.predict({INPUT: oracle.picture})
    names = [f"{OUTPUT}{at}" for at in range(oracle.traced.outputs)]
    macs = -1 if counted.unknown_macs else counted.macs
    return [np.asarray(answer[name], np.float64) for name in names], macs


def worst(values: Outputs, expected: Outputs) -> float:
    """The largest relative L2 of any output; infinite for another shape or no number."""
    errors = [
        np.linalg.norm(got - true) / np.linalg.norm(true) if got.shape == true.shape else np.inf
        for got, true in zip(values, expected, strict=True)
    ]
    return float(np.nan_to_num(max(errors), nan=np.inf))


def _macs(module: nn.Module, picture: Tensor) -> int:
    """With autograd on, PyTorch takes no fused attention, which its counter would not see."""
    counter = FlopCounterMode(display=False)
    with counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        module(picture)
    return int(counter.get_total_flops()) // 2


def _tuple(values: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (values,) if isinstance(values, Tensor) else tuple(values)


def _arrays(values: tuple[Tensor, ...]) -> Outputs:
    return [value.detach().double().numpy() for value in values]


def main(name: str, *forms: str) -> None:
    """Print the rows; what others print goes to the other stream."""
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        rows(name, NETWORKS[name], list(forms), lambda row: print(encoded(row), file=answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
