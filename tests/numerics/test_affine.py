from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.numerics import affine
from tests.numerics.models import half_away, to_float32, wrap

FLOAT = st.floats(-(2.0**20), 2.0**20, width=32)
SCALE = st.one_of(
    st.integers(1, 200).map(lambda k: k / 64),
    st.integers(-20, 4).map(lambda e: 2.0**e),
    st.floats(2**-20, 16, width=32),
)
DTYPES = st.sampled_from([np.int8, np.uint8, np.int16])


def f32(x: Fraction | float) -> Fraction:
    return Fraction(to_float32(Fraction(x)))


def clamp(x: int, low: int, high: int) -> int:
    return max(low, min(high, x))


@given(st.lists(FLOAT, min_size=1, max_size=5), SCALE, st.integers(0, 255), DTYPES)
@example([0.5, 1.5, -0.5, -1.5, 2.5], 1.0, 128, np.uint8)
@example([1e30, -1e30], 2.0**-20, 0, np.uint8)
def test_quantize_and_dequantize(xs: list[float], scale: float, zero: int, dtype: Any) -> None:
    low, high = affine.integer_range(dtype)
    zero_point = low + zero
    result = affine.quantize(np.array(xs, np.float32), scale, zero_point, dtype)
    assert result.dtype == dtype
    expected = []
    for x in xs:
        steps = half_away(f32(f32(x) / Fraction(scale)))
        steps = steps if -(2**31) <= steps < 2**31 else -(2**31)
        expected.append(clamp(wrap(steps + zero_point, 32), low, high))
    assert result.tolist() == expected
    back = affine.dequantize(result, scale, zero_point)
    assert back.dtype == np.float32
    assert back.tolist() == [to_float32(Fraction(scale) * (q - zero_point)) for q in expected]


def test_quantize_of_what_is_not_an_int32() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9], np.float32)
    assert affine.quantize(x, 1.0, 0, np.int8).tolist() == [-128] * 5
    assert affine.quantize(x, 1.0, 3, np.int8).tolist() == [-128] * 5
    assert affine.quantize(x, 1.0, -3, np.int8).tolist() == [127] * 5  # INT32_MIN - 3 wraps


def test_quantize_per_channel() -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 12
    scale, zero_point = np.array([0.5, 1.0, 2.0], np.float32), np.array([0, 5, -5])
    result = affine.quantize(x, affine.along(scale, 3, 1), affine.along(zero_point, 3, 1), np.int8)
    for channel in range(3):
        expected = affine.quantize(x[:, channel], scale[channel], zero_point[channel], np.int8)
        assert np.array_equal(result[:, channel], expected)


@given(st.sampled_from(sorted(affine.ACTIVATION_BOUNDS)), SCALE, st.integers(0, 255), DTYPES)
@example("RELU6", 4.0, 128, np.int8)
@example("RELU_N1_TO_1", 2.0, 128, np.int8)
def test_activation_range(name: str, scale: float, zero: int, dtype: Any) -> None:
    low, high = affine.integer_range(dtype)
    zero_point = low + zero
    bottom, top = affine.ACTIVATION_BOUNDS[name]
    if bottom is not None:
        low = max(low, zero_point + half_away(f32(Fraction(bottom) / Fraction(scale))))
    if top is not None:
        high = min(high, zero_point + half_away(f32(Fraction(top) / Fraction(scale))))
    assert affine.activation_range(affine.ACTIVATION_BOUNDS[name], scale, zero_point, dtype) == (low, high)


def test_activation_range_refuses_what_overflows() -> None:
    for scale in (1e-30, 0.0, float("nan")):
        with pytest.raises(ValueError, match="bound"):
            affine.activation_range((0.0, 6.0), scale, 0, np.int8)


@given(FLOAT, FLOAT, DTYPES)
@example(0.0, 0.0, np.int8)
@example(0.0, 1.1754943508222875e-38, np.int8)
@example(3.0, 5.0, np.int8)
@example(-5.0, -3.0, np.int8)
@example(0.0, 9.999999974752427e-07, np.int8)
@example(-1.0, 1.0, np.int8)
def test_asymmetric_parameters(a: float, b: float, dtype: Any) -> None:
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    if abs(high - low) < 1e-6:
        low, high = low - 1e-6, high + 1e-6
    q_min, q_max = affine.integer_range(dtype)
    scale, zero_point = affine.asymmetric_parameters(min(a, b), max(a, b), dtype)
    expected = f32(f32(f32(high) - f32(low)) / (q_max - q_min))
    assert scale.dtype == np.float32
    assert scale.tolist() == [expected]
    real_zero = to_float32(Fraction(float(Fraction(q_min) - Fraction(float(Fraction(low) / expected)))))
    assert zero_point.tolist() == [clamp(half_away(Fraction(real_zero)), q_min, q_max)]


@given(st.lists(FLOAT, min_size=1, max_size=6))
@example([0.0])
@example([3e-7])
@example([-4e-7, 3e-7])
def test_constants(values: list[float]) -> None:
    w = np.array(values, np.float32)
    low, high = min(*values, 0.0), max(*values, 0.0)
    if high - low <= 1e-6:
        low, high = min(low, -5e-7), max(high, 5e-7)
    scale, zero_point = affine.constant_parameters(w)
    expected = f32(f32(f32(high) - f32(low)) / 255)
    assert scale.tolist() == [expected]
    real_zero = to_float32(Fraction(float(Fraction(-128) - Fraction(float(Fraction(low) / expected)))))
    assert zero_point.tolist() == [clamp(half_away(Fraction(real_zero)), -128, 127)]
    q = affine.quantize_constant(w, scale, zero_point)
    steps = [Fraction(float(Fraction(float(Fraction(v) / expected)) + int(zero_point[0]))) for v in values]
    assert q.tolist() == [clamp(half_away(s), -128, 127) for s in steps]


@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 0, 3]), st.sampled_from([1.0, 1e-3, 1e-7, 0.0]))
def test_weights(seed: int, axis: int | None, size: float) -> None:
    rng = np.random.default_rng(seed)
    w = (rng.standard_normal((4, 2, 3, 5)) * size).astype(np.float32)
    w[1] *= 0
    scale, zero_point = affine.symmetric_weight_parameters(w, axis)
    q = affine.quantize_weights(w, scale, axis)
    assert q.dtype == np.int8
    assert not zero_point.any()
    channels: list[NDArray[Any]] = [w] if axis is None else list(np.moveaxis(w, axis, 0))
    results: list[NDArray[Any]] = [q] if axis is None else list(np.moveaxis(q, axis, 0))
    for channel, result, s in zip(channels, results, scale.tolist(), strict=True):
        largest = float(np.abs(channel).max())
        m = largest if 2 * largest > 1e-6 else 5e-7
        assert s == f32(f32(2 * f32(m)) / 254)
        inverse = (
            f32(Fraction(1.0 / s)) if axis is not None else f32(Fraction(127) / Fraction(largest)) if largest else 0
        )
        flat = channel.ravel().tolist()
        assert result.ravel().tolist() == [clamp(half_away(f32(Fraction(v) * inverse)), -127, 127) for v in flat]


def test_all_zero_channel() -> None:
    scale, _ = affine.symmetric_weight_parameters(np.zeros((2, 3), np.float32), 0)
    assert scale.tolist() == [np.float32(3.937008e-09)] * 2


def test_per_tensor_weights_follow_their_own_range_unless_the_scale_is_far() -> None:
    w = np.array([1.0, -0.5, 0.25], np.float32)
    assert affine.quantize_weights(w, np.float32(1 / 127 + 5e-4), None).tolist() == [127, -64, 32]
    assert affine.quantize_weights(w, np.float32(0.25), None).tolist() == [4, -2, 1]


@given(st.lists(FLOAT, min_size=1, max_size=6), SCALE, SCALE)
@example([1e9, -1e9], 2.0**-20, 2.0**-20)
def test_bias(values: list[float], input_scale: float, weight_scale: float) -> None:
    scale = affine.bias_scale(input_scale, [weight_scale])
    assert scale.tolist() == [f32(Fraction(input_scale) * Fraction(weight_scale))]
    inverse = f32(Fraction(1.0 / float(scale[0])))
    q = affine.quantize_bias(np.array(values, np.float32), scale)
    steps = [half_away(f32(f32(v) * inverse)) for v in values]
    assert q.dtype == np.int32
    assert q.tolist() == [clamp(s, -(2**31) + 1, 2**31 - 1) for s in steps]
    assert affine.quantize_bias(np.array(values, np.float32), scale, np.int64).tolist() == [
        clamp(s, -(2**63) + 1, 2**63 - 1) for s in steps
    ]


def test_a_bias_of_zero_in_units_of_almost_nothing_is_zero() -> None:
    q = affine.quantize_bias(np.array([0, 1, -1], np.float32), np.float32(1e-44))
    assert q.tolist() == [0, 2**31 - 1, -(2**31) + 1]


def test_the_data_have_ties() -> None:
    x = np.array([0.5, -0.5, 1.5, -1.5], np.float32)
    assert affine.quantize(x, 1.0, 0, np.int8).tolist() == [1, -1, 2, -2]
    assert affine.quantize_constant(x, 1.0, 0).tolist() == [1, -1, 2, -2]
    assert math.isclose(float(affine.asymmetric_parameters(-1, 1).scale[0]), 2 / 255, rel_tol=1e-7)


def test_int4_weights() -> None:
    w = np.array([[3.5, 0.25, 0.75, -9.0], [70, 5, -15, 80]], np.float32)
    assert affine.quantize_int4(w, [0.5, 10.0], 0).tolist() == [[7, 0, 2, -8], [7, 0, -2, 7]]
    assert affine.quantize_int4(w[:1], 0.5, None).tolist() == [[7, 0, 2, -8]]
