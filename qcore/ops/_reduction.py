"""Reductions over axes: which axes, the result's shape, and folding in the order of TFLite's loop.

Operand 1 holds the axes (int32): negative ones count from the end, repeated ones count once, a scalar operand has none.
MEAN and SUM of 8-bit and int16 values:

    acc = sum(x) - zx * n                int32, wrapping; n elements make one
    y   = clamp(round(acc * M) + zy)     M = sx / sy, rounded twice; MEAN's M has a further 1 / n in it

TFLite: kernels/reduce.cc; internal/reference/reduce.h
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qcore.errors import UnsupportedError
from qcore.numerics.fixedpoint import wrap_int32
from qcore.op import Array, Context, Node, NodeTensor, Shape
from qcore.ops._movement import axis_in, require_counts, require_same_quantization, require_types
from qcore.ops._scaling import Multiplier, multiplier, require_zero_point_in_type
from tflite_schema import ReducerOptions, TensorType

__all__ = [
    "Params",
    "constants",
    "eval_maximum",
    "eval_minimum",
    "eval_quantized",
    "infer",
    "is_quantized",
    "prepare",
    "prepare_scaled",
    "rows",
]

_SMALL = (TensorType.UINT8, TensorType.INT8, TensorType.INT16)


@dataclass(frozen=True, slots=True)
class Params:
    """`count` elements make one; `offset` is zx * count. `multiplier` is None where nothing is rescaled.

    optimized: not by the reference kernels.
    """

    axes: tuple[int, ...]
    shape: Shape
    count: int
    everything: bool
    optimized: bool
    offset: int = 0
    multiplier: Multiplier | None = None
    output_zero_point: int = 0


def axes(n: Node) -> tuple[int, ...] | None:
    """The axes to reduce, ascending; None while they are not known."""
    require_counts(n, 2)
    require_types(n, 1, (TensorType.INT32,), "axes")
    values, rank = n.integers(1), n.input(0).rank
    if values is None:
        return None
    return tuple(sorted({axis_in(n, axis, rank) for axis in values})) if rank else ()


def infer(n: Node) -> list[Shape | None]:
    """The operand's shape without the reduced axes; they stay as ones where keep_dims."""
    reduced, x = axes(n), n.input(0)
    if reduced is None:
        return [None]
    keep = n.options(ReducerOptions).keep_dims
    return [tuple(1 if i in reduced else size for i, size in enumerate(x.shape) if keep or i not in reduced)]


def is_quantized(tensor: NodeTensor) -> bool:
    """Whether an 8- or 16-bit tensor stands for real numbers."""
    return tensor.type in _SMALL and tensor.quant is not None and tensor.quant.is_quantized


def constants(n: Node) -> Params:
    """Axes, result's shape and how many elements make one."""
    n.require(n.input(0).type == n.output().type, f"operand and result must have one type, not {n.types}")
    reduced, x = axes(n), n.input(0)
    assert reduced is not None
    count, everything = math.prod(x.shape[i] for i in reduced), len(reduced) == x.rank
    return Params(reduced, n.output().shape, count, everything, n.kernels.name != "reference")


def prepare(n: Node) -> Params:
    """Constants of a reduction that rescales nothing: operand and result share scale and zero point."""
    if n.input(0).type in _SMALL:
        require_same_quantization(n, n.input(0), n.output())
    return constants(n)


def prepare_scaled(n: Node, *, mean: bool) -> Params:
    """Constants of SUM and MEAN. MEAN: (q, s) becomes ((q << k) // n, s - k), k = min(floor(log2 n), 32, 31 + s)."""
    p, x, y = constants(n), n.input(0), n.output()
    if x.type not in _SMALL or 0 in x.shape:
        return p
    require_zero_point_in_type(n, x, y)
    with np.errstate(all="ignore"):
        scale = multiplier(n, float(np.float64(x.scale) / np.float64(y.scale)))
    if mean:
        k = min(p.count.bit_length() - 1, 32, 31 + scale.shift)
        scale = Multiplier((scale.multiplier << k) // p.count, scale.shift - k)
    return replace(p, offset=x.zero_point * p.count, multiplier=scale, output_zero_point=y.zero_point)


def eval_quantized(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    """SUM and MEAN of uint8, int8 and int16. Of nothing both are 0, whatever the zero point."""
    x = inputs[0]
    if p.multiplier is None:
        return [np.zeros(p.shape, x.dtype)]
    acc = np.add.reduce(x, axis=p.axes, dtype=np.int32).reshape(p.shape)
    acc = ctx.trace("accumulate", wrap_int32(acc.astype(np.int64) - p.offset))
    y = ctx.trace("requantize", p.multiplier.scale(acc)) + p.output_zero_point
    limits = np.iinfo(x.dtype)
    return [ctx.trace("clamp", np.clip(y, limits.min, limits.max)).astype(x.dtype)]


def eval_maximum(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    """The largest values; those of nothing are the lowest finite number."""
    return [ctx.trace("fold", _extreme(p, inputs[0], np.fmax, lowest=True))]


def eval_minimum(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    """The smallest values; those of nothing are the largest finite number."""
    return [ctx.trace("fold", _extreme(p, inputs[0], np.fmin, lowest=False))]


def _extreme(p: Params, x: Array, combine: np.ufunc, lowest: bool) -> Array:
    """A comparison with NaN is false: NaN is passed over. Where all is reduced, the loop starts at the first element
    instead of the finite end, so that it keeps a NaN there, and infinities. Other kernels than the reference always do.
    """
    kind = x.dtype.kind
    if kind == "f" and p.optimized and p.count:
        if np.isnan(x).any():
            raise UnsupportedError("the largest or smallest of NaN is not known; use kernels='reference'")
        return np.asarray(combine.reduce(x, axis=p.axes)).reshape(p.shape)
    if kind == "b":
        start: Any = not lowest
    else:
        limits: Any = np.finfo(x.dtype) if kind == "f" else np.iinfo(x.dtype)
        start = limits.min if lowest else limits.max
    if p.everything and x.size:
        first = x.reshape(-1)[0]
        start = first
        if kind == "f" and np.isnan(first):
            return np.full(p.shape, first)
    return np.asarray(combine.reduce(x, axis=p.axes, initial=start)).astype(x.dtype, copy=False).reshape(p.shape)


def rows(x: Array, reduced: tuple[int, ...]) -> Array:
    """[elements of one result, results], each column in the order in which TFLite's loop meets it."""
    kept = [i for i in range(x.ndim) if i not in reduced]
    count, results = (math.prod(x.shape[i] for i in part) for part in (reduced, kept))
    return np.ascontiguousarray(x.transpose(*reduced, *kept).reshape(count, results))
