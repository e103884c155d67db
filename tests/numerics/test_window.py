from __future__ import annotations

import itertools
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.numerics import window


def axis_model(size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int]:
    """(output size, padding before) by trying positions one by one."""
    extent = (kernel - 1) * dilation + 1
    if padding == "VALID":
        return sum(1 for start in range(0, size, stride) if start + extent <= size), 0
    output = len(range(0, size, stride))
    missing = max(0, (output - 1) * stride + extent - size)
    return output, missing // 2


@given(
    st.integers(1, 20),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["SAME", "VALID"]),
)
def test_geometry(size: int, kernel: int, stride: int, dilation: int, padding: Literal["SAME", "VALID"]) -> None:
    if padding == "VALID" and (kernel - 1) * dilation + 1 > size:
        with pytest.raises(ValueError, match="does not fit"):
            window.geometry((size, 20), (kernel, 1), (stride, 1), (dilation, 1), padding)
        return
    g = window.geometry((size, 20), (kernel, 1), (stride, 1), (dilation, 1), padding)
    assert (g.output[0], g.pad_before[0]) == axis_model(size, kernel, stride, dilation, padding)
    assert g.output[1] == 20
    assert g.pad_before[1] == g.pad_after[1] == 0
    assert g.pad_after[0] - g.pad_before[0] in ((0, 1) if padding == "SAME" else (0,))


@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-1, 1, 1)])
def test_sizes_that_are_not_positive_are_refused(kernel: int, stride: int, dilation: int) -> None:
    with pytest.raises(ValueError, match="window"):
        window.geometry((4, 4), (kernel, 1), (stride, 1), (dilation, 1), "SAME")


def test_unknown_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        window.geometry((4, 4), (1, 1), (1, 1), (1, 1), "FULL")  # type: ignore[arg-type]


@given(
    st.tuples(st.integers(3, 7), st.integers(3, 7)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from([(np.int8, -128), (np.uint8, 255), (np.int16, 0), (np.int8, 17)]),
)
def test_patches(hw: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], kind: tuple[Any, int]) -> None:
    dtype, zero_point = kind
    g = window.geometry(hw, kernel, strides, (1, 1), "SAME")
    info = np.iinfo(dtype)
    x = np.random.default_rng(0).integers(info.min, info.max + 1, (2, *hw, 3)).astype(dtype)
    padded = window.offset_and_pad(x, zero_point, g)
    assert padded.dtype == np.float32
    taps, filled = window.patches(padded, g), window.patches(window.pad_with(x, zero_point, g), g)
    assert not taps.flags.writeable
    counts = window.tap_counts(hw, g)
    for h, w in itertools.product(range(g.output[0]), range(g.output[1])):
        inside = 0
        for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
            row, column = h * strides[0] + i - g.pad_before[0], w * strides[1] + j - g.pad_before[1]
            if 0 <= row < hw[0] and 0 <= column < hw[1]:
                inside += 1
                assert np.array_equal(taps[:, h, w, i, j], x[:, row, column].astype(np.int64) - zero_point)
                assert np.array_equal(filled[:, h, w, i, j], x[:, row, column])
            else:
                assert not taps[:, h, w, i, j].any()
                assert (filled[:, h, w, i, j] == zero_point).all()
        assert counts[h, w, 0] == inside


def test_nothing_to_pad_is_the_same_array() -> None:
    x = np.ones((1, 4, 4, 1), np.float32)
    assert window.pad_with(x, -np.inf, window.geometry((4, 4), (2, 2), (2, 2), (1, 1), "VALID")) is x


def test_a_view_never_reaches_outside_its_array() -> None:
    g = window.geometry((8, 8), (3, 3), (1, 1), (1, 1), "SAME")
    with pytest.raises(ValueError, match="too small"):
        window.patches(np.zeros((1, 8, 8, 1), np.float32), g)
