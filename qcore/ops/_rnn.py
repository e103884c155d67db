"""The plain recurrent cell, float32 with float32 or (hybrid) int8 weights.

    h = activation(W x + A aux + R h + b)        y = h;  A aux only where there is an auxiliary operand

Hybrid: x, aux and h are quantized row by row before they meet the weights, see _hybrid.py.

TFLite: kernels/internal/kernel_utils.cc (RnnBatchStep)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.op import Context, Node
from qcore.ops._hybrid import MatrixWeights, integer_weights, multiply, prepare_hybrid
from qcore.ops._recurrent import Activation, Trail, activation_function
from qcore.rules import Rules, activation, bias, state, weight
from tflite_schema import ActivationFunctionType, TensorType

__all__ = ["LAYOUT", "RULES", "STEPS", "Layout", "RnnCell", "prepare_cell", "run_cell", "version"]

Float32Array = NDArray[np.float32]
_WEIGHT_TYPES = (TensorType.FLOAT32, TensorType.INT8, TensorType.UINT8)

RULES = Rules(
    inputs=(activation(), weight(None), weight(None), bias((0, 1)), state()),
    quantizable=frozenset(),
)
STEPS = {
    "sums": "W x + A aux + R h + b, [time, batch, units]",
    "hidden": "activation(sums)",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Operand positions of a cell; -1: none."""

    weights: int = 1
    recurrent: int = 2
    bias: int = 3
    state: int = 4
    aux_weights: int = -1


LAYOUT = Layout()
"""RNN and UNIDIRECTIONAL_SEQUENCE_RNN."""


@dataclass(frozen=True, eq=False)
class RnnCell:
    """A cell ready to run; `hybrid` holds its integer weights by position, empty in float."""

    layout: Layout
    units: int
    activation: Activation
    asymmetric: bool
    hybrid: dict[int, MatrixWeights]

    def weights(self, position: int, inputs: list[Any]) -> MatrixWeights:
        """The weights at an operand position, [inputs, units]."""
        return self.hybrid[position] if self.hybrid else inputs[position].T


def version(n: Node, asymmetric: bool) -> int:
    """1 in float; hybrid 2, or 3 with asymmetric operands."""
    hybrid = n.input(1).type == TensorType.INT8 and n.output().type == TensorType.FLOAT32
    return (3 if asymmetric else 2) if hybrid else 1


def prepare_cell(
    n: Node,
    layout: Layout,
    batch: int,
    input_size: int,
    aux_size: int,
    fused: ActivationFunctionType,
    asymmetric: bool,
) -> RnnCell:
    """The cell of node n, every operand checked; ModelError, ShapeError or UnsupportedError otherwise."""
    x, w, b, h = n.input(0), n.input(layout.weights), n.input(layout.bias), n.input(layout.state)
    n.require_shapes(w.rank == 2, f"operand {layout.weights} must be a matrix [units, inputs]")
    units = w.shape[0]
    n.require_shapes(min(units, input_size) > 0, "a recurrent cell needs at least one unit and one input")
    shapes = {
        layout.weights: (units, input_size),
        layout.recurrent: (units, units),
        layout.bias: (units,),
        layout.state: (batch, units),
    }
    matrices = [layout.weights, layout.recurrent]
    if aux_size:
        shapes[layout.aux_weights] = (units, aux_size)
        matrices.append(layout.aux_weights)
    for position, shape in shapes.items():
        found = n.input(position).shape
        n.require_shapes(found == shape, f"operand {position} has shape {found}, expected {shape}")
    floats = [x, b, h, *n.outputs]
    n.require(all(t.type == TensorType.FLOAT32 for t in floats), "activations, bias and state must be FLOAT32")
    n.require(h.is_variable, f"operand {layout.state}, the state, must be a variable tensor")
    if w.type not in _WEIGHT_TYPES or any(n.input(position).type != w.type for position in matrices):
        raise n.unsupported("all weights must be FLOAT32, or all INT8 or UINT8")
    function = activation_function(n, fused, identity=True)
    hybrid: dict[int, MatrixWeights] = {}
    if w.type != TensorType.FLOAT32:
        for position in matrices:
            tensor = n.input(position)
            hybrid[position] = prepare_hybrid(integer_weights(n, tensor), tensor.scale)
    return RnnCell(layout, units, function, asymmetric, hybrid)


def run_cell(
    p: RnnCell, inputs: list[Any], x: Float32Array, aux: Float32Array | None, ctx: Context, *, backward: bool = False
) -> Float32Array:
    """The outputs [time, batch, units] for x [time, batch, inputs]; the state operand is updated."""
    layout = p.layout
    recurrent = p.weights(layout.recurrent, inputs)
    with np.errstate(over="ignore", invalid="ignore"):
        fed = multiply(inputs[layout.bias], x, p.weights(layout.weights, inputs), p.asymmetric)
        if aux is not None:
            fed = multiply(fed, aux, p.weights(layout.aux_weights, inputs), p.asymmetric)
        h = inputs[layout.state].copy()
        y = np.empty_like(fed)
        order = range(len(x))[::-1] if backward else range(len(x))
        trail = Trail(ctx, order)
        for t in order:
            sums = trail.keep("sums", multiply(fed[t], h, recurrent, p.asymmetric))
            h = y[t] = trail.keep("hidden", p.activation(sums))
    inputs[layout.state][...] = h
    trail.show()
    return y
