"""What the integer LSTMs share: products brought to another scale, the update of the cell state, tables of the gates.

TFLite: kernels/internal/reference/portable_tensor_utils.cc
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.fixedpoint import Int64Array, clip, rounding_divide_by_pot, wrap_int32
from qcore.numerics.gemm import Weights, matmul, prepare_weights
from qcore.numerics.gemmlowp import logistic_int16, tanh_int16
from qcore.numerics.requantize import Requantization, Rule, requantize
from qcore.op import Array, Node, NodeTensor

__all__ = [
    "INT8_RANGE",
    "INT16_RANGE",
    "Product",
    "constant",
    "product",
    "quantized_clip",
    "scaling",
    "sigmoid",
    "tanh",
    "update_cell",
]

INT8_RANGE, INT16_RANGE = (-128, 127), (-32768, 32767)


@dataclass(frozen=True, eq=False)
class Product:
    """x @ w + bias, brought to another scale."""

    weights: Weights
    bias: Int64Array
    scaling: Requantization

    def __call__(self, x: Array) -> NDArray[np.int32]:
        """round(x @ w + bias, M) for int8 x [..., K]."""
        return requantize(wrap_int32(matmul(x, self.weights) + self.bias), self.scaling)


def scaling(n: Node, real: Any, rule: Rule = "double_rounding") -> Requantization:
    """The multipliers; ModelError where a scale makes no sense."""
    try:
        return Requantization.of(np.asarray(real, np.float32), rule)
    except ValueError as error:
        n.require(False, f"its scales give no multiplier: {error}")
        raise


def constant(n: Node, tensor: NodeTensor) -> Array:
    """The value of a constant operand; UnsupportedError where it is not constant."""
    if tensor.value is None:
        raise n.unsupported(f"tensor {tensor.index} {tensor.name!r} must be a constant")
    return tensor.value


def quantized_clip(limit: np.float32, scale: np.float32, dtype_range: tuple[int, int]) -> int:
    """A clip value in units of `scale`, truncated; 0: no clipping."""
    return int(np.clip(limit / scale, *dtype_range)) if limit > 0 else 0


def product(
    n: Node,
    weights: list[NodeTensor],
    biases: list[NodeTensor | None],
    zero_point: int,
    scales: list[np.float32],
    operand_range: tuple[int, int] = INT8_RANGE,
) -> Product:
    """Several matrices [units, K] side by side, each with its own scale; bias - zero_point * sum(w) is worked out."""
    values = [constant(n, tensor) for tensor in weights]
    total = [
        np.int64(-zero_point) * value.sum(axis=1, dtype=np.int64) + (0 if b is None else constant(n, b))
        for value, b in zip(values, biases, strict=True)
    ]
    real = np.repeat(np.asarray(scales, np.float32), [len(value) for value in values])
    stacked = prepare_weights(np.concatenate(values), 0, operand_range)
    return Product(stacked, wrap_int32(np.concatenate(total)), scaling(n, real))


def update_cell(c: NDArray[np.int16], kept: Array, added: Array, proposed: Array, exponent: int, limit: int) -> None:
    """c = clip16(round(f * c / 2^15) + round(i * g * 2^-30 / sc)), in place."""
    total = rounding_divide_by_pot(kept * c, 15) + rounding_divide_by_pot(added * proposed, 30 + exponent)
    total = clip(total, *INT16_RANGE)
    c[...] = clip(total, -limit, limit) if limit > 0 else total


@cache
def _table(function: Callable[[Any, int], Int64Array], integer_bits: int) -> Int64Array:
    """All 2^16 values of a fixed-point function, first those of -32768."""
    return function(np.arange(-32768, 32768), integer_bits)


def sigmoid(a: Array) -> Int64Array:
    """1 / (1 + exp(-a)), Q3.12 to Q0.15."""
    return _table(logistic_int16, 3)[a + 32768]


def tanh(a: Array, integer_bits: int) -> Int64Array:
    """tanh(a), `integer_bits` integer bits to Q0.15."""
    return _table(tanh_int16, integer_bits)[a.astype(np.int64) + 32768]
