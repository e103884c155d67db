"""Real multipliers as the kernels hold them: a product of float32 scales, then an int32 multiplier and a shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.numerics.affine import along
from qcore.numerics.fixedpoint import (
    multiply_by_quantized_multiplier,
    multiply_by_quantized_multiplier_half_up,
    multiply_by_quantized_multiplier_smaller_than_one_exp,
    quantize_multiplier,
)
from qcore.op import Array, Node, NodeTensor, Shape

__all__ = [
    "Multiplier",
    "channel_parameters",
    "float32_ratio",
    "has_scale",
    "multiplier",
    "require_one_type",
    "require_zero_point_in_type",
]


@dataclass(frozen=True, slots=True)
class Multiplier:
    """The real number M ~ multiplier * 2^(shift - 31)."""

    multiplier: int
    shift: int

    def scale(self, x: Array) -> Array:
        """x * M as int64, rounded twice (MultiplyByQuantizedMultiplier)."""
        return multiply_by_quantized_multiplier(x, self.multiplier, self.shift)

    def scale_half_up(self, x: Array) -> Array:
        """The same in vector code, where the second rounding takes halves up (MultiplyByQuantizedMultiplier4Rows)."""
        return multiply_by_quantized_multiplier_half_up(x, self.multiplier, self.shift)

    def scale_down(self, x: Array) -> Array:
        """x * M as int64 for M < 1 (MultiplyByQuantizedMultiplierSmallerThanOneExp)."""
        return multiply_by_quantized_multiplier_smaller_than_one_exp(x, self.multiplier, self.shift)


def has_scale(tensor: NodeTensor) -> bool:
    """Whether the tensor carries quantization parameters (int16 tensors may be plain numbers)."""
    return tensor.quant is not None and tensor.quant.is_quantized


def float32_ratio(*numerators: float | np.float32, over: float | np.float32) -> float:
    """The numerators' product over `over`, from the left, every step rounded to float32; infinite for `over` = 0."""
    with np.errstate(all="ignore"):
        product = np.float32(numerators[0])
        for numerator in numerators[1:]:
            product = np.float32(product * np.float32(numerator))
        return float(product / np.float32(over))


def multiplier(n: Node, real: float, *, below_one: bool = False) -> Multiplier:
    """`real` as a Multiplier; ModelError if it is not finite, too large, or (`below_one`) not between 0 and 1."""
    if below_one:
        n.require(0 < real < 1, f"the scales give a multiplier of {real}; TFLite's kernel needs one between 0 and 1")
    try:
        return Multiplier(*quantize_multiplier(real))
    except ValueError as error:
        n.require(False, f"the scales cannot be used together: {error}")
        raise


def channel_parameters(n: Node, tensor: NodeTensor, shape: Shape) -> tuple[Array, Array]:
    """float32 scales and int64 zero points of a tensor, shaped to broadcast against an array of `shape`.

    One zero point serves all channels. Raises ModelError where scales and channels are not equally many.
    """
    scale, zero_point = tensor.scales, np.array([tensor.zero_point])
    axis = 0
    if scale.size > 1:
        assert tensor.quant is not None
        axis = tensor.quant.quantized_dimension
        n.require(
            0 <= axis < len(shape) and shape[axis] == scale.size,
            f"{scale.size} scales of {tensor.name!r} along dimension {axis} do not fit shape {shape}",
        )
        if tensor.quant.zero_point.size == scale.size:
            zero_point = tensor.quant.zero_point
    return along(scale, len(shape), axis), along(zero_point, len(shape), axis)


def require_one_type(n: Node) -> None:
    """Raise ModelError unless every operand and result has the type of operand 0."""
    first = n.input(0).type
    same = all(t is None or t.type == first for t in (*n.inputs, n.output()))
    n.require(same, f"operands and result must have one type, not {n.types}")


def require_zero_point_in_type(n: Node, *tensors: NodeTensor) -> None:
    """Raise ModelError unless every zero point is a number of its tensor's type; 0 for int16."""
    for tensor in tensors:
        info = np.iinfo(tensor.dtype)
        low, high = (0, 0) if tensor.dtype == np.int16 else (int(info.min), int(info.max))
        n.require(
            low <= tensor.zero_point <= high,
            f"zero point {tensor.zero_point} of {tensor.name!r} must be in [{low}, {high}]",
        )
