"""Test material for the convolutions over volumes: windows of every kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests import strategies
from tflite_schema import Conv3DOptions, Padding

Triple = tuple[int, int, int]
SIZES = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))


def options(padding: Padding, strides: Triple = (1, 1, 1), dilations: Triple = (1, 1, 1), **more: Any) -> Conv3DOptions:
    """Options from triples (depth, height, width)."""
    return Conv3DOptions(
        padding=padding,
        stride_d=strides[0],
        stride_h=strides[1],
        stride_w=strides[2],
        dilation_d_factor=dilations[0],
        dilation_h_factor=dilations[1],
        dilation_w_factor=dilations[2],
        **more,
    )


@st.composite
def windows(draw: st.DrawFn) -> tuple[Triple, Triple, Triple, Conv3DOptions]:
    """(large volume, kernel, small volume, options) that fit together."""
    kernel = draw(st.tuples(*[st.integers(1, 3)] * 3))
    strides = draw(st.tuples(*[st.integers(1, 3)] * 3))
    dilations = draw(st.tuples(*[st.integers(1, 2)] * 3))
    padding = draw(st.sampled_from([Padding.SAME, Padding.VALID]))
    large, small = [], []
    for size, k, stride, dilation in zip(draw(SIZES), kernel, strides, dilations, strict=True):
        extent = (k - 1) * dilation + 1
        size = size if padding == Padding.SAME else size + extent - 1
        large.append(size)
        small.append(-(-size // stride) if padding == Padding.SAME else (size - extent) // stride + 1)
    fused = draw(strategies.FUSED)
    made = options(padding, strides, dilations, fused_activation_function=fused)
    return (large[0], large[1], large[2]), kernel, (small[0], small[1], small[2]), made
