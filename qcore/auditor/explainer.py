"""`explain`: one element of a result, integer by integer, from the steps of the kernel that ran.

Nothing is computed a second time: the numbers are those the kernel went on with. The exact product before a rounding,
and the list of products behind an accumulator, are worked out beside them and checked against them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.explanation import Explanation, Rounding, Step
from qcore.auditor.taps import Taps, operands, taps
from qcore.errors import ShapeError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.numerics.fixedpoint import reduced_multiplier
from qcore.numerics.requantize import RULES, Requantization, Rule
from qcore.op import Node, NodeTensor, find
from qcore.ops._scaling import Multiplier

__all__ = ["explain", "ran_node"]

Array = NDArray[Any]
_ROUNDED_FROM = ("add_bias", "sum", "product", "subtract_zero_point", "accumulate")
"""The step whose value the step "requantize" multiplies: the last of these before it."""


def explain(
    model: str | os.PathLike[str] | bytes | Model,
    inputs: Any,
    operator: int,
    at: Sequence[int] | None = None,
    *,
    kernels: str | KernelSet = REFERENCE,
) -> Explanation:
    """How element `at` of operator `operator`'s result 0 came about when the model runs on `inputs`.

    inputs: what `Interpreter.run` takes. at: the element's index; None picks the first. kernels: whose arithmetic.
    ShapeError: there is no such operator or element. UnsupportedError: the model cannot run under this kernel set.
    """
    interpreter = Interpreter(model, kernels=kernels)
    count = len(interpreter.model.main.operators)
    if not 0 <= operator < count:
        raise ShapeError(f"there is no operator {operator}; the main graph has operators 0 to {count - 1}")
    recording = interpreter.record([operator])
    interpreter.run(inputs)
    node = ran_node(interpreter, operator)
    y = np.asarray(node.output().value)
    place = _element(node, y, at)
    op = find(node.operator.code, node.operator.custom_code)
    traced = recording.steps(operator)
    steps = _steps(op.steps, traced, interpreter.params(operator), y.shape, place)
    found = _taps(node, place, steps)
    executor = interpreter.executors()[operator]
    assert executor.kernels is not None, f"{node.place} ran"
    result = node.output()
    scale = _scale(result, place) if _is_quantized(result) else None
    value = y[place].item()
    return Explanation(
        operator,
        node.name,
        place,
        KernelSet.of(kernels),
        executor.kernels,
        executor.refused,
        steps,
        found,
        {tensor.name: _scale(tensor, place) for tensor in (*node.inputs, result) if tensor and _is_quantized(tensor)},
        {tensor.name: tensor.zero_point for tensor in (*node.inputs, result) if tensor and _is_quantized(tensor)},
        value,
        float(value) if scale is None else scale * (value - result.zero_point),
        _errors(node, place, steps) if found is not None else {},
    )


def ran_node(interpreter: Interpreter, operator: int) -> Node:
    """The operator with the values its tensors have after the run."""
    tensors = interpreter.model.main.operators[operator]
    indices = {index for index in (*tensors.inputs, *tensors.outputs) if index >= 0}
    values = {index: interpreter.get_tensor(index) for index in indices}
    shapes = {index: np.shape(value) for index, value in values.items()}
    return Node.of(interpreter.model, 0, operator, shapes=shapes, values=values)


def _element(node: Node, y: Array, at: Sequence[int] | None) -> tuple[int, ...]:
    place = tuple(int(i) for i in at) if at is not None else (0,) * y.ndim
    inside = len(place) == y.ndim and all(0 <= i < size for i, size in zip(place, y.shape, strict=True))
    node.require_shapes(inside, f"there is no element {place} in a result of shape {y.shape}")
    return place


def _steps(
    declared: Mapping[str, str], traced: Mapping[str, Any], params: Any, shape: tuple[int, ...], at: tuple[int, ...]
) -> tuple[Step, ...]:
    """The traced steps that have a value at the element, in the order of the declaration."""
    steps: list[Step] = []
    for name, equation in declared.items():
        value = _value_at(traced.get(name), shape, at)
        if value is None:
            continue
        before = [step.value for step in steps if step.name in _ROUNDED_FROM]
        rounding = _rounding(params, at, before[-1]) if name == "requantize" and before else None
        steps.append(Step(name, equation, value, rounding))
    return tuple(steps)


def _value_at(value: Any, shape: tuple[int, ...], at: tuple[int, ...]) -> int | float | None:
    """The element of a step: its array has the result's shape, or broadcasts to it."""
    if value is None:
        return None
    array = np.asarray(value)
    if array.size == int(np.prod(shape)) and array.shape != shape:
        array = array.reshape(shape)
    try:
        element = np.broadcast_to(array, shape)[at]
    except ValueError:
        return None
    return element.item() if element.dtype.kind in "iufb" else None


def _rounding(params: Any, at: tuple[int, ...], before: int | float) -> Rounding | None:
    """The rounding that `params` hold for the element's channel, with the exact product."""
    found = _constants(params)
    if len(found) != 1:
        return None
    constant, channels = found[0]
    if isinstance(constant, Multiplier):
        real = constant.multiplier * 2.0 ** (constant.shift - 31)
        rule: Rule = "double_rounding"
        q, shift = constant.multiplier, constant.shift
    else:
        parts = channels or ((slice(0, None), constant),)
        channel = at[-1] if at else 0
        part, r = next((p, r) for p, r in parts if channel >= p.start and (p.stop is None or channel < p.stop))
        index = 0 if r.real_multiplier.size == 1 else channel - part.start
        real, rule = float(r.real_multiplier[index]), r.rule
        q, shift = int(r.multiplier[index]), int(r.shift[index])
    exact = Fraction(before) * _exact(rule, real, q, shift)
    return Rounding(rule, RULES[rule], real, q, shift, exact, _seen(rule, exact, before, real, shift))


def _seen(rule: Rule, exact: Fraction, before: int | float, real: float, shift: int) -> Fraction:
    """The number that the last rounding of the rule sees."""
    if rule == "float32_half_even":
        return Fraction(float(np.float32(before) * np.float32(real)))
    if rule == "float64_half_away":
        return Fraction(float(before) * real)
    if rule in ("single_rounding", "int64_accumulator"):
        return exact
    unit = Fraction(2) ** max(-shift, 0)
    return Fraction(math.floor(exact * unit + Fraction(1, 2))) / unit


def _exact(rule: Rule, real: float, multiplier: int, shift: int) -> Fraction:
    """The multiplier that the rule really multiplies by: its float, or multiplier * 2^(shift - 31)."""
    if rule in ("float64_half_away", "float32_half_even"):
        return Fraction(real)
    if rule == "int64_accumulator":
        return Fraction(int(reduced_multiplier(multiplier))) * Fraction(2) ** (shift - 15)
    return Fraction(multiplier) * Fraction(2) ** (shift - 31)


Parts = tuple[tuple[slice, Requantization], ...]


def _constants(params: Any) -> list[tuple[Requantization | Multiplier, Parts | None]]:
    """The multipliers that a Params record holds under the names `parts`, `requantization` or `multiplier`."""
    if not is_dataclass(params):
        return []
    found: list[tuple[Requantization | Multiplier, Parts | None]] = []
    for item in fields(params):
        value = getattr(params, item.name)
        if item.name == "parts" and value:
            found.append((value[0][1], value))
        elif item.name in ("requantization", "multiplier") and isinstance(value, Requantization | Multiplier):
            found.append((value, None))
        elif item.name == "tail" and value is not None:
            found += _constants(value)
    return found


def _taps(node: Node, at: tuple[int, ...], steps: Sequence[Step]) -> Taps | None:
    """The products behind the traced accumulator; None where there are none, or they are no integers."""
    traced = next((step.value for step in steps if step.name == "accumulate"), None)
    if traced is None or not _is_quantized(node.output()):
        return None
    x, w = (np.asarray(tensor.value) for tensor in operands(node)) if len(node.inputs) > 1 else (None, None)
    found = None if x is None or w is None else taps(node, x, w, at)
    if found is not None:
        assert found.total == traced, f"{node.place}: the products add up to {found.total}, the kernel has {traced}"
    return found


def _is_quantized(tensor: NodeTensor) -> bool:
    return tensor.quant is not None and tensor.quant.is_quantized and tensor.dtype.kind in "iu"


def _scale(tensor: NodeTensor, at: tuple[int, ...]) -> float:
    """The scale that counts for the element: that of its channel, for weights and biases with one per channel."""
    scales = tensor.scales
    channel = at[-1] if at else 0
    return float(scales[channel if scales.size > channel else 0])


def _errors(node: Node, at: tuple[int, ...], steps: Sequence[Step]) -> dict[str, float]:
    """What separates the result from the exact sum, in steps of the result's scale; the parts add up."""
    by_name = {step.name: step for step in steps}
    if "requantize" not in by_name or by_name["requantize"].rounding is None:
        return {}
    x, w = operands(node)
    total = by_name["add_bias"] if "add_bias" in by_name else by_name["accumulate"]
    scales = [Fraction(_scale(tensor, at)) for tensor in (x, w, node.output())]
    exact = Fraction(total.value) * scales[0] * scales[1] / scales[2]
    rounding = by_name["requantize"].rounding
    rounded = Fraction(by_name["requantize"].value)
    clamped = Fraction(int(np.asarray(node.output().value)[at]) - node.output().zero_point)
    return {
        "multiplier": float(rounding.exact - exact),
        "rounding": float(rounded - rounding.exact),
        "clamp": float(clamped - rounded),
    }
