"""What is written into the float model before anything is quantized: ranges of tensors and of constants.

TensorFlow: tools/optimize/quantize_model.cc, DuplicateBiasesWithMultipleUses, FillQuantizationParams,
EnsureBiasScaleCompatibility; quantization_utils.cc, AdjustWeightsForBiasScale
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.calibration import Calibration
from qcore.edit import add_tensor
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.op_versions import LOWEST_VERSIONS
from qcore.quantizer.int16x8.parameters import activation_scale, bounds, has_range, is_quantized, set_bounds, set_range
from qcore.quantizer.int16x8.plan import Plan
from qcore.quantizer.weight_methods import clip_weights

__all__ = ["copy_biases", "fit_weights_to_biases", "separate_buffers", "set_constant_ranges", "set_ranges"]

_INT32_MAX = np.float64(2**31 - 1)


def separate_buffers(model: Model) -> None:
    """Give every tensor a buffer of its own, since each is quantized in its own way; equal ones are shared again later.

    TensorFlow's quantizer relies on it: of a file whose buffers are shared already it quantizes the first use only.
    """
    used: set[int] = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer]
            if tensor.buffer in used and data is not None and data.size:
                model.buffers.append(data)
                tensor.buffer = len(model.buffers) - 1
            used.add(tensor.buffer)


def set_ranges(model: Model, calibration: Calibration) -> None:
    """Write the observed ranges into the tensors, in place of what quantization they have."""
    for (subgraph, index), (low, high) in calibration.statistics.items():
        tensors = model.subgraphs[subgraph].tensors
        tensor = tensors[index] if index < len(tensors) else None  # ranges inside an LSTM have indices behind the last
        if tensor is not None and not model.is_constant(tensor):
            tensor.quant = None
            set_bounds(tensor, low, high)


def copy_biases(plan: Plan) -> None:
    """Give biases that operators also read as an ordinary operand a tensor of their own, `<name>_duplicate_<n>`."""
    operands = {
        (id(graph), operator.inputs[position])
        for graph, operator in plan.walk()
        if operator.name in LOWEST_VERSIONS and not plan.joins(operator)
        for position in plan.operands(operator)
    }
    copies: dict[tuple[int, int], int] = {}
    for graph, operator in plan.walk():
        bias = plan.rules(operator).bias_operand
        position = -1 if bias is None else bias[0]
        if not 0 <= position < len(operator.inputs) or operator.inputs[position] < 0:
            continue
        key = (id(graph), operator.inputs[position])
        if key in operands and plan.model.is_constant(graph.tensors[key[1]]):
            copies[key] = copies.get(key, 0) + 1
            copy_bias(plan.model, graph, operator, position, copies[key])


def copy_bias(model: Model, graph: Subgraph, operator: Operator, position: int, number: int) -> int:
    """Let an operator read a copy of its bias, `<name>_duplicate_<number>`; the copy's tensor index."""
    tensor = graph.tensors[operator.inputs[position]]
    model.buffers.append(model.buffers[tensor.buffer])
    copy = Tensor(f"{tensor.name}_duplicate_{number}", tensor.shape, tensor.type, len(model.buffers) - 1)
    if tensor.quant is not None:
        copy.quant = QuantParams(tensor.quant.scale, tensor.quant.zero_point)
    inputs = list(operator.inputs)
    inputs[position] = add_tensor(graph, copy)
    operator.inputs = tuple(inputs)
    return inputs[position]


def set_constant_ranges(plan: Plan) -> None:
    """Write the range of its values into every constant operand, a weight's per channel.

    Operators that TensorFlow can quantize to int8 only stay in float, but their constants get a range all the same.
    """
    for graph, operator in plan.walk():
        if operator.name not in LOWEST_VERSIONS or not plan.is_real(operator) or plan.joins(operator):
            continue
        rules = plan.rules(operator)
        biases = rules.biases if rules.stateful else ()
        for position in (*plan.operands(operator), *biases):
            if position >= len(operator.inputs) or operator.inputs[position] < 0:
                continue
            tensor = graph.tensors[operator.inputs[position]]
            if is_quantized(tensor) and plan.is_integer(graph, operator):
                raise QuantizationError(
                    f"{plan.place(operator)}: its operand {tensor.name!r} is already quantized, to {tensor.type.name}; "
                    "quantize the float model it was made from"
                )
            values, clips = plan.values(tensor), plan.clips(operator, position)
            if values is None or is_quantized(tensor) or (has_range(tensor) and not clips):
                continue
            if np.isfinite(values).all():
                axis = plan.weight_axis(operator, position)
                if clips:
                    bits = plan.weight_bits(graph, operator.inputs[position])
                    values = clip_weights(values, axis, plan.recipe.weight_method, bits=bits, narrow_range=bits == 8)
                set_range(tensor, values, axis)
            elif plan.is_integer(graph, operator):
                raise QuantizationError(
                    f"{plan.place(operator)}: its constant {tensor.name!r} holds NaN or infinity, of which no scale "
                    "can be made; clean the float model, or keep the operator in float with denylisted_nodes"
                )


def fit_weights_to_biases(plan: Plan) -> None:
    """Widen the range of weights so far that the bias, in units of input scale * weight scale, keeps below 2^30.

    Where |bias| >= 0.5 * input scale * weight scale * (2^31 - 1), the weight's range becomes
    +-2 |bias| / (2^31 - 1) * 127 / input scale (int4: 7 instead of 127): per channel, or for the largest bias where the
    weight has one scale.
    """
    for graph, operator in plan.walk():
        bias = plan.rules(operator).bias_operand
        if bias is None or not plan.is_integer(graph, operator):
            continue
        position, (x, w) = bias[0], bias[1].of
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            continue
        values = plan.values(graph.tensors[operator.inputs[position]])
        source, weight = (graph.tensors[operator.inputs[operand]] for operand in (x, w))
        if values is None or not has_range(source) or not has_range(weight):
            continue
        _require_vector(plan, operator, values, weight)
        highest = np.float32(2 ** (plan.weight_bits(graph, operator.inputs[w]) - 1) - 1)
        _fit(weight, values, activation_scale(source), highest)
        if not all(np.isfinite(bound).all() for bound in bounds(weight)):
            raise QuantizationError(
                f"{plan.place(operator)}: the range of {source.name!r} is too narrow to express its bias in units of "
                "it; calibrate with samples in which it is not always zero, or keep the operator in float with "
                "denylisted_nodes"
            )


def _require_vector(plan: Plan, operator: Operator, bias: NDArray[np.float32], weight: Tensor) -> None:
    channels = bounds(weight)[0].size
    if bias.ndim != 1 or channels not in (1, bias.size):
        raise QuantizationError(
            f"{plan.place(operator)}: the bias has shape {list(bias.shape)}, the weight {channels} channels"
        )
    if not np.isfinite(bias).all():
        raise QuantizationError(
            f"{plan.place(operator)}: its bias holds NaN or infinity; clean the float model, or keep the operator in "
            "float with denylisted_nodes"
        )


def _fit(weight: Tensor, bias: NDArray[np.float32], input_scale: np.float32, highest: np.float32) -> None:
    low, high = bounds(weight)
    scale = np.maximum(np.abs(low), np.abs(high)) / highest
    size = np.abs(bias) if scale.size > 1 else np.array([np.max(np.abs(bias))])
    with np.errstate(all="ignore"):
        limit = 0.5 * np.float64(input_scale) * scale.astype(np.float64)
        if scale.size > 1:
            overflows = size.astype(np.float64) >= limit * _INT32_MAX
        else:
            overflows = (size / np.float32(_INT32_MAX)).astype(np.float64) >= limit
        wide: NDArray[Any] = 2 * size.astype(np.float64) / _INT32_MAX * np.float64(highest / input_scale)
        wide = wide.astype(np.float32)
    if overflows.any():
        set_bounds(weight, np.where(overflows, -wide, low), np.where(overflows, wide, high))
