"""A graph while it is rewritten: values and lines, which become tensors and operators once they are laid out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from qcore.ir import Operator, Tensor
from qcore.quantizer.quantized_type import QuantizedType
from tflite_schema import BuiltinOperator, TensorType

__all__ = ["Line", "Program", "Value", "conversion"]


@dataclass(eq=False)
class Value:
    """What will be a tensor.

    name: what it would like to be called; "" leaves it to the operator's kind. source: of a constant, its tensor in the
    plan. ranked: whether the file says that the shape is known.
    """

    name: str
    tensor: Tensor
    quantized: QuantizedType | None = None
    constant: NDArray[Any] | None = None
    source: int = -1
    ranked: bool = True

    @property
    def type(self) -> TensorType:
        """The tensor type: that of the quantized type, or the tensor's own."""
        return self.tensor.type if self.quantized is None else self.quantized.type

    @property
    def is_given(self) -> bool:
        """Whether the file holds this tensor quantized already."""
        return self.quantized is None and self.tensor.quant is not None and self.tensor.quant.is_quantized


@dataclass(eq=False)
class Line:
    """What will be an operator.

    removable: a QUANTIZE that may go, with the DEQUANTIZE after it. early: stands before the quantized constants.
    intermediates: what is neither operand nor result, and holds no values. before: constants that stand right before
    it, read or not.
    """

    operator: Operator
    inputs: list[Value | None]
    outputs: list[Value]
    removable: bool = False
    early: bool = False
    intermediates: list[Value] = field(default_factory=list)
    before: list[Value] = field(default_factory=list)

    @property
    def code(self) -> BuiltinOperator:
        """The schema code."""
        return self.operator.code


@dataclass
class Program:
    """A graph before its tensors are numbered."""

    inputs: list[Value] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)

    def readers(self) -> dict[Value, list[Line | None]]:
        """Value -> the lines that read it, once per operand; None for a graph output."""
        readers: dict[Value, list[Line | None]] = {}
        for line in self.lines:
            for value in line.inputs:
                if value is not None:
                    readers.setdefault(value, []).append(line)
        for value in self.outputs:
            readers.setdefault(value, []).append(None)
        return readers

    def replace(self, old: Value, new: Value) -> None:
        """Let everything read `new` that reads `old`."""
        for line in self.lines:
            line.inputs = [new if value is old else value for value in line.inputs]
        self.outputs = [new if value is old else value for value in self.outputs]


def conversion(code: BuiltinOperator, source: Value, result: Value, *, removable: bool = False) -> Line:
    """A QUANTIZE or DEQUANTIZE from one value to another."""
    return Line(Operator(code, (), ()), [source], [result], removable)
