from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qcore.numerics import float32, lut
from qcore.numerics.sigmoid_table import SIGMOID_TABLE
from tests.numerics.models import half_away, to_float32, wrap

EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16)
SCALE = st.one_of(st.integers(1, 64).map(lambda k: k / 64), st.floats(2**-12, 1, width=32))


def _log(v: float) -> float:
    return float(np.float32(math.log(v))) if v > 0 else -math.inf if v == 0 else math.nan


def f32(x: Fraction | float) -> Fraction:
    return Fraction(to_float32(Fraction(x)))


def to_int(x: float) -> int:
    return int(x) if math.isfinite(x) and -(2**31) <= x < 2**31 else -(2**31)


def int8_model(
    function: Callable[[float], float], s_in: float, z_in: int, s_out: float, z_out: int, low: int, high: int
) -> dict[int, int]:
    entries = {}
    for x in range(low, high + 1):
        y = function(float(f32(Fraction(s_in) * (x - z_in))))
        if math.isfinite(y):
            steps = half_away(f32(f32(y) * f32(1 / Fraction(s_out))))
            y = float(f32(steps + z_out))
        if low < 0:  # int8 saturates
            entries[x] = 0 if math.isnan(y) else int(max(low, min(high, y)))
        else:
            entries[x] = max(low, min(high, to_int(y)))
    return entries


@given(SCALE, st.integers(0, 255), SCALE, st.integers(0, 255), st.sampled_from([np.int8, np.uint8]))
@example(1 / 64, 0, 1 / 64, 0, np.int8)
def test_populate_and_lookup_8bit(s_in: float, zero_in: int, s_out: float, zero_out: int, dtype: Any) -> None:
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    z_in, z_out = low + zero_in, low + zero_out
    x = np.arange(low, high + 1).astype(dtype).reshape(4, 64)
    tables: list[tuple[Any, Callable[[float], float]]] = [
        (float32.tanh, lambda v: float(np.float32(math.tanh(v)))),
        (lambda v: v * np.float32(0.5), lambda v: float(f32(Fraction(v) / 2))),
        (float32.log, _log),
    ]
    for function, model in tables:
        table = lut.populate_int8(function, s_in, z_in, s_out, z_out, dtype)
        y = lut.lookup_8bit(x, table)
        assert y.dtype == dtype
        assert y.shape == x.shape
        expected = int8_model(model, s_in, z_in, s_out, z_out, low, high)
        assert y.ravel().tolist() == list(expected.values())
    assert np.array_equal(lut.lookup_8bit(x[:, ::2], table), y[:, ::2])
    assert lut.lookup_8bit(x[:0], table).shape == (0, 64)


def int16_model(function: Callable[[float], float], s_in: float, z_in: int, s_out: float, z_out: int) -> list[int]:
    """In Python floats, which are C's doubles."""
    low, high = s_in * (-32768 - z_in), s_in * (32767 - z_in)
    k = 65536.0 / (s_out * (32767 - z_out) - s_out * (-32768 - z_out))
    step = (high - low) / 512

    def rounded(x: float) -> int:
        return half_away(Fraction(x))

    table = []
    for i in range(512):
        value, middle, following = (function(low + i * step + d) for d in (0.0, step / 2, 0.0))
        following = function(low + (i + 1) * step)
        sample = rounded(value * k)
        interpolated = rounded((following * k + sample) / 2)
        bias = rounded((interpolated - rounded(middle * k)) / 2)
        table.append(max(-32768, min(32767, sample - bias)))
    table.append(max(-32768, min(32767, rounded(function(high) * k))))
    return table


def lookup_model(x: int, table: list[int]) -> int:
    index = 256 + (x >> 7)
    slope = wrap(table[index + 1] - table[index], 16)
    return wrap(table[index] + ((slope * (x & 127) + 64) >> 7), 16)


def test_softmax_tables() -> None:
    exp, reciprocal = lut.softmax_exp_table(), lut.softmax_reciprocal_table()
    assert exp.tolist() == int16_model(math.exp, 10.0 / 65535, 32767, 2.0 / 65535, 0)
    assert reciprocal.tolist() == int16_model(lambda x: 1 / (1 + x), 1.0 / 65535, -32768, 2.0 / 65535, 0)
    assert (exp[0], exp[-1], reciprocal[0]) == (2, 32767, 32767)


@pytest.mark.parametrize("float_type", [np.float32, np.float64])
def test_int16_table_of_a_function(float_type: Any) -> None:
    function = float32.tanh if float_type is np.float32 else np.tanh
    table = lut.populate_int16(function, 1 / 4096, 0, 1 / 32768, 0, float_type)
    assert table.dtype == np.int16
    assert table.shape == (513,)
    expected = int16_model(math.tanh, 1 / 4096, 0, 1 / 32768, 0)  # powers of two: float32 differs by one at most
    difference = np.abs(table - np.array(expected))
    assert difference.max() <= (1 if float_type is np.float32 else 0)


def test_int16_table_where_the_function_is_undefined() -> None:
    table = lut.populate_int16(float32.log, 1 / 4096, 0, 1 / 2048, 0)
    assert table[0] == 0  # NaN
    assert table[-1] == round(math.log(32767 / 4096) * 2048)


def test_lookup_int16_on_every_value() -> None:
    rng = np.random.default_rng(0)
    for table in (lut.softmax_exp_table(), rng.integers(-32768, 32768, 513).astype(np.int16)):
        result = lut.lookup_int16(EVERY_INT16.reshape(256, 256), table)
        assert result.dtype == np.int16
        entries = table.tolist()
        assert result.ravel().tolist() == [lookup_model(x, entries) for x in range(-32768, 32768)]


def logistic_model(x: int, m: int, shift: int) -> int:
    scaled = (x * m + ((1 << (shift - 1)) if shift else 0)) >> shift
    size = abs(scaled)
    if size >> 9 >= 255:
        result = 0x7FFF << 10
    else:
        a, b = SIGMOID_TABLE[size >> 9], SIGMOID_TABLE[(size >> 9) + 1]
        result = (a << 9) + (size & 0x1FF) * (b - a)
    return (result + 512 if scaled >= 0 else (1 << 25) - result + 511) >> 10


def tanh_model(x: int, m: int, shift: int) -> int:
    scaled = (x * m + ((1 << (shift - 1)) if shift else 0)) >> shift
    size = abs(scaled)
    if size >> 8 >= 255:
        result = 0xFFFF << 8
    else:
        a, b = SIGMOID_TABLE[size >> 8], SIGMOID_TABLE[(size >> 8) + 1]
        result = (a << 8) + (size & 0xFF) * (b - a)
    return (result - (1 << 23) + 128 if scaled >= 0 else -result + (1 << 23) + 127) >> 8


@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 2.0**-10, 2.0**-15, 1 / 3000, 0.01, 1e-6])
def test_int16_sigmoid_table(scale: float) -> None:
    m, shift = lut.sigmoid_table_multiplier(scale, (0,))
    result = lut.logistic_int16_table(EVERY_INT16, m, shift)
    assert result.tolist() == [logistic_model(x, m, shift) for x in range(-32768, 32768)]
    real = EVERY_INT16.astype(np.float64) * np.float32(scale)
    assert np.abs(result / 32768 - 1 / (1 + np.exp(-real))).max() < 2e-4
    m, shift = lut.sigmoid_table_multiplier(scale, (0, 1))
    result = lut.tanh_int16_table(EVERY_INT16, m, shift)
    assert result.tolist() == [tanh_model(x, m, shift) for x in range(-32768, 32768)]
    assert np.abs(result / 32768 - np.tanh(real)).max() < 3e-4


def test_sigmoid_table_multiplier() -> None:
    assert lut.sigmoid_table_multiplier(2.0**-12, (0,)) == (3, 0)
    assert lut.sigmoid_table_multiplier(2.0**-11, (0,)) == (24576, 12)
    assert lut.sigmoid_table_multiplier(2.0**-11, (0, 1)) == (6, 0)
    assert lut.sigmoid_table_multiplier(1.0, (0, 1)) == (24576, 1)
    assert len(SIGMOID_TABLE) == 256
    assert SIGMOID_TABLE[0] == 32768
