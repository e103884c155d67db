from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qcore import Interpreter, ModelError, edit
from qcore.ir import Operator, Tensor
from qcore.tflite import load, to_bytes
from tests.graphs import chain_of_adds, values
from tests.one_op import OneOp, Operand, Result
from tflite_schema import AddOptions, BuiltinOperator, TensorType


def test_extract_makes_a_model_of_one_operator() -> None:
    piece = edit.extract(chain_of_adds(), [1])
    assert [t.name for t in piece.main.tensors] == ["x", "middle", "y"]
    assert [piece.main.tensors[i].name for i in piece.main.inputs] == ["middle", "x"]
    (y,) = Interpreter(to_bytes(piece)).run([values([1, 1, 1]), values([2, 3, 4])])
    np.testing.assert_array_equal(y, values([3, 4, 5]))


def test_extract_keeps_constants_and_the_original() -> None:
    model = chain_of_adds()
    before = to_bytes(model)
    piece = edit.extract(model, [0], outputs=[2])
    (y,) = Interpreter(piece).run(values([1, 2, 3]))
    np.testing.assert_array_equal(y, values([2, 3, 4]))
    assert to_bytes(model) == before
    with pytest.raises(ModelError, match="operator 5 does not exist"):
        edit.extract(model, [5])


def test_insert_and_rewire() -> None:
    model = chain_of_adds()
    graph = model.main
    two = edit.add_constant(model, graph, "two", np.full(1, 2, np.float32))
    moved = edit.add_tensor(graph, Tensor("moved", (1, 3), TensorType.FLOAT32))
    edit.rewire(graph, 2, moved)
    edit.insert_operator(graph, 1, Operator(BuiltinOperator.ADD, (2, two), (moved,), AddOptions()))
    (y,) = Interpreter(to_bytes(model)).run(values([1, 2, 3]))
    np.testing.assert_array_equal(y, values([5, 7, 9]))
    with pytest.raises(ModelError, match="cannot insert at 9"):
        edit.insert_operator(graph, 9, graph.operators[0])


def test_prune_drops_what_nothing_uses() -> None:
    model = chain_of_adds()
    edit.add_constant(model, model.main, "unused", np.zeros(100, np.float32))
    pruned = edit.prune(model)
    assert [t.name for t in pruned.main.tensors] == ["x", "one", "middle", "y"]
    assert len(pruned.buffers) == 2
    assert load(to_bytes(pruned)).signatures[0].outputs[0].tensor_index == 3


def test_prune_keeps_the_scales_of_blocks() -> None:
    table = Operand(
        np.ones((2, 4), np.int8), constant=True, type=TensorType.INT4, blocks=(4, np.array([1, 0.5], np.float16))
    )
    ids = Operand(np.array([1], np.int32))
    model = OneOp(BuiltinOperator.EMBEDDING_LOOKUP, [ids, table], [Result(np.float32)]).model()
    model.main.tensors.insert(2, Tensor("unused", (1,), TensorType.FLOAT32))
    model.main.operators[0].outputs = model.main.outputs = (3,)
    quant = model.main.tensors[1].quant
    assert quant is not None
    assert quant.details is not None
    quant = replace(quant, details=quant.details.replace(scales=4))
    model.main.tensors[1].quant = quant
    pruned = edit.prune(model)
    assert [t.name for t in pruned.main.tensors] == ["operand0", "operand1", "result0", "scales"]
    assert Interpreter(to_bytes(pruned)).run(ids.value)[0].tolist() == [[0.5] * 4]
