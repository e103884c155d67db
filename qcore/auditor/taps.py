"""The products that a sum of products adds up for one element of its result.

A tap is one (x - zx) * (w - zw). The list is found from the operator's window alone; that it is the kernel's own is
proved each time: its sum must be the accumulator that the kernel traced (`explain` checks it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.op import Array, Node, NodeTensor
from qcore.ops._conv import window
from tflite_schema import (
    BatchMatMulOptions,
    BuiltinOperator,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    TensorType,
    TransposeConvOptions,
)

__all__ = ["Tap", "Taps", "taps"]

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tap:
    """One product: where its factors stand, and what they are once their zero points are subtracted."""

    x_at: Index
    w_at: Index
    x: int
    w: int

    @property
    def product(self) -> int:
        """x * w."""
        return self.x * self.w


@dataclass(frozen=True, slots=True)
class Taps:
    """All products of one element, the largest first; `padded` counts those outside the image, which are zero."""

    products: tuple[Tap, ...]
    padded: int

    @property
    def total(self) -> int:
        """Their sum."""
        return sum(tap.product for tap in self.products)


def taps(n: Node, x: Array, w: Array, at: Index) -> Taps | None:
    """The products of element `at` of n's result; None for an operator that is no sum of products.

    x, w: the values of the operator's input and weights as they ran.
    """
    places = {
        BuiltinOperator.CONV_2D: _convolution,
        BuiltinOperator.DEPTHWISE_CONV_2D: _depthwise,
        BuiltinOperator.TRANSPOSE_CONV: _transposed,
        BuiltinOperator.FULLY_CONNECTED: _dense,
        BuiltinOperator.BATCH_MATMUL: _matrix,
    }.get(n.operator.code)
    if places is None:
        return None
    pairs, padded = places(n, x, w, at)
    x_zero, w_zero = _zero_points(n)
    found = [Tap(i, j, int(x[i]) - x_zero, int(w[j]) - w_zero) for i, j in pairs]
    return Taps(tuple(sorted(found, key=lambda tap: -abs(tap.product))), padded)


def operands(n: Node) -> tuple[NodeTensor, NodeTensor]:
    """The input and the weights of a sum of products."""
    return (n.input(2), n.input(1)) if n.operator.code == BuiltinOperator.TRANSPOSE_CONV else (n.input(0), n.input(1))


def _zero_points(n: Node) -> tuple[int, int]:
    """Signed weights of convolutions count as they are, and those with a scale per channel."""
    x, w = operands(n)
    dense = n.operator.code in (BuiltinOperator.FULLY_CONNECTED, BuiltinOperator.BATCH_MATMUL)
    read = w.type == TensorType.UINT8 or (dense and w.scales.size == 1)
    return x.zero_point, w.zero_point if read else 0


Places = tuple[list[tuple[Index, Index]], int]


def _convolution(n: Node, x: Array, w: Array, at: Index) -> Places:
    options = n.options(Conv2DOptions)
    g = window(n, x.shape, w.shape[1:3], options, (options.dilation_h_factor, options.dilation_w_factor))
    batch, row, column, channel = at
    depth = w.shape[3]
    first = channel // (w.shape[0] // (x.shape[3] // depth)) * depth
    pairs: list[tuple[Index, Index]] = []
    padded = 0
    for i, j in np.ndindex(*g.kernel):
        y = row * g.strides[0] + i * g.dilations[0] - g.pad_before[0]
        z = column * g.strides[1] + j * g.dilations[1] - g.pad_before[1]
        if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
            pairs += [((batch, y, z, first + c), (channel, i, j, c)) for c in range(depth)]
        else:
            padded += depth
    return pairs, padded


def _depthwise(n: Node, x: Array, w: Array, at: Index) -> Places:
    options = n.options(DepthwiseConv2DOptions)
    g = window(n, x.shape, w.shape[1:3], options, (options.dilation_h_factor, options.dilation_w_factor))
    batch, row, column, channel = at
    source = channel // (w.shape[3] // x.shape[3])
    pairs: list[tuple[Index, Index]] = []
    padded = 0
    for i, j in np.ndindex(*g.kernel):
        y = row * g.strides[0] + i * g.dilations[0] - g.pad_before[0]
        z = column * g.strides[1] + j * g.dilations[1] - g.pad_before[1]
        if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
            pairs.append(((batch, y, z, source), (0, i, j, channel)))
        else:
            padded += 1
    return pairs, padded


def _transposed(n: Node, x: Array, w: Array, at: Index) -> Places:
    """The windows of the input's pixels on the result that cover the element."""
    g = window(n, n.output().shape, w.shape[1:3], n.options(TransposeConvOptions))
    batch, row, column, channel = at
    pairs: list[tuple[Index, Index]] = []
    for i, j in np.ndindex(*g.kernel):
        y, down = divmod(row + g.pad_before[0] - i, g.strides[0])
        z, right = divmod(column + g.pad_before[1] - j, g.strides[1])
        if down == right == 0 and 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
            pairs += [((batch, y, z, c), (channel, i, j, c)) for c in range(x.shape[3])]
    return pairs, 0


def _dense(n: Node, x: Array, w: Array, at: Index) -> Places:
    n.options(FullyConnectedOptions)
    depth = w.shape[1]
    row = int(np.ravel_multi_index(at[:-1], n.output().shape[:-1])) if len(at) > 1 else 0
    flat = range(row * depth, (row + 1) * depth)
    return [(_unravel(index, x.shape), (at[-1], k)) for k, index in enumerate(flat)], 0


def _unravel(index: int, shape: tuple[int, ...]) -> Index:
    return tuple(int(i) for i in np.unravel_index(index, shape))


def _matrix(n: Node, x: Array, w: Array, at: Index) -> Places:
    options = n.options(BatchMatMulOptions)
    *lead, row, column = at
    depth = x.shape[-2] if options.adj_x else x.shape[-1]

    def batch(shape: tuple[int, ...]) -> Index:
        own = shape[:-2]
        return tuple(0 if size == 1 else i for size, i in zip(own, lead[len(lead) - len(own) :], strict=True))

    left, right = batch(x.shape), batch(w.shape)
    return [
        (
            (*left, k, row) if options.adj_x else (*left, row, k),
            (*right, column, k) if options.adj_y else (*right, k, column),
        )
        for k in range(depth)
    ], 0
