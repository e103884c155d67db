"""The LSTM in float32, its weights float32 or, hybrid, 8-bit integers; equations in _lstm.py.

Hybrid: x, h and what is projected are quantized row by row before they meet the weights, see _hybrid.py.

TFLite: kernels/lstm_eval.cc (LstmStepFloat, LstmStepHybrid)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.float32 import sequential_sum
from qcore.op import Array, Context, Node, NodeTensor
from qcore.ops import _eigen
from qcore.ops._hybrid import HybridWeights, MatrixWeights, integer_weights, multiply, prepare_hybrid
from qcore.ops._lstm import Cell, Types, optional, stored_states
from qcore.ops._recurrent import Activation, Trail, activation_function
from tflite_schema import TensorType

__all__ = ["FLOAT_TYPES", "HYBRID_TYPES", "FloatCell", "prepare_float", "prepare_hybrid_cell", "run_float"]

Float32Array = NDArray[np.float32]
_F32 = TensorType.FLOAT32
_INT8 = (TensorType.INT8, TensorType.UINT8)
FLOAT_TYPES = Types((_F32,), (_F32,), _F32, _F32, (_F32, _F32))
_GATES = ("input", "forget", "cell", "output")
HYBRID_TYPES = Types(_INT8, _INT8, _F32, _F32, (_F32, _F32))


@dataclass(frozen=True, eq=False)
class Products:
    """Weights of all gates side by side, [inputs, gates * units], and of the projection; None: not there."""

    input: MatrixWeights
    aux: MatrixWeights | None
    recurrent: MatrixWeights
    projection: MatrixWeights | None
    hybrid: bool = False
    asymmetric: bool = False

    def multiply(self, y: Array | np.float32, x: Float32Array, w: MatrixWeights | None) -> Float32Array:
        """y + x @ w; y where there are no weights."""
        return np.asarray(y) if w is None else multiply(y, x, w, self.asymmetric)


@dataclass(frozen=True, eq=False)
class FloatCell:
    """A cell ready to run. `products`: None where weights are values of the run; peephole scales: 1 in float."""

    cell: Cell
    activation: Activation
    products: Products | None
    peephole_scales: tuple[np.float32, ...]

    def ready(self, inputs: list[Any]) -> Products:
        """The weights, from the operands where they were not known before."""
        return self.products if self.products is not None else _float_products(self.cell, inputs)


def prepare_float(n: Node, cell: Cell) -> FloatCell:
    """The cell with float32 weights, which may be constants or values of the run."""
    function = activation_function(n, cell.activation, identity=False)
    values = [None if tensor is None else tensor.value for tensor in n.inputs]
    layout = cell.layout
    weights = [*cell.positions(layout.input_weights), *cell.positions(layout.recurrent_weights)]
    weights += cell.positions(layout.aux_weights) if cell.aux_size else []
    weights += [layout.projection] if cell.projection else []
    known = all(values[position] is not None for position in weights)
    return FloatCell(cell, function, _float_products(cell, values) if known else None, (np.float32(1),) * 4)


def _float_products(cell: Cell, values: list[Any]) -> Products:
    layout = cell.layout
    recurrent = [
        np.diag(values[position]) if gate in cell.diagonal else values[position]
        for gate, position in zip(cell.gates, cell.positions(layout.recurrent_weights), strict=True)
    ]
    aux = [values[position] for position in cell.positions(layout.aux_weights)] if cell.aux_size else None
    return Products(
        np.concatenate([values[position] for position in cell.positions(layout.input_weights)]).T,
        None if aux is None else np.concatenate(aux).T,
        np.concatenate(recurrent).T,
        values[layout.projection].T if cell.projection else None,
    )


def prepare_hybrid_cell(n: Node, cell: Cell, asymmetric: bool) -> FloatCell:
    """The cell with int8 weights, per tensor. Raises UnsupportedError for weights that are not constants."""
    layout = cell.layout
    function = activation_function(n, cell.activation, identity=False)
    recurrent = [
        None if gate in cell.diagonal else n.input(position)
        for gate, position in zip(cell.gates, cell.positions(layout.recurrent_weights), strict=True)
    ]
    products = Products(
        _side_by_side(n, cell, [n.input(position) for position in cell.positions(layout.input_weights)]),
        _side_by_side(n, cell, [n.input(position) for position in cell.positions(layout.aux_weights)])
        if cell.aux_size
        else None,
        _side_by_side(n, cell, recurrent),
        prepare_hybrid(integer_weights(n, n.input(layout.projection)), n.input(layout.projection).scale)
        if cell.projection
        else None,
        hybrid=True,
        asymmetric=asymmetric,
    )
    scales = [
        tensor.scale if cell.peephole and (tensor := optional(n, position)) is not None else np.float32(1)
        for position in layout.peephole
    ]
    return FloatCell(cell, function, products, tuple(scales))


def _side_by_side(n: Node, cell: Cell, tensors: list[NodeTensor | None]) -> HybridWeights:
    """The weights of all gates as one matrix; zeros for None."""
    blank = np.zeros((cell.units, cell.outputs), np.int8)
    values = [blank if tensor is None else integer_weights(n, tensor) for tensor in tensors]
    scales = [np.float32(1) if tensor is None else tensor.scale for tensor in tensors]
    return prepare_hybrid(np.concatenate(values), np.repeat(scales, cell.units))


def run_float(
    p: FloatCell, inputs: list[Any], x: Float32Array, aux: Float32Array | None, ctx: Context, *, backward: bool = False
) -> Float32Array:
    """The outputs [time, batch, outputs] for x [time, batch, inputs]; the state operands are updated."""
    cell, products = p.cell, p.ready(inputs)
    layout = cell.layout
    biases = [inputs[position] for position in cell.positions(layout.bias)]
    with np.errstate(over="ignore", invalid="ignore"):
        start = np.float32(0) if cell.layer_norm else np.concatenate(biases)
        fed = products.multiply(start, x, products.input)
        if aux is not None:
            fed = products.multiply(fed, aux, products.aux)
        state, c = stored_states(cell, inputs)
        h = state.copy()
        y = np.empty((*x.shape[:2], cell.outputs), np.float32)
        order = range(len(x))[::-1] if backward else range(len(x))
        trail = Trail(ctx, order)
        for t in order:
            a = products.multiply(fed[t], h, products.recurrent).reshape(cell.batch, len(cell.gates), cell.units)
            if cell.diagonal and products.hybrid:
                _add_diagonal(cell, inputs, a, h)
            h = _step(p, products, inputs, a, c, trail)
            y[t] = h
        state[...] = h
        trail.show()
    return y


def _add_diagonal(cell: Cell, inputs: list[Any], a: Float32Array, h: Float32Array) -> None:
    """Diagonal weights stay float and meet the state as it is."""
    for place, gate in enumerate(cell.gates):
        if gate in cell.diagonal:
            a[:, place] += inputs[cell.layout.recurrent_weights[gate]] * h


def _step(p: FloatCell, products: Products, inputs: list[Any], a: Float32Array, c: Float32Array, trail: Trail) -> Array:
    """One time step from the sums a [batch, gates, units]; updates c, returns h."""
    cell = p.cell

    def gate(number: int) -> Float32Array:
        sums = a[:, number - 4]  # from the end: with CIFG there is no input gate
        if cell.peephole and number != 2:
            weights = inputs[cell.layout.peephole[number]]
            if weights.dtype != np.float32:
                weights = weights.view(np.int8) * p.peephole_scales[number]
            sums = sums + weights * c
        if cell.layer_norm:
            coefficients, bias = inputs[cell.layout.layer_norm[number]], inputs[cell.layout.bias[number]]
            sums = _normalize(trail.keep(f"{_GATES[number]}_gate_sums", sums)) * coefficients + bias
        return p.activation(sums) if number == 2 else _eigen.logistic(sums)

    kept = gate(1)
    added = trail.keep("input_gate", gate(0) if cell.has_input_gate else np.float32(1) - kept)
    trail.keep("forget_gate", kept)
    proposed = trail.keep("cell_gate", gate(2))
    c *= kept
    c += proposed * added
    if cell.cell_clip > 0:
        np.clip(c, -cell.cell_clip, cell.cell_clip, out=c)
    trail.keep("cell_state", c)
    hidden = trail.keep("output_gate", gate(3)) * p.activation(c)
    trail.keep("hidden", hidden)
    if cell.projection:
        bias = inputs[cell.layout.projection_bias] if optional_value(inputs, cell.layout.projection_bias) else 0
        hidden = products.multiply(np.float32(bias), hidden, products.projection)
        if cell.proj_clip > 0:
            hidden = np.clip(hidden, -cell.proj_clip, cell.proj_clip)
    return trail.keep("output_state", hidden)


def optional_value(inputs: list[Any], position: int) -> bool:
    """Whether an optional operand has a value in this run."""
    return 0 <= position < len(inputs) and inputs[position] is not None


def _normalize(x: Float32Array) -> Float32Array:
    """(x - mean) / sqrt(variance + 1e-8) over the units, in TFLite's order of additions."""
    units = np.float32(x.shape[-1])
    difference = x - (sequential_sum(x) / units)[:, np.newaxis]
    variance = sequential_sum(difference * difference) / units
    inverse = np.float32(1) / np.sqrt(variance + np.float32(1e-8))
    return np.asarray(difference * inverse[:, np.newaxis], np.float32)
