"""An operator of a quantized model left in float, or its result in int16: a model that can be written and run.

float   DEQUANTIZE -> the float operator with its float constants -> QUANTIZE into the tensor that was there. This
        regains what the stored weights, the bias and the kernel's arithmetic cost, but not what the result's own range
        and step cost, for those who read it still read it in 8 bits.
int16   the operator and all that read its result in int16 (weights as they are, biases int64), between DEQUANTIZE and
        QUANTIZE before, and QUANTIZE back to 8 bits behind: regains what the result's range and step cost. Behind an
        operator that only moves values (RESHAPE), those that read its result belong to it too. DEQUANTIZE reads int16.

TFLite converts int8 to int16 only by way of float. The operators keep their places, so that tensors keep their indices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.ledger.alignment import CONVERSIONS, Alignment, operand_pairs
from qcore.auditor.ledger.sample import Grid
from qcore.edit import add_constant, add_tensor
from qcore.errors import UnsupportedError
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.numerics.affine import bias_scale, quantize_bias, quantize_int16
from qcore.op import Node, find
from qcore.rules import Bias, Fixed, SameAs, Untouched, Weight
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["float_island", "int16_island"]

Array = NDArray[Any]
Ranges = Mapping[int, tuple[float, float]]


def float_island(quantized: Model, float_model: Model, alignment: Alignment, operator: int) -> Model:
    """A copy of the quantized model with this operator in float.

    UnsupportedError: it stands for no operator of the float model.
    """
    if operator not in alignment.twins:
        raise UnsupportedError(f"{quantized.place(0, operator)}: stands for no operator of the float model")
    island = _Island(quantized, float_model, alignment)
    twin = float_model.main.operators[alignment.twins[operator]]
    for index, op in enumerate(quantized.main.operators):
        if index == operator:
            _put_float(island, op, twin)
        else:
            island.keep(index)
    return island.finish()


def _put_float(island: _Island, op: Operator, twin: Operator) -> None:
    """Append the float operator in place of `op`."""
    operands = []
    for mine, other in operand_pairs(op, twin):
        if other in island.alignment.exact_constants:
            operands.append(island.constant(island.float_model.main.tensors[other].name, island.exact(other)))
        elif other < 0:
            operands.append(-1)
        else:
            operands.append(mine if mine in island.alignment.constants else island.dequantized(mine))
    quantized = [t for t in op.outputs if island.grid(t) is not None]
    made = {t: island.tensor(t, "_float", TensorType.FLOAT32) for t in quantized}
    results = tuple(made.get(t, t) for t in op.outputs)
    island.put(Operator(op.code, tuple(operands), results, twin.options, custom_code=op.custom_code))
    for tensor, result in made.items():
        island.put(Operator(BuiltinOperator.QUANTIZE, (result,), (tensor,)))


def int16_island(quantized: Model, float_model: Model, alignment: Alignment, operator: int, ranges: Ranges) -> Model:
    """A copy of the quantized model with this operator's result in int16, and the operators that read it.

    ranges: (lowest, highest) value of the float model by tensor of the quantized one. UnsupportedError, with the
    reason: one of the operators has no int16 kernel, or what it needs cannot be had.
    """
    main, place = quantized.main, quantized.place(0, operator)
    island = _Island(quantized, float_model, alignment)
    if any(island.grid(t) is None for t in main.operators[operator].outputs):
        raise UnsupportedError(f"{place}: its result is not in 8 bits")
    readers, same = _readers(quantized, operator)
    carried: dict[int, int] = {}
    for index, op in enumerate(main.operators):
        if op.code == BuiltinOperator.DEQUANTIZE and op.inputs[0] in same:
            island.put(Operator(op.code, (carried[op.inputs[0]],), op.outputs))
        elif index != operator and index not in readers:
            island.keep(index)
        else:
            _put_int16(island, index, carried, ranges)
            for tensor in op.outputs:
                if tensor in main.outputs or _needed(main, tensor, readers, tensor in same):
                    island.put(Operator(BuiltinOperator.QUANTIZE, (carried[tensor],), (tensor,)))
    if not any(tensor in op.inputs for op in main.operators for tensor in same):
        raise UnsupportedError(f"{place}: nothing in the model reads its result, which leaves it in 8 bits")
    return island.finish()


def _readers(model: Model, operator: int) -> tuple[set[int], set[int]]:
    """The operators that read a result in integers, and the tensors that hold it.

    Behind an operator that only moves values (RESHAPE, PAD) those that read its result belong to them.
    """
    same, found = set(model.main.operators[operator].outputs), set[int]()
    for index, op in enumerate(model.main.operators):
        if same & set(op.inputs) and op.code not in CONVERSIONS:
            found.add(index)
            if find(op.code, op.custom_code).rules.of(op).same_scale:
                same |= set(op.outputs)
    return found, same


def _needed(graph: Subgraph, tensor: int, readers: set[int], same: bool) -> bool:
    """Whether an operator still reads the tensor in 8 bits; a DEQUANTIZE of the same result reads it in int16."""
    return any(
        tensor in op.inputs and index not in readers and not (same and op.code == BuiltinOperator.DEQUANTIZE)
        for index, op in enumerate(graph.operators)
    )


def _put_int16(island: _Island, index: int, carried: dict[int, int], ranges: Ranges) -> None:
    """Append the operator in int16; `carried`: tensor -> the same in int16, where there is one."""
    op = island.model.main.operators[index]
    declared = find(op.code, op.custom_code)
    rules = declared.rules.of(op, "int16x8")
    place = island.model.place(0, index)
    if "int16x8" not in rules.quantizable or not {"int16", "any"} & set(declared.kernels):
        raise UnsupportedError(f"{place}: has no int16 form")
    if rules.same_scale and len([t for t in op.inputs if island.grid(t) is not None]) > 1:
        raise UnsupportedError(f"{place}: all its operands must have one scale")
    twin = island.twin(index)
    operands: list[int] = []
    for position, (mine, other) in enumerate(operand_pairs(op, twin)):
        constraint = rules.input(position)
        if mine < 0 or isinstance(constraint, Untouched):
            operands.append(mine)
        elif isinstance(constraint, Weight) and mine in island.alignment.constants:
            weight = island.model.main.tensors[mine]
            if weight.type != TensorType.INT8 or weight.quant is None or weight.quant.zero_point.any():
                raise UnsupportedError(f"{place}: weights must be int8 with zero point 0 for int16 activations")
            operands.append(mine)
        elif isinstance(constraint, Bias) and mine in island.alignment.constants:
            operands.append(island.wide_bias(other, mine, [operands[i] for i in constraint.of]))
        elif mine in island.alignment.constants:
            operands.append(island.wide_constant(other) if other in island.alignment.exact_constants else mine)
        else:
            operands.append(carried[mine] if mine in carried else island.widened(mine))
    for position, tensor in enumerate(op.outputs):
        constraint = rules.output(position)
        if isinstance(constraint, SameAs):
            quant = island.model.main.tensors[operands[constraint.operand]].quant
        elif isinstance(constraint, Fixed):
            quant = QuantParams.of(*constraint.by_type["int16"])
        else:
            quant = QuantParams.of(island.reach(tensor, ranges) / 32767)
        carried[tensor] = island.tensor(tensor, "_int16", TensorType.INT16, quant)
    options = op.options
    if hasattr(options, "pot_scale_int16"):
        options = options.replace(pot_scale_int16=False)
    results = tuple(carried[t] for t in op.outputs)
    island.put(Operator(op.code, tuple(operands), results, options, custom_code=op.custom_code))


class _Island:
    """The model in the making: operators are put one after the other, conversions before the first that needs them."""

    def __init__(self, quantized: Model, float_model: Model, alignment: Alignment) -> None:
        self.model, self.float_model, self.alignment = quantized.copy(), float_model, alignment
        self.operators: list[Operator] = []
        self.made: dict[tuple[int, TensorType], int] = {}
        self.new: list[Operator] = []

    def put(self, operator: Operator) -> None:
        """Append a new operator."""
        self.operators.append(operator)
        self.new.append(operator)

    def keep(self, index: int) -> None:
        """Append an operator as it was."""
        self.operators.append(self.model.main.operators[index])

    def finish(self) -> Model:
        """The model; every new operator has the version that TFLite asks for."""
        self.model.main.operators = self.operators
        self.model.extra.pop("operator_codes", None)
        for index, op in enumerate(self.operators):
            if any(op is new for new in self.new):
                op.version = find(op.code, op.custom_code).version(Node.of(self.model, 0, index))
        return self.model

    def twin(self, index: int) -> Operator:
        """The float operator; UnsupportedError where there is none."""
        if index not in self.alignment.twins:
            raise UnsupportedError(f"{self.model.place(0, index)}: stands for no operator of the float model")
        return self.float_model.main.operators[self.alignment.twins[index]]

    def grid(self, tensor: int) -> Grid | None:
        """What an activation can hold; None for what is not quantized, and for constants."""
        if tensor < 0 or tensor in self.alignment.constants:
            return None
        return Grid.of(self.model.main.tensors[tensor])

    def exact(self, tensor: int) -> Array:
        """A constant of the float model."""
        held = self.float_model.main.tensors[tensor]
        values = self.float_model.constant(held)
        if values is None:
            raise UnsupportedError(
                f"{held.name!r}: the constant is fake-quantized in the float model, so it is not exact"
            )
        return values

    def constant(self, name: str, values: Array, quant: QuantParams | None = None) -> int:
        """A new constant."""
        return add_constant(self.model, self.model.main, name, values, quant=quant)

    def tensor(self, like: int, suffix: str, type_: TensorType, quant: QuantParams | None = None) -> int:
        """A new tensor of the shape of another."""
        source = self.model.main.tensors[like]
        made = Tensor(source.name + suffix, source.shape, type_, 0, quant, source.shape_signature)
        return add_tensor(self.model.main, made)

    def dequantized(self, tensor: int) -> int:
        """The tensor in float, behind a DEQUANTIZE; itself where it is not quantized."""
        if self.grid(tensor) is None:
            return tensor
        key = tensor, TensorType.FLOAT32
        if key not in self.made:
            self.made[key] = self.tensor(tensor, "_float", TensorType.FLOAT32)
            self.put(Operator(BuiltinOperator.DEQUANTIZE, (tensor,), (self.made[key],)))
        return self.made[key]

    def widened(self, tensor: int) -> int:
        """The tensor in int16, by way of float; itself where it is not quantized."""
        grid = self.grid(tensor)
        if grid is None:
            return tensor
        key = tensor, TensorType.INT16
        if key not in self.made:
            source = self.dequantized(tensor)
            quant = QuantParams.of(max(-grid.low, grid.high) / 32767)
            self.made[key] = self.tensor(tensor, "_int16", TensorType.INT16, quant)
            self.put(Operator(BuiltinOperator.QUANTIZE, (source,), (self.made[key],)))
        return self.made[key]

    def reach(self, tensor: int, ranges: Ranges) -> float:
        """The largest number that a result must hold, seen or calibrated."""
        grid = self.grid(tensor)
        calibrated = (0.0, 0.0) if grid is None else (grid.low, grid.high)
        return max(abs(bound) for bound in (*calibrated, *ranges.get(tensor, (0.0, 0.0)))) or 1.0

    def wide_constant(self, other: int) -> int:
        """An operand of the float model that is no weight, in int16."""
        values = self.exact(other)
        scale = float(np.max(np.abs(values), initial=0.0)) / 32767 or 1.0
        name = self.float_model.main.tensors[other].name + "_int16"
        return self.constant(name, quantize_int16(values, scale), QuantParams.of(scale))

    def wide_bias(self, other: int, mine: int, of: Sequence[int]) -> int:
        """The float model's bias in int64; the one of the file where the float model has none."""
        tensors = self.model.main.tensors
        x, w = (tensors[t].quant for t in of)
        if x is None or w is None or x.scale.size != 1:
            raise UnsupportedError(f"tensor {mine} {tensors[mine].name!r}: no scale follows from what it is added to")
        scale = bias_scale(x.scale, w.scale)
        if other >= 0:
            values = self.exact(other)
        else:
            stored, quant = self.model.constant(tensors[mine]), tensors[mine].quant
            if stored is None or quant is None:
                raise UnsupportedError(f"tensor {mine} {tensors[mine].name!r} is no constant with a scale")
            values = (stored * quant.scale).astype(np.float32)
        return self.constant(
            tensors[mine].name + "_int64", quantize_bias(values, scale, np.int64), QuantParams.of(scale)
        )
