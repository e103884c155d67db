from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, ModelError, Op, QCoreError, ShapeError, UnsupportedError, register_custom
from qcore.allocation import Problems, raise_located, require_size
from qcore.ir import Model, Operator, QuantParams, Shape, Subgraph, Tensor
from tests.graphs import GraphBuilder, chain_of_adds, empty_model, values
from tflite_schema import (
    AddOptions,
    BuiltinOperator,
    CallOnceOptions,
    IfOptions,
    Pool2DOptions,
    RandomOptions,
    TensorType,
    WhileOptions,
)

F32 = TensorType.FLOAT32


def six_defects() -> Model:
    """A custom code, a Flex operator, a type, a seed and a builtin without a kernel, one of them in a branch."""
    model = empty_model()
    graph, branch, other = (GraphBuilder(model, name) for name in ("main", "branch", "unreachable"))
    x, condition = graph.tensor(F32, (2, 3)), graph.tensor(np.bool_, ())
    made = [graph.tensor(F32, (2, 3)) for _ in range(4)]
    doubles = [graph.tensor(np.float64, (1, 2, 2, 1)) for _ in range(2)]
    shape, drawn = graph.tensor(np.int32, value=[2, 3]), graph.tensor(F32, (2, 3))
    graph.graph.operators = [
        Operator(BuiltinOperator.CUSTOM, (x,), (made[0],), custom_code="Mystery"),
        Operator(BuiltinOperator.CUSTOM, (made[0],), (made[1],), custom_code="FlexErf"),
        Operator(BuiltinOperator.MAX_POOL_2D, (doubles[0],), (doubles[1],), Pool2DOptions()),
        Operator(BuiltinOperator.RANDOM_UNIFORM, (shape,), (drawn,), RandomOptions(seed=0, seed2=0)),
        Operator(BuiltinOperator.DELEGATE, (made[1],), (made[2],)),
        Operator(
            BuiltinOperator.IF,
            (condition, made[2]),
            (made[3],),
            IfOptions(then_subgraph_index=1, else_subgraph_index=1),
        ),
    ]
    graph.done([x, condition, doubles[0]], [made[3]])
    a, b = branch.tensor(F32, (2, 3)), branch.tensor(F32, (2, 3))
    branch.graph.operators = [Operator(BuiltinOperator.CUSTOM, (a,), (b,), custom_code="Mystery")]
    branch.done([a], [b])
    c = other.tensor(F32, (2, 3))
    other.graph.operators = [Operator(BuiltinOperator.CUSTOM, (c,), (c,), custom_code="NeverRun")]
    other.done([c], [c])
    return model


def test_everything_that_cannot_be_executed_is_said_at_once() -> None:
    interpreter = Interpreter(six_defects())
    for _ in range(2):  # asking again gives the same answer
        with pytest.raises(UnsupportedError) as found:
            interpreter.allocate_tensors()
        said = str(found.value)
        assert (
            "subgraph 0, operator 0 Mystery, subgraph 1, operator 0 Mystery: custom operator 'Mystery' has no" in said
        )
        assert "subgraph 0, operator 1 FlexErf: custom operator 'FlexErf' has no kernel" in said
        assert "subgraph 0, operator 2 MAX_POOL_2D (float64 -> float64): no float64 kernel" in said
        assert "subgraph 0, operator 3 RANDOM_UNIFORM (int32 -> float32): both seeds are 0" in said
        assert "subgraph 0, operator 4 DELEGATE: builtin operator DELEGATE has no kernel" in said
        assert "NeverRun" not in said


def test_a_graph_that_is_not_reached_does_not_matter() -> None:
    model, unreached = chain_of_adds(), six_defects()
    model.subgraphs.append(unreached.subgraphs[2])
    assert Interpreter(model).run(values([1, 2, 3]))[0].tolist() == [[3, 5, 7]]


def test_a_type_without_kernels() -> None:
    model = chain_of_adds()
    model.main.tensors[2].type = TensorType.FLOAT8_E5M2
    with pytest.raises(UnsupportedError, match=r"operator 0 ADD .*: tensor 2 'middle' has type FLOAT8_E5M2"):
        Interpreter(model).allocate_tensors()


# The place of every error --------------------------------------------------------------------------------------------


class Failing:
    """A custom operator that raises where it is told to."""

    def __init__(self, stage: str, error: Exception) -> None:
        self.stage, self.error = stage, error

    def at(self, stage: str) -> None:
        if stage == self.stage:
            raise self.error

    def infer(self, n: Any) -> Any:
        self.at("infer")
        return [n.input(0).shape if self.stage != "dynamic" else None]

    def prepare(self, n: Any) -> Any:
        self.at("prepare")
        self.at("dynamic")

    def run(self, params: Any, inputs: Any, ctx: Any) -> Any:
        self.at("kernel")
        return [] if self.stage == "count" else inputs


ERRORS = [
    ValueError("a"),
    IndexError("b"),
    KeyError("c"),
    OverflowError("d"),
    ZeroDivisionError("e"),
    MemoryError("f"),
    TypeError("g"),
    AttributeError("h"),
    RecursionError("i"),
    AssertionError("j"),
    FloatingPointError("k"),
    np.exceptions.AxisError("l"),
    ModelError("m"),
    ShapeError("n"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("stage", ["infer", "prepare", "dynamic", "kernel", "count"])
def test_every_error_names_the_operator(stage: str, error: Exception) -> None:
    failing = Failing(stage, error)
    register_custom("Failing", Op(infer=failing.infer, prepare=failing.prepare, kernels={"any": failing.run}))
    try:
        tensors = [Tensor("x", (2,), F32), Tensor("y", (2,), F32)]
        operator = Operator(BuiltinOperator.CUSTOM, (0,), (1,), custom_code="Failing")
        interpreter = Interpreter(Model([Subgraph("main", tensors, [operator], (0,), (1,))]))
        with pytest.raises(QCoreError, match="subgraph 0, operator 0 Failing: ") as found:
            interpreter.run(np.zeros(2, np.float32))
        if stage != "count":
            assert isinstance(found.value, type(error) if isinstance(error, QCoreError) else (ModelError, ShapeError))
            assert found.value.__cause__ is error
            assert str(error) in str(found.value)
    finally:
        register_custom("Failing", None)


def test_a_message_that_names_its_operator_is_left_alone() -> None:
    for place in ("subgraph 1, operator 2 ADD: x", "subgraph 1, tensor 2: x", "subgraph 1, input 2 'x' is large"):
        with pytest.raises(ShapeError) as found:
            raise_located(ShapeError(place), "subgraph 0, operator 0 IF")
        assert str(found.value) == place
    with pytest.raises(ModelError, match="subgraph 0, operator 0 IF: subgraph 7 does not exist"):
        raise_located(ModelError("subgraph 7 does not exist"), "subgraph 0, operator 0 IF")


def test_a_missing_scale_names_the_operator() -> None:
    tensors = [Tensor(name, (2,), TensorType.INT8, 0, QuantParams.of(0.5)) for name in "aby"]
    tensors[1].quant = None
    add = Operator(BuiltinOperator.ADD, (0, 1), (2,), AddOptions())
    interpreter = Interpreter(Model([Subgraph("main", tensors, [add], (0, 1), (2,))]))
    with pytest.raises(ModelError, match=r"subgraph 0, operator 0 ADD: tensor 1 'b' .*has no quantization scale"):
        interpreter.allocate_tensors()


def test_problems_are_grouped_by_reason() -> None:
    problems = Problems()
    problems.raise_all()
    for place in ("a", "b", "b"):
        problems.add(UnsupportedError("no kernel"), place)
    problems.add(UnsupportedError("subgraph 0, operator 1 X: no"), "c")
    with pytest.raises(UnsupportedError, match=r"^a, b: no kernel; subgraph 0, operator 1 X: no$"):
        problems.raise_all()


# Sizes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "type_", "fits"),
    [
        ((16,), F32, True),
        ((17,), F32, False),
        ((64,), TensorType.INT8, True),
        ((65,), TensorType.INT8, False),
        ((0, 16), F32, True),
        ((0, 1 << 62), F32, False),
        ((1 << 200,), F32, False),
        ((1,) * 32, F32, True),
        ((1,) * 33, F32, False),
        ((-1,), F32, False),
        ((8,), TensorType.RESOURCE, True),
    ],
)
def test_sizes(shape: tuple[int, ...], type_: TensorType, fits: bool) -> None:
    if fits:
        require_size(shape, type_, "it", 64)
    else:
        with pytest.raises(ShapeError, match="it"):
            require_size(shape, type_, "it", 64)


def huge(n: Any) -> list[Shape]:
    return [(1 << 40,)]


def prepares_never(n: Any) -> None:
    raise AssertionError("prepared before the size was looked at")


def test_sizes_are_looked_at_before_anything_is_prepared() -> None:
    register_custom("Huge", Op(infer=huge, prepare=prepares_never, kernels={"any": lambda p, i, c: i}))
    try:
        tensors = [Tensor("x", (2,), F32), Tensor("y", (2,), F32)]
        operator = Operator(BuiltinOperator.CUSTOM, (0,), (1,), custom_code="Huge")
        with pytest.raises(ShapeError, match=r"operator 0 Huge: a result of shape .* max_tensor_bytes = 1,073,741,824"):
            Interpreter(Model([Subgraph("main", tensors, [operator], (0,), (1,))])).allocate_tensors()
    finally:
        register_custom("Huge", None)


def test_the_limit_can_be_given() -> None:
    x = np.ones((1, 3), np.float32)
    Interpreter(chain_of_adds(), max_tensor_bytes=12).run(x)
    with pytest.raises(ShapeError, match=r"subgraph 0, input 0 'x' .* takes 12 bytes, more than max_tensor_bytes = 11"):
        Interpreter(chain_of_adds(), max_tensor_bytes=11).run(x)


def test_a_variable_and_a_constant_may_not_be_too_large() -> None:
    model = chain_of_adds()
    model.main.tensors.append(Tensor("state", (1 << 20, 1 << 20), F32, is_variable=True))
    with pytest.raises(ShapeError, match="subgraph 0, tensor 4 'state' of shape"):
        Interpreter(model).allocate_tensors()
    model = chain_of_adds()
    model.main.tensors[1].shape = (1 << 20, 1 << 20)
    with pytest.raises(ShapeError, match="subgraph 0, tensor 1 'one' of shape"):
        Interpreter(model).allocate_tensors()


# Graphs that call each other ------------------------------------------------------------------------------------------


def calling(*edges: tuple[int, ...]) -> Model:
    """Graph i runs CALL_ONCE on each graph of edges[i]."""
    model = empty_model()
    for called in edges:
        graph = GraphBuilder(model, "")
        for index in called:
            graph.op(BuiltinOperator.CALL_ONCE, [], [], CallOnceOptions(init_subgraph_index=index))
        graph.done()
    return model


@pytest.mark.parametrize("edges", [[(0,)], [(1,), (0,)], [(1, 2), (2,), (3,), (1,)]], ids=str)
def test_graphs_that_call_themselves(edges: list[tuple[int, ...]]) -> None:
    with pytest.raises(ModelError, match=r"subgraph \d, operator \d CALL_ONCE: invokes subgraph \d, which is running"):
        Interpreter(calling(*edges)).allocate_tensors()


def test_graphs_may_share_what_they_call() -> None:
    interpreter = Interpreter(calling((1, 2), (3,), (3,), ()))
    interpreter.allocate_tensors()
    interpreter.invoke()


def test_a_chain_that_is_too_deep() -> None:
    with pytest.raises(ModelError, match="64 levels deep"):
        Interpreter(calling(*[(i + 1,) for i in range(90)], ())).allocate_tensors()


def test_a_loop_without_operators_ends() -> None:
    """The condition gives its input back, and the body too: true for ever."""
    model = empty_model()
    graph = GraphBuilder(model, "main")
    x, y = graph.tensor(np.bool_, ()), graph.tensor(np.bool_, ())
    graph.op(BuiltinOperator.WHILE, [x], [y], WhileOptions(cond_subgraph_index=1, body_subgraph_index=2))
    graph.done([x], [y])
    for _ in range(2):
        inner = GraphBuilder(model, "itself")
        z = inner.tensor(np.bool_, ())
        inner.done([z], [z])
    interpreter = Interpreter(model, max_calls=100)
    assert interpreter.run(np.array(False))[0].item() is False
    with pytest.raises(ModelError, match=r"subgraph 0, operator 0 WHILE: .* max_calls = 100 times"):
        interpreter.run(np.array(True))
    assert interpreter.run(np.array(False))[0].item() is False  # the count starts again
