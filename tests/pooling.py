"""Test material for the pooling operators: windows of every kind over images of every size."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests import strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, Padding, Pool2DOptions


@st.composite
def pool(draw: st.DrawFn, code: BuiltinOperator, dtype: Any, tolerance: float = 0.0) -> OneOp:
    """A pool of a drawn image; windows larger than the image and strides larger than the window among them."""
    padding = draw(st.sampled_from([Padding.SAME, Padding.VALID]))
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    most = (12, 12) if padding == Padding.SAME else (height, width)
    shape = (draw(strategies.batch()), height, width, draw(st.integers(1, 9)))
    options = Pool2DOptions(
        padding=padding,
        stride_h=draw(st.integers(1, 4)),
        stride_w=draw(st.integers(1, 4)),
        filter_height=draw(st.integers(1, most[0])),
        filter_width=draw(st.integers(1, most[1])),
        fused_activation_function=draw(strategies.FUSED),
    )
    version = {"int8": 2, "int16": 3}.get(dtype.__name__, 1)
    if dtype.__name__ == "float32":
        x = Operand(draw(strategies.floats(shape)))
    else:
        zero_point = 0 if dtype.__name__ == "int16" else draw(strategies.zero_points(dtype))
        x = Operand(draw(strategies.integers(shape, dtype)), draw(strategies.scales()), zero_point)
    return OneOp(code, [x], [Result(dtype, x.scale, x.zero_point)], options, version, tolerance)
