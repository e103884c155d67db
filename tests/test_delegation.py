"""What XNNPACK takes of a graph whose shapes are not those of the file; outputs part at ties, which the tests use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.delegation import ignores_result_shape, is_of_another_kind, refused_by_type
from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import Model, QuantParams
from qcore.tflite import to_bytes
from tests import oracle
from tests.graphs import GraphBuilder
from tflite_schema import (
    AddOptions,
    BuiltinOperator,
    IfOptions,
    MulOptions,
    ReducerOptions,
    ReshapeOptions,
    ShapeOptions,
    SignatureDef,
    TensorMap,
    TensorType,
)

Shape = tuple[int, ...]
X = np.arange(-6, 7, dtype=np.int8).reshape(1, 13)
REFERENCE = [-3, -2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3, 3]
XNNPACK = [-3, -2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2, 3]
"""X / 2: TFLite rounds ties up in size, but for the first; XNNPACK rounds them to even."""


def test_what_no_node_of_a_type_meets() -> None:
    assert refused_by_type("GATHER", TensorType.FLOAT32) == "XNNPACK has no such operator"
    assert refused_by_type("CONV_2D", TensorType.INT16) == "XNNPACK has it not in int16"
    assert refused_by_type("SOFTMAX", TensorType.INT8) == "XNNPACK has it not in int8"


def test_what_depends_on_the_node() -> None:
    assert refused_by_type("CONV_2D", TensorType.INT8) is None
    assert refused_by_type("SOFTMAX", TensorType.FLOAT32) is None
    assert refused_by_type("CUSTOM", TensorType.INT8) is None


def test_a_kind_is_a_rank_and_whether_it_is_empty() -> None:
    assert not is_of_another_kind((1, 13), (4, 2))
    assert is_of_another_kind((), (1,))
    assert is_of_another_kind((0, 13), (1, 13))


class Graph(GraphBuilder):
    """A graph of int8 tensors whose scales double from one MUL by 1 to the next."""

    def int8(self, shape: Shape, scale: float) -> int:
        return self.tensor(np.int8, shape, quant=QuantParams.of(scale, 0))

    def half(self, x: int, shape: Shape) -> int:
        """A tensor of half as many steps."""
        scale = float(self.graph.tensors[x].quant.scale[0])  # type: ignore[union-attr]  # int8 gives it
        one = self.tensor(np.int8, value=np.ones(1), quant=QuantParams.of(1.0, 0))
        y = self.int8(shape, 2 * scale)
        self.op(BuiltinOperator.MUL, [x, one], [y], MulOptions())
        return y


def one_mul(x_shape: Shape, y_shape: Shape, signature: Shape | None = None) -> Model:
    model = Model(subgraphs=[], buffers=[None])
    main = Graph(model, "main")
    x = main.int8(x_shape, 1.0)
    y = main.half(x, y_shape)
    main.graph.inputs, main.graph.outputs = (x,), (y,)
    main.graph.tensors[x].shape_signature = main.graph.tensors[y].shape_signature = signature
    entries = [TensorMap(name="x", tensor_index=x)], [TensorMap(name="y", tensor_index=y)]
    model.signatures = [SignatureDef(signature_key="s", inputs=entries[0], outputs=entries[1])]
    return model


def around_reshape(shape: str) -> Model:
    """MUL, RESHAPE, MUL; the shape is a constant, an input, or what SHAPE computes of a constant."""
    model = Model(subgraphs=[], buffers=[None])
    main = Graph(model, "main")
    x = main.int8((1, 13), 1.0)
    y, z = main.half(x, (1, 13)), main.int8((13, 1), 2.0)
    asked = main.tensor(np.int32, (2,), value=[13, 1] if shape == "constant" else None)
    if shape == "computed":
        column = main.tensor(np.int8, value=np.zeros((13, 1)), quant=QuantParams.of(1.0, 0))
        main.op(BuiltinOperator.SHAPE, [column], [asked], ShapeOptions(out_type=TensorType.INT32))
    main.op(BuiltinOperator.RESHAPE, [y, asked], [z], ReshapeOptions())
    main.graph.inputs = (x, asked) if shape == "input" else (x,)
    main.graph.outputs = (y, main.half(z, (13, 1)))
    return model


def mean_along(axis: str) -> Model:
    """MEAN of single numbers, which halves them; the axis is a constant, an input, or a sum of constants."""
    model = Model(subgraphs=[], buffers=[None])
    main = Graph(model, "main")
    x, y = main.int8((13, 1), 1.0), main.int8((13, 1), 2.0)
    axes = main.tensor(np.int32, (1,), value=[1] if axis == "constant" else None)
    if axis == "computed":
        terms = [main.tensor(np.int32, value=[term]) for term in (0, 1)]
        main.op(BuiltinOperator.ADD, terms, [axes], AddOptions())
    main.op(BuiltinOperator.MEAN, [x, axes], [y], ReducerOptions(keep_dims=True))
    main.graph.inputs = (x, axes) if axis == "input" else (x,)
    main.graph.outputs = (y,)
    return model


def branches() -> Model:
    """IF with a MUL in either branch, where the file gives the operands one row of two."""
    model = Model(subgraphs=[], buffers=[None])
    main = GraphBuilder(model, "main")
    quants = QuantParams.of(1.0, 0), QuantParams.of(2.0, 0)
    go, x = main.tensor(np.bool_), main.tensor(np.int8, (1, 2), quant=quants[0])
    y = main.tensor(np.int8, (1, 2), quant=quants[1])
    main.op(BuiltinOperator.IF, [go, x], [y], IfOptions(then_subgraph_index=1, else_subgraph_index=2))
    main.graph.inputs, main.graph.outputs = (go, x), (y,)
    for name in ("then", "else"):
        branch = Graph(model, name)
        operand = branch.int8((1, 2), 1.0)
        branch.graph.inputs, branch.graph.outputs = (operand,), (branch.half(operand, (1, 2)),)
    return model


CASES: dict[str, tuple[Model, Sequence[NDArray[Any]]]] = {
    "as in the file": (one_mul((1, 13), (1, 13)), [X]),
    "resized": (one_mul((1, 2), (1, 2)), [X]),
    "of no fixed shape": (one_mul((1, 1), (1, 1), (-1, -1)), [X]),
    "empty in the file": (one_mul((0, 13), (0, 13)), [X]),
    "resized to nothing": (one_mul((1, 13), (1, 13)), [X[:0]]),
    "whose result is empty in the file": (one_mul((1, 13), (0, 13)), [X]),
    "whose result has another rank in the file": (one_mul((1, 13), ()), [X]),
    "before and after a constant shape": (around_reshape("constant"), [X]),
    "before and after a given shape": (around_reshape("input"), [X, np.array([13, 1], np.int32)]),
    "before and after a computed shape": (around_reshape("computed"), [X]),
    "with a constant axis": (mean_along("constant"), [X.T]),
    "with a given axis": (mean_along("input"), [X.T, np.array([1], np.int32)]),
    "with a computed axis": (mean_along("computed"), [X.T]),
    "in a branch": (branches(), [np.array(True), X]),
}


def litert(model: bytes) -> Any:
    module = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert, the oracle, is not installed")
    return module.Interpreter(model_content=model, num_threads=1)


def resize(interpreter: Interpreter, feeds: Sequence[NDArray[Any]]) -> None:
    for detail, value in zip(interpreter.get_input_details(), feeds, strict=True):
        interpreter.resize_tensor_input(detail["index"], value.shape)


@pytest.mark.parametrize("allocate_first", [False, True])
@pytest.mark.parametrize("title", CASES)
def test_outputs_and_who_computes_them(title: str, allocate_first: bool) -> None:
    model, feeds = CASES[title]
    for kernels, runtime in (
        ("xnnpack", oracle.interpreter(to_bytes(model), kernels="xnnpack")),
        ("xnnpack@litert-2.3", litert(to_bytes(model))),
    ):
        ours = Interpreter(model, kernels=kernels)
        if allocate_first:
            runtime.allocate_tensors()
            ours.allocate_tensors()
        resize(ours, feeds)
        if title == "resized to nothing" and allocate_first:
            with pytest.raises(UnsupportedError, match="when XNNPACK took the node"):
                ours.allocate_tensors()
            continue
        mine, theirs = ours.run(list(feeds)), oracle.answer(runtime, feeds)
        for y, wanted in zip(mine, theirs, strict=True):
            assert y.shape == wanted.shape
            assert y.tolist() == wanted.tolist(), kernels
        assert any(e.refused is None for e in ours.executors()) == oracle.delegated(runtime) or title == "in a branch"


def test_the_cases_tell_xnnpack_from_others() -> None:
    for title, wanted in (
        ("resized", XNNPACK),
        ("of no fixed shape", XNNPACK),
        ("in a branch", XNNPACK),
        ("empty in the file", XNNPACK),
        ("resized to nothing", []),
    ):
        model, feeds = CASES[title]
        ours = Interpreter(model, kernels="xnnpack")
        resize(ours, feeds)
        assert ours.run(list(feeds))[0].reshape(-1).tolist() == wanted
    late = Interpreter(CASES["empty in the file"][0], kernels="xnnpack")
    late.allocate_tensors()
    resize(late, [X])
    assert late.run([X])[0].reshape(-1).tolist() == REFERENCE


def test_a_signature_that_resizes_is_delegated_by_what_it_is_given() -> None:
    model = one_mul((0, 13), (0, 13))
    runtime = oracle.interpreter(to_bytes(model), kernels="xnnpack").get_signature_runner("s")
    ours = Interpreter(model, kernels="xnnpack").get_signature_runner("s")
    assert ours(x=X)["y"].tolist() == runtime(x=X)["y"].tolist() == [XNNPACK]


def test_a_rank_that_tflite_fails_on_is_refused() -> None:
    model = one_mul((1, 13), (1,) * 7)
    with pytest.raises(RuntimeError, match="failed to delegate"):
        oracle.interpreter(to_bytes(model), kernels="xnnpack").allocate_tensors()
    with pytest.raises(UnsupportedError, match="fails to set up"):
        Interpreter(model, kernels="xnnpack").allocate_tensors()


def test_a_result_of_another_rank_in_the_file() -> None:
    model = one_mul((1, 13), ())
    assert Interpreter(model, kernels="xnnpack").run([X])[0].tolist() == [XNNPACK]
    assert ignores_result_shape("MUL")
    assert not ignores_result_shape("SLICE")
