"""What a graph of ours ends in, as one line: onnx and ONNX Runtime raise as they like."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mobilenet.common.errors import OwnFaultError, UnsupportedError, UserError
from mobilenet.common.text import one_line

# How ONNX Runtime names a node: by its first output, which `OnnxGraph` names by the operation.
NODE = re.compile(r"""["'(](?P<origin>[^"'(]*)/(?P<kind>[A-Za-z]+)#\d+["')]""")
PREAMBLE = re.compile(r".*(?:Status Message: |failed:|ONNXRuntimeError\] : \d+ : [A-Z_]+ : )")
MAX_REASON = 150  # characters
# What the values that come are to blame for, and not the graph
OF_VALUES = re.compile(
    r"out of (?:data )?bound|out of range value|invalid ind(?:ex|ice)|by zero", re.IGNORECASE
)


@contextmanager
def refusing(name: str) -> Iterator[None]:
    """Raise `OwnFaultError` for whatever is raised while the model `name` is made or run.

    The package was read by then: that it cannot be run is no fault of the model, unless its values
    lead out of an array or divide by zero: then `UnsupportedError`. Our own errors pass.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise _refusal(name, error) from error


def _refusal(name: str, error: Exception) -> UnsupportedError:
    """What was said, with MIL's operation in it where that is told."""
    text = " ".join(str(error).split()) or type(error).__name__
    node = NODE.search(text)
    where = f": {node['kind']} {node['origin']!r}" if node else ""
    reason = one_line(PREAMBLE.sub("", text), MAX_REASON)
    if OF_VALUES.search(text):
        return UnsupportedError(
            f"{name} cannot be run here on these values{where}: {reason}",
            "Core ML leaves open what it answers then: is the input what the model takes?",
        )
    return OwnFaultError(f"{name} cannot be run here{where}: {reason}")
