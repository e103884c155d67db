"""What ARG_MAX and ARG_MIN share: the axis, and the index of the first extreme value. TFLite: kernels/arg_min_max.cc"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qcore.errors import UnsupportedError
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import INTEGER_INDICES, axis_in, require_counts, require_types, version
from qcore.rules import Rules, activation, untouched
from tflite_schema import ArgMaxOptions, ArgMinOptions, TensorType

__all__ = ["operator"]

_TYPES = ("float32", "uint8", "int8", "int32", "bool")


@dataclass(frozen=True, slots=True)
class Params:
    """The axis searched, and the integer type of the indices. passes_nan: known to be passed over, but for a first one.

    Not so of vector code, for four elements and more on the last axis, and not of LiteRT 2.3.
    """

    axis: int
    dtype: np.dtype[np.int32] | np.dtype[np.int64]
    passes_nan: bool


def _axis(n: Node) -> int | None:
    require_counts(n, 2)
    axis, x = require_types(n, 1, INTEGER_INDICES, "an axis"), n.input(0)
    n.require_shapes(axis.shape in ((), (1,)), f"the axis has shape {axis.shape}, expected one number")
    n.require_shapes(x.rank >= 1, "a scalar has no axis")
    value = n.integers(1)
    return None if value is None else axis_in(n, value[0], x.rank)


def infer(n: Node) -> list[Shape | None]:
    axis, shape = _axis(n), n.input(0).shape
    if axis is None:
        return [None]
    n.require_shapes(shape[axis] > 0, f"axis {axis} of {shape} is empty")
    return [shape[:axis] + shape[axis + 1 :]]


def operator(search: Callable[..., Array], options: type[ArgMaxOptions] | type[ArgMinOptions]) -> Op:
    """The operator that `search` (np.argmax, np.argmin) computes."""

    def prepare(n: Node) -> Params:
        y, asked, axis = n.output(), n.options(options).output_type, _axis(n)
        if asked not in INTEGER_INDICES:
            raise n.unsupported(f"indices of type {getattr(asked, 'name', asked)}; expected INT32 or INT64")
        n.require(y.type == asked, f"the result is {y.type.name}, the options say {asked.name}")
        assert axis is not None
        x = n.input(0)
        scalar = axis != x.rank - 1 or x.shape[axis] < 4
        dtype = np.dtype(np.int32) if asked == TensorType.INT32 else np.dtype(np.int64)
        return Params(axis, dtype, scalar and n.kernels.version != "litert-2.3")

    def kernel(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
        x = inputs[0]
        if x.dtype.kind == "f" and np.isnan(x).any():
            if not p.passes_nan:
                raise UnsupportedError(
                    "which index TFLite finds among NaN is not known here; keep NaN out of the operand"
                )
            worst = -np.inf if search is np.argmax else np.inf
            found = search(np.where(np.isnan(x), x.dtype.type(worst), x), axis=p.axis)
            return [np.where(np.isnan(x.take(0, axis=p.axis)), 0, found).astype(p.dtype)]
        return [np.asarray(search(x, axis=p.axis)).astype(p.dtype)]

    return Op(
        infer=infer,
        prepare=prepare,
        kernels=dict.fromkeys(_TYPES, kernel),
        rules=Rules(inputs=(activation(), untouched()), outputs=(untouched(),), quantizable=frozenset({"int8"})),
        version=version(int8=2, bool=3),
    )
