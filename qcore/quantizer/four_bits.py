"""The weights that can be int4: those for which TFLite 2.21 has a kernel, by scheme. All others stay int8."""

from __future__ import annotations

from collections.abc import Mapping

from tflite_schema import BuiltinOperator

__all__ = ["FOUR_BIT_SCHEMES", "FOUR_BIT_WEIGHTS"]

FOUR_BIT_WEIGHTS: Mapping[str, frozenset[BuiltinOperator]] = {
    "int8": frozenset({BuiltinOperator.CONV_2D, BuiltinOperator.DEPTHWISE_CONV_2D, BuiltinOperator.FULLY_CONNECTED}),
    "int16x8": frozenset({BuiltinOperator.CONV_2D, BuiltinOperator.FULLY_CONNECTED}),
    "dynamic_range": frozenset(
        {BuiltinOperator.CONV_2D, BuiltinOperator.EMBEDDING_LOOKUP, BuiltinOperator.FULLY_CONNECTED}
    ),
    "weight_only_int8": frozenset(
        {
            BuiltinOperator.BATCH_MATMUL,
            BuiltinOperator.CONV_2D,
            BuiltinOperator.DEPTHWISE_CONV_2D,
            BuiltinOperator.EMBEDDING_LOOKUP,
            BuiltinOperator.FULLY_CONNECTED,
        }
    ),
}
"""Scheme -> the operators of which weights become int4: a kernel reads them, or under weight_only_int8 a DEQUANTIZE.

DEPTHWISE_CONV_2D has a kernel for int8 input alone. Names are those of the schemes in 8 bits.
"""

FOUR_BIT_SCHEMES = tuple(FOUR_BIT_WEIGHTS)
"""The schemes that can store weights in 4 bits."""
