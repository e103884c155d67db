"""Every bound is attained by an input that runs, and no input passes it: in our interpreter and in TFLite."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcore.auditor.proof import LayerProof, prove
from qcore.auditor.proof.witness import Side, witness
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.auditor.proof.cases import DRAWN, dense
from tests.one_op import OneOp
from tests.oracle import needs_shared
from tflite_schema import BuiltinOperator

EXAMPLES = 20
SIDES: tuple[Side, ...] = ("low", "high")


def with_constants(case: OneOp) -> OneOp:
    """Everything but the input stored in the file."""
    fed = 2 if case.code == BuiltinOperator.TRANSPOSE_CONV else 0
    operands = [o and replace(o, constant=position != fed) for position, o in enumerate(case.operands)]
    return replace(case, operands=operands)


def sums(model: Model, layer: LayerProof, value: Any) -> np.ndarray[Any, Any]:
    """The exact sums with their bias, [..., channels], of a run."""
    interpreter = Interpreter(model)
    recording = interpreter.record()
    interpreter.run([value])
    acc = np.moveaxis(recording.steps(0)["accumulate"], layer.product.channel_axis, -1)
    return np.asarray(acc + layer.product.bias)


def check_bounds(variant: str, case: OneOp, data: st.DataObject) -> None:
    case = with_constants(case)
    model = case.model()
    proof = prove(model)
    if proof.unproved:
        assert "hybrid" in variant
        assert re.search("16-bit sums|stored sparse|holds -128", proof.unproved[0].reason)
        return
    assert not proof.unproved
    (layer,) = proof.layers
    b = layer.by_reach
    channel = data.draw(st.integers(0, layer.product.channels - 1), label="channel")
    draw_tflite = data.draw(st.integers(0, 3), label="TFLite runs it too") == 0
    inputs = case.feeds()
    for side in SIDES:
        found = witness(model, layer, channel, side)
        assert found.verified, (side, channel, found.bound, found.accumulator)
        inputs.append(found.value)
        if layer.product.tail is not None and draw_tflite:
            theirs = oracle.outputs(to_bytes(found.model), [found.value])[0]
            assert np.array_equal(Interpreter(found.model).run([found.value])[0], theirs)
            assert theirs[found.at] == found.result
    for value in inputs:
        found_sums = sums(model, layer, value)
        assert (found_sums >= b.low).all()
        assert (found_sums <= b.high).all()
    for inner, outer in (((b.low, b.high), (b.prefix_low, b.prefix_high)), ((b.low, b.high), (b.any_low, b.any_high))):
        assert (outer[0] <= inner[0]).all()
        assert (inner[1] <= outer[1]).all()


@pytest.mark.parametrize(
    "variant", [name for name in DRAWN if "transpose_conv hybrid" not in name and "matmul hybrid" not in name]
)
def test_bounds_are_attained_and_never_passed(variant: str) -> None:
    @settings(max_examples=EXAMPLES)
    @given(DRAWN[variant], st.data())
    def property_(case: OneOp, data: st.DataObject) -> None:
        check_bounds(variant, case, data)

    property_()


@pytest.mark.parametrize("variant", ["transpose_conv hybrid", "batch_matmul hybrid"])
def test_floats_on_the_way_are_left_out_with_a_reason(variant: str) -> None:
    @settings(max_examples=EXAMPLES)
    @given(DRAWN[variant])
    def property_(case: OneOp) -> None:
        proof = prove(with_constants(case).model())
        assert not proof.layers
        assert "no integer accumulator" in proof.unproved[0].reason

    property_()


def test_an_overflow_wraps_as_tflite_does() -> None:
    """70,000 weights of 127 times 255: 2,266,950,000 passes 2^31 - 1 = 2,147,483,647. Both interpreters wrap."""
    case = dense(np.full((2, 70_000), 127) * np.array([[1], [-1]]), [0, 5], x_zero_point=-128, scale=2.0**24)
    model = case.model()
    (layer,) = prove(model).layers
    assert layer.by_reach.high.tolist() == [70_000 * 127 * 255, 5]
    assert layer.by_reach.low.tolist() == [0, 5 - 70_000 * 127 * 255]
    assert (layer.headroom < 0).tolist() == [True, True]
    for channel, side in ((0, "high"), (1, "low")):
        found = witness(model, layer, channel, side)  # type: ignore[arg-type]
        assert found.verified
        assert found.kept == (found.bound + 2**31) % 2**32 - 2**31
        theirs = oracle.outputs(to_bytes(found.model), [found.value])[0]
        ours = Interpreter(found.model).run([found.value])[0]
        assert np.array_equal(ours, theirs)
        assert found.result == theirs[found.at]


@needs_shared
@pytest.mark.parametrize("name", ["mlptiny_pretrainedResnet_quant", "mlptiny_ad01_int8", "tflm_micro_speech_quantized"])
def test_the_fullest_channel_of_every_layer_of_real_models(name: str) -> None:
    model = load(oracle.MODELS / f"{name}.tflite")
    for layer in prove(model).layers:
        channel = int(layer.headroom.argmin())
        for side in SIDES:
            for by_type in (False, True):
                assert witness(model, layer, channel, side, by_type=by_type).verified
