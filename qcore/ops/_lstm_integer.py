"""The LSTM in integers, 8-bit operands and 16-bit gates ("8x8_16"); equations in _lstm.py.

    a = clip16(round(Wx - zx * sum(W) + b, sx * sw / sa)),  a = clip16(a + round(Rh - zh * sum(R), sh * sr / sa))
    a = clip16(a + round(P * c, sc * sp / sa))              peephole
    a = norm(a)                                             layer normalization, see `_normalize`
    gate = sigmoid(a) or tanh(a), Q3.12 to Q0.15            sa = 2^-12, or the scale of intermediate tensor 0 ... 3
    c = clip16(f * c / 2^15 + i * g * 2^-30 / sc),  both rounded;  sc a power of two;  CIFG: i = 32767 - f
    h = clip8(round(o * tanh(c), 2^-30 / sm) + zm)          sm, zm: intermediate tensor 4; or with a projection
    m = clip8(round(o * tanh(c), 2^-30 / sm) - zm)          (TFLite subtracts zm here)
    h = clip8(round(Wp (m + zm) + bp, sm * sp / sh) + zh)

TFLite: kernels/lstm_eval.cc (LstmStepInteger8x8_16), kernels/internal/reference/portable_tensor_utils.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.fixedpoint import Int64Array, clip
from qcore.numerics.float32 import checked_log2
from qcore.numerics.requantize import Requantization, requantize
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops._lstm import Cell, Types, stored_states
from qcore.ops._lstm_arithmetic import (
    INT8_RANGE,
    INT16_RANGE,
    Product,
    constant,
    product,
    quantized_clip,
    scaling,
    sigmoid,
    tanh,
    update_cell,
)
from qcore.ops._lstm_norm import LayerNorm, layer_normalize, prepare_layer_norm
from qcore.ops._recurrent import Trail
from tflite_schema import TensorType

__all__ = ["INTEGER_TYPES", "IntegerCell", "prepare", "run_integer"]

_INT8, _INT16 = TensorType.INT8, TensorType.INT16
INTEGER_TYPES = Types((_INT8,), (_INT16,), TensorType.INT32, _INT16, (_INT8, _INT16))


@dataclass(frozen=True, eq=False)
class Peephole:
    """Weights int16 of one gate; vector code rounds 16 products at a time otherwise than the rest."""

    weights: Int64Array
    body: Requantization
    rest: Requantization


@dataclass(frozen=True, eq=False)
class IntegerCell:
    """The integer constants of a cell."""

    cell: Cell
    rows_apart: bool  # TFLite takes one sequence of the batch after the other
    input: Product
    recurrent: Product
    peepholes: dict[int, Peephole]
    norms: dict[int, LayerNorm]
    cell_exponent: int  # sc = 2^cell_exponent
    cell_clip: int
    hidden: Requantization
    hidden_zero_point: int  # what is added to it
    projection: Product | None
    output_zero_point: int
    proj_clip: int


def cell_state_exponent(n: Node, cell_state: NodeTensor) -> int:
    """log2 of the cell state's scale, a power of two in 2^-15 ... 2^-9: TFLite's tanh takes 0 ... 6 integer bits."""
    n.require(bool(cell_state.scale > 0), "the cell state's scale must be positive")
    exponent, exact = checked_log2(cell_state.scale)
    n.require(exact, f"cell state scale {cell_state.scale} is no power of two")
    if not -15 <= exponent <= -9:
        raise n.unsupported(
            f"cell state scale 2^{exponent}: outside 2^-15 ... 2^-9 TFLite runs on, but never writes tanh(c)"
        )
    return exponent


def prepare(n: Node, cell: Cell, *, rows_apart: bool) -> IntegerCell:
    """The constants of an 8x8_16 cell; the node must have 5 intermediate tensors."""
    n.require(len(n.intermediates) == 5, f"an int8 LSTM has 5 intermediate tensors, not {len(n.intermediates)}")
    layout = cell.layout
    x, state = n.input(layout.input), n.input(layout.output_state)
    hidden = n.intermediates[4]
    n.require_shapes(not cell.peephole or cell.outputs <= cell.units, "peephole weights need outputs <= units")
    gate_scales = {g: n.intermediates[g].scale if cell.layer_norm else np.float32(2**-12) for g in cell.gates}
    n.require(all(scale > 0 for scale in [*gate_scales.values(), state.scale, hidden.scale]), "a scale is not positive")
    exponent = cell_state_exponent(n, n.input(layout.cell_state))

    def gate_product(positions: list[int], operand: NodeTensor, biases: list[NodeTensor | None]) -> Product:
        weights = [n.input(position) for position in positions]
        scales = [w.scale * operand.scale / gate_scales[g] for w, g in zip(weights, cell.gates, strict=True)]
        return product(n, weights, biases, operand.zero_point, scales)

    no_bias: list[NodeTensor | None] = [None] * len(cell.gates)
    biases = no_bias if cell.layer_norm else [n.optional_input(position) for position in cell.positions(layout.bias)]
    projection = None
    if cell.projection:
        w = n.input(layout.projection)
        bias = n.optional_input(layout.projection_bias)
        projection = product(n, [w], [bias], -hidden.zero_point, [w.scale * hidden.scale / state.scale])
    return IntegerCell(
        cell,
        rows_apart,
        gate_product(cell.positions(layout.input_weights), x, biases),
        gate_product(cell.positions(layout.recurrent_weights), state, no_bias),
        _peepholes(n, cell, exponent, gate_scales),
        {g: prepare_layer_norm(n, layout.layer_norm[g], layout.bias[g]) for g in cell.gates if cell.layer_norm},
        exponent,
        quantized_clip(cell.cell_clip, n.input(layout.cell_state).scale, INT16_RANGE),
        scaling(n, 2.0**-15 / float(hidden.scale) * 2.0**-15),
        -hidden.zero_point if cell.projection else hidden.zero_point,
        projection,
        state.zero_point,
        quantized_clip(cell.proj_clip, n.output().scale, INT8_RANGE),
    )


def _peepholes(n: Node, cell: Cell, exponent: int, gate_scales: dict[int, np.float32]) -> dict[int, Peephole]:
    peepholes = {}
    for gate in cell.gates if cell.peephole else ():
        if gate != 2:
            w = n.input(cell.layout.peephole[gate])
            real = 2.0**exponent * float(w.scale) / float(gate_scales[gate])
            weights = constant(n, w)[: cell.outputs].astype(np.int64)
            peepholes[gate] = Peephole(weights, scaling(n, real, "vector_half_up"), scaling(n, real))
    return peepholes


def run_integer(p: IntegerCell, inputs: list[Any], x: Array, ctx: Context) -> NDArray[np.int8]:
    """The outputs [time, batch, outputs] for x int8 [time, batch, inputs]; the state operands are updated."""
    cell = p.cell
    state, c = stored_states(cell, inputs)
    h = state.copy()
    fed = ctx.trace("input_sums", clip(p.input(x), *INT16_RANGE))
    y = np.empty((*x.shape[:2], cell.outputs), np.int8)
    trail = Trail(ctx, range(len(x)))
    for t in range(len(x)):
        sums = trail.keep("gate_sums", clip(p.recurrent(h) + fed[t], *INT16_RANGE))
        h = _step(p, sums.reshape(cell.batch, len(cell.gates), cell.units), c, trail)
        y[t] = h
    state[...] = h
    trail.show()
    return y


def _step(p: IntegerCell, sums: NDArray[np.int32], c: NDArray[np.int16], trail: Trail) -> NDArray[np.int8]:
    """One time step from sums [batch, gates, units]; updates c, returns h."""
    cell = p.cell

    def gate(number: int) -> Int64Array:
        a: Array = sums[:, number - 4]  # from the end: with CIFG there is no input gate
        if number in p.peepholes:
            a = _add_peephole(p, p.peepholes[number], a, c)
        if number in p.norms:
            a = layer_normalize(a, p.norms[number])
        return tanh(a, 3) if number == 2 else sigmoid(a)

    kept = gate(1)
    added = trail.keep("input_gate", gate(0) if cell.has_input_gate else 32767 - kept)
    trail.keep("forget_gate", kept)
    update_cell(c, kept, added, trail.keep("cell_gate", gate(2)), p.cell_exponent, p.cell_clip)
    trail.keep("cell_state", c)
    opened = trail.keep("output_gate", gate(3))
    hidden = requantize(opened * tanh(c, 15 + p.cell_exponent), p.hidden) + p.hidden_zero_point
    hidden = trail.keep("hidden", clip(hidden, *INT8_RANGE))
    if p.projection is None:
        return trail.keep("output_state", hidden.astype(np.int8))
    y = clip(p.projection(hidden) + p.output_zero_point, *INT8_RANGE)
    if p.proj_clip > 0:
        y = clip(y, -p.proj_clip, p.proj_clip)
    return trail.keep("output_state", y.astype(np.int8))


def _add_peephole(p: IntegerCell, peephole: Peephole, a: Array, c: NDArray[np.int16]) -> Array:
    """clip16(a + round(P * c)). TFLite counts outputs, not units: with a projection it reaches part of the units."""
    outputs, shape = p.cell.outputs, a.shape
    a, cells = a.copy(), c
    if not p.rows_apart:  # the elements come one after the other through the whole batch
        a, cells = a.reshape(1, -1), c.reshape(1, -1)
    rows, reached = (shape[0], outputs) if p.rows_apart else (1, shape[0] * outputs)
    products = cells[:, :reached].reshape(-1, outputs) * peephole.weights
    body = outputs // 16 * 16
    rounded = np.concatenate(
        [requantize(products[:, :body], peephole.body), requantize(products[:, body:], peephole.rest)], axis=1
    )
    a[:, :reached] = clip(a[:, :reached] + rounded.reshape(rows, reached), *INT16_RANGE)
    return a.reshape(shape)
