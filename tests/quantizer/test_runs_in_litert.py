"""The files of every mode run in ai-edge-litert too, with the outputs our interpreter predicts."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from qcore.auditor.runners import runner
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.quantizer import quantize
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.int16x8.test_real_models import DENIED, PARTLY_QUANTIZED
from tests.quantizer.test_real_models import KERAS, REAL, model

MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "int8": ("int8", {}),
    "int8 IO": ("int8", {"inference_input_type": "int8", "inference_output_type": "int8"}),
    "uint8 IO": ("int8", {"inference_input_type": "uint8", "inference_output_type": "uint8"}),
    "int16x8": ("int16x8", {}),
    "float16": ("float16", {}),
    "dynamic_range": ("dynamic_range", {}),
    "weight_only_int8": ("weight_only_int8", {}),
}
INTEGER = ("int8", "int16x8")


def feeds(made: Model) -> list[Any]:
    rng = np.random.default_rng(0)
    values = []
    for detail in Interpreter(made).get_input_details():
        shape, dtype = tuple(detail["shape"]), np.dtype(detail["dtype"])
        floats, integers = rng.normal(size=shape), rng.integers(-100, 100, shape)
        values.append((floats if dtype.kind == "f" else integers).astype(dtype))
    return values


COMBINATIONS = [
    (name, mode)
    for name in (*REAL, *KERAS)
    for mode in MODES
    if (name, mode) != (PARTLY_QUANTIZED, "int16x8")  # refused, as by TensorFlow: int16x8/test_real_models.py
]


@pytest.mark.parametrize(("name", "mode"), COMBINATIONS)
def test_litert_says_what_we_predict(name: str, mode: str) -> None:
    oracle.tensorflow()  # calibrates
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert, the second oracle, is not installed")
    scheme, options = MODES[mode]
    if scheme == "int16x8":
        options = {**options, **DENIED.get(name, {})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = load(to_bytes(quantize(model(name), scheme, **options)))
    ours, theirs = runner(made, "reference"), runner(made, "litert/reference")
    values = feeds(made)
    ours.run(values)
    theirs.run(values)
    integers_only = scheme in INTEGER and name not in DENIED and name != PARTLY_QUANTIZED
    for index in made.main.outputs:
        mine, reference = ours.tensor(index), theirs.tensor(index)
        assert mine is not None
        assert reference is not None
        if integers_only:
            np.testing.assert_array_equal(mine, reference)
        else:
            span = float(np.abs(reference).max(initial=0))
            np.testing.assert_allclose(mine.astype(np.float64), reference.astype(np.float64), rtol=0, atol=1e-5 * span)
