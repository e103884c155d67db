from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import audit
from qcore.auditor.finding import Finding, Severity
from qcore.auditor.proof import prove
from qcore.auditor.proof.findings import proof_findings
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import oracle
from tests.auditor.proof.cases import chain, dense
from tests.one_op import OneOp, Operand, Result
from tflite_schema import ActivationFunctionType, BuiltinOperator, Conv2DOptions, FullyConnectedOptions, Padding

RELU = ActivationFunctionType.RELU


def fed(witness: dict[str, Any]) -> Any:
    """The input that the evidence describes."""
    value = np.full(np.prod(witness["input_shape"]), witness["input_fill"], np.int8)
    value[witness["input_at"]] = witness["input_values"]
    return value.reshape(witness["input_shape"])


def findings(case: OneOp, bits: int | None = None) -> dict[str, Finding]:
    model = case.model()
    return {finding.code: finding for finding in proof_findings(model, prove(model, bits))}


def test_a_good_layer_has_none() -> None:
    assert findings(dense([[1, -2, 3]], [7], scale=4.0)) == {}


def test_a_planted_overflow_is_found_run_and_the_same_in_tflite() -> None:
    """2^31 - 1 - 127 * 3 fits with weights of 1, not with one of 2; the other end never does."""
    limit = 2**31 - 1
    case = dense([[1, 1, 1], [1, 1, 2]], [limit - 127 * 3, limit - 127 * 3], scale=2.0**24)
    found = findings(case)
    assert set(found) == {"QP001", "QP003", "QP004"}
    overflow = found["QP001"]
    assert (overflow.severity, overflow.evidence["channels"]) == (Severity.ERROR, [1])
    witness = overflow.evidence["witness"]
    assert witness["verified"]
    assert witness["bound"] == witness["accumulator"] == limit + 127
    assert witness["kept"] == limit + 127 - 2**32
    assert witness["channel"] == 1
    assert "gives channel 1 the sum 2,147,483,774" in overflow.message
    value = fed(witness)
    assert value.tolist() == [[127, 127, 127]]
    theirs = oracle.outputs(to_bytes(case.model()), [value])[0]
    assert theirs[tuple(witness["element"])] == witness["result"] == -128
    assert np.array_equal(Interpreter(case.model()).run([value])[0], theirs)
    assert found["QP003"].evidence["channels"] == [0]


def test_accumulators_of_hardware() -> None:
    case = dense([[127] * 600], [0], scale=2.0**16)
    assert findings(case) == {}
    overflow = findings(case, 24)["QP001"]
    assert (overflow.evidence["bits"], overflow.evidence["witness"]["bound"]) == (24, -600 * 127 * 128)
    assert overflow.evidence["witness"]["kept"] == -600 * 127 * 128
    assert set(findings(case, 25)) == {"QP003"}
    with pytest.raises(ValueError, match="2 to 64 bits"):
        prove(case.model(), 65)


def test_a_partial_sum_that_the_bias_takes_back() -> None:
    """127 * 255 - 16010 fits 15 bits, 127 * 255 does not; TFLite adds the bias last."""
    found = findings(dense([[127, 0]], [-16010], x_zero_point=-128, scale=2.0**8), 15)
    assert "QP001" not in found
    partial = found["QP002"]
    assert (partial.severity, partial.evidence["in_tflite_order"]) == (Severity.WARNING, True)
    assert partial.evidence["value"] == 127 * 255


def test_a_partial_sum_in_another_order() -> None:
    """The first layer gives 60 ... 76; -1, 1, -1, 1 times that is -92 ... 32 on the way, both -1 alone -152."""
    first = dense([[1]] * 4, [68 * 16] * 4, scale=16.0)
    model = chain(first, dense([[-1, 1, -1, 1]], [0], x_scale=16.0, scale=32.0))
    proof = prove(model, 8)
    b = proof.layers[1].by_reach
    assert (b.low[0], b.prefix_low[0], b.any_low[0], b.prefix_high[0], b.any_high[0]) == (-32, -92, -152, 32, 152)
    (partial,) = (f for f in proof_findings(model, proof) if f.place.operator == 1 and f.code == "QP002")
    assert (partial.severity, partial.evidence["in_tflite_order"]) == (Severity.NOTE, False)


def test_only_the_graph_keeps_a_layer_from_overflowing() -> None:
    """Behind a RELU with zero point 100, u is 0 ... 27 and not -228 ... 27."""
    first = dense([[1]], [0], y_zero_point=100, options=FullyConnectedOptions(fused_activation_function=RELU))
    model = chain(first, dense([[127]], [0], x_zero_point=100, scale=2.0**7))
    proof = prove(model, 15)
    layer = proof.layers[1]
    assert (layer.by_type.low.tolist(), layer.by_type.high.tolist()) == ([-228 * 127], [27 * 127])
    assert (layer.by_reach.low.tolist(), layer.by_reach.high.tolist()) == ([0], [27 * 127])
    (narrow,) = (f for f in proof_findings(model, proof) if f.place.operator == 1)
    assert narrow.code == "QP003"
    assert "1 would overflow if the input held all integers of its type" in narrow.message


def test_dead_channels() -> None:
    found = findings(dense([[0, 0], [1, 1]], [9, 0], scale=8.0))["QP004"]
    assert (found.evidence["channels"], found.evidence["results"]) == ([0], [1])
    assert "1 of 2 channels have one result whatever the input: 1 of them 1" in found.message


@pytest.mark.parametrize(("code", "terms"), [("CONV_2D", 12), ("FULLY_CONNECTED", 20)])
def test_requantization_that_overflows(code: str, terms: int) -> None:
    """M = 2^12. CONV_2D shifts the largest sum left by 13 bits and out of 32; FULLY_CONNECTED makes INT32_MIN of it."""
    w = np.full((1, 1, 1, terms), 127, np.int8)
    operands = [
        Operand(np.zeros((1, 1, 1, terms), np.int8), 1.0, -128),
        Operand(w, 1.0, constant=True),
        Operand(np.array([0], np.int32), 1.0, constant=True),
    ]
    options = Conv2DOptions(padding=Padding.VALID, stride_h=1, stride_w=1)
    model = OneOp(BuiltinOperator.CONV_2D, operands, [Result(np.int8, 2.0**-12)], options, 3).model()
    if code == "FULLY_CONNECTED":
        model = dense([[127] * terms], [0], x_zero_point=-128, scale=2.0**-12).model()
    (found,) = (f for f in proof_findings(model, prove(model)) if f.code == "QP005")
    witness = found.evidence["witness"]
    assert (witness["verified"], witness["bound"]) == (True, 255 * 127 * terms)
    value = fed(witness)
    assert oracle.outputs(to_bytes(model), [value])[0][tuple(witness["element"])] == witness["result"] != 127
    layer: Any = prove(model).layers[0].results
    assert (layer.low.tolist(), layer.high.tolist()) == ([-128], [127])


def test_audit_holds_the_proof_and_its_findings() -> None:
    model = dense([[127] * 600, [0] * 600], [0, 0], scale=2.0**16).model()
    found = audit(model, accumulator_bits=24)
    assert {finding.code for finding in found.findings} >= {"QP001", "QP004"}
    (layer,) = found.as_json()["proof"]["layers"]
    assert (layer["bits"], layer["kernel_bits"], layer["terms"]) == (24, 32, 600)
    assert layer["low"] == [-600 * 127 * 128, 0]
    assert (layer["result_low"], layer["result_high"]) == ([-128, 0], [127, 0])
    assert layer["saturates_low"] == [pytest.approx((128 - 128.5 * 2**16 / (600 * 127)) / 255), 0]


def test_a_witness_in_a_large_image_is_described_in_full() -> None:
    """One window of a 64 x 64 image: 9 taps of 3 channels and nothing else; the bias is all but the sum."""
    rng = np.random.default_rng(5)
    operands = [
        Operand(np.zeros((1, 64, 64, 3), np.int8), 1.0, 4),
        Operand(rng.integers(1, 128, (2, 3, 3, 3)).astype(np.int8), 1.0, constant=True),
        Operand(np.array([0, 2**31 - 1000], np.int32), 1.0, constant=True),
    ]
    options = Conv2DOptions(padding=Padding.SAME, stride_h=1, stride_w=1)
    model = OneOp(BuiltinOperator.CONV_2D, operands, [Result(np.int8, 2.0**20)], options, 3).model()
    (found,) = (f for f in proof_findings(model, prove(model)) if f.code == "QP001")
    witness = found.evidence["witness"]
    assert (witness["input_fill"], len(witness["input_at"]), witness["channel"]) == (4, 27, 1)
    assert set(witness["input_values"]) == {127}
    theirs = oracle.outputs(to_bytes(model), [fed(witness)])[0]
    assert theirs[tuple(witness["element"])] == witness["result"] == -128
