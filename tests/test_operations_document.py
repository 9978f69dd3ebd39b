"""`docs/operations.md` lists what can be run off a Mac, and why the rest cannot.

It is made from coremltools' registry of MIL operations, the old format's definition, and our
tables; only the reasons that no rule has are written by hand, in the document itself. After a
rule was added: `UPDATE_DOCUMENTS=1 python -m pytest tests/test_operations_document.py`.
"""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from export.coremltools_import import coremltools
from export.mil.ops import OPERATIONS
from export.mil.read import constexpr, neuralnetwork_file
from export.mil.read.neuralnetwork.layer_translation import LAYER
from export.mil.read.specification import proto

DOCUMENT = Path(__file__).parent.parent / "docs" / "operations.md"
UPDATE = "UPDATE_DOCUMENTS"
NO_REASON = "?"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)


def operations() -> set[str]:
    """All that coremltools knows how to write, of any opset, and what a constant is made by."""
    coremltools(torch=False)
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    return set(SSAOpRegistry.core_ops)


def layers() -> set[str]:
    layer = proto("NeuralNetwork_pb2").NeuralNetworkLayer.DESCRIPTOR
    return {field.name for field in layer.oneofs_by_name["layer"].fields}


def lowered() -> set[str]:
    read = {"const", *constexpr.supported()}
    return read | {kind for kind, operation in OPERATIONS.items() if operation.lower}


def translated() -> set[str]:
    """Layers with a rule, but for those that it says as drawing numbers, which cannot be run."""
    drawn = ("random", "categoricalDistribution")
    return {
        kind
        for kind in neuralnetwork_file.RULES
        if not kind.startswith(drawn) or "random_normal" in lowered()
    }


def reasons(text: str, heading: str) -> dict[str, str]:
    """Those that the document has under a heading, by name."""
    _, _, behind = text.partition(f"## {heading}")
    return dict(ROW.findall(behind.partition("\n## ")[0]))


def section(
    heading: str, every: Collection[str], run: Collection[str], text: str
) -> Iterator[str]:
    written = reasons(text, heading)
    here, missing = sorted(set(every) & set(run), key=str.lower), sorted(set(every) - set(run))
    yield f"## {heading}: {len(here)} of {len(every)}\n"
    yield f"{', '.join(f'`{name}`' for name in here)}.\n"
    if missing:
        told = {kind: operation.refusal for kind, operation in OPERATIONS.items()}
        rows = [f"| `{n}` | {told.get(n) or written.get(n, NO_REASON)} |" for n in missing]
        yield "\n".join(["| cannot be run | because |", "|---|---|", *rows]) + "\n"


def document(text: str) -> str:
    """The document as it should be, with the reasons of `text`."""
    return "\n".join(
        [
            "# What can be run off a Mac\n",
            "By the portable runtime; shapes and multiply-accumulates are known as well. A form "
            "of an operation that is not known, and what is not listed here at all, is refused "
            "by name, never guessed.\n",
            "This list is made by `tests/test_operations_document.py`, which fails when it is "
            "out of date; only the reasons are written by hand.\n",
            *section("Operations of ML Programs", operations(), lowered(), text),
            *section("Layers of neural networks", layers(), translated(), text),
        ]
    )


@pytest.fixture(scope="module")
def written() -> str:
    if os.environ.get(UPDATE):
        DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), "utf-8")
    return DOCUMENT.read_text("utf-8")


def test_the_document_is_what_the_registries_make_it(written: str) -> None:
    assert written == document(written), f"out of date: run this file with {UPDATE}=1"


def test_what_cannot_be_run_has_a_reason(written: str) -> None:
    without = [name for name, reason in ROW.findall(written) if reason == NO_REASON]
    assert not without, f"write the reason into {DOCUMENT.name} in place of {NO_REASON!r}"


def test_every_rule_is_of_something_that_there_is() -> None:
    """A misspelt name would never be asked for. What MIL has not bears its owner's name."""
    own = {"write_state", "coreml_update_state"}  # a state's, which the registry has as a dialect
    mil = {kind for kind in OPERATIONS if not kind.startswith("coreai.")}
    known = operations() | layers() | {f"{LAYER}{kind}" for kind in layers()} | own
    assert sorted(mil - known) == []
    assert sorted(set(neuralnetwork_file.RULES) - layers()) == []
