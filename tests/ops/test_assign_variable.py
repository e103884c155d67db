from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests import movement
from tests.graphs import GraphBuilder, empty_model
from tests.one_op import InModel, OneOp, matches_reference
from tflite_schema import (
    AssignVariableOptions,
    BuiltinOperator,
    ReadVariableOptions,
    TensorType,
    VarHandleOptions,
)

TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")


def assigned(x: Any, shape: Any = None) -> Model:
    """Assigns its input to a variable and returns what the variable holds."""
    model = empty_model()
    main = GraphBuilder(model, "main")
    given_, handle = main.tensor(x.dtype, x.shape), main.tensor(TensorType.RESOURCE)
    y = main.tensor(x.dtype, x.shape if shape is None else shape)
    main.op(BuiltinOperator.VAR_HANDLE, [], [handle], VarHandleOptions(shared_name="v"))
    main.op(BuiltinOperator.ASSIGN_VARIABLE, [handle, given_], [], AssignVariableOptions())
    main.op(BuiltinOperator.READ_VARIABLE, [handle], [y], ReadVariableOptions())
    main.done([given_], [y])
    return model


@st.composite
def assignment(draw: st.DrawFn, dtype: Any, code: BuiltinOperator = BuiltinOperator.ASSIGN_VARIABLE) -> OneOp:
    """What is assigned is read; the shape may be known at run time only."""
    x = draw(movement.values(draw(movement.shape(1, 4)), dtype))
    shape = draw(st.sampled_from([None, ()]))
    return InModel.of(code, assigned(x, shape), [x], invocations=draw(st.integers(1, 2)))


CASES = movement.cases(assignment, *TYPES)
test_matches_reference = matches_reference(CASES)


def test_a_later_change_of_the_input_does_not_reach_the_variable() -> None:
    x = np.array([1, 2], np.float32)
    runner = Interpreter(assigned(x))
    runner.allocate_tensors()
    runner.set_tensor(0, x)
    runner.invoke()
    runner.tensor(0)()[:] = 7
    assert runner.get_tensor(2).tolist() == [1, 2]


def test_the_handle_is_a_resource() -> None:
    model = empty_model()
    main = GraphBuilder(model, "main")
    x = main.tensor(np.float32, (1,))
    main.op(BuiltinOperator.ASSIGN_VARIABLE, [x, x], [], AssignVariableOptions())
    main.done([x])
    with pytest.raises(UnsupportedError, match="the handle of type FLOAT32"):
        Interpreter(model).allocate_tensors()
