from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator

CODE = BuiltinOperator.LESS_EQUAL


@st.composite
def quantized(draw: st.DrawFn, dtype: Any) -> OneOp:
    """Scales below 1: TFLite's process ends at 1, and its shift is undefined above."""
    case = draw(binary(CODE, dtype, result_dtype=np.bool_))
    operands = []
    for operand in case.operands:
        assert operand is not None
        scale = min(float(operand.scale), 0.999)
        operands.append(replace(operand, scale=scale))
    if draw(st.booleans()):  # equal parameters, and numbers that are often equal
        operands[1] = replace(operands[1], scale=operands[0].scale, zero_point=operands[0].zero_point)
    return replace(case, operands=operands, results=[Result(np.bool_)])


@st.composite
def numbers(draw: st.DrawFn, dtype: Any) -> OneOp:
    case = draw(binary(CODE, dtype, quantized=False, result_dtype=np.bool_))
    a, b = case.operands
    if a is not None and b is not None and a.value.shape == b.value.shape and draw(st.booleans()):
        kept = np.arange(a.value.size).reshape(a.value.shape) % 2 == 0
        b = replace(b, value=np.where(kept, a.value, b.value).astype(a.value.dtype))
    return replace(case, operands=[a, b])


DTYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32, "int64": np.int64}
CASES = {name: numbers(dtype) for name, dtype in DTYPES.items()}
CASES |= {"int8": quantized(np.int8), "uint8": quantized(np.uint8)}
CASES["int16"] = st.one_of(binary(CODE, np.int16, result_dtype=np.bool_), numbers(np.int16))
test_matches_reference = matches_reference(CASES)


def test_every_pair_of_int8_numbers() -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    for scales in ((0.5, 0.5), (0.5, 0.25), (0.001, 0.001)):
        check(OneOp(CODE, [Operand(a, scales[0], 3), Operand(b, scales[1])], [Result(np.bool_)]))


def test_a_scale_of_one_is_refused() -> None:
    x = Operand(np.zeros(3, np.int8), 1.0)
    with pytest.raises(QCoreError, match="below 1 only"):
        Interpreter(OneOp(CODE, [x, x], [Result(np.bool_)]).model()).allocate_tensors()


def test_by_hand() -> None:
    a, b = np.array([1, 2, 3], np.int32), np.array([2, 2, 2], np.int32)
    case = OneOp(CODE, [Operand(a), Operand(b)], [Result(np.bool_)])
    assert check(case) == 3
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [True, True, False]


def test_operands_of_two_types_are_refused() -> None:
    case = OneOp(CODE, [Operand(np.zeros(3, np.int32)), Operand(np.zeros(3, np.float32))], [Result(np.bool_)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(case.model()).allocate_tensors()
