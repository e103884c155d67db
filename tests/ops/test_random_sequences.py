"""Where TFLite's random sequences start again: after a resize, and behind a result whose shape changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.drawing import case as random_case
from tests.graphs import GraphBuilder, content, empty_model
from tests.ops.test_multinomial import case as multinomial_case
from tests.questions import Question, all_of, allocate, get, invoke, resize, same_answer, sequence, set_to
from tflite_schema import AddOptions, BuiltinOperator, GreaterOptions, IfOptions, RandomOptions, WhileOptions


def random_graph(code: BuiltinOperator) -> bytes:
    """Two fixed draws around one whose shape is fed, beside an input that has nothing to do with them."""
    model = empty_model()
    graph = GraphBuilder(model, "main")
    fixed, fed = graph.tensor(np.int32, value=[3]), graph.tensor(np.int32, (1,))
    x, total = graph.tensor(np.float32, (2,)), graph.tensor(np.float32, (2,))
    drawn = [graph.tensor(np.float32, (3,)) for _ in range(3)]
    graph.op(code, [fixed], [drawn[0]], RandomOptions(seed=1, seed2=2))
    graph.op(BuiltinOperator.ADD, [x, x], [total], AddOptions())
    graph.op(code, [fed], [drawn[1]], RandomOptions(seed=1, seed2=2))
    graph.op(code, [fixed], [drawn[2]], RandomOptions(seed=5, seed2=0))
    graph.done([x, fed], [total, *drawn])
    return content(model)


def draw(count: int = 5, size: int = 2) -> Question:
    def question(i: Any) -> Any:
        x, fed = (detail["index"] for detail in i.get_input_details())
        i.set_tensor(x, np.ones(size, np.float32))
        i.set_tensor(fed, np.array([count], np.int32))
        i.invoke()
        return [np.round(i.get_tensor(detail["index"]), 5) for detail in i.get_output_details()]

    return question


SEQUENCES: dict[str, Question] = {
    "invoke again": all_of(allocate, draw(), draw()),
    "allocate again": all_of(allocate, draw(), allocate, draw()),
    "reset variables": all_of(allocate, draw(), lambda i: i.reset_all_variables(), draw()),
    "resize": all_of(allocate, draw(), resize(2, [4]), allocate, draw(5, 4), draw(5, 4)),
    "resize to the same": all_of(allocate, draw(), resize(2, [2]), allocate, draw()),
    "resize and back": all_of(allocate, draw(), resize(2, [4]), resize(2, [2]), allocate, draw()),
    "draw another number": all_of(allocate, draw(5), draw(7), draw(7), draw(5)),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("code", [BuiltinOperator.RANDOM_UNIFORM, BuiltinOperator.RANDOM_STANDARD_NORMAL])
def test_where_a_random_sequence_starts_again(code: BuiltinOperator, name: str) -> None:
    same_answer(random_graph(code), SEQUENCES[name])


def test_where_a_multinomial_sequence_starts_again() -> None:
    def draws(batch: int) -> Question:
        given = (set_to(np.zeros((batch, 10), np.float32)), set_to(np.array(6, np.int32), 1))
        return sequence(*given, invoke, get(2))

    model = content(multinomial_case(np.zeros((1, 10)), 6, (3, 4), stored=False).model())
    same_answer(model, all_of(allocate, draws(1), draws(1), resize(0, [2, 10]), allocate, draws(2), draws(2)))
    same_answer(model, all_of(allocate, draws(1), allocate, draws(1)))
    stored = content(random_case(BuiltinOperator.RANDOM_UNIFORM, [3], 1, 2).model())
    same_answer(stored, all_of(allocate, invoke, get(1), allocate, allocate, invoke, get(1)))


def branch(stored: bool) -> bytes:
    """A draw in both branches of an IF; its shape is stored, or the branch's operand."""
    model = empty_model()
    main, inner = GraphBuilder(model, "main"), GraphBuilder(model, "branch")
    inputs, result = [main.tensor(np.bool_, ()), main.tensor(np.int32, (1,))], main.tensor(np.float32, (3,))
    main.op(BuiltinOperator.IF, inputs, [result], IfOptions(then_subgraph_index=1, else_subgraph_index=1))
    main.done(inputs, [result])
    count = inner.tensor(np.int32, (1,))
    shape, drawn = inner.tensor(np.int32, value=[3]) if stored else count, inner.tensor(np.float32, (3,))
    inner.op(BuiltinOperator.RANDOM_UNIFORM, [shape], [drawn], RandomOptions(seed=1, seed2=2))
    inner.done([count], [drawn])
    return content(model)


def loop() -> bytes:
    """As many draws added up as operand 0 says."""
    model = empty_model()
    main, condition, body = (GraphBuilder(model, name) for name in ("main", "condition", "body"))
    inputs, results = ([graph.tensor(np.int32, (1,)), graph.tensor(np.float32, (3,))] for graph in (main, main))
    main.op(BuiltinOperator.WHILE, inputs, results, WhileOptions(cond_subgraph_index=1, body_subgraph_index=2))
    main.done(inputs, results)
    left, total = condition.tensor(np.int32, (1,)), condition.tensor(np.float32, (3,))
    zero, goes_on = condition.tensor(np.int32, value=[0]), condition.tensor(np.bool_, (1,))
    condition.op(BuiltinOperator.GREATER, [left, zero], [goes_on], GreaterOptions())
    condition.done([left, total], [goes_on])
    left, total = body.tensor(np.int32, (1,)), body.tensor(np.float32, (3,))
    less, shape = body.tensor(np.int32, value=[-1]), body.tensor(np.int32, value=[3])
    rest, drawn, more = body.tensor(np.int32, (1,)), body.tensor(np.float32, (3,)), body.tensor(np.float32, (3,))
    body.op(BuiltinOperator.ADD, [left, less], [rest], AddOptions())
    body.op(BuiltinOperator.RANDOM_UNIFORM, [shape], [drawn], RandomOptions(seed=1, seed2=2))
    body.op(BuiltinOperator.ADD, [total, drawn], [more], AddOptions())
    body.done([left, total], [rest, more])
    return content(model)


def run(result: int, *inputs: Any) -> Question:
    return sequence(*(set_to(np.array(value), index) for index, value in enumerate(inputs)), invoke, get(result))


def test_a_sequence_in_a_branch_starts_again_in_every_run() -> None:
    draws = [run(2, True, np.array([count], np.int32)) for count in (3, 3, 5, 5, 3)]
    for stored in (True, False):
        same_answer(branch(stored), all_of(allocate, *draws))


def test_a_sequence_in_a_loop_goes_on_from_turn_to_turn() -> None:
    turns = [run(3, np.array([count], np.int32), np.zeros(3, np.float32)) for count in (1, 1, 2, 3, 1)]
    same_answer(loop(), all_of(allocate, *turns))
