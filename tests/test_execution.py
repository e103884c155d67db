from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import ModelError, ShapeError, StateError
from qcore.execution import Program, Step
from qcore.ir import QuantParams, Tensor
from tests.graphs import chain_of_adds, int8_add, values
from tflite_schema import TensorType


def run(program: Program, *inputs: Any) -> list[Any]:
    return program.invoke(0, list(inputs))


def test_a_program_runs_in_order_and_keeps_every_value() -> None:
    program = Program(chain_of_adds())
    (y,) = run(program, values([1, 2, 3]))
    np.testing.assert_array_equal(y, values([3, 5, 7]))
    np.testing.assert_array_equal(program.graphs[0].value(2), values([2, 3, 4]))


def test_the_observer_sees_every_operator() -> None:
    program = Program(chain_of_adds())
    seen: list[tuple[int, int, int]] = []

    def observe(subgraph: int, step: Step, operands: list[Any], results: list[Any]) -> None:
        seen.append((subgraph, step.index, len(operands)))

    program.observer = observe
    run(program, values([1, 2, 3]))
    assert seen == [(0, 0, 2), (0, 1, 2)]


def test_other_shapes_prepare_again() -> None:
    program = Program(chain_of_adds())
    assert run(program, np.zeros((2, 3), np.float32))[0].shape == (2, 3)
    assert run(program, np.zeros((4, 5), np.float32))[0].shape == (4, 5)


def test_shapes_that_do_not_fit_are_refused_with_the_place() -> None:
    model = int8_add()
    model.main.tensors[1].shape = (3, 4)
    with pytest.raises(ShapeError, match="subgraph 0, operator 0 ADD: shapes"):
        Program(model).graphs[0].allocate()


def test_a_shape_made_to_exhaust_memory_is_refused() -> None:
    model = chain_of_adds()
    model.main.tensors[0].shape = (1 << 20, 1 << 20)
    with pytest.raises(ShapeError, match=r"subgraph 0, input 0 'x' of shape .* more than max_tensor_bytes"):
        Program(model).graphs[0].allocate()


def test_wrong_number_of_inputs() -> None:
    with pytest.raises(ShapeError, match="takes 1 inputs, got 2"):
        run(Program(chain_of_adds()), values([1]), values([2]))


def test_run_before_allocate() -> None:
    with pytest.raises(StateError, match="allocate_tensors"):
        Program(chain_of_adds()).graphs[0].run()


def test_a_subgraph_that_does_not_exist() -> None:
    with pytest.raises(ModelError, match="subgraph 4 does not exist"):
        Program(chain_of_adds()).invoke(4, [])


def test_variables_start_at_their_zero_point() -> None:
    model = int8_add()
    model.main.tensors.append(Tensor("state", (2, 2), TensorType.INT8, 0, QuantParams.of(1.0, -5), is_variable=True))
    graph = Program(model).graphs[0]
    graph.allocate()
    np.testing.assert_array_equal(graph.value(3), np.full((2, 2), -5, np.int8))
    graph.value(3)[:] = 9
    graph.reset_variables()
    assert (graph.value(3) == -5).all()
