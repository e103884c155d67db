from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import region
from tflite_schema import BuiltinOperator, StablehloCaseOptions

CODE = BuiltinOperator.STABLEHLO_CASE
BODIES = (BuiltinOperator.STABLEHLO_ADD, BuiltinOperator.STABLEHLO_MULTIPLY, BuiltinOperator.STABLEHLO_MAXIMUM)


def model(index: Any, a: Operand, b: Operand, branches: Any = (1, 2, 3)) -> OneOp:
    dtype = a.value.dtype
    graphs = [region(body, dtype) for body in BODIES]
    options = StablehloCaseOptions(branch_subgraph_indices=np.array(branches, np.int32))
    return OneOp(CODE, [Operand(index), a, b], [Result(dtype)], options, graphs=graphs, optimized=True)


@st.composite
def case(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 4))
    a, b = (Operand(draw(movement.values(shape, dtype))) for _ in range(2))
    index = np.array(draw(st.integers(-2, 5)), np.int32).reshape(draw(st.sampled_from([(), (1,)])))
    return model(index, a, b, draw(st.permutations([1, 2, 3])))


CASES = {"int32": st.one_of(case(np.float32), case(np.int32), case(np.int8), case(np.int64))}
test_matches_reference = matches_reference(CASES)

A, B = Operand(np.array([1, 2, 3], np.float32)), Operand(np.array([2, 2, 2], np.float32))


def test_other_indices_take_the_last_branch() -> None:
    for index in (-(2**31), -1, 0, 1, 2, 3, 2**31 - 1):
        assert check(model(np.array(index, np.int32), A, B)) == 3


def test_refusals() -> None:
    zero = np.array(0, np.int32)
    refused(model(np.array(0, np.int64), A, B), "no int64 kernel")
    refused(model(np.zeros(2, np.int32), A, B), "expected one element")
    refused(model(zero, A, B, ()), "no branches")
    refused(model(zero, A, B, (1, 2, 4)), "subgraph 4 does not exist", theirs=False)
    scaled = Operand(np.zeros(3, np.int8), 0.5)
    refused(model(zero, scaled, scaled), "has other scales than tensor 1", theirs=False)
