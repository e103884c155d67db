"""What the tests of the six comparisons share: cases, and the checks that fit all of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore import Interpreter, QCoreError
from tests import strategies
from tests.elementwise import binary
from tests.one_op import OneOp, Operand, Result, check
from tflite_schema import BuiltinOperator

DTYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32, "int64": np.int64}
WORDS = [b"", b"a", b"b", b"ab", b"\x00", b"long word"]
FURTHER: dict[str, Any] = {"bfloat16": "bfloat16", "bool": np.bool_}


@st.composite
def quantized(draw: st.DrawFn, code: BuiltinOperator, dtype: Any) -> OneOp:
    """Scales below 1: TFLite's process ends at 1, and its shift is undefined above."""
    case = draw(binary(code, dtype, result_dtype=np.bool_))
    operands = []
    for operand in case.operands:
        assert operand is not None
        scale = min(float(operand.scale), 0.999)
        operands.append(replace(operand, scale=scale))
    if draw(st.booleans()):  # equal parameters, and numbers that are often equal
        operands[1] = replace(operands[1], scale=operands[0].scale, zero_point=operands[0].zero_point)
    return replace(case, operands=operands, results=[Result(np.bool_)])


@st.composite
def numbers(draw: st.DrawFn, code: BuiltinOperator, dtype: Any) -> OneOp:
    case = draw(binary(code, dtype, quantized=False, result_dtype=np.bool_))
    a, b = case.operands
    if a is not None and b is not None and a.value.shape == b.value.shape and draw(st.booleans()):
        kept = np.arange(a.value.size).reshape(a.value.shape) % 2 == 0
        b = replace(b, value=np.where(kept, a.value, b.value).astype(a.value.dtype))
    return replace(case, operands=[a, b])


@st.composite
def strings(draw: st.DrawFn, code: BuiltinOperator) -> OneOp:
    """Operands of at most four dimensions that broadcast, with texts that are often equal."""
    operands = []
    for shape in draw(strategies.broadcast_pair()):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        texts = np.empty(math.prod(shape), object)
        texts[:] = [WORDS[i] for i in rng.integers(0, len(WORDS), texts.size)]
        operands.append(Operand(texts.reshape(shape), constant=draw(st.booleans())))
    return OneOp(code, operands, [Result(np.bool_)])


def cases(code: BuiltinOperator, *further: str, scales_int16: bool = False) -> dict[str, st.SearchStrategy[OneOp]]:
    """The `CASES` of a comparison: what all six take, and the types some take further.

    `scales_int16`: int16 operands with scales are compared as real numbers, as EQUAL does; the others ignore scales.
    """
    table = {name: numbers(code, dtype) for name, dtype in DTYPES.items()}
    table |= {name: numbers(code, FURTHER[name]) for name in further if name in FURTHER}
    table |= {"int8": quantized(code, np.int8), "uint8": quantized(code, np.uint8)}
    with_scales = quantized(code, np.int16) if scales_int16 else binary(code, np.int16, result_dtype=np.bool_)
    table["int16"] = st.one_of(with_scales, numbers(code, np.int16))
    if "string" in further:
        table["string"] = strings(code)
    return table


def check_every_pair_of_int8_numbers(code: BuiltinOperator) -> None:
    a, b = np.meshgrid(np.arange(-128, 128, dtype=np.int8), np.arange(-128, 128, dtype=np.int8))
    for scales in ((0.5, 0.5), (0.5, 0.25), (0.001, 0.001)):
        check(OneOp(code, [Operand(a, scales[0], 3), Operand(b, scales[1])], [Result(np.bool_)]))


def check_refusals(code: BuiltinOperator) -> None:
    """A scale of one, and operands of two types."""
    x = Operand(np.zeros(3, np.int8), 1.0)
    with pytest.raises(QCoreError, match="below 1 only"):
        Interpreter(OneOp(code, [x, x], [Result(np.bool_)]).model()).allocate_tensors()
    mixed = OneOp(code, [Operand(np.zeros(3, np.int32)), Operand(np.zeros(3, np.float32))], [Result(np.bool_)])
    with pytest.raises(QCoreError, match="one type"):
        Interpreter(mixed.model()).allocate_tensors()


def check_by_hand(code: BuiltinOperator, expected: list[bool]) -> None:
    """1, 2 and 3 against 2."""
    a, b = np.array([1, 2, 3], np.int32), np.array([2, 2, 2], np.int32)
    case = OneOp(code, [Operand(a), Operand(b)], [Result(np.bool_)])
    assert check(case) == 3
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == expected
