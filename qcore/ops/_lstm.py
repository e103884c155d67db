"""Long short-term memory: where its operands are, what they must look like, and how time is laid out.

    i = sigmoid(Wi x + Ri h + Pi * c + bi)        input gate; 1 - f where its weights are left out (CIFG)
    f = sigmoid(Wf x + Rf h + Pf * c + bf)        forget gate
    g = activation(Wg x + Rg h + bg)              cell gate
    c = clip(f * c + i * g)
    o = sigmoid(Wo x + Ro h + Po * c + bo)        output gate
    h = o * activation(c), or clip(Wp (o * activation(c)) + bp) with a projection

P are peephole weights (optional, one per unit). With layer normalization, sigmoid and activation are applied to
norm(W x + R h + P * c) * coefficients + b, norm over the units. c and h live in variable tensors.

TFLite: kernels/lstm_eval.cc
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qcore.ir import Operator
from qcore.op import Array, Node, NodeTensor
from qcore.rules import FLOAT_ONLY, Bias, Constraint, Intermediate, Rules, activation, bias, state, untouched, weight
from tflite_schema import (
    ActivationFunctionType,
    BidirectionalSequenceLSTMOptions,
    LSTMOptions,
    TensorType,
    UnidirectionalSequenceLSTMOptions,
)

__all__ = ["FULL", "RULES", "STEPS", "Cell", "Layout", "Positions", "Types", "check_cell", "optional", "stored_states"]

Options = LSTMOptions | UnidirectionalSequenceLSTMOptions | BidirectionalSequenceLSTMOptions
Positions = tuple[int, int, int, int]
"""Operand positions for the input, forget, cell and output gate; -1: none."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Operand positions of an LSTM; -1 for what the operator has not."""

    input_weights: Positions
    recurrent_weights: Positions
    peephole: Positions
    bias: Positions
    projection: int
    projection_bias: int
    output_state: int
    cell_state: int
    layer_norm: Positions = (-1, -1, -1, -1)
    input: int = 0
    aux_input: int = -1
    aux_weights: Positions = (-1, -1, -1, -1)
    diagonal: bool = False  # whether recurrent weights may be diagonal matrices


FULL = Layout(
    (1, 2, 3, 4), (5, 6, 7, 8), (9, 10, -1, 11), (12, 13, 14, 15), 16, 17, 18, 19, layer_norm=(20, 21, 22, 23)
)
"""LSTM (full kernel) and UNIDIRECTIONAL_SEQUENCE_LSTM."""

STEPS = {
    "input_sums": "int8: clip16(round(Wx - zx * sum(W) + b, M)) of all gates in a row, [time, batch, gates * units]",
    "gate_sums": "int8: clip16(input_sums + round(Rh - zh * sum(R), M))",
    "forget_gate_sums": "float with layer normalization: Wf x + Rf h + Pf * c, before it is normalized",
    "input_gate_sums": "float with layer normalization: Wi x + Ri h + Pi * c",
    "input_gate": "sigmoid(Wi x + Ri h + Pi * c + bi), [time, batch, units]; CIFG: 1 - forget gate; int8: Q0.15",
    "forget_gate": "sigmoid(Wf x + Rf h + Pf * c + bf); int8: Q0.15",
    "cell_gate_sums": "float with layer normalization: Wg x + Rg h",
    "cell_gate": "activation(Wg x + Rg h + bg); int8: tanh, Q0.15",
    "cell_state": "c = clip(forget_gate * c + input_gate * cell_gate); int8: both products rounded, clip16",
    "output_gate_sums": "float with layer normalization: Wo x + Ro h + Po * c",
    "output_gate": "sigmoid(Wo x + Ro h + Po * c + bo); int8: Q0.15",
    "hidden": "output_gate * activation(c); int8: clip8(round(o * tanh(c), M) + zm), - zm with a projection",
    "output_state": "h = hidden, or clip(Wp hidden + bp); int8: clip8(round(Wp (hidden + zm) + bp, M) + zh)",
}


def _rules(biases: tuple[Bias, ...], gate_sums: Constraint, first: Constraint) -> Rules:
    """gate_sums, first: the constraints of the gates' intermediate tensors; that of the input gate."""
    return Rules(
        inputs=(
            activation(),
            *[weight(None)] * 8,
            *[weight(None, bits=16)] * 3,
            *biases,
            weight(None),
            bias((16,), intermediate=4),
            state(result=0),
            state(power_of_two=True),
            *[weight(None, bits=16)] * 4,
        ),
        quantizable=frozenset({"int8"}),
        intermediates=(
            Intermediate("input_gate_sums", first),
            *(Intermediate(f"{gate}_gate_sums", gate_sums) for gate in ("forget", "cell", "output")),
            Intermediate("hidden", activation()),
        ),
    )


_PLAIN = _rules(tuple(bias((0, weights)) for weights in (1, 2, 3, 4)), untouched(), untouched())
_NORMS = tuple(bias((norm,), factor=2.0**-10) for norm in (20, 21, 22, 23))
_NORMALIZED = _rules(_NORMS, activation(bits=16), activation(bits=16))
_NORMALIZED_CIFG = _rules(_NORMS, activation(bits=16), untouched())


def _form(operator: Operator) -> Rules:
    """With or without layer normalization; the basic kernel, with its 5 operands, stays in float."""
    operands = operator.inputs
    if len(operands) < 20:
        return FLOAT_ONLY
    if len(operands) < 22 or operands[21] < 0:
        return _PLAIN
    return _NORMALIZED_CIFG if operands[1] < 0 else _NORMALIZED


RULES = replace(_PLAIN, form=_form)


@dataclass(frozen=True, slots=True)
class Types:
    """Which operand types a kernel takes."""

    weight: tuple[TensorType, ...]
    peephole: tuple[TensorType, ...]
    bias: TensorType
    layer_norm: TensorType
    state: tuple[TensorType, TensorType]  # output state, cell state


@dataclass(frozen=True, slots=True)
class Cell:
    """One LSTM cell, checked: its sizes and which optional parts it has."""

    layout: Layout
    batch: int
    input_size: int
    units: int
    outputs: int
    gates: tuple[int, ...]  # 0 ... 3: input (absent with CIFG), forget, cell, output
    peephole: bool
    layer_norm: bool
    projection: bool
    diagonal: tuple[int, ...]  # gates whose recurrent weights are diagonal
    aux_size: int
    activation: ActivationFunctionType
    cell_clip: np.float32
    proj_clip: np.float32

    @property
    def has_input_gate(self) -> bool:
        """False with CIFG."""
        return len(self.gates) == 4

    def positions(self, by_gate: Positions) -> list[int]:
        """The operand positions of the gates there are."""
        return [by_gate[gate] for gate in self.gates]


def optional(n: Node, position: int) -> NodeTensor | None:
    """Operand `position`; None where it is omitted or the position is -1."""
    return None if position < 0 else n.optional_input(position)


def check_cell(n: Node, layout: Layout, types: Types, batch: int, input_size: int, options: Options) -> Cell:
    """The cell of node n, every operand's type and shape checked.

    Raises ModelError or ShapeError where operands contradict each other, UnsupportedError for types without a kernel.
    """
    n.require(options.cell_clip >= 0 and options.proj_clip >= 0, "cell_clip and proj_clip must not be negative")
    output_weights, recurrent = n.input(layout.input_weights[3]), n.input(layout.recurrent_weights[3])
    n.require_shapes(output_weights.rank == 2, f"operand {layout.input_weights[3]} must be a matrix [units, inputs]")
    n.require_shapes(recurrent.rank in (1, 2), f"operand {layout.recurrent_weights[3]} must be a matrix")
    units, outputs = output_weights.shape[0], recurrent.shape[-1]
    n.require_shapes(min(units, outputs, input_size) > 0, "an LSTM needs at least one unit, output and input")
    gates = (1, 2, 3) if optional(n, layout.input_weights[0]) is None else (0, 1, 2, 3)
    aux = optional(n, layout.aux_input)
    aux_size = 0
    if aux is not None and optional(n, layout.aux_weights[3]) is not None:
        aux_size = aux.shape[-1] if aux.rank else 0
    cell = Cell(
        layout,
        batch,
        input_size,
        units,
        outputs,
        gates,
        peephole=optional(n, layout.peephole[3]) is not None,
        layer_norm=optional(n, layout.layer_norm[1]) is not None,
        projection=optional(n, layout.projection) is not None,
        diagonal=tuple(g for g in gates if n.input(layout.recurrent_weights[g]).rank == 1),
        aux_size=aux_size,
        activation=options.fused_activation_function,
        cell_clip=np.float32(options.cell_clip),
        proj_clip=np.float32(options.proj_clip),
    )
    n.require(layout.diagonal or not cell.diagonal, "recurrent weights must be matrices [units, outputs]")
    n.require_shapes(not cell.diagonal or units == outputs, "diagonal recurrent weights need as many outputs as units")
    if output_weights.type not in types.weight:
        raise n.unsupported(f"weights of type {output_weights.type.name} have no kernel with this operand")
    same = (output_weights.type,)
    types = replace(types, weight=same, peephole=same if types.peephole == types.weight else types.peephole)
    _check_gates(n, cell, types)
    _check_rest(n, cell, types)
    return cell


def _check_gates(n: Node, cell: Cell, types: Types) -> None:
    layout, units = cell.layout, cell.units
    for gate in range(4):
        here = gate in cell.gates
        _expect(n, layout.input_weights[gate], (units, cell.input_size), types.weight, here)
        if gate in cell.diagonal:
            _expect(n, layout.recurrent_weights[gate], (units,), (TensorType.FLOAT32,), here)
        else:
            _expect(n, layout.recurrent_weights[gate], (units, cell.outputs), types.weight, here)
        _expect(n, layout.bias[gate], (units,), (types.bias,), here)
        _expect(n, layout.layer_norm[gate], (units,), (types.layer_norm,), here and cell.layer_norm)
        if cell.aux_size:
            _expect(n, layout.aux_weights[gate], (units, cell.aux_size), types.weight, here)
        if here or not cell.peephole:  # with CIFG, peephole weights of the input gate are ignored
            _expect(n, layout.peephole[gate], (units,), types.peephole, cell.peephole and gate != 2)


def _check_rest(n: Node, cell: Cell, types: Types) -> None:
    layout = cell.layout
    _expect(n, layout.projection, (cell.outputs, cell.units), types.weight, cell.projection)
    if cell.projection:
        if optional(n, layout.projection_bias) is not None:
            _expect(n, layout.projection_bias, (cell.outputs,), (types.bias,), True)
    else:
        _expect(n, layout.projection_bias, (), (), False)
        n.require_shapes(
            cell.outputs == cell.units, f"{cell.outputs} outputs of {cell.units} units need projection weights"
        )
    sizes = (cell.outputs, cell.units)
    for position, type_, size in zip((layout.output_state, layout.cell_state), types.state, sizes, strict=True):
        tensor = n.input(position)
        n.require(tensor.is_variable, f"operand {position}, a state, must be a variable tensor")
        n.require(tensor.type == type_, f"operand {position}, a state, must be {type_.name}, not {tensor.type.name}")
        elements = int(np.prod(tensor.shape, dtype=object))
        n.require_shapes(
            elements == cell.batch * size,
            f"operand {position}, a state, has {elements} elements, expected {cell.batch} x {size}",
        )


def _expect(n: Node, position: int, shape: tuple[int, ...], types: tuple[TensorType, ...], present: bool) -> None:
    """Operand `position` is there and has this shape and one of these types, or it is not there."""
    tensor = optional(n, position)
    if not present:
        n.require(tensor is None, f"operand {position} must be left out where its counterparts are")
        return
    n.require(tensor is not None, f"operand {position} is missing")
    assert tensor is not None
    n.require_shapes(tensor.shape == shape, f"operand {position} has shape {tensor.shape}, expected {shape}")
    if tensor.type not in types:
        raise n.unsupported(
            f"operand {position} is {tensor.type.name}, expected {' or '.join(type_.name for type_ in types)}"
        )


def stored_states(cell: Cell, inputs: list[Array]) -> tuple[Array, Array]:
    """Output state [batch, outputs] and cell state [batch, units]: views of the variable tensors, to be updated."""
    output_state, cell_state = inputs[cell.layout.output_state], inputs[cell.layout.cell_state]
    return output_state.reshape(cell.batch, cell.outputs), cell_state.reshape(cell.batch, cell.units)
