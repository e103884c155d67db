from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement, oracle
from tests.movement import COMMON, constant, refused
from tests.one_op import OneOp, Operand, check, matches_reference
from tflite_schema import BuiltinOperator, GatherNdOptions


@st.composite
def gather_nd(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 5, 4))
    depth = draw(st.integers(0, len(shape)))
    outer = draw(movement.shape(0, 2, 4))
    content = draw(movement.values((*outer, depth), np.uint32)) % np.array(shape[:depth], np.uint32)
    x = draw(movement.operand(shape, dtype))
    index = Operand(content.astype(draw(st.sampled_from([np.int32, np.int64, np.int16]))), constant=draw(st.booleans()))
    return OneOp(BuiltinOperator.GATHER_ND, [x, index], [movement.like(x)], GatherNdOptions())


CASES = movement.cases(gather_nd, *COMMON, "bool", "float16", "bfloat16", "string")
test_matches_reference = matches_reference(CASES)


def model(index: Any, dtype: Any = np.int32, shape: tuple[int, ...] = (2, 3)) -> OneOp:
    x = Operand(np.zeros(shape, np.float32))
    return OneOp(BuiltinOperator.GATHER_ND, [x, constant(index, dtype)], [movement.like(x)], GatherNdOptions())


def test_refusals() -> None:
    refused(model([[2, 0]]), r"index 2 at \(0, 0\) is outside \[0, 2\)")
    # TF 2.21 reads the flat position (0, 5) = (1, 2); later versions refuse as we do.
    refused(model([[0, 5]]), r"index 5 at \(0, 1\) is outside \[0, 3\)", theirs=False)
    refused(model([[-1, 0]]), "index -1")
    refused(model([[0, 0, 0]]), "name 3 coordinates of a rank of 2")
    refused(model([[0]], np.uint8), "indices of type UINT8")
    refused(model([0], shape=()), "both need a dimension")


def test_litert_refuses_indices_without_coordinates() -> None:
    assert check(model(np.zeros((2, 0))), "reference@litert-2.3") == 12
    x, index = Operand(np.zeros((2, 3), np.float32)), Operand(np.zeros((2, 0), np.int32))
    case = OneOp(BuiltinOperator.GATHER_ND, [x, index], [movement.like(x)], GatherNdOptions())
    assert check(case) == 12
    with pytest.raises(RuntimeError, match="out of bounds"):
        oracle.outputs(to_bytes(case.model()), case.feeds(), kernels="reference@litert-2.3")
    with pytest.raises(UnsupportedError, match="without coordinates"):
        Interpreter(case.model(), kernels="reference@litert-2.3").allocate_tensors()
