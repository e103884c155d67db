"""int4 weights in blocks: AI Edge Quantizer's numbers; TFLite's optimized kernel answers what our interpreter says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.errors import QuantizationError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.quantizer import Recipe, Rule, quantize
from qcore.quantizer.blocks import quantize_in_blocks, scales_of_blocks
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.converter import FloatGraph
from tflite_schema import ActivationFunctionType, BlockwiseQuantization, FullyConnectedOptions, TensorType


def in_blocks(size: int = 32, **fields: Any) -> Rule:
    return Rule("dynamic_range", operators=["FULLY_CONNECTED"], weight_bits=4, block_size=size, **fields)


def dense(rows: int, columns: int, spread: float = 1.0, **options: Any) -> Model:
    g = FloatGraph(3, (-4.0, 4.0))
    w, x = g.random(rows, columns, spread=spread), g.input((3, columns))
    chosen = FullyConnectedOptions(**options)
    return g.model(g.op("FULLY_CONNECTED", [x, w, g.random(rows)], (3, rows), options=chosen))


def test_numbers() -> None:
    """1 / 7 is 0.142857; bfloat16 has 8 bits of it: 0.142578. 3 / 0.142578 is beyond 7."""
    w = np.zeros((1, 64), np.float32)
    w[0, :3], w[0, 32:34] = (1, -0.5, 0.0713), (-7, 2.5)
    scales = scales_of_blocks(w, 32)
    assert scales.tolist() == [[0.142578125, 1.0]]
    q = quantize_in_blocks(w, scales)
    assert (q[0, :3].tolist(), q[0, 32:34].tolist()) == ([7, -4, 1], [-7, 2])
    assert quantize_in_blocks(np.array([[-1.1, 1.1]], np.float32), scales[:, :1]).tolist() == [[-8, 7]]


@pytest.mark.parametrize(
    ("size", "rows", "columns"), [(32, 4, 32), (32, 9, 96), (64, 8, 128), (128, 5, 128), (256, 16, 256)]
)
def test_runs_as_predicted(size: int, rows: int, columns: int) -> None:
    source = dense(rows, columns)
    made = load(to_bytes(quantize(source, Recipe("mine", "float", rules=[in_blocks(size, least_elements=0)]))))
    tensor = made.main.tensors[made.main.operators[0].inputs[1]]
    assert tensor.type == TensorType.INT4
    assert tensor.quant is not None
    assert isinstance(tensor.quant.details, BlockwiseQuantization)
    assert made.main.tensors[tensor.quant.details.scales].shape == (rows, columns // size)
    x = np.random.default_rng(0).normal(size=(3, columns)).astype(np.float32)
    (ours,), (theirs,) = Interpreter(made).run([x]), oracle.outputs(to_bytes(made), [x], kernels="optimized")
    assert np.abs(ours - theirs).max() <= 1e-5 * np.ptp(theirs)
    (reference,) = Interpreter(source).run([x])
    assert np.corrcoef(ours.ravel(), reference.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    "model",
    [
        dense(3, 32),
        dense(8, 48),
        dense(8, 32, fused_activation_function=ActivationFunctionType.RELU),
        dense(8, 32, spread=1e-9),
        dense(8, 32, spread=1e7),
    ],
)
def test_refusals(model: Model) -> None:
    with pytest.raises(QuantizationError, match=r"operator 0 FULLY_CONNECTED: its weight .* in blocks of 32: TFLite's"):
        quantize(model, Recipe("mine", "float", rules=[in_blocks(least_elements=0)]))


@pytest.mark.parametrize("fields", [{"block_size": 16}, {"weight_bits": 8}, {"operators": []}, {"scheme": "float16"}])
def test_rules_that_have_no_blocks(fields: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "scheme": "dynamic_range",
        "operators": ["FULLY_CONNECTED"],
        "weight_bits": 4,
        "block_size": 32,
    }
    with pytest.raises(QuantizationError, match="a rule's block_size is"):
        Rule(**(given | fields))
