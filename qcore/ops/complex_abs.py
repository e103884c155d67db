"""COMPLEX_ABS: the modulus of complex numbers.

    y = sqrt(re^2 + im^2), without overflow in between

TFLite: kernels/complex_support.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Op
from qcore.ops._complex import infer, prepare
from qcore.ops._movement import kernels


def eval_complex(p: None, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.hypot(inputs[0].real, inputs[0].imag)]


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_complex, "complex64", "complex128"))
