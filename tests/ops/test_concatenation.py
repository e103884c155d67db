from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement, strategies
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import ActivationFunctionType, BuiltinOperator, ConcatenationOptions


@st.composite
def concatenation(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 6, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    first = draw(movement.operand(shape, dtype))
    operands = [first]
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.integers(0, 5))
        other = list(shape)
        other[axis] = size
        scale, zero_point = first.scale, first.zero_point
        if dtype is np.uint8 and draw(st.booleans()):
            scale, zero_point = draw(strategies.scales()), draw(strategies.zero_points(dtype))
        operands.append(Operand(draw(movement.values(tuple(other), dtype)), scale, zero_point, type=first.type))
    y = movement.like(first)
    if dtype is np.uint8 and draw(st.booleans()):
        y = Result(dtype, draw(strategies.scales()), draw(strategies.zero_points(dtype)))
    return OneOp(BuiltinOperator.CONCATENATION, operands, [y], ConcatenationOptions(axis=axis))


CASES = movement.cases(concatenation, *COMMON, "bool", "uint32", "float16", "bfloat16", "int4")
test_matches_reference = matches_reference(CASES)


def model(operands: list[Operand], result: Result, axis: int = 0, **options: Any) -> OneOp:
    return OneOp(BuiltinOperator.CONCATENATION, operands, [result], ConcatenationOptions(axis=axis, **options))


def test_uint8_ties_go_away_from_zero() -> None:
    x = np.arange(256, dtype=np.uint8)
    for scale, zero_point in ((0.5, 0), (0.5, 255), (0.25, 3), (1.5, 128)):
        assert check(model([Operand(x, scale, zero_point), Operand(x, 1.0, 7)], Result(np.uint8, 1.0, 7))) == 512


def test_constant_scalars_make_a_vector() -> None:
    assert check(model([constant(3), constant(4), constant(5)], Result(np.int32))) == 3


def test_refusals() -> None:
    x = Operand(np.zeros((2, 3), np.float32))
    y = Result(np.float32)
    refused(model([x, Operand(np.zeros((3, 3), np.float32))], y, 1), "differ in other dimensions than axis 1")
    refused(model([x, Operand(np.zeros((2,), np.float32))], y), "differ in other dimensions")
    refused(model([x], y, 2), "axis 2 is outside a rank of 2")
    refused(model([x, Operand(np.zeros((2, 3), np.int32))], y), "must have one type")
    fused = ActivationFunctionType.RELU
    refused(model([x, x], y, fused_activation_function=fused), "no kernel fuses an activation")
    q = Operand(np.zeros((2, 3), np.int8), 0.5, 1)
    refused(model([q, Operand(q.value, 0.25, 1)], Result(np.int8, 0.5, 1)), "values are only moved")
    refused(model([Operand(np.zeros(2, np.int16), 0.5, 1)], Result(np.int16, 0.5, 1)), "zero points must be 0")
    refused(model([Operand(np.zeros(2, np.float64))], Result(np.float64)), "no float64 kernel")
    refused(model([], y), "no any kernel", theirs=False)
