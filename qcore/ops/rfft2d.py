"""RFFT2D: the two-dimensional discrete Fourier transform of real numbers, half of its columns.

    y[u, v] = sum over h, w of x[h, w] * exp(-2 pi i (u h / H + v w / W)),  v <= W / 2

float32 in, complex64 out, float64 in between. [H, W] is operand 1 (int32, powers of two); x is cut or padded with
zeros to it.

TFLite: kernels/rfft2d.cc
"""

from __future__ import annotations

import numpy as np

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_types
from tflite_schema import TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, 2)
    x, length = n.input(0), require_types(n, 1, (TensorType.INT32,), "fft_length")
    n.require_shapes(x.rank >= 2, f"shape {x.shape}; two dimensions or more expected")
    n.require_shapes(length.shape == (2,), f"fft_length has shape {length.shape}, expected (2,)")
    values = n.integers(1)
    if values is None:
        return [None]
    powers = all(value > 0 and value & (value - 1) == 0 for value in values) and values[1] > 1
    n.require_shapes(powers, f"fft_length {values} must be powers of two, the second one 2 or more")
    return [(*x.shape[:-2], values[0], values[1] // 2 + 1)]


def prepare(n: Node) -> list[int]:
    """fft_length."""
    n.require(n.output().type == TensorType.COMPLEX64, f"the result is {n.output().type.name}, expected COMPLEX64")
    values = n.integers(1)
    assert values is not None
    return values


def eval_float32(p: list[int], inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.fft.rfft2(inputs[0].astype(np.float64), p).astype(np.complex64)]


OP = Op(infer=infer, prepare=prepare, kernels={"float32": eval_float32})
