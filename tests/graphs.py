"""Small hand-made models for tests of the machinery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor, numpy_dtype, tensor_type
from qcore.tflite import to_bytes
from tests.one_op import stored
from tflite_schema import AddOptions, BuiltinOperator, SignatureDef, TensorMap, TensorType

F32 = TensorType.FLOAT32


def chain_of_adds(shape: Sequence[int] = (1, 3), signature: Sequence[int] | None = None) -> Model:
    """y = (x + 1) + x, all float32: tensors x, one, middle, y."""
    model = Model(subgraphs=[], buffers=[None])
    one = model.add_buffer(np.ones(1, np.float32))
    dynamic = None if signature is None else tuple(signature)
    tensors = [
        Tensor("x", tuple(shape), F32, shape_signature=dynamic),
        Tensor("one", (1,), F32, one),
        Tensor("middle", tuple(shape), F32, shape_signature=dynamic),
        Tensor("y", tuple(shape), F32, shape_signature=dynamic),
    ]
    operators = [
        Operator(BuiltinOperator.ADD, (0, 1), (2,), AddOptions()),
        Operator(BuiltinOperator.ADD, (2, 0), (3,), AddOptions()),
    ]
    model.subgraphs = [Subgraph("main", tensors, operators, (0,), (3,))]
    model.signatures = [
        SignatureDef(
            signature_key="serving_default",
            inputs=[TensorMap(name="a", tensor_index=0)],
            outputs=[TensorMap(name="sum", tensor_index=3)],
        )
    ]
    return model


def int8_add(scale: float = 0.5, zero_point: int = 3) -> Model:
    """y = a + b in int8 with equal parameters everywhere."""
    quant = QuantParams.of(scale, zero_point)
    tensors = [Tensor(name, (2, 4), TensorType.INT8, 0, quant) for name in ("a", "b", "y")]
    operators = [Operator(BuiltinOperator.ADD, (0, 1), (2,), AddOptions(), 2)]
    return Model([Subgraph("main", tensors, operators, (0, 1), (2,))])


def content(model: Model) -> bytes:
    return to_bytes(model)


def values(*rows: Any) -> Any:
    return np.array(rows, np.float32)


class GraphBuilder:
    """One graph of a model in the making: tensors and operators are appended, `done` names inputs and outputs."""

    def __init__(self, model: Model, name: str) -> None:
        self.model = model
        self.graph = Subgraph(name, [], [], (), ())
        model.subgraphs.append(self.graph)

    def tensor(self, dtype: Any, shape: Sequence[int] = (), value: Any = None, quant: QuantParams | None = None) -> int:
        """A tensor of a dtype or TensorType, constant where a value is given; returns its index."""
        type_ = dtype if isinstance(dtype, TensorType) else tensor_type(dtype)
        buffer, size = 0, tuple(shape)
        if value is not None:
            array = np.asarray(value, numpy_dtype(type_))
            buffer, size = self.model.add_buffer(stored(array, type_)), array.shape
        self.graph.tensors.append(Tensor(f"t{len(self.graph.tensors)}", size, type_, buffer, quant))
        return len(self.graph.tensors) - 1

    def op(self, code: BuiltinOperator, inputs: Sequence[int], outputs: Sequence[int], options: Any = None) -> None:
        """Append an operator."""
        self.graph.operators.append(Operator(code, tuple(inputs), tuple(outputs), options))

    def done(self, inputs: Sequence[int] = (), outputs: Sequence[int] = ()) -> None:
        """Name the graph's inputs and outputs."""
        self.graph.inputs, self.graph.outputs = tuple(inputs), tuple(outputs)


def empty_model() -> Model:
    return Model(subgraphs=[], buffers=[None])


def one_operator(code: BuiltinOperator, version: int) -> Model:
    """y = operator(x) of one float number, in a version that may not exist."""
    tensors = [Tensor(name, (1,), F32) for name in ("x", "y")]
    return Model([Subgraph("main", tensors, [Operator(code, (0,), (1,), version=version)], (0,), (1,))])
