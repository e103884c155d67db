"""What the quantized model must satisfy. TensorFlow checks none of this; its files then fail to load, or are wrong.

Every message says what to do: keep the operator in float with denylisted_ops or denylisted_nodes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qcore.errors import ModelError, QuantizationError, ShapeError, UnsupportedError
from qcore.ir import Operator, Subgraph
from qcore.numerics.affine import bias_scale
from qcore.op import Node, find
from qcore.quantizer.int16x8.bias import suits
from qcore.quantizer.int16x8.parameters import is_quantized
from qcore.quantizer.int16x8.plan import Plan
from qcore.rules import Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["require_four_bits", "require_integers", "require_kernels", "require_scales"]

_CONVERSIONS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)
_REMEDY = "keep it in float with denylisted_ops or denylisted_nodes"


def require_integers(plan: Plan) -> None:
    """QuantizationError that lists all operators which would compute in float, and why."""
    left = [
        (operator, graph)
        for graph, operator in plan.walk()
        if plan.is_real(operator) and not plan.quantizable(graph, operator) and _touches_float(graph, operator)
    ]
    if not left:
        return
    names = ", ".join(f"{operator.name} {plan.name(graph, operator)!r}" for operator, graph in left)
    denied = sum(plan.recipe.scheme in plan.rules(operator).quantizable for operator, _ in left)
    why = f"TensorFlow has no 16x8 rule for {len(left) - denied} of them" + (
        f", {denied} are denylisted" * bool(denied)
    )
    raise QuantizationError(
        f"{len(left)} operators would stay in float: {names}; {why}. Replace them, or quantize without strict"
    )


def require_four_bits(plan: Plan) -> None:
    """QuantizationError that lists all operators whose weights would have 8 bits where 4 were asked for."""
    if plan.recipe.weight_bits == 8:
        return
    left = [
        f"{operator.name} {plan.name(graph, operator)!r}"
        for graph, operator in plan.walk()
        if plan.is_integer(graph, operator)
        for position, tensor in enumerate(operator.inputs)
        if isinstance(plan.rules(operator).input(position), Weight) and plan.weight_bits(graph, tensor) == 8
    ]
    if left:
        raise QuantizationError(
            f"weights of {', '.join(dict.fromkeys(left))} would stay in 8 bits: TFLite has no 16x8 kernels for them in "
            "4. Quantize without strict, or with 8 bits"
        )


def _touches_float(graph: Subgraph, operator: Operator) -> bool:
    tensors = (*operator.inputs, *operator.outputs)
    return any(t >= 0 and graph.tensors[t].type == TensorType.FLOAT32 for t in tensors)


def require_kernels(plan: Plan) -> None:
    """QuantizationError for operators that no kernel runs with the types their tensors have got."""
    errors: dict[str, str] = {}
    for subgraph, graph in enumerate(plan.model.subgraphs):
        for index, operator in enumerate(graph.operators):
            if operator.code in _CONVERSIONS or not plan.is_real(operator):
                continue
            if not plan.is_integer(graph, operator):
                _require_floats(plan, graph, operator)
                continue
            node = replace(Node.of(plan.model, subgraph, index), index=plan.indices[id(operator)][1])
            try:
                op = find(operator.code, operator.custom_code)
                op.variant(node)
                op.prepare(node)
            except (UnsupportedError, ModelError, ShapeError) as error:
                errors.setdefault(operator.name, str(error))
    if errors:
        raise QuantizationError(
            f"TensorFlow quantizes {', '.join(errors)} to 16x8, but no kernel runs the outcome; keep them in float "
            f"with denylisted_ops={list(errors)}. {'; '.join(errors.values())}"
        )


def _require_floats(plan: Plan, graph: Subgraph, operator: Operator) -> None:
    for tensor in (graph.tensors[t] for t in operator.inputs if t >= 0):
        if is_quantized(tensor) and tensor.type in (TensorType.INT16, TensorType.INT32, TensorType.INT64):
            raise QuantizationError(
                f"{plan.place(operator)} stays in float, but its operand {tensor.name!r} has become "
                f"{tensor.type.name} for another operator; keep that one in float as well"
            )


def require_scales(plan: Plan) -> None:
    """QuantizationError where the scales contradict what a kernel takes for granted."""
    for graph, operator in plan.walk():
        if operator.code in _CONVERSIONS or not plan.is_integer(graph, operator):
            continue
        for index in (*operator.inputs, *operator.outputs):
            quant = graph.tensors[index].quant if index >= 0 else None
            if quant is not None and not np.isfinite(quant.scale).all():
                raise QuantizationError(
                    f"{plan.place(operator)}: the scale of {graph.tensors[index].name!r} is not finite; calibrate with "
                    f"samples in which its operands are not all zero, or {_REMEDY}"
                )
        _require_bias(plan, graph, operator)
        if plan.rules(operator).same_scale:
            _require_one_scale(plan, graph, operator)


def _require_bias(plan: Plan, graph: Subgraph, operator: Operator) -> None:
    bias = plan.rules(operator).bias_operand
    if bias is None or bias[0] >= len(operator.inputs):
        return
    if operator.inputs[bias[0]] < 0:
        if operator.code == BuiltinOperator.DEPTHWISE_CONV_2D:
            raise QuantizationError(f"{plan.place(operator)}: TFLite runs it with a bias only; give it one of zeros")
        return
    tensor = graph.tensors[operator.inputs[bias[0]]]
    source, weight = (graph.tensors[operator.inputs[position]].quant for position in bias[1].of)
    values = plan.model.constant(tensor)
    if source is None or weight is None or tensor.quant is None or values is None:
        raise QuantizationError(f"{plan.place(operator)}: its bias {tensor.name!r} is no constant; {_REMEDY}")
    wanted = TensorType[plan.recipe.bias_type.upper()]
    expected = bias_scale(source.scale[:1], weight.scale)
    if tensor.type != wanted or not suits(tensor, values, expected):
        raise QuantizationError(
            f"{plan.place(operator)}: its bias {tensor.name!r} has become {tensor.type.name} for another operator; "
            f"{_REMEDY}"
        )


def _require_one_scale(plan: Plan, graph: Subgraph, operator: Operator) -> None:
    tensors = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
    scales = {float(tensor.quant.scale[0]) for tensor in tensors if is_quantized(tensor) and tensor.quant is not None}
    if len(scales) > 1:
        shown = " and ".join(f"{scale:.6g}" for scale in sorted(scales))
        raise QuantizationError(
            f"{plan.place(operator)}: operands and results must share one scale, but their ranges ask for {shown}; "
            f"give them one range, or {_REMEDY}"
        )
