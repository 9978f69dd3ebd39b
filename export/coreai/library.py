"""The `coreai` library: whether it is here, and, with `construction`, what is not public of it.

Checked against coreai-core 1.0.0b3, a pre-release; look again at each new one. Private here:
`coreai._compiler` for constants with names of ours, for pixel formats, and for reading programs.
"""

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export.coreai.messages import (
    PACKED_BITS,
    Array,
    ArrayType,
    CoreAIGraph,
    GraphOperation,
    ImageType,
    OtherType,
    ValueType,
)
from mobilenet.common.errors import UnsupportedError

if TYPE_CHECKING:
    from coreai.authoring import Value

VERSION = "1.0.0b3"
NUMPY_NAMES = {
    "f16": "float16", "f32": "float32", "f64": "float64", "bf16": "bfloat16", "i1": "bool",
    "si4": "int4", "ui1": "uint1", "ui2": "uint2", "ui3": "uint3", "ui4": "uint4", "ui6": "uint6",
    "si8": "int8", "ui8": "uint8", "si16": "int16", "ui16": "uint16", "si32": "int32",
    "ui32": "uint32", "si64": "int64", "ui64": "uint64", "i4": "int4", "i8": "int8",
    "i16": "int16", "i32": "int32", "i64": "int64",
}  # fmt: skip
WITHOUT_BUFFER = ("bfloat16", *PACKED_BITS)  # asked for one, the library ends the process
PICTURE = re.compile(r"!coreai\.image<<k(\w+)> x (\d+) : i64 x (\d+) : i64>")  # height first
RESOURCE = re.compile(r"dense_resource<(.*)> : ")
STORED = re.compile(r'^ +"?([^\s"]+)"?: "0x([0-9A-F]+)"', re.MULTILINE)
ALIGNMENT_BYTES = 4  # what stands before a resource's own bytes where it is printed
NO_LIMIT = 1 << 62


def missing() -> str | None:
    """Why Core AI cannot be used here, or None when it can."""
    if importlib.util.find_spec("coreai") is None:
        return "coreai-core is not installed"
    return None


def require() -> None:
    """Raise `UnsupportedError` unless the library is installed."""
    reason = missing()
    if reason is not None:
        raise UnsupportedError(
            f"Core AI: {reason}",
            "pip install 'mobilenet-coreml[coreai]' (Linux on x86_64 with glibc 2.34, or macOS "
            "26 on Apple silicon)",
        )


def named_constant(name: str, array: np.ndarray[Any, np.dtype[Any]]) -> "Value":
    """A constant of the graph that is being written, stored under `name`.

    The library's own names are hashes that differ from process to process: with them no two
    exports have the same bytes. Equal arrays are stored once, whatever they are called.
    """
    from coreai._compiler.dialects._coreai_ops_gen import ConstantOp
    from coreai._compiler.ir import DenseResourceElementsAttr
    from coreai.authoring import TensorSpec, Value

    array = np.ascontiguousarray(array)
    kind = TensorSpec(array.shape, array.dtype.type)._to_mlir_type()
    resource = DenseResourceElementsAttr.get_from_buffer(array, name, kind)
    return Value._from_mlir(ConstantOp(resource).result)


def picture_format(name: str) -> Any:
    """Core AI's pixel format of that name, such as "BGRA32"."""
    from coreai._compiler._mlir_libs._coreaiIR._bindings.mlir.dialects.coreai import FourCC

    return getattr(FourCC, name)


def graphs(asset: Path) -> tuple[CoreAIGraph, ...]:
    """Every function of the asset as plain data. May end the process: ask it in a child.

    Raises whatever the library does for bytes that are no program.
    """
    from coreai.authoring import AIModelAsset

    module = AIModelAsset.load(asset).program._module._mlir_module
    resources = _resources(module)
    return tuple(
        _graph(each, resources) for each in module.body.operations if each.name == "coreai.graph"
    )


def name_constants(module: Any) -> None:
    """Let stored constants be called by their order: `named_constant` says why."""
    from coreai._compiler.ir import DenseResourceElementsAttr

    resources, names = _resources(module), dict[str, str]()
    for graph in module.body.operations:
        for operation in graph.operation.regions[0].blocks[0].operations:
            if operation.name != "coreai.constant":
                continue
            kind = operation.results[0].type
            constant, name = _constant(operation.attributes["value"], _type(kind), resources)
            if not name:
                continue
            assert constant is not None, "of a type that a converter writes"
            new = names.setdefault(name, f"constant{len(names)}")
            attribute = DenseResourceElementsAttr.get_from_buffer(constant.values(), new, kind)
            operation.attributes["value"] = attribute


def _resources(module: Any) -> dict[str, bytes]:
    """Stored constants by name. The bindings give no access but as text."""
    text = module.operation.get_asm(large_resource_limit=NO_LIMIT, large_elements_limit=1)
    start = text.rfind("{-#")
    stored = STORED.finditer(text, start) if start >= 0 else ()
    return {match[1]: bytes.fromhex(match[2])[ALIGNMENT_BYTES:] for match in stored}


def _graph(graph: Any, resources: dict[str, bytes]) -> CoreAIGraph:
    block = graph.operation.regions[0].blocks[0]
    numbers: dict[Any, int] = {}

    def numbered(values: Any) -> tuple[int, ...]:
        return tuple(numbers.setdefault(value, len(numbers)) for value in values)

    numbered(block.arguments)
    operations = []
    for each in block.operations:
        operation = each.operation
        if operation.name == "coreai.output":
            returned = numbered(operation.operands)
        else:
            operations.append(
                _operation(
                    operation,
                    numbered(operation.operands),
                    numbered(operation.results),
                    resources,
                )
            )
    function = graph.function_type.value
    return CoreAIGraph(
        name=graph.sym_name.value,
        inputs=_named(graph.arg_attrs, function.inputs),
        outputs=_named(graph.attributes["res_attrs"], function.results),
        operations=tuple(operations),
        returned=returned,
        is_private="priv" in graph.attributes,
    )


def _operation(
    operation: Any,
    operands: tuple[int, ...],
    results: tuple[int, ...],
    resources: dict[str, bytes],
) -> GraphOperation:
    from coreai.authoring import DebugInfo

    types = tuple(_type(value.type) for value in operation.results)
    kind = operation.name.removeprefix("coreai.")
    if kind == "constant":
        constant, resource = _constant(operation.attributes["value"], types[0], resources)
        return GraphOperation(kind, operands, results, types, {}, constant, resource)
    attributes = {each.name: str(each.attr) for each in operation.attributes}
    location = DebugInfo._from_mlir(operation.location).filename or ""
    return GraphOperation(kind, operands, results, types, attributes, location=location)


def _constant(
    attribute: Any, kind: ValueType, resources: dict[str, bytes]
) -> tuple[Array | None, str]:
    """Values and the name they are stored under; None for values that cannot be read."""
    from coreai._compiler.ir import DenseElementsAttr

    if DenseElementsAttr.isinstance(attribute):
        return _written_out(DenseElementsAttr(attribute), kind), ""
    match = RESOURCE.match(str(attribute))
    if match is None or not isinstance(kind, ArrayType):
        return None, ""
    name = match[1].strip('"')
    data = resources.get(name, b"")
    return Array(kind.dtype, kind.shape, data) if len(data) == kind.size_bytes else None, name


def _written_out(attribute: Any, kind: ValueType) -> Array | None:
    from coreai._compiler.ir import IntegerAttr

    if not isinstance(kind, ArrayType):
        return None
    if kind.dtype not in WITHOUT_BUFFER:
        return Array.of(np.asarray(attribute))
    if kind.dtype not in PACKED_BITS or not attribute.is_splat:
        return None
    value = IntegerAttr(attribute.get_splat_value()).value
    return Array.of(np.broadcast_to(np.int8(value), kind.shape))


def _named(attributes: Any, types: Any) -> dict[str, ValueType]:
    names = [
        each["coreai.name"].value if "coreai.name" in each else str(number)
        for number, each in enumerate(attributes)
    ]
    return dict(zip(names, map(_type, types), strict=True))


def _type(kind: Any) -> ValueType:
    from coreai._compiler.ir import RankedTensorType

    text = str(kind)
    if RankedTensorType.isinstance(kind):
        tensor = RankedTensorType(kind)
        shape = tuple(
            -1 if tensor.is_dynamic_dim(axis) else tensor.get_dim_size(axis)
            for axis in range(tensor.rank)
        )
        element = str(tensor.element_type)
        if element in NUMPY_NAMES:
            return ArrayType(NUMPY_NAMES[element], shape)
    elif match := PICTURE.fullmatch(text):
        return ImageType(match[1], height=int(match[2]), width=int(match[3]))
    return OtherType(text)
