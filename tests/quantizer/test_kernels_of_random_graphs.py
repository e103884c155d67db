"""Random graphs, quantized and run under every kernel set: what TFLite computes, operator by operator.

Channels in eights and sixteens, and some that vector code leaves over. Ranges are those of data, or made up: then most
numbers saturate. The graphs' weights are few, so integer weights alone are asked for by a rule that takes any size.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.calibrator import calibrate
from qcore.edit import add_constant
from qcore.errors import CalibrationError, ModelError, QuantizationError, UnsupportedError
from qcore.ir import Model, numpy_dtype
from qcore.quantizer import Recipe, Rule, quantize
from qcore.tflite import load, to_bytes
from tests.quantizer.random_graphs import Shape, float_graphs
from tests.whole_graphs import compare_graph
from tflite_schema import BuiltinOperator

Array = NDArray[Any]

SHAPES: list[Shape] = [(1, 4, 4, 4), (1, 5, 3, 9), (2, 3, 3, 16), (1, 6, 6, 19), (3, 2, 5, 8)]
SETS = ("reference", "optimized", "xnnpack", "reference@litert-2.3", "optimized@litert-2.3", "xnnpack@litert-2.3")
REFUSALS = (
    "use kernels='reference'",
    "is not known",
    "crashes",
    "too small for the operand's scale",  # HARD_SWISH
    "works below 1 only",  # comparisons
    "the scales give a multiplier of",
)
"""What a refusal says. Ranges that are made up give scales that TFLite refuses too, or ends its process at."""
RECIPES = {
    "int8": Recipe("int8", inference_input_type="int8", inference_output_type="int8"),
    "int8, float32 IO": Recipe("int8"),
    "int8, per tensor": Recipe("int8", per_channel=False),
    "int16x8": Recipe("int16x8", "int16x8", denylisted_ops=frozenset({"PADV2"})),
    "dynamic range": Recipe("dynamic", "float", rules=[Rule("dynamic_range", least_elements=0)]),
}


def quantized(model: Model, recipe: str, seed: int, by_data: bool) -> Model | None:
    """The quantized model; None where ranges contradict each other or are not finite."""
    rng = np.random.default_rng(seed)
    shapes = [model.main.tensors[index].shape for index in model.main.inputs]
    samples = [[rng.normal(0, 1, shape).astype(np.float32) for shape in shapes] for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ranges = calibrate(model, samples) if by_data and recipe != "dynamic range" else None
            return load(to_bytes(quantize(model, RECIPES[recipe], ranges)))
        except (CalibrationError, QuantizationError):
            return None


def feeds(model: Model, seed: int) -> list[Array]:
    """Every integer of the type; floats of the size that data has."""
    rng = np.random.default_rng(seed)
    result: list[Array] = []
    for index in model.main.inputs:
        shape, dtype = model.main.tensors[index].shape, numpy_dtype(model.main.tensors[index].type)
        if dtype.kind == "f":
            result.append(rng.normal(0, 1, shape).astype(dtype))
        else:
            info = np.iinfo(dtype)
            result.append(rng.integers(info.min, info.max, shape, endpoint=True).astype(dtype))
    return result


def is_comparable(model: Model, kernels: str) -> bool:
    """Not so of reference kernels where there is none (ELU), and where it computes another thing (integer SUM)."""
    return not kernels.startswith("reference") or not any(op.name in ("ELU", "SUM") for op in model.main.operators)


def agree(model: Model, recipe: str, seed: int, by_data: bool, sets: tuple[str, ...]) -> None:
    made = quantized(model, recipe, seed, by_data)
    assume(made is not None)
    assert made is not None
    inputs = feeds(made, seed)
    for kernels in sets:
        if not is_comparable(made, kernels):
            continue
        try:
            assert sum(compare_graph(made, inputs, kernels)) > 0
            event(f"{kernels} agrees")
        except (ModelError, UnsupportedError) as refusal:
            if not any(words in str(refusal) for words in REFUSALS):
                raise
            event(f"{kernels} refuses")


def runnable(model: Model) -> Model:
    """The model with a bias where a kernel wants one, and without SIN, which stops every graph under XNNPACK."""
    for operator in model.main.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D") and operator.inputs[2] < 0:
            weights = model.main.tensors[operator.inputs[1]]
            zeros = np.zeros(weights.shape[-1], np.float32)
            name = f"bias of {model.main.tensors[operator.outputs[0]].name}"
            operator.inputs = (*operator.inputs[:2], add_constant(model, model.main, name, zeros))
        if operator.name == "SIN":
            operator.code = BuiltinOperator.ABS
    return model


@st.composite
def graphs(draw: st.DrawFn, least: int, most: int) -> Model:
    return runnable(draw(float_graphs(most, draw(st.sampled_from(SHAPES)), least)))


@pytest.mark.parametrize("recipe", list(RECIPES))
@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(model=graphs(5, 15), seed=st.integers(0, 2**32 - 1), by_data=st.booleans())
def test_every_kernel_set(recipe: str, model: Model, seed: int, by_data: bool) -> None:
    agree(model, recipe, seed, by_data, SETS[:3])


@pytest.mark.conformance
@pytest.mark.parametrize("recipe", list(RECIPES))
@settings(max_examples=100, derandomize=False, suppress_health_check=list(HealthCheck))
@given(model=graphs(5, 40), seed=st.integers(0, 2**32 - 1), by_data=st.booleans())
def test_every_kernel_set_often(recipe: str, model: Model, seed: int, by_data: bool) -> None:
    agree(model, recipe, seed, by_data, SETS)
