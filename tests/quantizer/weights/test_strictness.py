from __future__ import annotations

import pytest

from qcore.errors import QuantizationError
from qcore.quantizer import quantize
from tests.quantizer.weights.graphs import also_an_operand, build, conv, matmul, returned, svdf
from tests.quantizer.weights.oracle import SCHEMES


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_large_is_left(scheme: str) -> None:
    for function in (conv, svdf):
        assert quantize(build(function), scheme, strict=True)


def test_each_constant_is_named_with_the_reason() -> None:
    with pytest.raises(QuantizationError, match=r"1 constants of 1024 .*\[32, 32\]: subgraph 0, operator 1 ADD has no"):
        quantize(build(also_an_operand), "dynamic_range", strict=True)
    with pytest.raises(QuantizationError, match="operator 0 BATCH_MATMUL reads it as operand 0, which TensorFlow does"):
        quantize(build(lambda g: matmul(g, weight_first=True)), "weight_only_int8", strict=True)
    with pytest.raises(QuantizationError, match=r"\[2000\]: the graph returns it"):
        quantize(build(returned), "float16", strict=True)
