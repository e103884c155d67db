from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from qcore.errors import QCoreError
from qcore.executors import list_executors
from qcore.interpreter import Interpreter
from qcore.ir import Model, Operator, QuantParams
from qcore.kernel_sets import KernelSet
from qcore.op import Op, register_custom
from tests.graphs import GraphBuilder, chain_of_adds
from tflite_schema import AddOptions, BuiltinOperator, SoftmaxOptions

XNNPACK = KernelSet.of("xnnpack")


@pytest.fixture
def twice() -> Iterator[None]:
    kernels = {"any": lambda p, x, ctx: [x[0]]}
    register_custom("Twice", Op(lambda n: [n.input(0).shape], kernels, reference_only=frozenset({"any"})))
    yield
    register_custom("Twice", None)


def mixed() -> Model:
    """ADD, a custom operator, SOFTMAX and ADD in int8: taken, not known, refused, taken."""
    model = Model(subgraphs=[], buffers=[None])
    main = GraphBuilder(model, "main")
    quant, probabilities = QuantParams.of(0.5, 3), QuantParams.of(1 / 256, -128)
    x = [main.tensor(np.int8, (1, 4), quant=probabilities if i in (3, 4) else quant) for i in range(5)]
    main.op(BuiltinOperator.ADD, [x[0], x[0]], [x[1]], AddOptions())
    main.graph.operators.append(Operator(BuiltinOperator.CUSTOM, (x[1],), (x[2],), custom_code="Twice"))
    main.op(BuiltinOperator.SOFTMAX, [x[2]], [x[3]], SoftmaxOptions(beta=1.0))
    main.op(BuiltinOperator.ADD, [x[3], x[3]], [x[4]], AddOptions())
    main.graph.inputs, main.graph.outputs = (x[0],), (x[4],)
    return model


@pytest.mark.usefixtures("twice")
def test_every_operator_is_listed_with_its_reason() -> None:
    (listed,) = list_executors(mixed(), XNNPACK)
    assert [(e.operator, e.name, e.kernels and str(e.kernels)) for e in listed] == [
        (0, "ADD", "xnnpack"),
        (1, "Twice", None),
        (2, "SOFTMAX", "optimized"),
        (3, "ADD", "xnnpack"),
    ]
    assert [e.reason for e in listed] == [
        "XNNPACK delegates",
        "not known: the any arithmetic of optimized kernels is not known; use kernels='reference'",
        "XNNPACK has it not in int8",
        "XNNPACK delegates",
    ]
    assert listed == Interpreter(mixed(), kernels="xnnpack").executors()


def test_an_operator_without_any_kernel_is_listed_too() -> None:
    (listed,) = list_executors(mixed(), KernelSet.of("reference"))
    assert [e.kernels is None for e in listed] == [False, True, False, False]
    assert listed[1].unknown
    assert "Twice" in listed[1].reason
    assert listed[0].reason == ""


@pytest.mark.usefixtures("twice")
def test_an_allocated_interpreter_lists_what_runs() -> None:
    interpreter = Interpreter(mixed(), kernels="reference@2.19")
    interpreter.allocate_tensors()
    assert {str(e.kernels) for e in interpreter.executors()} == {"reference@2.19"}


def does_not_fit(model: Model) -> None:
    """Add a graph to the model that adds 3 numbers to 2."""
    graph = GraphBuilder(model, "wrong")
    x, y = graph.tensor(np.float32, (3,)), graph.tensor(np.float32, (3,))
    graph.op(BuiltinOperator.ADD, [x, graph.tensor(np.float32, value=[1, 2])], [y], AddOptions())
    graph.graph.inputs, graph.graph.outputs = (x,), (y,)


def test_what_does_not_fit_fails_in_the_main_graph_and_is_listed_in_another() -> None:
    wrong, model = Model(subgraphs=[], buffers=[None]), chain_of_adds()
    does_not_fit(wrong)
    with pytest.raises(QCoreError, match="operator 0 ADD"):
        list_executors(wrong, KernelSet.of("optimized"))
    does_not_fit(model)
    main, other = list_executors(model, KernelSet.of("optimized"))
    assert all(e.kernels is not None for e in main)
    assert all(e.kernels is None and "operator 0 ADD" in e.reason for e in other)
