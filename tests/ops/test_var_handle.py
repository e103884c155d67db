from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from tests.graphs import GraphBuilder, empty_model
from tests.movement import same_as_tflite
from tests.one_op import InModel, OneOp, matches_reference
from tflite_schema import (
    AssignVariableOptions,
    BuiltinOperator,
    ReadVariableOptions,
    TensorType,
    VarHandleOptions,
)


def two_variables(names: list[tuple[str, str]]) -> Model:
    """Assigns 1 to the first variable and 2 to the second, then reads the first."""
    model = empty_model()
    main = GraphBuilder(model, "main")
    handles = [main.tensor(TensorType.RESOURCE) for _ in names]
    for content, (handle, (container, shared_name)) in enumerate(zip(handles, names, strict=True), 1):
        options = VarHandleOptions(container=container, shared_name=shared_name)
        main.op(BuiltinOperator.VAR_HANDLE, [], [handle], options)
        value = main.tensor(np.int32, value=np.array([content], np.int32))
        main.op(BuiltinOperator.ASSIGN_VARIABLE, [handle, value], [], AssignVariableOptions())
    y = main.tensor(np.int32, (1,))
    main.op(BuiltinOperator.READ_VARIABLE, [handles[0]], [y], ReadVariableOptions())
    main.done([], [y])
    return model


@st.composite
def variables(draw: st.DrawFn) -> OneOp:
    """Containers and names out of few, so that handles are often the same."""
    few = st.sampled_from(["", "a", "b"])
    names = draw(st.lists(st.tuples(few, few), min_size=1, max_size=2))
    return InModel.of(BuiltinOperator.VAR_HANDLE, two_variables(names), [])


CASES = {"any": variables()}
test_matches_reference = matches_reference(CASES)


@pytest.mark.parametrize(
    ("names", "expected"),
    [([("", "a"), ("", "b")], 1), ([("", "a"), ("", "a")], 2), ([("c", "a"), ("d", "a")], 1)],
)
def test_container_and_name_make_the_variable(names: list[tuple[str, str]], expected: int) -> None:
    (y,) = same_as_tflite(two_variables(names), [])
    assert y.tolist() == [expected]


def test_the_result_is_a_resource() -> None:
    model = empty_model()
    main = GraphBuilder(model, "main")
    main.op(BuiltinOperator.VAR_HANDLE, [], [main.tensor(np.int32)], VarHandleOptions())
    main.done()
    with pytest.raises(ModelError, match="the result is INT32, expected RESOURCE"):
        Interpreter(model).allocate_tensors()
