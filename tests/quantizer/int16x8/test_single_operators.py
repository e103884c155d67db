"""Every operator the converter quantizes to int8 or int16, and some it leaves in float, alone in a model."""

from __future__ import annotations

from typing import Any

import pytest

from qcore.errors import QuantizationError, UnsupportedError
from qcore.op import find
from qcore.quantizer import quantize
from tests.quantizer.int16x8.converter import Refused, check, converted, run_equal
from tests.quantizer.test_single_operators import CASES, FLOAT, Build, model_of
from tflite_schema import BuiltinOperator

BUILDS: dict[str, list[Build]] = {**CASES, **{name: [build] for name, build in FLOAT.items()}}
del BUILDS["BROADCAST_TO"]  # TensorFlow's calibrator does not know it
VARIANTS: dict[str, dict[str, Any]] = {
    "int64 biases": {},
    "int32 biases": {"bias_type": "int32"},
    "int16": {"inference_input_type": "int16", "inference_output_type": "int16"},
    "one scale for dense layers": {"per_channel_dense": False},
}
# The converter quantizes these, though no kernel runs what it writes.
WITHOUT_KERNEL = {
    ("CONV_2D", 1),  # without a bias
    ("FULLY_CONNECTED", 2),  # of two activations
    ("PADV2", 0),
    ("SCATTER_ND", 0),
    ("SQUARED_DIFFERENCE", 0),
    ("SQUARED_DIFFERENCE", 1),
    ("TILE", 0),
}
WITH_INT32_BIASES = {("DEPTHWISE_CONV_2D", 0)}
ANY_SCALE = {("SELECT", 0)}  # runs, and takes operand 2 for what it is not
EACH = [(name, index) for name, builds in BUILDS.items() for index in range(len(builds))]


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.parametrize(("name", "index"), EACH)
def test_equals_the_converter_and_runs_as_in_tensorflow(name: str, index: int, variant: str) -> None:
    model, recipe = model_of(BUILDS[name][index], index), VARIANTS[variant]
    if variant == "int16" and not quantizes(name):
        with pytest.raises(RuntimeError, match=r"Unsupported (in|out)put type"):
            converted(model, **recipe)
        with pytest.raises(QuantizationError, match=r"inference_(in|out)put_type is int16"):
            quantize(model, "int16x8", **recipe)
        return
    ours = check(model, **recipe)
    without = WITHOUT_KERNEL | (WITH_INT32_BIASES if variant == "int32 biases" else set())
    assert (ours is None) == ((name, index) in without | ANY_SCALE)
    if ours is not None:
        run_equal(ours, positive=name == "RSQRT")
    elif (name, index) not in ANY_SCALE:
        with pytest.raises(Refused):
            run_equal(converted(model, **recipe))


def quantizes(name: str) -> bool:
    rules = find(BuiltinOperator[name]).rules
    return "int16x8" in rules.by_scheme.get("int16x8", rules).quantizable


@pytest.mark.parametrize("name", list(BUILDS))
def test_the_rules_name_what_the_converter_quantizes(name: str) -> None:
    model = model_of(BUILDS[name][0])
    if quantizes(name):
        converted(model, strict=True)
        return
    with pytest.raises(RuntimeError, match=f"16x8-bit not yet supported for op: '{name}'"):
        converted(model, strict=True)
    with pytest.raises(QuantizationError, match=f"1 operators would stay in float: {name} "):
        quantize(model, "int16x8", strict=True)


def test_no_operator_is_left_out() -> None:
    elsewhere = {"BROADCAST_TO", "ASSIGN_VARIABLE", "READ_VARIABLE", "VAR_HANDLE"}
    names = set()
    for code in BuiltinOperator:
        try:
            rules = find(code).rules
        except UnsupportedError:
            continue
        names |= {code.name} if "int16x8" in rules.by_scheme.get("int16x8", rules).quantizable else set()
    assert names - elsewhere <= set(BUILDS)
