"""EMBEDDING_LOOKUP: rows of a table.

    y[i] = table[ids[i]]                         float, integers: copied
    y[i] = table[ids[i]] * s,  s or s[ids[i]]    hybrid: integer table (zero point 0), float32 or float16 result
    y[i, j] = table[ids[i], j] * s[ids[i], b]    the same for an int4 table with a scale for each block of columns

Ids (operand 0): an int32 vector; table (operand 1): two dimensions at least. A uint8 table of a hybrid lookup is read
as int8, as TFLite does.

TFLite: kernels/embedding_lookup.cc
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcore.op import Array, Context, Node, NodeTensor, Op, Shape
from qcore.ops._blockwise import scales_of_blocks
from qcore.ops._movement import (
    COMMON,
    FURTHER,
    check_indices,
    kernels,
    per_tensor,
    require_counts,
    require_same_quantization,
    require_same_type,
    require_types,
)
from qcore.rules import Rules, activation, untouched
from tflite_schema import TensorType

_HYBRID = (TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2)
_PER_BYTE = {TensorType.INT4: 2, TensorType.INT2: 4}
_FLOATS = (TensorType.FLOAT32, TensorType.FLOAT16)


@dataclass(frozen=True, slots=True)
class Params:
    """float32 scales, one or one for each row, where the lookup is hybrid; and the place for messages about an id."""

    scale: NDArray[np.float32] | None
    block: int
    dtype: np.dtype[np.generic]
    place: str


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    ids, table = require_types(n, 0, (TensorType.INT32,), "ids"), n.input(1)
    n.require_shapes(ids.rank == 1, f"ids have shape {ids.shape}, expected a vector")
    n.require_shapes(table.rank >= 2, f"the table has shape {table.shape}, expected two dimensions or more")
    return [(*ids.shape, *table.shape[1:])]


def prepare(n: Node) -> Params:
    table, y = n.input(1), n.output()
    if table.type in _HYBRID and y.type in _FLOATS:
        if table.block_scales is not None:
            return _blocks(n, table)
        scale, quant = table.scales, table.quant
        n.require(quant is not None and not quant.zero_point.any(), "the table's zero point must be 0")
        if scale.size > 1:
            axis = 0 if quant is None else quant.quantized_dimension
            fits = axis == 0 and scale.size == table.shape[0]
            n.require(fits, f"{scale.size} scales along axis {axis} for {table.shape[0]} rows")
        _whole_bytes(n, table, int(np.prod(table.shape[1:])), "rows")
        return Params(scale.reshape(-1, *[1] * (table.rank - 1)), 0, y.dtype, n.place)
    require_same_type(n, table, y)
    if per_tensor(y) != (0, 0):
        require_same_quantization(n, table, y)
    return Params(None, 0, y.dtype, n.place)


def _blocks(n: Node, table: NodeTensor) -> Params:
    if table.type != TensorType.INT4:
        raise n.unsupported(f"a table of {table.type.name} in blocks; TFLite 2.21 reads INT4 only")
    size, scale = scales_of_blocks(n, table)
    _whole_bytes(n, table, size, "blocks")
    return Params(scale, size, n.output().dtype, n.place)


def _whole_bytes(n: Node, table: NodeTensor, numbers: int, what: str) -> None:
    if numbers % _PER_BYTE.get(table.type, 1):
        bits = 8 // _PER_BYTE[table.type]
        raise n.unsupported(f"{what} of {numbers} {bits}-bit numbers; TFLite reads {what} of whole bytes only")


def eval_any(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    ids, table = inputs
    check_indices(ids, table.shape[0], p.place)
    rows = table[ids]
    if p.scale is None:
        return [rows]
    scale = p.scale if len(p.scale) == 1 else p.scale[ids]
    if p.block:
        scale = np.repeat(p.scale[ids], p.block, axis=1)
    with np.errstate(over="ignore"):
        return [(rows.astype(np.int8).astype(np.float32) * scale).astype(p.dtype)]


def version(n: Node) -> int:
    table = n.input(1)
    per_channel = table.quant is not None and table.quant.is_per_channel
    return 4 if table.type == TensorType.INT4 or per_channel else 1


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels=kernels(eval_any, *COMMON, *FURTHER, "int4", "int2"),
    rules=Rules(inputs=(untouched(), activation()), quantizable=frozenset({"int8"})),
    version=version,
    typed_by=1,
)
