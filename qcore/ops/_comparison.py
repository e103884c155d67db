"""Comparisons: EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL.

8-bit operands, and int16 ones with scales in EQUAL and NOT_EQUAL, are brought to real numbers in fixed point first:

    a' = round((a - za) << 8, sa);  b' = round((b - zb) << 8, sb);  y = a' ? b'

Other types are compared as they are.
TFLite: kernels/comparisons.cc; internal/reference/comparisons.h
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from qcore.numerics.trace import Trace
from qcore.op import Array, Kernel, Node, NodeTensor
from qcore.ops._addition import Operand
from qcore.ops._movement import require_counts
from qcore.ops._pairs import PairTable, pair_kernel
from qcore.ops._scaling import has_scale, multiplier
from qcore.rules import Rules, activation, untouched
from tflite_schema import TensorType

__all__ = ["NUMBERS", "QUANTIZED", "RULES", "STEPS", "Params", "kernels", "prepare"]

_LEFT_SHIFT = 8
NUMBERS = ("float32", "float16", "int16", "int32", "int64")
QUANTIZED = ("int8", "uint8")


@dataclass(frozen=True, slots=True)
class Params:
    """How each operand is brought to fixed point; None where raw values are compared."""

    a: Operand | None = None
    b: Operand | None = None
    pairs: PairTable | None = field(default=None, repr=False, compare=False)


def prepare(n: Node, *, scales_int16: bool = False) -> Params:
    """The constants; `scales_int16`: int16 operands with scales are compared as real numbers (EQUAL, NOT_EQUAL)."""
    require_counts(n, 2)
    a, b = n.input(0), n.input(1)
    n.require(a.type == b.type, f"operands must have one type, not {n.types}")
    n.require(n.output().type == TensorType.BOOL, f"the result must be bool, not {n.output().type.name.lower()}")
    if a.dtype.itemsize == 1 and a.type != TensorType.BOOL:
        return Params(_operand(n, a), _operand(n, b), PairTable())
    if a.type == TensorType.INT16 and scales_int16 and has_scale(a):
        return Params(_operand(n, a), _operand(n, b))
    return Params()


def _operand(n: Node, tensor: NodeTensor) -> Operand:
    if not tensor.scale < 1:
        raise n.unsupported(
            f"scale {tensor.scale} of {tensor.name!r}: TFLite's comparison works below 1 only; at 1 its process "
            "ends, and above it shifts by a negative number, which C++ does not define"
        )
    return Operand(tensor.zero_point, multiplier(n, float(tensor.scale), below_one=True))


def kernels(function: Callable[[Array, Array], Array], *types: str) -> dict[str, Kernel]:
    """The kernel of one comparison, for each of these types."""

    def steps(p: Params, a: Array, b: Array, trace: Trace) -> Array:
        if p.a is not None and p.b is not None:
            a = trace("scale_a", p.a.scaled(a, _LEFT_SHIFT))
            b = trace("scale_b", p.b.scaled(b, _LEFT_SHIFT))
        return np.asarray(function(a, b), np.bool_)

    kernel = pair_kernel(steps)
    return dict.fromkeys(types, kernel)


RULES = Rules(inputs=(activation(),), outputs=(untouched(),), quantizable=frozenset({"int8"}))
STEPS = {
    "scale_a": "a' = round((a - za) << 8, sa)",
    "scale_b": "b' = round((b - zb) << 8, sb)",
}
