"""The LSTM in integers with 8-bit sums ("8x8_8"): CIFG, layer normalization and projection always, no peepholes.

    u = clip8(round(W (x - zx), sx * sw / su) + zu);  v = clip8(round(R (h - zh), sh * sr / sv) + zv)
    a = clip16(round(u - zu, su / sa) + round(v - zv, sv / sa))
    a = clip16(round(4096 * ((a - mean) / deviation * w * sw + b * 2^-10 * sw)))     in float32
    gate = trunc(2^15 * sigmoid(a / 4096)), or tanh;  c, scale 2^-15: as in _lstm_integer.py with i = 32767 - f
    h = clip8(round(Wp round(o * tanh(c) / 2^15) + bp, 2^-15 * sp / sh) + zh)        64-bit sums, 15-bit multiplier

Of the 12 intermediate tensors, 3 g + 3, 3 g + 4 and 3 g + 5 hold sa, (su, zu) and (sv, zv) of gate g = 0, 1, 2 (forget,
cell, output). An input gate and peephole weights are ignored, as TFLite does, and the output gate's second multiplier
is not the one above (see `_sum`).

TFLite: kernels/lstm_eval.cc (LstmStepInteger8x8_8), kernels/internal/reference/portable_tensor_utils.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics import float32
from qcore.numerics.fixedpoint import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
    rounding_divide_by_pot,
)
from qcore.numerics.gemm import matmul
from qcore.numerics.requantize import Requantization, requantize
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops._lstm import Cell, stored_states
from qcore.ops._lstm_arithmetic import (
    INT8_RANGE,
    INT16_RANGE,
    Product,
    constant,
    product,
    quantized_clip,
    scaling,
    update_cell,
)
from qcore.ops._recurrent import Trail

__all__ = ["Integer8Cell", "prepare", "run_integer8"]


@dataclass(frozen=True, eq=False)
class Sum:
    """One of the two products of a gate and how it enters the sum."""

    product: Product
    zero_point: int
    multiplier: int
    shift: int

    def __call__(self, x: Array) -> Array:
        """round(clip8(round(x @ w, M) + z) - z, multiplier)."""
        narrow = np.clip(self.product(x) + self.zero_point, *INT8_RANGE)
        return multiply_by_quantized_multiplier(narrow - self.zero_point, self.multiplier, self.shift)


@dataclass(frozen=True, eq=False)
class Gate:
    """A gate: its two products and its normalization."""

    input: Sum
    recurrent: Sum
    weights: NDArray[np.float32]
    weight_scale: np.float32
    bias: NDArray[np.float32]  # times its scale


@dataclass(frozen=True, eq=False)
class Integer8Cell:
    """The constants of a cell; the gates are forget, cell and output."""

    cell: Cell
    gates: tuple[Gate, Gate, Gate]
    cell_clip: int
    projection: Product
    projection_scaling: Requantization
    output_zero_point: int
    proj_clip: int


def prepare(n: Node, cell: Cell) -> Integer8Cell:
    """The constants of an 8x8_8 cell; the node must have 12 intermediate tensors."""
    layout = cell.layout
    n.require(len(n.intermediates) == 12, f"an 8x8_8 LSTM has 12 intermediate tensors, not {len(n.intermediates)}")
    n.require(cell.layer_norm and cell.projection, "an 8x8_8 LSTM needs layer normalization and a projection")
    state, c, w = n.input(layout.output_state), n.input(layout.cell_state), n.input(layout.projection)
    n.require(c.scale == np.float32(2**-15), f"the cell state's scale must be 2^-15, not {c.scale}")
    bias = n.input(layout.projection_bias)
    real = np.float32(float(w.scale) * 2.0**-15 / float(state.scale))
    clip = cell.cell_clip if cell.cell_clip < 1 else np.float32(0)
    return Integer8Cell(
        cell,
        (_gate(n, cell, 0), _gate(n, cell, 1), _gate(n, cell, 2)),
        quantized_clip(clip, c.scale, INT16_RANGE),
        product(n, [w], [bias], 0, [np.float32(0)], INT16_RANGE),
        scaling(n, real, "int64_accumulator"),
        state.zero_point,
        quantized_clip(cell.proj_clip, n.output().scale, INT8_RANGE),
    )


def _gate(n: Node, cell: Cell, number: int) -> Gate:
    """Gate 0 ... 2: forget, cell, output."""
    layout = cell.layout
    coefficients, bias = n.input(layout.layer_norm[number + 1]), n.input(layout.bias[number + 1])
    multiplier, shift = quantize_multiplier(float(coefficients.scale))
    weight_scale = np.float32(multiplier * 2.0 ** (shift - 31))
    return Gate(
        _sum(n, n.input(layout.input_weights[number + 1]), n.input(layout.input), number, 1),
        _sum(n, n.input(layout.recurrent_weights[number + 1]), n.input(layout.output_state), number, 2),
        constant(n, coefficients).astype(np.float32),
        weight_scale,
        constant(n, bias).astype(np.float32) * (np.float32(2**-10) * weight_scale),
    )


def _sum(n: Node, w: NodeTensor, x: NodeTensor, gate: int, which: int) -> Sum:
    """Product 1 (operand) or 2 (state) of a gate."""
    total, part = n.intermediates[3 * gate + 3], n.intermediates[3 * gate + 3 + which]
    n.require(bool(total.scale > 0 and part.scale > 0), "the scales of the intermediate tensors must be positive")
    multiplier, shift = quantize_multiplier(float(part.scale / total.scale))
    zero_point = part.zero_point
    if gate == 2 and which == 2:
        # Here TFLite's indices are wrong: element 11 of 8 multipliers is element 3 of the shifts stored behind them, so
        # that almost nothing is left of the product, and the zero point is that of tensor 7.
        multiplier = quantize_multiplier(float(n.intermediates[5].scale / n.intermediates[3].scale))[1]
        zero_point = n.intermediates[7].zero_point
    return Sum(product(n, [w], [None], x.zero_point, [w.scale * x.scale / part.scale]), zero_point, multiplier, shift)


def run_integer8(p: Integer8Cell, inputs: list[Any], x: Array, ctx: Context) -> NDArray[np.int8]:
    """The outputs [time, batch, outputs] for x int8 [time, batch, inputs]; the state operands are updated."""
    cell = p.cell
    state, c = stored_states(cell, inputs)
    h = state.copy()
    fed = [gate.input(x) for gate in p.gates]
    y = np.empty((*x.shape[:2], cell.outputs), np.int8)
    trail = Trail(ctx, range(len(x)))
    for t in range(len(x)):
        sums = [np.clip(fed[g][t] + gate.recurrent(h), *INT16_RANGE) for g, gate in enumerate(p.gates)]
        trail.keep("gate_sums", np.concatenate(sums, axis=1))
        kept, proposed, opened = (
            _table(g == 1, 12)[_normalize(a, gate) + 32768]
            for g, (a, gate) in enumerate(zip(sums, p.gates, strict=True))
        )
        added = trail.keep("input_gate", 32767 - kept)
        trail.keep("forget_gate", kept)
        update_cell(c, kept, added, trail.keep("cell_gate", proposed), -15, p.cell_clip)
        trail.keep("cell_state", c)
        tanh = _table(True, 15)[c.astype(np.int64) + 32768]
        hidden = trail.keep("hidden", rounding_divide_by_pot(trail.keep("output_gate", opened) * tanh, 15))
        h = y[t] = trail.keep("output_state", _project(p, hidden))
    state[...] = h
    trail.show()
    return y


def _project(p: Integer8Cell, hidden: Array) -> NDArray[np.int8]:
    """clip8(round(Wp hidden + bp, M) + zh), clipped."""
    sums = matmul(hidden, p.projection.weights).astype(np.int64) + p.projection.bias
    y = np.clip(requantize(sums, p.projection_scaling) + p.output_zero_point, *INT8_RANGE)
    return np.asarray(np.clip(y, -p.proj_clip, p.proj_clip) if p.proj_clip > 0 else y).astype(np.int8)


def _normalize(a: Array, gate: Gate) -> NDArray[np.int64]:
    """Layer normalization in float32, Q3.12 in and out."""
    values = a.astype(np.float32)
    units = np.float32(a.shape[-1])
    mean = float32.sequential_sum(values) / units
    variance = float32.sequential_sum(values * values) / units - mean * mean
    with np.errstate(invalid="ignore"):
        inverse = np.float32(1) / np.sqrt(np.where(variance == 0, np.float32(1e-8), variance))
        normalized = (values - mean[:, np.newaxis]) * inverse[:, np.newaxis]
        scaled = normalized * gate.weights * gate.weight_scale + gate.bias
        return np.clip(float32.to_int32(round_half_away(scaled * np.float32(4096))), *INT16_RANGE)


@cache
def _table(is_tanh: bool, fractional_bits: int) -> NDArray[np.int64]:
    """trunc(2^15 * tanh(a)) or logistic(a) for all int16 a, first -32768; a has `fractional_bits`."""
    a = (np.arange(-32768, 32768) * 2.0**-fractional_bits).astype(np.float32)
    value = float32.tanh(a) if is_tanh else float32.logistic(a)
    return np.clip(np.trunc(value * np.float32(32768)), *INT16_RANGE).astype(np.int64)
