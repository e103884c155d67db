"""Small hand-made models for tests of the machinery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.tflite import to_bytes
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
