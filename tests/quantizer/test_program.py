from __future__ import annotations

from qcore.ir import Operator, QuantParams, Tensor
from qcore.quantizer.program import Line, Program, Value, conversion
from qcore.quantizer.quantized_type import QuantizedType
from tflite_schema import BuiltinOperator, TensorType

FLOAT = Tensor("x", (2,), TensorType.FLOAT32)


def test_the_type_of_a_value() -> None:
    assert Value("x", FLOAT).type == TensorType.FLOAT32
    assert Value("x", FLOAT, QuantizedType((0.5,), (0,))).type == TensorType.INT8
    given = Tensor("w", (2,), TensorType.INT8, quant=QuantParams.of(0.5))
    assert Value("w", given).is_given
    assert not Value("w", given, QuantizedType((0.5,), (0,))).is_given
    assert not Value("x", FLOAT).is_given


def test_readers_and_replacement() -> None:
    x, y, z = (Value(name, FLOAT) for name in "xyz")
    double = Line(Operator(BuiltinOperator.ADD, (), ()), [x, x], [y])
    down = conversion(BuiltinOperator.QUANTIZE, y, z, removable=True)
    program = Program([x], [double, down], [y, z])
    assert program.readers() == {x: [double, double], y: [down, None], z: [None]}
    program.replace(y, x)
    assert down.inputs == [x]
    assert program.outputs == [x, z]
    assert double.outputs == [y]
