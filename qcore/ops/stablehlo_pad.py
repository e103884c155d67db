"""STABLEHLO_PAD: the operand amid a padding value, also between its elements; negative padding crops.

    y[low + (interior + 1) * i] = x[i]  inside y;  elsewhere the padding value (operand 1, one element of x's type)
    size of y = low + n + (n - 1) * interior + high  for each dimension of n elements

Where one dimension comes out empty, TFLite makes them all 0. Scales are not read.

TFLite: kernels/stablehlo_pad.cc
"""

from __future__ import annotations

import math

from qcore.op import Node, Op, Shape
from qcore.ops._dilation import ANY_SIZE, Params, attribute, eval_any
from qcore.ops._movement import kernels, require_counts, require_same_type
from tflite_schema import StablehloPadOptions

_MOST_DIMENSIONS = 8


def infer(n: Node) -> list[Shape]:
    require_counts(n, 2)
    x, value = n.input(0), n.input(1)
    n.require_shapes(math.prod(value.shape) == 1, f"the padding value has shape {value.shape}, expected one element")
    if not 0 < x.rank <= _MOST_DIMENSIONS:
        raise n.unsupported(f"{x.rank} dimensions; the kernel takes 1 to {_MOST_DIMENSIONS}")
    low, high, interior = _paddings(n)
    for size, between in zip(x.shape, interior, strict=True):
        n.require_shapes(between >= 0, f"interior padding {interior} is negative")
        n.require_shapes(size > 0 or between == 0, f"interior padding {interior} in an empty dimension of {x.shape}")
    sizes = [
        before + size + max(size - 1, 0) * between + after
        for size, before, after, between in zip(x.shape, low, high, interior, strict=True)
    ]
    return [(0,) * x.rank if min(sizes) <= 0 else tuple(sizes)]


def _paddings(n: Node) -> tuple[tuple[int, ...], ...]:
    options, rank = n.options(StablehloPadOptions), n.input(0).rank
    names = ("edge_padding_low", "edge_padding_high", "interior_padding")
    return tuple(attribute(n, name, getattr(options, name), rank) for name in names)


def prepare(n: Node) -> Params:
    require_same_type(n, n.input(0), n.input(1), n.output())
    low, _, interior = _paddings(n)
    return Params(n.output().shape, low, tuple(between + 1 for between in interior))


OP = Op(infer=infer, prepare=prepare, kernels=kernels(eval_any, *ANY_SIZE, "bfloat16"))
