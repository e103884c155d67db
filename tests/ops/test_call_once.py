from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests.graphs import GraphBuilder, empty_model
from tests.movement import same_as_tflite
from tflite_schema import (
    AddOptions,
    AssignVariableOptions,
    BuiltinOperator,
    CallOnceOptions,
    ReadVariableOptions,
    TensorType,
    VarHandleOptions,
)


def counter(index: int = 1) -> Model:
    """Counts its runs: a variable is set to 10 once, then one is added in every run."""
    model = empty_model()
    main = GraphBuilder(model, "main")
    handle, before = main.tensor(TensorType.RESOURCE), main.tensor(np.float32, (2,))
    one, after = main.tensor(np.float32, value=np.ones(2, np.float32)), main.tensor(np.float32, (2,))
    name = VarHandleOptions(container="c", shared_name="counter")
    main.op(BuiltinOperator.CALL_ONCE, [], [], CallOnceOptions(init_subgraph_index=index))
    main.op(BuiltinOperator.VAR_HANDLE, [], [handle], name)
    main.op(BuiltinOperator.READ_VARIABLE, [handle], [before], ReadVariableOptions())
    main.op(BuiltinOperator.ADD, [before, one], [after], AddOptions())
    main.op(BuiltinOperator.ASSIGN_VARIABLE, [handle, after], [], AssignVariableOptions())
    main.done([], [after])
    start = GraphBuilder(model, "start")
    handle, ten = start.tensor(TensorType.RESOURCE), start.tensor(np.float32, value=np.full(2, 10, np.float32))
    start.op(BuiltinOperator.VAR_HANDLE, [], [handle], name)
    start.op(BuiltinOperator.ASSIGN_VARIABLE, [handle, ten], [], AssignVariableOptions())
    start.done()
    return model


@pytest.mark.parametrize("runs", [1, 2, 5])
def test_the_graph_runs_the_first_time_only(runs: int) -> None:
    (count,) = same_as_tflite(counter(), [], runs)
    assert count.tolist() == [10 + runs] * 2


def test_refusals() -> None:
    with pytest.raises(ModelError, match="operator 0 CALL_ONCE: the graph calls itself"):
        Interpreter(counter(0)).allocate_tensors()
    with pytest.raises(ModelError, match="subgraph 2 does not exist"):
        Interpreter(counter(2)).allocate_tensors()
