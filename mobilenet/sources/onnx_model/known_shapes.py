"""Sides of an ONNX model's values, by ONNX's own inference, for the few nodes that depend on them.

Most graphs never ask.
"""

from functools import cached_property

from mobilenet.common.decoding import decoding


class KnownShapes:
    """The shapes of one model, of one picture at a time."""

    def __init__(self, data: bytes, name: str, picture: str) -> None:
        self._data, self._name, self._picture = data, name, picture

    def of(self, value: str) -> tuple[int, ...] | None:
        """The sides of a value, or None where one is not known."""
        return self._shapes.get(value)

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        import onnx

        with decoding(self._name):
            model = onnx.load_from_string(self._data)
            for source in model.graph.input:
                if source.name == self._picture:
                    source.type.tensor_type.shape.dim[0].dim_value = 1
            del model.graph.value_info[:]  # what the file says may be of another batch
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
            return {
                value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
                for value in (*inferred.value_info, *inferred.input)
                if value.type.tensor_type.HasField("shape")
                and all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)
            }
