from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from qcore.ir import Operator, Subgraph, Tensor, tensor_type
from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import (
    AddOptions,
    BuiltinOperator,
    ConcatenationOptions,
    GatherOptions,
    TensorType,
    WhileOptions,
)

# The state: turn, one, go on?, x, y. The table says turn by turn whether to go on.
NAMES = ("turn", "one", "goes", "x", "y")


def tensors(operands: list[Operand]) -> list[Tensor]:
    return [
        Tensor(name, (), tensor_type(operand.value.dtype), 0, operand.quant)
        for name, operand in zip(NAMES, operands, strict=True)
    ]


def condition(operands: list[Operand]) -> Subgraph:
    """goes[turn]"""
    made = [*tensors(operands), Tensor("go", (), TensorType.BOOL)]
    lookup = Operator(BuiltinOperator.GATHER, (2, 0), (5,), GatherOptions())
    return Subgraph("condition", made, [lookup], (0, 1, 2, 3, 4), (5,))


def body(operands: list[Operand], step: BuiltinOperator | None, options: Any) -> Subgraph:
    """turn + one, and x = x step y, if there is a step; what does not change is passed on."""
    x = operands[3]
    made = [
        *tensors(operands),
        Tensor("next turn", (), TensorType.INT32),
        Tensor("next x", (), tensor_type(x.value.dtype), 0, x.quant),
    ]
    operators = [Operator(BuiltinOperator.ADD, (0, 1), (5,), AddOptions())]
    if step is None:
        return Subgraph("body", made[:-1], operators, (0, 1, 2, 3, 4), (5, 1, 2, 3, 4))
    operators.append(Operator(step, (3, 4), (6,), options))
    return Subgraph("body", made, operators, (0, 1, 2, 3, 4), (5, 1, 2, 6, 4))


def loop(turns: int, x: Operand, y: Operand, step: BuiltinOperator | None, options: Any) -> OneOp:
    goes = np.array([True] * turns + [False])
    operands = [Operand(np.array(0, np.int32)), Operand(np.array(1, np.int32)), Operand(goes), x, y]
    results = [movement.like(operand) for operand in operands]
    graphs = [condition(operands), body(operands, step, options)]
    indices = WhileOptions(cond_subgraph_index=1, body_subgraph_index=2)
    return OneOp(BuiltinOperator.WHILE, operands, results, indices, graphs=graphs)


@st.composite
def loops(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 3, 4))
    x = draw(movement.operand(shape, dtype))
    y = Operand(draw(movement.values(shape, dtype)), x.scale, x.zero_point)
    if dtype is np.bool_:
        return loop(draw(st.integers(0, 5)), x, y, BuiltinOperator.LOGICAL_OR, None)
    if dtype is object:
        return loop(0, x, y, None, None)  # TensorFlow's interpreter cannot read texts that went through a turn
    grows = draw(st.booleans())
    step = BuiltinOperator.CONCATENATION if grows else BuiltinOperator.ADD
    options = ConcatenationOptions(axis=0) if grows else AddOptions()
    return loop(draw(st.integers(0, 5)), x, y, step, options)


CASES = movement.cases(loops, "float32", "int32", "int8", "bool", "string")
test_matches_reference = matches_reference(CASES)

X = Operand(np.array([1, 2], np.int32))


def test_by_hand() -> None:
    case = loop(4, X, Operand(np.array([10, 20], np.int32)), BuiltinOperator.ADD, AddOptions())
    assert Interpreter(case.model()).run(case.feeds())[3].tolist() == [41, 82]
    assert check(case) == 11


def test_a_loop_that_does_not_end_is_refused() -> None:
    case = loop(4, X, X, BuiltinOperator.ADD, AddOptions())
    Interpreter(case.model(), max_calls=9).run(case.feeds())  # four turns, and the condition once more
    with pytest.raises(ModelError, match=r"subgraph 0, operator 0 WHILE: the run has invoked .* max_calls = 8 times"):
        Interpreter(case.model(), max_calls=8).run(case.feeds())


def test_refusals() -> None:
    case = loop(1, X, X, BuiltinOperator.ADD, AddOptions())
    options = WhileOptions(cond_subgraph_index=1, body_subgraph_index=1)
    refused(OneOp(case.code, case.operands, case.results, options, graphs=case.graphs), "are one subgraph")
    options = WhileOptions(cond_subgraph_index=2, body_subgraph_index=1)
    refused(OneOp(case.code, case.operands, case.results, options, graphs=case.graphs), "the condition .* has outputs")
    short = case.results[:4]
    refused(OneOp(case.code, case.operands, short, case.options, graphs=case.graphs), "operands and results differ")


def test_a_condition_of_two_elements_is_refused() -> None:
    made = [Tensor("x", (2,), TensorType.BOOL)]
    itself = Subgraph("cond", made, [], (0,), (0,))
    again = Subgraph("body", [Tensor("x", (2,), TensorType.BOOL)], [], (0,), (0,))
    options = WhileOptions(cond_subgraph_index=1, body_subgraph_index=2)
    x = Operand(np.array([True, False]))
    case = OneOp(BuiltinOperator.WHILE, [x], [Result(np.bool_)], options, graphs=[itself, again])
    refused(case, r"the condition returned shape \(2,\)", theirs=False)
