from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, UnsupportedError
from qcore.auditor.ledger.stepper import Stepper
from qcore.errors import ModelError, ShapeError
from qcore.numerics.trace import Kept
from tests.auditor.ledger.models import network, pair, samples
from tests.graphs import GraphBuilder, chain_of_adds, empty_model, values
from tflite_schema import AddOptions, BuiltinOperator, IfOptions


@pytest.mark.parametrize("recipe", ["int8", "int16x8", "dynamic_range", "float16"])
def test_a_run_in_steps_gives_every_tensor_of_a_run(recipe: str) -> None:
    model, _ = pair(recipe)
    interpreter, stepper = Interpreter(model), Stepper(model)
    for x in samples(2):
        interpreter.run(x)
        run = stepper.prepare([x.shape])
        run[model.main.inputs[0]] = x
        stepper.run(run)
        for operator in model.main.operators:
            np.testing.assert_array_equal(run[operator.outputs[0]], interpreter.get_tensor(operator.outputs[0]))


def test_an_operator_runs_on_any_operands_and_shows_its_steps() -> None:
    stepper, trace = Stepper(chain_of_adds()), Kept()
    constants = stepper.prepare([(1, 3)])
    assert list(constants) == [1]
    (y,) = stepper.results(1, {2: values([1, 2, 3]), 0: values([10, 20, 30])}, trace)
    np.testing.assert_array_equal(y, values([11, 22, 33]))
    np.testing.assert_array_equal(stepper.results(0, {0: values([1, 2, 3])})[0], values([2, 3, 4]))


def test_shapes_may_change_from_run_to_run() -> None:
    stepper = Stepper(chain_of_adds((1, 3), (-1, 3)))
    for rows in (1, 4):
        run = stepper.prepare([(rows, 3)])
        run[0] = np.ones((rows, 3), np.float32)
        stepper.run(run)
        np.testing.assert_array_equal(run[3], np.full((rows, 3), 3, np.float32))


def test_the_last_operators_run_alone() -> None:
    stepper = Stepper(network())
    x = samples(1)[0]
    whole = stepper.prepare([x.shape])
    whole[0] = x
    stepper.run(whole)
    y = stepper.model.main.outputs[0]
    part = {tensor: value for tensor, value in whole.items() if tensor != y}
    stepper.run(part, first=5)
    np.testing.assert_array_equal(part[y], whole[y])


def test_an_operator_with_a_state_is_refused() -> None:
    model = empty_model()
    g = GraphBuilder(model, "main")
    x, state, y = (g.tensor(np.float32, (1, 3)) for _ in range(3))
    g.graph.tensors[state].is_variable = True
    g.op(BuiltinOperator.ADD, (x, state), (y,), AddOptions())
    g.done((x,), (y,))
    with pytest.raises(UnsupportedError, match=r"subgraph 0, operator 0 ADD: has a state"):
        Stepper(model)


def test_an_operator_that_runs_another_graph_is_refused() -> None:
    model = empty_model()
    g = GraphBuilder(model, "main")
    yes, x, y = g.tensor(np.bool_), g.tensor(np.float32, (1, 3)), g.tensor(np.float32, (1, 3))
    g.op(BuiltinOperator.IF, (yes, x), (y,), IfOptions(then_subgraph_index=1, else_subgraph_index=1))
    g.done((yes, x), (y,))
    branch = GraphBuilder(model, "branch")
    a, b = branch.tensor(np.float32, (1, 3)), branch.tensor(np.float32, (1, 3))
    branch.op(BuiltinOperator.ADD, (a, a), (b,), AddOptions())
    branch.done((a,), (b,))
    with pytest.raises(UnsupportedError, match="operator 0 IF: it has a state or runs another graph"):
        Stepper(model).prepare([(), (1, 3)])


def test_errors_name_the_operator() -> None:
    stepper = Stepper(chain_of_adds())
    stepper.prepare([(1, 3)])
    with pytest.raises((ModelError, ShapeError), match="operator 1 ADD"):
        stepper.results(1, {2: values([1, 2, 3]), 0: values([1, 2])})
