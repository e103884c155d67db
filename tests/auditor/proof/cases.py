"""Models of one product for the tests of the proof."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.ir import Model
from tests.one_op import OneOp, Operand, Result
from tests.ops import (
    test_batch_matmul,
    test_conv_2d,
    test_depthwise_conv_2d,
    test_fully_connected,
    test_transpose_conv,
)
from tflite_schema import BuiltinOperator, FullyConnectedOptions

_NONE = ("float32", "float32 with sparse weights", "hybrid with block-wise weights")
DRAWN: dict[str, st.SearchStrategy[OneOp]] = {
    f"{module.__name__.rpartition('.test_')[2]} {variant}": case
    for module in (
        test_conv_2d,
        test_depthwise_conv_2d,
        test_fully_connected,
        test_transpose_conv,
        test_batch_matmul,
    )
    for variant, case in module.CASES.items()
    if variant not in _NONE
}
"""Every product with an integer accumulator that the tests of the operators draw."""


def dense(
    w: Any,
    bias: Any = None,
    *,
    x_scale: float = 1.0,
    x_zero_point: int = 0,
    dtype: Any = np.int8,
    scale: float = 1.0,
    y_zero_point: int = 0,
    options: Any = None,
) -> OneOp:
    """A FULLY_CONNECTED with sw = 1, sx = `x_scale` and sy = `scale`; int16 has a 64-bit bias."""
    weights = np.asarray(w, np.uint8 if dtype is np.uint8 else np.int8)
    bias_dtype = np.int64 if dtype is np.int16 else np.int32
    operands: list[Operand | None] = [
        Operand(np.zeros((1, weights.shape[1]), dtype), x_scale, x_zero_point),
        Operand(weights, 1.0, constant=True),
    ]
    if bias is not None:
        operands.append(Operand(np.asarray(bias, bias_dtype), x_scale, constant=True))
    result = Result(dtype, scale, y_zero_point, (1, len(weights)))
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [result], options or FullyConnectedOptions(), 4)


def chain(first: OneOp, second: OneOp) -> Model:
    """One model in which the second operator's first operand is the first one's result, parameters included."""
    model, other = first.model(), second.model()
    graph, offset = model.main, len(model.main.tensors)
    link = graph.operators[0].outputs[0]
    for tensor in other.main.tensors:
        value = other.constant(tensor)
        graph.tensors.append(replace(tensor, buffer=0 if value is None else model.add_buffer(value)))
    (operator,) = other.main.operators
    operator.inputs = tuple(link if t == other.main.inputs[0] else t + offset for t in operator.inputs)
    operator.outputs = tuple(t + offset for t in operator.outputs)
    graph.operators.append(operator)
    graph.outputs = operator.outputs
    return model
