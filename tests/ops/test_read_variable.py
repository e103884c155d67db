from __future__ import annotations

import numpy as np
import pytest

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests import movement, oracle
from tests.graphs import GraphBuilder, content, empty_model
from tests.movement import same_as_tflite
from tests.one_op import matches_reference
from tests.ops.test_assign_variable import TYPES, assigned, assignment
from tflite_schema import BuiltinOperator, ReadVariableOptions, TensorType, VarHandleOptions


def unassigned() -> Model:
    model = empty_model()
    main = GraphBuilder(model, "main")
    handle, y = main.tensor(TensorType.RESOURCE), main.tensor(np.float32, (1,))
    main.op(BuiltinOperator.VAR_HANDLE, [], [handle], VarHandleOptions(shared_name="v"))
    main.op(BuiltinOperator.READ_VARIABLE, [handle], [y], ReadVariableOptions())
    main.done([], [y])
    return model


CASES = {name: assignment(movement.DTYPES[name], BuiltinOperator.READ_VARIABLE) for name in TYPES}
test_matches_reference = matches_reference(CASES)


def test_a_result_without_shape_takes_any() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    (y,) = same_as_tflite(assigned(x, ()), [x])
    assert y.shape == (2, 3)


def test_reading_before_assigning_is_refused() -> None:
    with pytest.raises(RuntimeError):
        oracle.outputs(content(unassigned()), [])
    with pytest.raises(ModelError, match="READ_VARIABLE: variable /v is used before anything was put into it"):
        Interpreter(unassigned()).run([])


def test_a_value_of_another_shape_is_refused() -> None:
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ModelError, match=r"variable /v holds float32\[2, 3\], the result is float32\[3\]"):
        Interpreter(assigned(x, (3,))).run([x])
