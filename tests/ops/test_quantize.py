from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import floats, zero_point_for
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, TensorType

CODE = BuiltinOperator.QUANTIZE


@st.composite
def from_float(draw: st.DrawFn) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(0, 4))))
    dtype = draw(st.sampled_from([np.int8, np.uint8, np.int16]))
    x = draw(floats(shape, 40.0))
    if not shape or draw(st.booleans()):
        zero_point = draw(strategies.zero_points(dtype))
        return OneOp(CODE, [Operand(x)], [Result(dtype, draw(strategies.scales()), zero_point)])
    return OneOp(CODE, [Operand(x)], [draw(per_channel(shape, dtype))])


@st.composite
def to_four_bits(draw: st.DrawFn, type_: TensorType) -> OneOp:
    x = draw(floats(draw(strategies.shapes(draw(st.integers(0, 4)))), 10.0))
    y = Result(np.int8, draw(strategies.scales()), draw(st.integers(-16, 16)), type=type_)
    return OneOp(CODE, [Operand(x)], [y])


@st.composite
def per_channel(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Result:
    """The first dimension is the channel: `Result` says no other."""
    channels = shape[0]
    zero_points = draw(st.lists(strategies.zero_points(dtype), min_size=channels, max_size=channels))
    return Result(dtype, draw(strategies.channel_scales(channels)), zero_points)


@st.composite
def requantize(draw: st.DrawFn, dtype: Any, results: list[Any]) -> OneOp:
    result = draw(st.sampled_from(results))
    x = draw(strategies.integers(draw(strategies.shapes(draw(st.integers(0, 4)))), dtype))
    x_scale = draw(strategies.scales())
    y_scale = draw(st.one_of(st.just(x_scale), strategies.scales()))
    if dtype is np.int16 and result is np.int16:
        return OneOp(CODE, [Operand(x, x_scale)], [Result(result, y_scale)])
    if dtype is np.int32 or result is np.int32:  # 32-bit zero points stay small: sums near INT32_MAX overflow in C
        operand = Operand(x, x_scale, draw(st.integers(-9, 9)))
        return OneOp(CODE, [operand], [Result(result, y_scale, draw(st.integers(-9, 9)))])
    operand = Operand(x, x_scale, draw(zero_point_for(dtype)))
    return OneOp(CODE, [operand], [Result(result, y_scale, draw(zero_point_for(result)))])


CASES = {
    "float32": from_float(),
    "int4": to_four_bits(TensorType.INT4),
    "uint4": to_four_bits(TensorType.UINT4),
    "int8": requantize(np.int8, [np.int8, np.uint8]),
    "uint8": requantize(np.uint8, [np.int8, np.uint8]),
    "int16": requantize(np.int16, [np.int8, np.int16, np.int32]),
    "int32": requantize(np.int32, [np.int8, np.int16]),
}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_halves_nan_and_infinities(zero_point: int) -> None:
    x = np.array([0.5, -0.5, 1.5, -1.5, np.nan, np.inf, -np.inf, 3e9, -3e9, 2147483520.0, 0.49999997], np.float32)
    assert check(OneOp(CODE, [Operand(x)], [Result(np.int8, 1.0, zero_point)])) == 11


@pytest.mark.parametrize(("x_scale", "y_scale"), [(0.5, 1.0), (0.5, 0.5), (1.0, 3.0), (3.0, 1.0)])
def test_every_int16_number(x_scale: float, y_scale: float) -> None:
    x = np.arange(-32768, 32768).astype(np.int16)
    check(OneOp(CODE, [Operand(x, x_scale)], [Result(np.int16, y_scale)]))
    check(OneOp(CODE, [Operand(x, x_scale)], [Result(np.int8, y_scale * 256, 3)]))


@pytest.mark.parametrize("zero_point", [0, -128, 2**20, -(2**20), 2**21, -(2**21), 2**30])
def test_zero_points_outside_the_type(zero_point: int) -> None:
    x = np.array([0.0, 1.5, -2.5, 2.0**20, -(2.0**20), 2.0**21, 2.0**25, -(2.0**25), 2.0**29], np.float32)
    check(OneOp(CODE, [Operand(x)], [Result(np.int8, 1.0, zero_point)]))
    check(OneOp(CODE, [Operand(x)], [Result(np.int16, 0.5, zero_point)]))


@pytest.mark.parametrize("scale", [1 / 3, 0.5, 1 / 255, 1 / 64])
def test_many_numbers(scale: float) -> None:
    x = (np.arange(-40000, 40000) * np.float32(scale / 2)).astype(np.float32)
    for dtype in (np.int8, np.uint8, np.int16):
        assert check(OneOp(CODE, [Operand(x)], [Result(dtype, scale, 3)])) == 80000


def test_by_hand() -> None:
    case = OneOp(CODE, [Operand(np.array([0.0, 0.25, -0.75, 9.0], np.float32))], [Result(np.int8, 0.5, 1)])
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [1, 2, -1, 19]


def test_pairs_that_tflite_has_not_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int16), 0.5)], [Result(np.uint8, 0.5)])
    with pytest.raises(QCoreError, match="int16 to int8, int16, int32 only"):
        Interpreter(case.model()).allocate_tensors()


def test_wrong_number_of_scales_is_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.float32))], [Result(np.int8, [0.5, 0.25])])
    with pytest.raises(QCoreError, match="2 scales"):
        Interpreter(case.model()).allocate_tensors()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_optimized_kernels_round_ties_by_place(dtype: Any) -> None:
    """Vector code rounds halves to even, what it leaves over away from zero; NaN and infinities become INT32_MIN."""
    x = np.arange(-25, 26, dtype=np.float32) / 2
    x[3:6] = x[48:51] = np.nan, np.inf, -np.inf
    for scale in (1.0, 0.75, 1 / 3):
        zero_point = 0 if dtype is np.int16 else 3
        case = OneOp(BuiltinOperator.QUANTIZE, [Operand(x)], [Result(dtype, scale, zero_point)])
        assert check(case, "optimized") == x.size


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_optimized_requantization_rounds_negative_ties_by_place(dtype: Any) -> None:
    x = np.arange(256, dtype=np.uint8).view(dtype)[:251]
    case = OneOp(BuiltinOperator.QUANTIZE, [Operand(x, 0.5, 9)], [Result(dtype, 1.0, 4)])
    assert check(case, "optimized") == x.size


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("size", [1, 5, 75])
def test_xnnpack_saturates(dtype: Any, size: int) -> None:
    """NaN becomes the upper end, where other kernels make INT32_MIN of it and of what is beyond int32."""
    for special in (np.nan, np.inf, -np.inf, 1e30, -1e30, 2e9, -2e9, 1e8):
        x = np.linspace(-2, 2, size, dtype=np.float32)
        x[::2] = special
        for zero_point in (5, np.iinfo(dtype).min, np.iinfo(dtype).max):
            case = OneOp(CODE, [Operand(x)], [Result(dtype, 0.05, zero_point)])
            for kernels in ("optimized", "xnnpack", "xnnpack@litert-2.3"):
                assert check(case, kernels) == size
    case = OneOp(CODE, [Operand(np.array([np.nan, 9.0, -9.0], np.float32))], [Result(np.int8, 1 / 2**30, 3)])
    (y,) = Interpreter(case.model([(3,)]), kernels="xnnpack").run(case.feeds())
    assert y.tolist() == [127, 127, -128]
