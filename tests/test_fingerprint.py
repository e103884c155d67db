"""What a fingerprint leaves out; what it sees is tested with the statistics that it refuses, in test_calibration.py."""

from __future__ import annotations

from qcore.fingerprint import fingerprint
from qcore.ir import QuantParams
from qcore.tflite import load, to_bytes
from tests.graphs import chain_of_adds
from tflite_schema import ActivationFunctionType, AddOptions


def test_what_does_not_change_a_value_does_not_count() -> None:
    model = load(to_bytes(chain_of_adds()))
    model.description = "another"
    model.buffers.append(None)
    model.main.operators[0].options = None
    model.main.operators[1].options = AddOptions(fused_activation_function=ActivationFunctionType.NONE)
    model.main.tensors[0].quant = QuantParams.of(0.5)
    assert fingerprint(model) == fingerprint(chain_of_adds())
