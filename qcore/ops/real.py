"""REAL: the real part of complex numbers.

TFLite: kernels/complex_support.cc
"""

from __future__ import annotations

from qcore.op import Array, Context, Op
from qcore.ops._complex import infer, prepare
from qcore.ops._movement import kernels


def eval_complex(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    return [inputs[0].real.copy()]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_complex, "complex64", "complex128"))
