"""The StableHLO operators of two operands of one shape and one type: no broadcasting, no activation, no scales.

TFLite treats integers as plain integers: quantization parameters are not read, sums and products wrap.

TFLite: kernels/stablehlo_elementwise.{h,cc}
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Kernel, Node, Op, Shape
from qcore.ops._movement import require_counts, require_same_type
from qcore.rules import FLOAT_ONLY

__all__ = ["FLOATS", "INTEGERS", "larger", "operator", "smaller"]

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
FLOATS = ("float16", "float32", "float64")


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    a, b = n.input(0), n.input(1)
    n.require_shapes(a.shape == b.shape, f"operands of shapes {a.shape} and {b.shape}; the operator does not broadcast")
    return [a.shape]


def prepare(n: Node) -> None:
    require_same_type(n, n.input(0), n.input(1), n.output())


def larger(a: Array, b: Array) -> Array:
    """The larger of two; where either is NaN, a (as `std::max`)."""
    return np.where(a < b, b, a)


def smaller(a: Array, b: Array) -> Array:
    """The smaller of two; where either is NaN, a (as `std::min`)."""
    return np.where(b < a, b, a)


def operator(kernel: Kernel, *types: str) -> Op:
    """The operator that runs `kernel` for each of these types."""
    return Op(infer=infer, prepare=prepare, kernels=dict.fromkeys(types, kernel), rules=FLOAT_ONLY)
