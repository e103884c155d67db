from __future__ import annotations

import pytest

from qcore.errors import QuantizationError
from qcore.ir import Operator
from qcore.quantizer.full_integer.plan import Plan, make_plan
from qcore.quantizer.full_integer.verify import require_integers, require_one_scale
from qcore.quantizer.program import Line, Program, Value
from qcore.quantizer.quantized_type import QuantizedType
from qcore.quantizer.recipe import RECIPES
from tests.quantizer.converter import FloatGraph
from tflite_schema import BuiltinOperator

HALF, WHOLE = QuantizedType((0.5,), (3,)), QuantizedType((1.0,), (0,))


def program_of(
    code: BuiltinOperator, source: QuantizedType | None, result: QuantizedType | None
) -> tuple[Plan, Program]:
    graph = FloatGraph()
    model = graph.model(graph.op("ABS", [graph.input((2,))], (2,)))
    plan = make_plan(model, 0, RECIPES["int8"])
    x, y = (
        Value(tensor.name, tensor, type_) for tensor, type_ in zip(plan.graph.tensors, (source, result), strict=True)
    )
    return plan, Program([x], [Line(Operator(code, (), ()), [x], [y])], [y])


def test_one_scale() -> None:
    require_one_scale(*program_of(BuiltinOperator.RESHAPE, HALF, HALF))
    require_one_scale(*program_of(BuiltinOperator.RESHAPE, None, None))
    require_one_scale(*program_of(BuiltinOperator.ABS, HALF, WHOLE))
    require_one_scale(*program_of(BuiltinOperator.QUANTIZE, HALF, WHOLE))
    with pytest.raises(
        QuantizationError, match=r"RESHAPE 'abs_0': .* ask for 0\.5 \(zero point 3\) and 1 \(zero point 0\)"
    ):
        require_one_scale(*program_of(BuiltinOperator.RESHAPE, HALF, WHOLE))


def test_integers() -> None:
    require_integers(*program_of(BuiltinOperator.ABS, HALF, WHOLE))
    require_integers(*program_of(BuiltinOperator.DEQUANTIZE, HALF, None))
    with pytest.raises(QuantizationError, match="1 operators would stay in float: ABS 'abs_0'"):
        require_integers(*program_of(BuiltinOperator.ABS, None, None))
