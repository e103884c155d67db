from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import zero_point_for
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, TensorType

CODE = BuiltinOperator.DEQUANTIZE
SMALL = {TensorType.INT4: (-8, 7), TensorType.INT2: (-2, 1)}


@st.composite
def dequantize(draw: st.DrawFn, dtype: Any, type_: TensorType | None = None) -> OneOp:
    shape = draw(strategies.shapes(draw(st.integers(0 if type_ is None else 1, 4))))
    low, high = (None, None) if type_ is None else SMALL[type_]
    x = draw(strategies.integers(shape, dtype, low, high))
    constant = type_ is not None or draw(st.booleans())
    if not shape or dtype is np.int16 or draw(st.booleans()):
        operand = Operand(x, draw(strategies.scales()), draw(zero_point_for(dtype)), constant=constant, type=type_)
        return OneOp(CODE, [operand], [Result(np.float32)])
    axis = draw(st.integers(0, len(shape) - 1))
    channels = shape[axis]
    zero_points = draw(st.lists(strategies.zero_points(dtype), min_size=channels, max_size=channels))
    scales = draw(strategies.channel_scales(channels))
    return OneOp(CODE, [Operand(x, scales, zero_points, axis, constant, type=type_)], [Result(np.float32)])


@st.composite
def widen(draw: st.DrawFn) -> OneOp:
    x = draw(strategies.floats(draw(strategies.shapes(draw(st.integers(0, 4)))))).astype(np.float16)
    return OneOp(CODE, [Operand(x, constant=draw(st.booleans()))], [Result(np.float32)])


CASES = {
    "float16": widen(),
    "int8": dequantize(np.int8),
    "uint8": dequantize(np.uint8),
    "int16": dequantize(np.int16),
    "int4": dequantize(np.int8, TensorType.INT4),
    "int2": dequantize(np.int8, TensorType.INT2),
}
test_matches_reference = matches_reference(CASES)


def test_every_int16_number() -> None:
    x = np.arange(-32768, 32768).astype(np.int16)
    assert check(OneOp(CODE, [Operand(x, 0.1)], [Result(np.float32)])) == 65536


def test_a_zero_point_far_outside_the_type() -> None:
    for zero_point in (2**24 + 1, -(2**24) - 1, 2**30):
        check(OneOp(CODE, [Operand(np.arange(9, dtype=np.int8), 0.1, zero_point)], [Result(np.float32)]))


def test_by_hand() -> None:
    case = OneOp(CODE, [Operand(np.array([[-128, 0], [1, 127]], np.int8), [0.5, 2.0], [0, 1])], [Result(np.float32)])
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[-64.0, 0.0], [0.0, 252.0]]


@pytest.mark.parametrize(
    ("operand", "message"),
    [
        (Operand(np.zeros(2, np.int16), [0.5, 0.25]), "per tensor only"),
        (Operand(np.zeros(2, np.int16), 0.5, 1), "zero point 1"),
        (Operand(np.zeros(2, np.int8), [0.5, 0.25], 0, 3), "dimension 3"),
        (Operand(np.zeros(2, np.int8)), "no quantization scale"),
        (Operand(np.zeros(2, np.int32), 0.5), "no int32 kernel"),
    ],
)
def test_refusals(operand: Operand, message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(OneOp(CODE, [operand], [Result(np.float32)]).model()).allocate_tensors()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_optimized_kernels_subtract_after_scaling(dtype: Any) -> None:
    """Bit for bit; the last 7 of 255 numbers are left to scalar code."""
    x = np.arange(255, dtype=np.uint8).view(dtype)
    for scale, zero_point in ((0.1, 5), (1 / 3, 100), (0.7, 0)):
        case = OneOp(BuiltinOperator.DEQUANTIZE, [Operand(x, scale, zero_point)], [Result(np.float32)])
        assert check(case, "optimized") == x.size
