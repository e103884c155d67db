"""The weights that can be int4: those for which TFLite 2.21 has a kernel, by scheme. All others stay int8."""

from __future__ import annotations

from collections.abc import Mapping

from tflite_schema import BuiltinOperator

__all__ = ["FOUR_BIT_SCHEMES", "FOUR_BIT_WEIGHTS"]

FOUR_BIT_WEIGHTS: Mapping[str, frozenset[BuiltinOperator]] = {
    "int8": frozenset({BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D, BuiltinOperator.FULLY_CONNECTED}),
    "int16x8": frozenset({BuiltinOperator.CONV_2D, BuiltinOperator.FULLY_CONNECTED}),
}
"""Scheme -> the operators of which a kernel reads int4 weights. DEPTHWISE_CONV_2D does for int8 input alone."""

FOUR_BIT_SCHEMES = tuple(FOUR_BIT_WEIGHTS)
"""The schemes that can store weights in 4 bits."""
