from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore import Interpreter
from qcore.ir import Operator, Subgraph, Tensor, tensor_type
from tests import movement, strategies
from tests.movement import refused
from tests.one_op import OneOp, Operand, Result, check, matches_reference
from tests.stablehlo import region
from tflite_schema import AddOptions, BuiltinOperator, ConcatenationOptions, StableHLOCompositeOptions

CODE = BuiltinOperator.STABLEHLO_COMPOSITE


def options(index: int = 1) -> StableHLOCompositeOptions:
    attributes = np.zeros(0, np.uint8)
    return StableHLOCompositeOptions(
        name="custom.sum", decomposition_subgraph_index=index, composite_attributes=attributes, version=1
    )


@st.composite
def composite(draw: st.DrawFn, dtype: Any) -> OneOp:
    shape = draw(movement.shape(1, 4, 4))
    a, b = draw(movement.operand(shape, dtype)), draw(movement.operand(shape, dtype))
    y = Result(dtype, draw(strategies.scales()), draw(strategies.zero_points(dtype))) if a.scale else Result(dtype)
    if dtype is np.int8:
        step = max(a.scale, b.scale) * 2.0**-13
        y = Result(dtype, y.scale + step, y.zero_point)
    body = draw(st.sampled_from([BuiltinOperator.ADD, BuiltinOperator.STABLEHLO_ADD, None]))
    graph = region(body, dtype, AddOptions() if body == BuiltinOperator.ADD else None)
    for tensor, quant in zip(graph.tensors, (a.quant, b.quant, y.quant), strict=False):
        tensor.quant = quant
    return OneOp(CODE, [a, b], [y], options(), graphs=[graph])


CASES = movement.cases(composite, "float32", "int32", "int8")
test_matches_reference = matches_reference(CASES)


def test_its_results_may_have_any_shape() -> None:
    tensors = [Tensor(name, (), tensor_type(np.float32)) for name in ("a", "b", "y", "z")]
    operators = [
        Operator(BuiltinOperator.CONCATENATION, (0, 1, 0), (2,), ConcatenationOptions(axis=0)),
        Operator(BuiltinOperator.ADD, (2, 2), (3,), AddOptions()),
    ]
    graph = Subgraph("decomposition", tensors, operators, (0, 1), (2, 3, 1))
    operands = [Operand(np.arange(3, dtype=np.float32)), Operand(np.arange(5, dtype=np.float32))]
    case = OneOp(CODE, operands, [Result(np.float32)] * 3, options(), graphs=[graph])
    assert check(case) == 27
    assert Interpreter(case.model()).run(case.feeds())[1].tolist() == [0, 2, 4, 0, 2, 4, 6, 8, 0, 2, 4]


def test_refusals() -> None:
    x = Operand(np.zeros(3, np.float32))
    graph = region(BuiltinOperator.STABLEHLO_ADD, np.float32)
    refused(OneOp(CODE, [x, x], [Result(np.float32)], options(2), graphs=[graph]), "subgraph 2 does not exist")
    refused(OneOp(CODE, [x], [Result(np.float32)], options(), graphs=[graph]), "has inputs FLOAT32, FLOAT32")
    refused(OneOp(CODE, [x, x], [Result(np.float32)] * 2, options(), graphs=[graph]), "has outputs FLOAT32")
    refused(OneOp(CODE, [x, x], [Result(np.float32)], options(0)), "calls itself", theirs=False)
    narrow = region(BuiltinOperator.STABLEHLO_ADD, np.int32)
    refused(OneOp(CODE, [x, x], [Result(np.float32)], options(), graphs=[narrow]), "INT32", theirs=False)
