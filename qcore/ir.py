"""The intermediate representation: a model as plain objects that refer to each other by index, as in the file.

A tensor's index is TFLite's own, buffers are shared by index, and nothing is renumbered until `edit.renumber` is asked
to. What this layer does not model rides along untouched in `extra`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import ModelError
from qcore.numerics.packing import unpack_int2, unpack_int4, unpack_uint4
from qcore.numerics.sparse import Level, densify
from tflite_schema import (
    BlockwiseQuantization,
    BuiltinOperator,
    DimensionType,
    Metadata,
    SignatureDef,
    Table,
    TensorType,
)

__all__ = ["DTYPES", "Model", "Operator", "QuantParams", "Subgraph", "Tensor", "numpy_dtype", "tensor_type"]

Shape = tuple[int, ...]

# The NumPy dtype in which the interpreter holds a tensor of each type. 4- and 2-bit integers are held unpacked;
# bfloat16 is held as the uint16 of its bits; strings as Python bytes.
DTYPES: Mapping[TensorType, np.dtype[Any]] = {
    TensorType.FLOAT32: np.dtype(np.float32),
    TensorType.FLOAT16: np.dtype(np.float16),
    TensorType.INT32: np.dtype(np.int32),
    TensorType.UINT8: np.dtype(np.uint8),
    TensorType.INT64: np.dtype(np.int64),
    TensorType.STRING: np.dtype(object),
    TensorType.BOOL: np.dtype(np.bool_),
    TensorType.INT16: np.dtype(np.int16),
    TensorType.COMPLEX64: np.dtype(np.complex64),
    TensorType.INT8: np.dtype(np.int8),
    TensorType.FLOAT64: np.dtype(np.float64),
    TensorType.COMPLEX128: np.dtype(np.complex128),
    TensorType.UINT64: np.dtype(np.uint64),
    TensorType.UINT32: np.dtype(np.uint32),
    TensorType.UINT16: np.dtype(np.uint16),
    TensorType.INT4: np.dtype(np.int8),
    TensorType.BFLOAT16: np.dtype(np.uint16),
    TensorType.INT2: np.dtype(np.int8),
    TensorType.UINT4: np.dtype(np.int8),
}
_UNPACK = {TensorType.INT4: unpack_int4, TensorType.INT2: unpack_int2, TensorType.UINT4: unpack_uint4}
_BITS = {TensorType.INT4: 4, TensorType.INT2: 2, TensorType.UINT4: 4}
_TYPES = {DTYPES[key]: key for key in DTYPES if key not in _BITS and key != TensorType.BFLOAT16}


def numpy_dtype(type_: TensorType) -> np.dtype[Any]:
    """The NumPy dtype that holds values of a schema tensor type; ModelError for RESOURCE, VARIANT and unknown types."""
    try:
        return DTYPES[type_]
    except KeyError:
        raise ModelError(f"tensor type {type_!r} holds no array") from None


def tensor_type(dtype: Any) -> TensorType:
    """The schema tensor type of a NumPy dtype (int8 gives INT8, uint16 gives UINT16)."""
    try:
        return _TYPES[np.dtype(dtype)]
    except KeyError:
        raise ModelError(f"no TFLite tensor type holds dtype {dtype}") from None


@dataclass(frozen=True, slots=True, eq=False)
class QuantParams:
    """Affine quantization, real = scale * (q - zero_point), per tensor (n = 1) or per channel.

    scale: float32[n]; zero_point: int64[n]; quantized_dimension: the channel axis where n > 1. `min` and `max`
    (float32[n]) are the ranges a calibrated float model carries. `details` is the schema's union (block-wise, custom).
    n = 0 means that the table is present but holds no parameters.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    quantized_dimension: int = 0
    min: NDArray[np.float32] | None = None
    max: NDArray[np.float32] | None = None
    details: Table | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(scale: Any, zero_point: Any = 0, quantized_dimension: int = 0) -> QuantParams:
        """Parameters from a scale or list of scales; one zero_point serves all channels."""
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        zeros = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape).copy()
        return QuantParams(scales, zeros, quantized_dimension)

    @property
    def is_quantized(self) -> bool:
        """Whether there is a scale at all."""
        return self.scale.size > 0

    @property
    def is_per_channel(self) -> bool:
        """Whether each index of `quantized_dimension` has parameters of its own."""
        return self.scale.size > 1

    def same_as(self, other: QuantParams | None) -> bool:
        """Whether scale bits, zero points and (per channel) axis are equal."""
        return (
            other is not None
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
            and (not self.is_per_channel or self.quantized_dimension == other.quantized_dimension)
        )


@dataclass(slots=True)
class Tensor:
    """A tensor of a subgraph. `shape_signature` has -1 for dimensions that are known only at run time."""

    name: str
    shape: Shape
    type: TensorType
    buffer: int = 0
    quant: QuantParams | None = None
    shape_signature: Shape | None = None
    is_variable: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of elements."""
        count = 1
        for dimension in self.shape:
            count *= dimension
        return count


@dataclass(slots=True)
class Operator:
    """An operator: schema code, tensor indices (-1 for an omitted optional input), the schema's own options table."""

    code: BuiltinOperator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = None
    version: int = 1
    custom_code: str | None = None
    custom_options: NDArray[np.uint8] | None = None
    intermediates: tuple[int, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The builtin's schema name, or the custom code."""
        if self.code == BuiltinOperator.CUSTOM:
            return self.custom_code or "CUSTOM"
        return self.code.name if isinstance(self.code, BuiltinOperator) else f"BUILTIN_{int(self.code)}"


@dataclass(slots=True)
class Subgraph:
    """A graph: its tensors, its operators in execution order, and which tensors go in and out."""

    name: str | None
    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    extra: dict[str, Any] = field(default_factory=dict)

    def producers(self) -> dict[int, int]:
        """Tensor index -> index of the operator that writes it."""
        return {tensor: index for index, op in enumerate(self.operators) for tensor in op.outputs if tensor >= 0}

    def consumers(self) -> dict[int, list[tuple[int, int]]]:
        """Tensor index -> the (operator index, operand position) pairs that read it, in execution order."""
        uses: dict[int, list[tuple[int, int]]] = {}
        for index, op in enumerate(self.operators):
            for position, tensor in enumerate(op.inputs):
                if tensor >= 0:
                    uses.setdefault(tensor, []).append((index, position))
        return uses


@dataclass(slots=True)
class Model:
    """A whole .tflite: subgraph 0 is the main graph. `buffers[i]` is None where the file stores no data."""

    subgraphs: list[Subgraph]
    buffers: list[NDArray[np.uint8] | None] = field(default_factory=lambda: [None])
    description: str | None = None
    signatures: list[SignatureDef] = field(default_factory=list)
    metadata: list[Metadata] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def main(self) -> Subgraph:
        """The graph that runs: subgraph 0."""
        return self.subgraphs[0]

    def add_buffer(self, values: NDArray[Any] | bytes) -> int:
        """Append a buffer with the little-endian bytes of `values` and return its index."""
        if isinstance(values, bytes):
            data = np.frombuffer(values, np.uint8)
        else:
            little = values.dtype.newbyteorder("<")
            data = np.frombuffer(np.ascontiguousarray(values, little).tobytes(), np.uint8)
        self.buffers.append(data)
        return len(self.buffers) - 1

    def is_constant(self, tensor: Tensor) -> bool:
        """Whether the tensor's value is stored in the file (variables and graph inputs are not)."""
        if tensor.buffer == 0 or tensor.is_variable:
            return False
        data = self.buffers[tensor.buffer]
        return data is not None and (data.size > 0 or 0 in tensor.shape)

    def constant(self, tensor: Tensor) -> NDArray[Any] | None:
        """The stored value with the tensor's shape, 4- and 2-bit integers unpacked; None where the file stores none.

        A read-only view of the file's bytes where the type allows. ModelError if the buffer's size does not fit.
        """
        if not self.is_constant(tensor):
            return None
        data = self.buffers[tensor.buffer]
        assert data is not None
        if tensor.type == TensorType.STRING:
            return _strings(data, tensor)
        dtype = numpy_dtype(tensor.type)
        if tensor.extra.get("sparsity") is not None:
            return _dense(data, tensor, dtype)
        bits = _BITS.get(tensor.type, 8 * dtype.itemsize)
        expected = (tensor.size * bits + 7) // 8
        if data.size != expected:
            raise ModelError(
                f"tensor {tensor.name!r}: {tensor.type.name} of shape {tensor.shape} needs {expected} bytes, "
                f"buffer {tensor.buffer} has {data.size}"
            )
        if tensor.type in _UNPACK:
            return _UNPACK[tensor.type](data, tensor.size).reshape(tensor.shape)
        if data.ctypes.data % dtype.itemsize:
            data = data.copy()
        return data.view(dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(tensor.shape)

    def block_scales(self, graph: Subgraph, tensor: Tensor) -> NDArray[Any] | None:
        """The stored scales of a tensor quantized block by block (BlockwiseQuantization); None for any other tensor.

        ModelError where the tensor that should hold them does not exist or stores nothing.
        """
        details = None if tensor.quant is None else tensor.quant.details
        if not isinstance(details, BlockwiseQuantization):
            return None
        holder = graph.tensors[details.scales] if 0 <= details.scales < len(graph.tensors) else None
        scales = None if holder is None else self.constant(holder)
        if scales is None:
            raise ModelError(f"tensor {tensor.name!r}: tensor {details.scales} should hold its scales and stores none")
        return scales

    def place(self, subgraph: int, operator: int) -> str:
        """How messages name an operator: `subgraph 0, operator 7 CONV_2D`."""
        return f"subgraph {subgraph}, operator {operator} {self.subgraphs[subgraph].operators[operator].name}"

    def walk(self) -> Iterator[tuple[int, int, Operator]]:
        """Every (subgraph index, operator index, operator) of the model."""
        for subgraph_index, subgraph in enumerate(self.subgraphs):
            for index, operator in enumerate(subgraph.operators):
                yield subgraph_index, index, operator

    def copy(self) -> Model:
        """A model whose lists, tensors and operators can be edited without touching this one; buffers are shared."""
        subgraphs = [
            replace(
                graph,
                tensors=[replace(tensor, extra=dict(tensor.extra)) for tensor in graph.tensors],
                operators=[replace(op, extra=dict(op.extra)) for op in graph.operators],
                extra=dict(graph.extra),
            )
            for graph in self.subgraphs
        ]
        return replace(
            self,
            subgraphs=subgraphs,
            buffers=list(self.buffers),
            signatures=list(self.signatures),
            metadata=list(self.metadata),
            extra=dict(self.extra),
        )


def _dense(data: NDArray[np.uint8], tensor: Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A sparse constant written out in full; ModelError where its description does not fit its shape or bytes."""
    sparsity = tensor.extra["sparsity"]
    levels = []
    for entry in sparsity.dim_metadata or []:
        segments, indices = (
            None if part is None or part.values is None else np.asarray(part.values, np.int64)
            for part in (entry.array_segments, entry.array_indices)
        )
        dense = entry.format == DimensionType.DENSE
        levels.append(Level(int(entry.dense_size)) if dense else Level(0, segments, indices))
    order, block_map = (
        [] if part is None else [int(d) for d in part] for part in (sparsity.traversal_order, sparsity.block_map)
    )
    try:
        if tensor.type in _UNPACK:
            raise ValueError(f"sparse tensor: {tensor.type.name} numbers are not supported")
        values = np.frombuffer(data.tobytes(), dtype.newbyteorder("<")).astype(dtype, copy=False)
        return densify(values, tensor.shape, order, block_map, levels)
    except ValueError as error:
        raise ModelError(f"tensor {tensor.name!r}: {error}") from None


def _strings(data: NDArray[np.uint8], tensor: Tensor) -> NDArray[Any]:
    """TFLite's string buffer: int32 count, count + 1 int32 offsets from the buffer's start, then the bytes."""
    raw = data.tobytes()
    header = np.frombuffer(raw[: len(raw) // 4 * 4], "<i4")
    count = int(header[0]) if header.size else -1
    if count != tensor.size or header.size < count + 2:
        raise ModelError(f"tensor {tensor.name!r}: string buffer {tensor.buffer} does not hold {tensor.size} strings")
    offsets = header[1 : count + 2]
    if (np.diff(offsets) < 0).any() or offsets[0] < 0 or offsets[-1] > len(raw):
        raise ModelError(f"tensor {tensor.name!r}: string buffer {tensor.buffer} has offsets outside its bytes")
    values = np.empty(count, object)
    values[:] = [raw[offsets[i] : offsets[i + 1]] for i in range(count)]
    return values.reshape(tensor.shape)
