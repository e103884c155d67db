"""Biases: int64, or int32 where the recipe asks for it, in units of input scale * weight scale.

TensorFlow: tools/optimize/quantize_model.cc, QuantizeBiases, SetOperatorPropertyBiasType
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.errors import QuantizationError
from qcore.ir import Operator, Subgraph, Tensor
from qcore.numerics.affine import bias_scale
from qcore.quantizer.int16x8.parameters import is_quantized, quantize_bias_tensor
from qcore.quantizer.int16x8.plan import Plan
from qcore.quantizer.int16x8.prepare import copy_bias
from tflite_schema import AddOptions, Conv2DOptions, FullyConnectedOptions, SubOptions, TensorType, TransposeConvOptions

Float32Array = NDArray[np.float32]
__all__ = ["quantize_biases", "set_options", "suits"]


def quantize_biases(plan: Plan) -> None:
    """Quantize the constant biases of all operators that compute in integers.

    A bias that several operators read is quantized for the first one. The others read it too where that suits them:
    zeros, or a scale that differs by a rounding. Else each gets a copy, where TensorFlow leaves them with the wrong
    integers.
    """
    for graph in plan.model.subgraphs:
        floats: dict[int, Float32Array] = {}
        for operator in graph.operators:
            bias = plan.rules(operator).bias_operand
            if bias is None or not plan.is_integer(graph, operator):
                continue
            position, (x, w) = bias[0], bias[1].of
            index = operator.inputs[position] if position < len(operator.inputs) else -1
            if index < 0 or (index not in floats and plan.values(graph.tensors[index]) is None):
                continue
            scale = _scale(plan, operator, graph.tensors[operator.inputs[x]], graph.tensors[operator.inputs[w]])
            _quantize(plan, graph, operator, position, scale, floats)


def _scale(plan: Plan, operator: Operator, source: Tensor, weight: Tensor) -> Float32Array:
    if not is_quantized(source) or not is_quantized(weight) or source.quant is None or weight.quant is None:
        raise QuantizationError(
            f"{plan.place(operator)}: the scale of its bias needs those of {source.name!r} and {weight.name!r}"
        )
    return bias_scale(source.quant.scale[:1], weight.quant.scale)


def _quantize(
    plan: Plan, graph: Subgraph, operator: Operator, position: int, scale: Float32Array, floats: dict[int, Float32Array]
) -> None:
    index = operator.inputs[position]
    values = floats.get(index)
    if values is not None:
        if suits(graph.tensors[index], values, scale):
            return
        copies = sum(other is values for other in floats.values())
        index = copy_bias(plan.model, graph, operator, position, copies)
    else:
        values = plan.values(graph.tensors[index])
        assert values is not None
    if values.ndim != 1 or scale.size not in (1, values.size):
        raise QuantizationError(
            f"{plan.place(operator)}: the bias has shape {list(values.shape)}, the weight {scale.size} scales"
        )
    floats[index] = values
    quantize_bias_tensor(plan.model, graph.tensors[index], values, scale, TensorType[plan.recipe.bias_type.upper()])


def suits(tensor: Tensor, values: NDArray[Any], scale: Float32Array) -> bool:
    """Whether a bias, quantized already, serves an operator of this scale."""
    if not values.any():
        return True
    quant = tensor.quant
    return quant is not None and quant.scale.size == scale.size and np.allclose(quant.scale, scale, rtol=1e-6, atol=0)


def set_options(plan: Plan) -> None:
    """Write what the kernels must know of the types into the options: of every operator, in float or not."""
    type_ = TensorType[plan.recipe.bias_type.upper()]
    for _, operator in plan.walk():
        if isinstance(operator.options, (Conv2DOptions, FullyConnectedOptions, TransposeConvOptions)):
            operator.options = operator.options.replace(quantized_bias_type=type_)
        elif isinstance(operator.options, (AddOptions, SubOptions)):
            operator.options = operator.options.replace(pot_scale_int16=False)
