from __future__ import annotations

import numpy as np
import pytest

from qcore import Interpreter, UnsupportedError
from qcore.auditor.ledger import float_island, int16_island
from qcore.auditor.ledger.alignment import align
from qcore.edit import extract
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.auditor.ledger.models import pair, samples
from tflite_schema import TensorType

FLOAT = range(1, 8)
INT16 = range(1, 8)


def island(kind: str, operator: int) -> tuple[Model, Model, Model]:
    quantized, model = pair("int8")
    alignment = align(quantized, model)
    if kind == "float":
        return float_island(quantized, model, alignment, operator), quantized, model
    return int16_island(quantized, model, alignment, operator, {}), quantized, model


def names(model: Model) -> list[str]:
    return [op.name for op in model.main.operators]


@pytest.mark.parametrize("operator", FLOAT)
def test_the_operator_computes_in_float_with_float_constants(operator: int) -> None:
    made, quantized, model = island("float", operator)
    interpreter, before = Interpreter(made), Interpreter(quantized)
    position = next(i for i in range(operator, len(names(made))) if names(made)[i] == names(quantized)[operator])
    twin = Interpreter(extract(model, [operator - 1]))
    for x in samples(2):
        interpreter.run(x)
        before.run(x)
        op = made.main.operators[position]
        operands = [interpreter.get_tensor(t) for t in op.inputs if not made.is_constant(made.main.tensors[t])]
        np.testing.assert_array_equal(interpreter.get_tensor(op.outputs[0]), twin.run(operands)[0])
        for earlier in quantized.main.operators[:operator]:
            tensor = earlier.outputs[0]
            np.testing.assert_array_equal(interpreter.get_tensor(tensor), before.get_tensor(tensor))
        result = quantized.main.operators[operator].outputs[0]
        assert np.abs(interpreter.get_tensor(result).astype(int) - before.get_tensor(result)).max() <= 2


@pytest.mark.parametrize("operator", INT16)
def test_the_result_is_int16_and_so_are_its_readers(operator: int) -> None:
    made, quantized, _ = island("int16", operator)
    tensors = made.main.tensors
    wide = {made.main.operators[i].outputs[0] for i in range(len(names(made)))}
    wide = {t for t in wide if tensors[t].type == TensorType.INT16}
    result = tensors[quantized.main.operators[operator].outputs[0]].name + "_int16"
    assert result in {tensors[t].name for t in wide}
    for op in made.main.operators:
        if op.name not in ("QUANTIZE", "DEQUANTIZE") and wide & set(op.inputs):
            assert tensors[op.outputs[0]].type == TensorType.INT16
    for x in samples(2):
        (a,), (b,) = Interpreter(made).run(x), Interpreter(quantized).run(x)
        np.testing.assert_allclose(a, b, atol=0.03)


def test_operators_that_only_move_values_take_their_readers_along() -> None:
    made, _, _ = island("int16", 4)
    behind = names(made)[names(made).index("AVERAGE_POOL_2D") :]
    assert behind == ["AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "QUANTIZE", "SOFTMAX", "DEQUANTIZE"]


@pytest.mark.parametrize(("kind", "operator"), [("float", i) for i in FLOAT] + [("int16", i) for i in INT16])
def test_islands_can_be_written_and_run_in_tflite(kind: str, operator: int) -> None:
    """All integers between the borders are equal; what float operators compute may differ in the last bits."""
    content = to_bytes(island(kind, operator)[0])
    assert names(load(content)) == names(island(kind, operator)[0])
    for x in samples(2):
        ours, theirs = Interpreter(content).run(x), oracle.outputs(content, [x])
        np.testing.assert_allclose(ours[0], theirs[0], atol=0 if kind == "int16" else 1 / 256)


def test_a_dequantize_reads_the_result_in_int16() -> None:
    made, quantized, _ = island("int16", 7)
    assert names(made)[-2:] == ["SOFTMAX", "DEQUANTIZE"]
    for x in samples(2):
        (a,), (b,) = Interpreter(made).run(x), Interpreter(quantized).run(x)
        np.testing.assert_allclose(a, b, atol=1 / 256)
        assert not np.array_equal(a, np.round(a * 256) / 256)


def test_the_model_itself_stays_as_it_is() -> None:
    quantized, _ = pair("int8")
    before = to_bytes(quantized)
    island("float", 2)
    island("int16", 2)
    assert to_bytes(quantized) == before


def test_what_cannot_be_is_refused() -> None:
    quantized, model = pair("int8")
    alignment = align(quantized, model)
    with pytest.raises(UnsupportedError, match="operator 0 QUANTIZE: stands for no operator"):
        float_island(quantized, model, alignment, 0)
    integers, _ = pair("int8", inference_output_type="int8")
    with pytest.raises(UnsupportedError, match="nothing in the model reads its result"):
        int16_island(integers, model, align(integers, model), 7, {})
    hybrid, model = pair("float16")
    with pytest.raises(UnsupportedError, match="not in 8 bits"):
        int16_island(hybrid, model, align(hybrid, model), 6, {})
