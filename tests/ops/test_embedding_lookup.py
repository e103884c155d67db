from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement, strategies
from tests.movement import COMMON, FURTHER, constant, refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import BuiltinOperator, TensorType


@st.composite
def copied(draw: st.DrawFn, dtype: Any) -> OneOp:
    table = draw(movement.operand(draw(movement.shape(2, 4, 4)), dtype, constant=None))
    return OneOp(BuiltinOperator.EMBEDDING_LOOKUP, [draw(ids(table.value.shape[0])), table], [movement.like(table)])


@st.composite
def ids(draw: st.DrawFn, rows: int) -> Operand:
    values = draw(strategies.integers((draw(strategies.batch(6)),), np.int32, 0, rows - 1))
    return Operand(values, constant=draw(st.booleans()))


@st.composite
def hybrid(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(2, 4, 4))
    low, high, type_ = (None, None, None)
    if isinstance(dtype, TensorType):
        bits = {TensorType.INT4: 4, TensorType.INT2: 2}[dtype]
        shape = (*shape[:-1], shape[-1] * (8 // bits))
        low, high, type_ = -(1 << (bits - 1)), (1 << (bits - 1)) - 1, dtype
    held = np.int8 if type_ else dtype
    scale = draw(st.one_of(strategies.scales(), strategies.channel_scales(shape[0])))
    stored = True if type_ else draw(st.booleans())
    table = Operand(draw(strategies.integers(shape, held, low, high)), scale, 0, constant=stored, type=type_)
    y = Result(draw(st.sampled_from([np.float32, np.float16])))
    return OneOp(BuiltinOperator.EMBEDDING_LOOKUP, [draw(ids(shape[0])), table], [y])


@st.composite
def blockwise(draw: st.DrawFn) -> OneOp:
    size, blocks, rows = draw(st.sampled_from([4, 8, 32])), draw(st.integers(1, 4)), draw(strategies.batch(6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scales = (rng.random((rows, blocks)) * draw(st.sampled_from([1e-3, 0.1, 4.0]))).astype(np.float16)
    values = draw(strategies.integers((rows, blocks * size), np.int8, -8, 7))
    table = Operand(values, constant=True, type=TensorType.INT4, blocks=(size, scales))
    y = Result(draw(st.sampled_from([np.float32, np.float16])))
    return OneOp(BuiltinOperator.EMBEDDING_LOOKUP, [draw(ids(rows)), table], [y])


CASES = {
    **movement.cases(copied, *COMMON, *FURTHER),
    "int8": st.one_of(copied(np.int8), hybrid(np.int8)),
    "uint8": st.one_of(copied(np.uint8), hybrid(np.uint8)),
    "int4": hybrid(TensorType.INT4),
    "int2": hybrid(TensorType.INT2),
    "int4 in blocks": blockwise(),
}
test_matches_reference = matches_reference(CASES)


def model(index: Any, table: Operand, result: Any = np.float32) -> OneOp:
    return OneOp(BuiltinOperator.EMBEDDING_LOOKUP, [constant(index), table], [Result(result)])


def test_a_uint8_table_is_read_as_int8() -> None:
    assert check(model([0, 0], Operand(np.array([[0, 127, 128, 255]], np.uint8), 0.5))) == 8


def test_refusals() -> None:
    table = Operand(np.zeros((2, 3), np.int8), 0.5)
    refused(model([2], table), r"index 2 at \(0,\) is outside \[0, 2\)")
    refused(model([-1], table), "index -1")
    refused(model([0], Operand(table.value, 0.5, 3)), "zero point must be 0")
    refused(model([0], Operand(table.value, [0.5, 0.25, 1.0], 0, 1)), "3 scales along axis 1 for 2 rows")
    refused(model([[0]], table), "expected a vector")
    refused(model([0], Operand(np.zeros(2, np.float32))), "expected two dimensions or more")
    scales = np.zeros(4, np.float16)
    blocks = Operand(np.zeros((2, 6), np.int8), constant=True, type=TensorType.INT4, blocks=(4, scales))
    refused(model([1], blocks), "rows of 6 do not fall into blocks of 4")
    for type_ in (TensorType.INT8, TensorType.INT2):
        refused(model([1], replace(blocks, type=type_, blocks=(3, scales))), f"a table of {type_.name} in blocks")
    odd = Operand(np.zeros((2, 3), np.int8), 0.5, constant=True, type=TensorType.INT4)
    refused(model([1], odd), "rows of 3 4-bit numbers", theirs=False)  # TFLite reads the wrong half of a byte
