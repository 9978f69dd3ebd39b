"""The large constants of an ONNX model, in a file beside it.

ONNX Runtime maps such a file, where constants in the model itself are held several times over:
as its bytes, as its message, and as tensors. Nor can a message have more than 2 GB.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SMALLEST = 1 << 16  # bytes; ONNX Runtime looks into shapes and axes while it reads the model
ALIGNMENT = 64


class WeightFile:
    """`path`, written constant by constant: no more than one is in memory at a time.

    A context; the file is made when there is something to be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def tensor(self, value: NDArray[Any], name: str) -> onnx.TensorProto:
        """An initializer of this value: one that is large refers to the file."""
        if value.nbytes < SMALLEST:
            return numpy_helper.from_array(value, name)
        if self._file is None:
            self._file = self.path.open("xb")
        self._file.seek(-self._file.tell() % ALIGNMENT, 1)
        result = TensorProto(
            name=name, dims=value.shape, data_location=TensorProto.EXTERNAL,
            data_type=helper.np_dtype_to_tensor_dtype(value.dtype),
        )  # fmt: skip
        location = {
            "location": self.path.name,
            "offset": self._file.tell(),
            "length": value.nbytes,
        }
        for key, entry in location.items():
            result.external_data.add(key=key, value=str(entry))
        self._file.write(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        return result
