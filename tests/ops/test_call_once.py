from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests import strategies
from tests.graphs import GraphBuilder, empty_model
from tests.movement import same_as_tflite
from tests.one_op import InModel, OneOp, matches_reference
from tflite_schema import (
    AddOptions,
    AssignVariableOptions,
    BuiltinOperator,
    CallOnceOptions,
    ReadVariableOptions,
    TensorType,
    VarHandleOptions,
)


def counter(index: int = 1, dtype: Any = np.float32, start_at: int = 10, size: int = 2) -> Model:
    """Counts its runs: a variable is set to 10 once, then one is added in every run."""
    model = empty_model()
    main = GraphBuilder(model, "main")
    handle, before = main.tensor(TensorType.RESOURCE), main.tensor(dtype, (size,))
    one, after = main.tensor(dtype, value=np.ones(size, dtype)), main.tensor(dtype, (size,))
    name = VarHandleOptions(container="c", shared_name="counter")
    main.op(BuiltinOperator.CALL_ONCE, [], [], CallOnceOptions(init_subgraph_index=index))
    main.op(BuiltinOperator.VAR_HANDLE, [], [handle], name)
    main.op(BuiltinOperator.READ_VARIABLE, [handle], [before], ReadVariableOptions())
    main.op(BuiltinOperator.ADD, [before, one], [after], AddOptions())
    main.op(BuiltinOperator.ASSIGN_VARIABLE, [handle, after], [], AssignVariableOptions())
    main.done([], [after])
    start = GraphBuilder(model, "start")
    handle, ten = start.tensor(TensorType.RESOURCE), start.tensor(dtype, value=np.full(size, start_at, dtype))
    start.op(BuiltinOperator.VAR_HANDLE, [], [handle], name)
    start.op(BuiltinOperator.ASSIGN_VARIABLE, [handle, ten], [], AssignVariableOptions())
    start.done()
    return model


@st.composite
def counters(draw: st.DrawFn, dtype: Any) -> OneOp:
    model = counter(1, dtype, draw(st.integers(-1000, 1000)), draw(strategies.batch(8)))
    return InModel.of(BuiltinOperator.CALL_ONCE, model, [], invocations=draw(st.integers(1, 4)))


CASES = {"float32": counters(np.float32), "int32": counters(np.int32)}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize("runs", [1, 2, 5])
def test_the_graph_runs_the_first_time_only(runs: int) -> None:
    (count,) = same_as_tflite(counter(), [], runs)
    assert count.tolist() == [10 + runs] * 2


def test_refusals() -> None:
    with pytest.raises(ModelError, match="operator 0 CALL_ONCE: invokes subgraph 0, which is running"):
        Interpreter(counter(0)).allocate_tensors()
    with pytest.raises(ModelError, match="subgraph 2 does not exist"):
        Interpreter(counter(2)).allocate_tensors()
