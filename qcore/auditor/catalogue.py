"""The catalogue of what else somebody may have computed: for one operator, given our operands, a result per rule.

Each rule changes one thing and goes on with the kernel's own steps: a rule of the rounding starts at the traced
"add_bias", one of the scales or of the range at the traced "accumulate", and one of the operands runs the kernel again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.affine import integer_range
from qcore.numerics.fixedpoint import INT32_MAX, INT32_MIN, round_half_away
from qcore.numerics.requantize import RULES, Requantization, Rule
from qcore.numerics.window import pad_with
from qcore.op import Array, Context, Node, find
from qcore.ops import _addition, mul, quantize
from qcore.ops._conv import Params as ConvolutionParams
from qcore.ops._lanes import NOWHERE
from qcore.ops._product import Tail, exact_multiplier
from qcore.ops.fully_connected import Params as DenseParams
from tflite_schema import BuiltinOperator

__all__ = ["Candidate", "candidates"]

Candidate = tuple[str, Callable[[], Array]]
"""What the rule says, and its result: shape and dtype of the operator's own."""
Floats = NDArray[Any]
_PRODUCTS = (BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D, BuiltinOperator.FULLY_CONNECTED)
_ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "halves away from zero": round_half_away,
    "halves up": lambda v: np.floor(v + v.dtype.type(0.5)),
    "halves to even": np.rint,
    "floor": np.floor,
    "truncation": np.trunc,
}


def candidates(n: Node, params: Any, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    """The rules for node n, which has the values of the run; `params`, `steps`: of the kernel that ran.

    None for an operator that is no CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, ADD, SUB, MUL or QUANTIZE of integers.
    A result may raise ValueError or one of qcore's errors where a rule cannot be carried out.
    """
    if n.operator.code in _PRODUCTS and isinstance(params, ConvolutionParams | DenseParams):
        yield from _product(n, params, steps)
    elif isinstance(params, _addition.Params) and params.lanes == NOWHERE:
        yield from _changed(n, params, _addition_changes(params))
        yield from _real(n, lambda a, b: a + a.dtype.type(params.sign) * b, params.activation_range)
    elif isinstance(params, mul.Params) and params.lanes == NOWHERE:
        yield from _changed(n, params, _multiplication_changes(params))
        yield from _real(n, lambda a, b: a * b, params.activation_range)
    elif isinstance(params, quantize.Params) and params.lanes == NOWHERE:
        plain = replace(params, table=None)
        changes = {
            "the input's zero point is not subtracted": replace(plain, input_zero_point=0),
            "the output's zero point is not added": replace(plain, output_zero_point=0),
            "no clamp: the result wraps": replace(plain, range=(INT32_MIN, INT32_MAX)),
        }
        yield from _changed(n, params, changes)
        yield from _real(n, lambda a: a, params.range)
    elif isinstance(params, quantize.FloatParams) and params.scale.size == 1 and params.lanes is None:
        yield from _changed(
            n, params, {"the output's zero point is not added": replace(params, zero_point=params.zero_point * 0)}
        )
        yield from _real(n, lambda a: a, params.range)


def _run(n: Node, params: Any, operands: list[Array | None]) -> Array:
    """The kernel of n with other constants or operands."""
    op = find(n.operator.code, n.operator.custom_code)
    return np.asarray(op.kernels[op.variant(n)](params, operands, Context())[0])


def _values(n: Node) -> list[Array | None]:
    return [None if tensor is None else np.asarray(tensor.value) for tensor in n.inputs]


def _changed(n: Node, params: Any, changes: Mapping[str, Any]) -> Iterator[Candidate]:
    for name, changed in changes.items():
        if changed != params:
            yield name, lambda changed=changed: _run(n, changed, _values(n))  # type: ignore[misc]


# --- sums of products ---


def _product(n: Node, p: ConvolutionParams | DenseParams, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    yield from _roundings(n, p.tail, np.asarray(steps["add_bias"]))
    yield from _tails(n, p.tail, np.asarray(steps["accumulate"]))
    yield from _operand_rules(n, p)
    if isinstance(p, ConvolutionParams):
        yield from _paddings(n, p)


def _multipliers(n: Node) -> Mapping[str, NDArray[np.float64]]:
    """M as kernels work it out: in float64, from a float32 product, and in float32 throughout."""
    x, w, y = n.input(0), n.input(1), n.output()
    product = (x.scale * w.scales).astype(np.float32)
    half = product.astype(np.float64) / np.float64(y.scale)
    single = (product / y.scale).astype(np.float64)
    found = {"float64": exact_multiplier(x, w, y)}
    if not np.array_equal(half, found["float64"]):
        found["float64 from a float32 product of scales"] = half
    if not any(np.array_equal(single, other) for other in found.values()):
        found["float32"] = single
    return found


def _roundings(n: Node, tail: Tail, total: Array) -> Iterator[Candidate]:
    def finished(rounded: Array) -> Array:
        y = np.clip(rounded.astype(np.float64) + tail.zero_point, *tail.activation_range)
        return y.astype(n.output().dtype).reshape(n.output().shape)

    for how, real in _multipliers(n).items():
        for rule in RULES:
            if rule not in ("vector_half_up", "float64_half_away", "float32_half_even"):
                yield (
                    f"rounding: {rule}, multiplier in {how}",
                    lambda rule=rule, real=real: finished(_rounded(total, real, rule)),  # type: ignore[misc]
                )
        for dtype in (np.float64, np.float32):
            for name, function in _ROUNDINGS.items():
                yield (
                    f"rounding: {dtype.__name__} product, {name}, multiplier in {how}",
                    lambda t=dtype, f=function, real=real: finished(  # type: ignore[misc]
                        f(total.astype(t) * real.astype(t))
                    ),
                )
        yield (
            f"rounding: fixed point without any, the bits are cut off, multiplier in {how}",
            lambda real=real: finished(_cut_off(total, real)),  # type: ignore[misc]
        )


def _rounded(total: Array, real: NDArray[np.float64], rule: Rule) -> Array:
    r = Requantization.of(real, rule)
    part = ((slice(0, None), r),)
    wide = np.zeros(1, np.int64) if total.size and abs(total).max() > INT32_MAX else None
    return np.asarray(Tail(part, 0, (INT32_MIN, INT32_MAX)).apply(total, wide, np.int32, Context(), None))


def _cut_off(total: Array, real: NDArray[np.float64]) -> Array:
    """floor(total * q * 2^(s - 31)), all in 64 bits."""
    r = Requantization.of(real, "double_rounding")
    if total.size and abs(total).max() > INT32_MAX:
        raise ValueError("the product with a 32-bit multiplier needs more than 64 bits")
    return np.asarray((total * r.multiplier.astype(np.int64)) >> (31 - r.shift.astype(np.int64)))


def _tails(n: Node, tail: Tail, acc: Array) -> Iterator[Candidate]:
    bias = n.optional_input(2)
    value = None if bias is None else np.asarray(bias.value)
    y = n.output()

    def applied(changed: Tail, bias: Array | None = value) -> Array:
        return changed.apply(acc, bias, y.dtype, Context(), None).reshape(y.shape)

    if value is not None and value.any():
        yield "the bias is not added", lambda: applied(tail, np.zeros_like(value))
    if tail.zero_point:
        yield "the output's zero point is not added", lambda: applied(replace(tail, zero_point=0))
    whole = integer_range(y.dtype)
    if tail.activation_range != whole:
        yield "the activation's clamp is missing", lambda: applied(replace(tail, activation_range=whole))
    wraps = replace(tail, activation_range=(INT32_MIN, INT32_MAX))
    yield "no clamp: the result wraps", lambda: applied(wraps)
    real = exact_multiplier(n.input(0), n.input(1), y)
    if real.size > 1:
        rule = tail.parts[0][1].rule
        for name, one in (("first", real[0]), ("largest", real.max()), ("last", real[-1])):
            parts = ((slice(0, None), Requantization.of(one, rule)),)
            yield (
                f"the {name} channel's scale for all channels",
                lambda parts=parts: applied(replace(tail, parts=parts)),  # type: ignore[misc]
            )


def _operand_rules(n: Node, p: ConvolutionParams | DenseParams) -> Iterator[Candidate]:
    x, w = n.input(0), n.input(1)
    low, high = integer_range(x.dtype)
    operands = _values(n)
    if p.input_zero_point:
        for name, zero in (("not subtracted", 0), ("added in place of subtracted", -p.input_zero_point)):
            changed = replace(p, input_zero_point=zero, input_range=(low - zero, high - zero), weights=None)
            yield (
                f"the input's zero point is {name}",
                lambda changed=changed: _run(n, changed, operands),  # type: ignore[misc]
            )
    stated = w.zero_point
    for name, zero in (("not subtracted", 0), ("subtracted", stated)):
        if zero != p.weight_zero_point:
            other = replace(p, weight_zero_point=zero, weights=None)
            yield (
                f"the weights' zero point is {name}",
                lambda other=other: _run(n, other, operands),  # type: ignore[misc]
            )


def _paddings(n: Node, p: ConvolutionParams) -> Iterator[Candidate]:
    g = p.geometry
    if not any((*g.pad_before, *g.pad_after)):
        return
    x, *others = _values(n)
    assert x is not None
    inside = replace(g, pad_before=(0, 0), pad_after=(0, 0))
    low, high = integer_range(x.dtype)
    if p.input_zero_point:
        padded_with_0, padded = pad_with(x, 0, g), pad_with(x, p.input_zero_point, g)
        yield (
            "the padding is 0, not the zero point",
            lambda: _run(n, replace(p, geometry=inside), [padded_with_0, *others]),
        )
        plain = replace(p, geometry=inside, input_zero_point=0, input_range=(low, high), weights=None)
        yield (
            "the input's zero point is not subtracted, and the padding is the zero point",
            lambda: _run(n, plain, [padded, *others]),
        )
    if g.pad_before != g.pad_after:
        swapped = replace(g, pad_before=g.pad_after, pad_after=g.pad_before)
        yield "the padding before and after is swapped", lambda: _run(n, replace(p, geometry=swapped), [x, *others])


# --- operators element by element ---


def _addition_changes(p: _addition.Params) -> Mapping[str, Any]:
    plain = replace(p, pairs=None)
    return {
        "the zero point of operand 0 is not subtracted": replace(plain, a=replace(p.a, zero_point=0)),
        "the zero point of operand 1 is not subtracted": replace(plain, b=replace(p.b, zero_point=0)),
        "the output's zero point is not added": replace(plain, zero_point=0),
        "no clamp: the result wraps": replace(plain, activation_range=(INT32_MIN, INT32_MAX)),
    }


def _multiplication_changes(p: mul.Params) -> Mapping[str, Any]:
    plain = replace(p, pairs=None)
    return {
        "the zero point of operand 0 is not subtracted": replace(plain, a_zero_point=0),
        "the zero point of operand 1 is not subtracted": replace(plain, b_zero_point=0),
        "the output's zero point is not added": replace(plain, zero_point=0),
        "no clamp: the result wraps": replace(plain, activation_range=(INT32_MIN, INT32_MAX)),
    }


def _real(n: Node, function: Callable[..., Floats], interval: tuple[int, int]) -> Iterator[Candidate]:
    """Real operands, the operator in floating point, and its result quantized."""

    def computed(dtype: Any, rounding: Callable[[Floats], Floats]) -> Array:
        y = n.output()
        reals = [
            value.astype(dtype)
            if value.dtype.kind == "f"
            else dtype(tensor.scale) * (value.astype(np.int64) - tensor.zero_point).astype(dtype)
            for tensor, value in zip(n.inputs, _values(n), strict=True)
            if tensor is not None and value is not None
        ]
        steps = rounding(np.asarray(function(*reals) / dtype(y.scale), dtype)).astype(np.float64)
        return np.asarray(np.clip(np.nan_to_num(steps) + y.zero_point, *interval).astype(y.dtype))

    for dtype in (np.float64, np.float32):
        for name, rounding in _ROUNDINGS.items():
            yield (
                f"rounding: computed in {dtype.__name__}, {name}",
                lambda t=dtype, r=rounding: computed(t, r),  # type: ignore[misc]
            )
