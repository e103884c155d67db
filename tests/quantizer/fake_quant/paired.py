"""Float graphs with pairs of QUANTIZE and DEQUANTIZE, made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from qcore.ir import QuantParams
from tests.quantizer.converter import FloatGraph
from tflite_schema import FakeQuantOptions

__all__ = ["PairedGraph"]


class PairedGraph(FloatGraph):
    """A float graph without ranges, to which pairs are added."""

    def __init__(self) -> None:
        super().__init__()

    def pair(self, x: int, scale: Any = 0.5, zero_point: Any = 0, dtype: Any = np.int8, dimension: int = 0) -> int:
        """QUANTIZE and DEQUANTIZE after a tensor; what the latter writes."""
        integers = int(self.op("QUANTIZE", [x], self.shape(x), dtype=dtype, ranged=False))
        self.graph.tensors[integers].quant = QuantParams.of(scale, zero_point, dimension)
        return int(self.op("DEQUANTIZE", [integers], self.shape(x), ranged=False))

    def fake_quant(self, x: int, low: float, high: float, bits: int = 8, *, narrow_range: bool = False) -> int:
        """FAKE_QUANT after a tensor."""
        options = FakeQuantOptions(min=low, max=high, num_bits=bits, narrow_range=narrow_range)
        return int(self.op("FAKE_QUANT", [x], self.shape(x), options=options, ranged=False))

    def plain(self, name: str, inputs: list[int], shape: tuple[int, ...], options: Any = None) -> int:
        """An operator whose result has no range."""
        return int(self.op(name, inputs, shape, options=options, ranged=False))
