"""How far two programs are apart, layer by layer: the record that `export diff` writes.

One line of JSON with `"kind": "layer_errors"`, in a file of its own or beside others. Layers
stand in program order.
"""

import msgspec

from bench.results.bounds import Number


class LayerError(msgspec.Struct, frozen=True, kw_only=True):
    """The output of one layer against the same layer's in the reference; None is not finite."""

    name: str
    relative_l2: Number | None
    max_absolute: Number | None


class LayerErrors(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="layer_errors"):
    """All layers of `package` against `reference`, on one input."""

    package: str
    reference: str
    layers: tuple[LayerError, ...]
