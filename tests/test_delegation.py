from __future__ import annotations

from qcore.delegation import refused_by_type
from tflite_schema import TensorType


def test_what_no_node_of_a_type_meets() -> None:
    assert refused_by_type("GATHER", TensorType.FLOAT32) == "XNNPACK has no such operator"
    assert refused_by_type("CONV_2D", TensorType.INT16) == "XNNPACK has it not in int16"
    assert refused_by_type("SOFTMAX", TensorType.INT8) == "XNNPACK has it not in int8"


def test_what_depends_on_the_node() -> None:
    assert refused_by_type("CONV_2D", TensorType.INT8) is None
    assert refused_by_type("SOFTMAX", TensorType.FLOAT32) is None
    assert refused_by_type("CUSTOM", TensorType.INT8) is None
