"""The paddings operand that PAD, PADV2 and MIRROR_PAD share: integers [rank, 2], before and after each dimension.

TFLite: kernels/pad.cc, kernels/mirror_pad.cc; internal/reference/pad.h
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Context, Node, Shape
from qcore.ops._movement import per_tensor, require_counts, require_same_quantization, require_same_type, require_types
from tflite_schema import TensorType

__all__ = ["Params", "eval_pad", "infer_pad", "paddings", "prepare_pad", "version"]

_PADDING_TYPES = (TensorType.INT32, TensorType.INT64, TensorType.INT8, TensorType.INT16, TensorType.BOOL)
_MOST_DIMENSIONS = 5
_QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class Params:
    """Where the operand lies within the result, and what surrounds it where operand 2 does not say."""

    shape: Shape
    before: tuple[int, ...]
    pad_value: int


def paddings(n: Node, types: Iterable[TensorType]) -> list[tuple[int, int]] | None:
    """(before, after) of each dimension, None while not known; ShapeError unless [rank, 2] and not negative."""
    x, table = n.input(0), require_types(n, 1, types, "paddings")
    n.require_shapes(table.shape == (x.rank, 2), f"paddings have shape {table.shape}, expected ({x.rank}, 2)")
    values = n.integers(1)
    if values is None:
        return None
    n.require_shapes(all(0 <= value < 2**31 for value in values), f"paddings {values} must be between 0 and 2^31 - 1")
    return list(zip(values[::2], values[1::2], strict=True))


def infer_pad(n: Node) -> list[Shape | None]:
    """One result: each dimension grows by its paddings."""
    require_counts(n, (2, 3))
    x, value = n.input(0), n.optional_input(2)
    if x.rank > _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes up to {_MOST_DIMENSIONS}")
    if value is not None:
        n.require_shapes(
            int(np.prod(value.shape)) == 1, f"the padding value has shape {value.shape}, expected a scalar"
        )
    pads = paddings(n, _PADDING_TYPES)
    if pads is None:
        return [None]
    return [tuple(size + before + after for size, (before, after) in zip(x.shape, pads, strict=True))]


def prepare_pad(n: Node) -> Params:
    """The pad value is the result's zero point where the operand is quantized, else 0."""
    x, y, value = n.input(0), n.output(), n.optional_input(2)
    require_same_type(n, x, y, *([] if value is None else [value]))
    pads = paddings(n, _PADDING_TYPES)
    assert pads is not None
    quantized = x.type == TensorType.UINT8 or (x.type in _QUANTIZED and x.quant is not None and x.quant.is_quantized)
    if quantized and value is not None:
        require_same_quantization(n, y, value)
    zero_point = per_tensor(y)[1] if quantized else 0
    if quantized:
        limits = np.iinfo(y.dtype)
        n.require(limits.min <= zero_point <= limits.max, f"zero point {zero_point} is outside {y.type.name}")
    return Params(y.shape, tuple(before for before, _ in pads), zero_point)


def eval_pad(p: Params, inputs: list[Array | None], ctx: Context) -> list[Array]:
    """Any type: operand 0 amid the value of operand 2, or amid the pad value."""
    x, value = inputs[0], inputs[2] if len(inputs) > 2 else None
    assert x is not None
    y = np.empty(p.shape, x.dtype)
    y[...] = p.pad_value if value is None else value.reshape(())
    y[tuple(slice(before, before + size) for before, size in zip(p.before, x.shape, strict=True))] = x
    return [y]


def version(n: Node) -> int:
    """The operator version the converter writes."""
    x = n.input(0)
    if x.type == TensorType.BOOL:
        return 5
    if x.rank > 4:
        return 4
    return {TensorType.INT16: 3, TensorType.INT8: 2}.get(x.type, 1)
