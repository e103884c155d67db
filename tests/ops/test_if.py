from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.ir import Operator, QuantParams, Subgraph, Tensor, tensor_type
from tests import movement
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tflite_schema import (
    AddOptions,
    BuiltinOperator,
    ConcatenationOptions,
    IfOptions,
    MulOptions,
    TensorType,
)


def binary(code: BuiltinOperator, options: Any, dtype: Any, quants: list[QuantParams | None]) -> Subgraph:
    """A graph of one operator with two operands; quants are those of a, b and the result."""
    names = ("a", "b", "y")
    tensors = [Tensor(name, (), tensor_type(dtype), 0, q) for name, q in zip(names, quants, strict=True)]
    return Subgraph(code.name, tensors, [Operator(code, (0, 1), (2,), options)], (0, 1), (2,))


def identity(dtype: Any, position: int, quants: list[QuantParams | None]) -> Subgraph:
    """A graph that returns one of its operands."""
    tensors = [Tensor(name, (), tensor_type(dtype), 0, q) for name, q in zip(("a", "b"), quants, strict=True)]
    return Subgraph("identity", tensors, [], (0, 1), (position,))


@st.composite
def branches(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 4))
    a, b = draw(movement.operand(shape, dtype)), draw(movement.operand(shape, dtype))
    y = Result(dtype)
    if a.scale is not None:
        b = Operand(b.value, a.scale, a.zero_point)
        y = Result(dtype, a.scale, a.zero_point)
    quants = [a.quant, b.quant, y.quant]
    graphs = [
        binary(BuiltinOperator.ADD, AddOptions(), dtype, quants),
        binary(BuiltinOperator.MUL, MulOptions(), dtype, quants),
        binary(BuiltinOperator.CONCATENATION, ConcatenationOptions(axis=0), dtype, quants),
    ]
    chosen = draw(st.permutations([1, 2, 3]))[:2]
    options = IfOptions(then_subgraph_index=chosen[0], else_subgraph_index=chosen[1])
    condition = Operand(np.array(draw(st.booleans())).reshape(draw(st.sampled_from([(), (1,)]))))
    return OneOp(BuiltinOperator.IF, [condition, a, b], [y], options, graphs=graphs)


CASES = movement.cases(branches, "float32", "int32", "int8", "uint8")
test_matches_reference = matches_reference(CASES)


def model(condition: Any, graphs: list[Subgraph], then: int = 1, other: int = 2) -> OneOp:
    operands = [Operand(np.asarray(condition)), *[Operand(np.arange(3, dtype=np.float32) + i) for i in range(2)]]
    options = IfOptions(then_subgraph_index=then, else_subgraph_index=other)
    return OneOp(BuiltinOperator.IF, operands, [Result(np.float32)], options, graphs=graphs)


ADD = binary(BuiltinOperator.ADD, AddOptions(), np.float32, [None] * 3)


def test_a_branch_may_return_its_operand() -> None:
    for condition in (True, False):
        graphs = [ADD, identity(np.float32, 1, [None] * 2)]
        assert check(model(np.array(condition), graphs)) == 3


def test_refusals() -> None:
    refused(model(np.array(True), [ADD], other=2), "subgraph 2 does not exist; the model has 2")
    refused(model(np.array(True), [ADD], other=-1), "subgraph -1 does not exist", theirs=False)
    refused(model(np.array([True, False]), [ADD, ADD]), "expected one element")
    refused(model(np.array(1), [ADD, ADD]), "no int64 kernel")
    single = Subgraph("single", [Tensor("a", (), TensorType.FLOAT32)], [], (0,), (0,))
    refused(
        model(np.array(True), [ADD, single]),
        "the else-branch .subgraph 2. has inputs FLOAT32; expected FLOAT32, FLOAT32",
    )
    wrong = binary(BuiltinOperator.ADD, AddOptions(), np.int32, [None] * 3)
    refused(model(np.array(True), [ADD, wrong]), "has inputs INT32, INT32", theirs=False)


def test_a_graph_that_calls_itself_is_refused() -> None:
    options = IfOptions(then_subgraph_index=1, else_subgraph_index=1)
    tensors = [Tensor("c", (), TensorType.BOOL), Tensor("y", (), TensorType.BOOL)]
    itself = Subgraph("itself", tensors, [Operator(BuiltinOperator.IF, (0, 0), (1,), options)], (0,), (1,))
    condition = Operand(np.array(True))
    case = OneOp(BuiltinOperator.IF, [condition, condition], [Result(np.bool_)], options, graphs=[itself])
    refused(case, "the model calls itself", theirs=False)
