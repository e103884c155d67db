"""The catalogue of what else somebody may have computed: for one operator, given our operands, a result per rule.

Each rule changes one thing and goes on with the kernel's own steps: a rule of the rounding starts at the traced
"add_bias", one of the scales or of the range at the traced "accumulate", and one of the operands runs the kernel again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.taps import operands
from qcore.numerics.affine import integer_range
from qcore.numerics.fixedpoint import INT32_MAX, INT32_MIN, round_half_away
from qcore.numerics.requantize import RULES, Requantization, Rule
from qcore.numerics.trace import NO_TRACE, Kept, Trace
from qcore.numerics.window import pad_with
from qcore.op import Array, Context, Node, find
from qcore.ops import _addition, _pool, _reduction, batch_matmul, mul, quantize, transpose_conv
from qcore.ops._conv import Params as ConvolutionParams
from qcore.ops._lanes import NOWHERE
from qcore.ops._product import Tail, exact_multiplier
from qcore.ops.fully_connected import Params as DenseParams
from tflite_schema import BuiltinOperator, Pool2DOptions

__all__ = ["Candidate", "candidates", "pairs"]

Candidate = tuple[str, Callable[[], Array]]
"""What the rule says, and its result: shape and dtype of the operator's own."""
Floats = NDArray[Any]
_Product = ConvolutionParams | DenseParams | transpose_conv.Params | batch_matmul.Params
_Changes = Mapping[str, Callable[[Any], Any]]
"""What a rule says, and what it makes of the kernel's constants."""
_ROUNDINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "halves away from zero": round_half_away,
    "halves up": lambda v: np.floor(v + v.dtype.type(0.5)),
    "halves to even": np.rint,
    "floor": np.floor,
    "truncation": np.trunc,
}


def candidates(n: Node, params: Any, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    """The rules for node n, which has the values of the run; `params`, `steps`: of the kernel that ran.

    None for an operator that is no CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED, BATCH_MATMUL, ADD, SUB,
    MUL, QUANTIZE, AVERAGE_POOL_2D, MEAN or SUM of integers. A result may raise ValueError or one of qcore's errors
    where a rule cannot be carried out.
    """
    if _is_product(n, params):
        yield from _product(n, params, steps)
    for name, change in _changes(n, params).items():
        if (changed := change(params)) != params:
            yield name, lambda changed=changed: _run(n, changed, _values(n))  # type: ignore[misc]
    if isinstance(params, _addition.Params) and params.lanes == NOWHERE:
        yield from _real(n, lambda a, b: a + a.dtype.type(params.sign) * b, params.activation_range)
    elif isinstance(params, mul.Params) and params.lanes == NOWHERE:
        yield from _real(n, lambda a, b: a * b, params.activation_range)
    elif isinstance(params, quantize.Params | quantize.FloatParams) and _changes(n, params):
        yield from _real(n, lambda a: a, params.range)
    elif n.operator.code in (BuiltinOperator.MEAN, BuiltinOperator.SUM) and _changes(n, params):
        yield from _reduced(n, params)
    elif n.operator.code == BuiltinOperator.AVERAGE_POOL_2D and isinstance(params, _pool.Params):
        yield from _averaged(n, params, steps)


def pairs(n: Node, params: Any, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    """Two mistakes at once: of the operands, the end of the sum and its rounding; or of an operator's constants."""
    if _is_product(n, params):
        yield from _product_pairs(n, params, steps)
    for (a, first), (b, second) in combinations(_changes(n, params).items(), 2):
        once, twice = first(params), second(first(params))
        if once != params and twice not in (once, second(params)):
            yield f"{a}, and {b}", lambda twice=twice: _run(n, twice, _values(n))  # type: ignore[misc]


def _is_product(n: Node, params: Any) -> bool:
    plain = isinstance(params, _Product) and getattr(params, "vector", None) is None
    return plain and params.tail is not None and n.output().dtype.kind in "iu"


def _changes(n: Node, params: Any) -> _Changes:
    """The rules that change a constant of an operator that is no sum of products."""
    if isinstance(params, _addition.Params) and params.lanes == NOWHERE:
        return _ADDITION
    if isinstance(params, mul.Params) and params.lanes == NOWHERE:
        return _MULTIPLICATION
    if isinstance(params, quantize.Params) and params.lanes == NOWHERE:
        return _QUANTIZATION
    if isinstance(params, quantize.FloatParams) and params.scale.size == 1 and params.lanes is None:
        return {"the output's zero point is not added": lambda p: replace(p, zero_point=p.zero_point * 0)}
    if isinstance(params, _reduction.Params) and params.multiplier is not None:
        return _REDUCTION
    return {}


def _run(n: Node, params: Any, values: list[Array | None], trace: Trace = NO_TRACE) -> Array:
    """The kernel of n with other constants or operands."""
    op = find(n.operator.code, n.operator.custom_code)
    return np.asarray(op.kernels[op.variant(n)](params, values, Context(trace=trace))[0])


def _values(n: Node) -> list[Array | None]:
    return [None if tensor is None else np.asarray(tensor.value) for tensor in n.inputs]


# --- sums of products ---


def _product(n: Node, p: Any, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    acc, total = _sums(steps)
    yield from _roundings(n, p.tail, total)
    yield from _tails(n, p.tail, acc)
    for name, changed, values in _operand_changes(n, p):
        yield name, lambda changed=changed, values=values: _run(n, changed, values)  # type: ignore[misc]


def _product_pairs(n: Node, p: Any, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    acc, total = _sums(steps)
    for name, tail, biased in _ends(n, p.tail):
        for other, compute in _roundings(n, tail, total if biased else acc):
            yield f"{name}, and {other}", compute
    for name, changed, values in _operand_changes(n, p):
        traced = Kept()
        _run(n, changed, values, traced)
        acc, total = _sums(traced.steps)
        for other, compute in chain(_tails(n, p.tail, acc), _roundings(n, p.tail, total)):
            yield f"{name}, and {other}", compute


def _sums(steps: Mapping[str, Any]) -> tuple[Array, Array]:
    """The accumulators, and with the bias."""
    acc = np.asarray(steps["accumulate"])
    return acc, np.asarray(steps.get("add_bias", acc))


def _ends(n: Node, tail: Tail) -> Iterator[tuple[str, Tail, bool]]:
    """What can be missing at the end of a sum: the rule, the end, and whether the bias is added."""
    bias, whole = _bias(n), integer_range(n.output().dtype)
    if bias is not None and bias.any():
        yield "the bias is not added", tail, False
    if tail.zero_point:
        yield "the output's zero point is not added", replace(tail, zero_point=0), True
    if tail.activation_range != whole:
        yield "the activation's clamp is missing", replace(tail, activation_range=whole), True


def _bias(n: Node) -> Array | None:
    if n.operator.code == BuiltinOperator.BATCH_MATMUL:
        return None
    bias = n.optional_input(3 if n.operator.code == BuiltinOperator.TRANSPOSE_CONV else 2)
    return None if bias is None else np.asarray(bias.value)


def _multipliers(n: Node) -> Mapping[str, NDArray[np.float64]]:
    """M as kernels work it out: in float64, from a float32 product, and in float32 throughout."""
    (x, w), y = operands(n), n.output()
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
    value, y = _bias(n), n.output()

    def applied(changed: Tail, bias: Array | None = value) -> Array:
        return changed.apply(acc, bias, y.dtype, Context(), None).reshape(y.shape)

    for name, end, biased in _ends(n, tail):
        added = value if biased or value is None else np.zeros_like(value)
        yield name, lambda end=end, added=added: applied(end, added)  # type: ignore[misc]
    wraps = replace(tail, activation_range=(INT32_MIN, INT32_MAX))
    yield "no clamp: the result wraps", lambda: applied(wraps)
    real = exact_multiplier(*operands(n), y)
    if real.size > 1:
        rule = tail.parts[0][1].rule
        for name, one in (("first", real[0]), ("largest", real.max()), ("last", real[-1])):
            parts = ((slice(0, None), Requantization.of(one, rule)),)
            yield (
                f"the {name} channel's scale for all channels",
                lambda parts=parts: applied(replace(tail, parts=parts)),  # type: ignore[misc]
            )


def _operand_changes(n: Node, p: Any) -> Iterator[tuple[str, Any, list[Array | None]]]:
    """The rules about operands: other constants, or operands, for the same kernel."""
    x, w = operands(n)
    if isinstance(p, batch_matmul.Params):
        for position, name in enumerate(("input's", "weights'")):
            if p.zero_points[position]:
                zeros = (0, p.zero_points[1]) if position == 0 else (p.zero_points[0], 0)
                yield f"the {name} zero point is not subtracted", replace(p, zero_points=zeros), _values(n)
        return
    low, high = integer_range(x.dtype)
    if p.input_zero_point:
        for name, zero in (("not subtracted", 0), ("added in place of subtracted", -p.input_zero_point)):
            changed = replace(p, input_zero_point=zero, input_range=(low - zero, high - zero), weights=None)
            yield f"the input's zero point is {name}", changed, _values(n)
    stated = w.zero_point
    for name, zero in (("not subtracted", 0), ("subtracted", stated)):
        if zero != p.weight_zero_point:
            other = replace(p, weight_zero_point=zero, weights=None)
            yield f"the weights' zero point is {name}", other, _values(n)
    if isinstance(p, ConvolutionParams):
        yield from _paddings(n, p)


def _paddings(n: Node, p: ConvolutionParams) -> Iterator[tuple[str, Any, list[Array | None]]]:
    g = p.geometry
    if not any((*g.pad_before, *g.pad_after)):
        return
    x, *others = _values(n)
    assert x is not None
    inside = replace(g, pad_before=(0, 0), pad_after=(0, 0))
    low, high = integer_range(x.dtype)
    if p.input_zero_point:
        padded_with_0, padded = pad_with(x, 0, g), pad_with(x, p.input_zero_point, g)
        yield "the padding is 0, not the zero point", replace(p, geometry=inside), [padded_with_0, *others]
        plain = replace(p, geometry=inside, input_zero_point=0, input_range=(low, high), weights=None)
        name = "the input's zero point is not subtracted, and the padding is the zero point"
        yield name, plain, [padded, *others]
    if g.pad_before != g.pad_after:
        swapped = replace(g, pad_before=g.pad_after, pad_after=g.pad_before)
        yield "the padding before and after is swapped", replace(p, geometry=swapped), [x, *others]


# --- operators element by element ---

_WRAP = (INT32_MIN, INT32_MAX)
_ADDITION: _Changes = {
    "the zero point of operand 0 is not subtracted": lambda p: replace(p, a=replace(p.a, zero_point=0), pairs=None),
    "the zero point of operand 1 is not subtracted": lambda p: replace(p, b=replace(p.b, zero_point=0), pairs=None),
    "the output's zero point is not added": lambda p: replace(p, zero_point=0, pairs=None),
    "no clamp: the result wraps": lambda p: replace(p, activation_range=_WRAP, pairs=None),
}
_MULTIPLICATION: _Changes = {
    "the zero point of operand 0 is not subtracted": lambda p: replace(p, a_zero_point=0, pairs=None),
    "the zero point of operand 1 is not subtracted": lambda p: replace(p, b_zero_point=0, pairs=None),
    "the output's zero point is not added": lambda p: replace(p, zero_point=0, pairs=None),
    "no clamp: the result wraps": lambda p: replace(p, activation_range=_WRAP, pairs=None),
}
_QUANTIZATION: _Changes = {
    "the input's zero point is not subtracted": lambda p: replace(p, input_zero_point=0, table=None),
    "the output's zero point is not added": lambda p: replace(p, output_zero_point=0, table=None),
    "no clamp: the result wraps": lambda p: replace(p, range=_WRAP, table=None),
}
_REDUCTION: _Changes = {
    "the input's zero point is not subtracted": lambda p: replace(p, offset=0),
    "the input's zero point is subtracted once, not for each element": lambda p: replace(p, offset=p.offset // p.count),
    "the output's zero point is not added": lambda p: replace(p, output_zero_point=0),
}


def _reduced(n: Node, p: _reduction.Params) -> Iterator[Candidate]:
    """The sum of real numbers, or their mean, in floating point; and the integer mean, rescaled afterwards."""
    x, y, count = n.input(0), n.output(), p.count
    total = np.add.reduce(np.asarray(x.value), axis=p.axes, dtype=np.int64).reshape(p.shape) - p.offset
    is_mean = n.operator.code == BuiltinOperator.MEAN

    def finished(steps: Floats) -> Array:
        return np.asarray(np.clip(steps.astype(np.float64) + y.zero_point, *integer_range(y.dtype)).astype(y.dtype))

    for dtype in (np.float64, np.float32):
        factor = dtype(x.scale) / dtype(y.scale)
        real = total.astype(dtype) / dtype(count) * factor if is_mean else total.astype(dtype) * factor
        for name, rounding in _ROUNDINGS.items():
            yield (
                f"rounding: computed in {dtype.__name__}, {name}",
                lambda r=rounding, v=real: finished(r(v)),  # type: ignore[misc]
            )
    if is_mean and count > 1:
        for name, rounding in _ROUNDINGS.items():
            yield (
                f"the mean is rounded before it is rescaled, {name}",
                lambda r=rounding: finished(r(r(total / count) * (float(x.scale) / float(y.scale)))),  # type: ignore[misc]
            )


def _averaged(n: Node, p: _pool.Params, steps: Mapping[str, Any]) -> Iterator[Candidate]:
    """Sums of windows divided by their taps otherwise."""
    acc, y = np.asarray(steps["accumulate"]).astype(np.float64), n.output()
    options = n.options(Pool2DOptions)

    def finished(quotient: Floats, interval: Any = p.activation_range) -> Array:
        return np.asarray(np.clip(quotient, *interval).astype(y.dtype))

    window = options.filter_height * options.filter_width
    for name, rounding in _ROUNDINGS.items():
        if rounding is not round_half_away:  # the kernel's own
            yield f"rounding: {name}", lambda r=rounding: finished(r(acc / p.taps))  # type: ignore[misc]
        if (p.taps != window).any():
            filled = acc + (window - p.taps) * float(y.zero_point)
            yield (
                f"divided by the whole window, padding counted as 0, {name}",
                lambda r=rounding: finished(r(acc / window)),  # type: ignore[misc]
            )
            yield (
                f"divided by the whole window, padding counted as the zero point, {name}",
                lambda r=rounding, v=filled: finished(r(v / window)),  # type: ignore[misc]
            )
    if tuple(p.activation_range) != integer_range(y.dtype):
        whole = integer_range(y.dtype)
        yield "the activation's clamp is missing", lambda: finished(round_half_away(acc / p.taps), whole)


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
