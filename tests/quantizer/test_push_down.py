"""Where DEQUANTIZE may move; what the converter makes of whole models is compared elsewhere."""

from __future__ import annotations

import pytest

from qcore.ir import Operator, Tensor
from qcore.quantizer.program import Line, Program, Value, conversion
from qcore.quantizer.push_down import push_down
from qcore.quantizer.quantized_type import QuantizedType
from tflite_schema import BuiltinOperator, TensorType


def value(name: str, size: int, quantized: QuantizedType | None = None) -> Value:
    return Value(name, Tensor(name, (size,), TensorType.FLOAT32), quantized)


def pushed(code: BuiltinOperator, size: int, *, twice: bool = False) -> list[str]:
    table, floats, result = value("table", 8, QuantizedType((0.5,), (0,))), value("floats", 8), value("result", size)
    down = conversion(BuiltinOperator.DEQUANTIZE, table, floats)
    reader = Line(Operator(code, (), ()), [floats], [result])
    program = Program([], [down, reader], [result, floats] if twice else [result])
    push_down(program)
    assert program.outputs[0].quantized is None
    return [line.code.name for line in program.lines]


@pytest.mark.parametrize(
    ("code", "size", "moves"),
    [
        (BuiltinOperator.GATHER, 4, True),
        (BuiltinOperator.GATHER, 8, False),
        (BuiltinOperator.STRIDED_SLICE, 2, True),
        (BuiltinOperator.ABS, 4, False),
    ],
)
def test_it_moves_behind_what_only_moves_data_and_shrinks_it(code: BuiltinOperator, size: int, moves: bool) -> None:
    assert pushed(code, size) == ([code.name, "DEQUANTIZE"] if moves else ["DEQUANTIZE", code.name])


def test_it_stays_where_something_else_reads_the_floats() -> None:
    assert pushed(BuiltinOperator.GATHER, 4, twice=True) == ["DEQUANTIZE", "GATHER"]
