"""What the tests of the products draw from: images, windows, weights and biases with their scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests import strategies
from tests.one_op import Operand, Result
from tflite_schema import Padding, TensorType

Array = NDArray[Any]
PADDINGS = st.sampled_from([Padding.SAME, Padding.VALID])
SMALL = {TensorType.INT4: (-8, 7), TensorType.INT2: (-2, 1)}
BIAS_DTYPES = {np.uint8: np.int32, np.int8: np.int32, np.int16: np.int64}


@dataclass(frozen=True)
class Window:
    """An image and a window that fits it: sizes are (height, width)."""

    image: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: Padding


@st.composite
def windows(draw: st.DrawFn, *, dilated: bool = True) -> Window:
    """SAME windows may be larger than the image; VALID ones fit into it."""
    pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
    kernel, strides = draw(pair), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.one_of(st.just((1, 1)), st.tuples(st.integers(1, 3), st.integers(1, 3)))) if dilated else (1, 1)
    padding = draw(PADDINGS)
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    least = extent if padding == Padding.VALID else [1, 1]
    image = draw(st.tuples(*[st.integers(low, low + 7) for low in least]))
    return Window((image[0], image[1]), kernel, strides, dilations, padding)


@st.composite
def weights(
    draw: st.DrawFn,
    shape: tuple[int, ...],
    dtype: Any,
    axis: int,
    *,
    low: int = -128,
    type_: TensorType = TensorType.INT8,
) -> Operand:
    """Constant weights: uint8 with any zero point, int8, int4 and int2 symmetric with one scale or one per channel."""
    if dtype is np.uint8:
        values, zero_point = draw(strategies.integers(shape, np.uint8)), draw(strategies.zero_points(np.uint8))
        return Operand(values, draw(strategies.scales()), zero_point, constant=True)
    values = draw(strategies.integers(shape, np.int8, *SMALL.get(type_, (low, 127))))
    many = draw(st.booleans())
    scale = draw(strategies.channel_scales(shape[axis]) if many else strategies.scales())
    return Operand(values, scale, 0, axis, constant=True, type=type_)


@st.composite
def biases(draw: st.DrawFn, channels: int, dtype: Any, x: Operand, w: Operand) -> Operand:
    """A constant bias of the product's scale: small, or anything."""
    info = np.iinfo(dtype)
    most = draw(st.sampled_from([10, 1 << 14, int(info.max) if dtype is np.int32 else 1 << 40]))
    values = draw(strategies.integers((channels,), dtype, -most, most))
    scale = np.float32(x.scale) * np.asarray(w.scale, np.float32)
    return Operand(values, scale, 0, 0, constant=True)


@st.composite
def activations(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Operand:
    """A quantized input fed at run time; int16 is symmetric."""
    zero_point = 0 if dtype is np.int16 else draw(strategies.zero_points(dtype))
    return Operand(draw(strategies.integers(shape, dtype)), draw(strategies.scales()), zero_point)


@st.composite
def results(draw: st.DrawFn, x: Operand, w: Operand, depth: int, dtype: Any) -> Result:
    """A quantized result whose scale leaves sums of `depth` products about in range, and sometimes any scale.

    Multipliers above 2^13 are left out: there the kernels shift bits out of their registers, and TFLite checks nothing.
    """
    product = float(x.scale) * float(np.max(w.scale))
    scale = draw(st.sampled_from([1.0, 0.25, 2.0, 8.0, 64.0, 333.3])) * product * max(1, depth) ** 0.5
    scale = max(draw(st.one_of(st.just(scale), strategies.scales())), product * 2**-13)
    zero_point = 0 if dtype is np.int16 else draw(strategies.zero_points(dtype))
    return Result(dtype, float(np.float32(scale)), zero_point)


@st.composite
def hybrid_inputs(draw: st.DrawFn, shape: tuple[int, ...]) -> Operand:
    """float32 data to be quantized on arrival: ties, offsets to one side, rows of zeros."""
    values = draw(strategies.floats(shape))
    offset = draw(st.sampled_from([0.0, 0.0, 3.0, -20.0, 100.0]))
    kept = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((shape[0], *[1] * (len(shape) - 1))) < 0.8
    return Operand(((values + np.float32(offset)) * kept).astype(np.float32))


@st.composite
def float_products(draw: st.DrawFn, *shapes: tuple[int, ...]) -> tuple[float, list[Array]]:
    """The tolerance, and a float32 array for each shape.

    Eighths of whole numbers: their sums of products are exact in any order, so nothing may differ. Or numbers of one
    sign, whose sums do not cancel: rounding stays within 1e-5 of the largest.
    """
    if draw(st.booleans()):
        return 1e-5, [np.abs(draw(strategies.floats(shape))) for shape in shapes]
    return 0.0, [draw(strategies.integers(shape, np.int8)).astype(np.float32) / np.float32(8) for shape in shapes]
