"""What the XNNPACK delegate does not take whatever the parameters: by operator and by type of the operand.

TFLite: delegates/xnnpack/xnnpack_delegate.cc (VisitNode)
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tflite_schema import TensorType

__all__ = ["refused_by_type"]

_FLOATS = frozenset({TensorType.FLOAT32, TensorType.FLOAT16})
_BYTES = frozenset({TensorType.INT8, TensorType.UINT8})
_ONLY_FLOATS = (
    "ABS AVERAGE_POOL_2D CEIL COS DIV EXP FLOOR GELU HARD_SWISH LOG MAXIMUM MINIMUM NEG PRELU RELU RELU6 "
    "RELU_N1_TO_1 ROUND RSQRT SIN SOFTMAX SQRT SQUARE SQUARED_DIFFERENCE EXPAND_DIMS"
)
_BYTES_TOO = (
    "ADD CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE FULLY_CONNECTED LEAKY_RELU LOGISTIC "
    "MAX_POOL_2D MEAN MUL PAD QUANTIZE REDUCE_MAX REDUCE_MIN RESHAPE RESIZE_BILINEAR SLICE SPACE_TO_DEPTH SPLIT "
    "STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV"
)
_SIGNED_BYTES_TOO = "ELU BATCH_MATMUL"
_ANY_TYPE = ("DENSIFY", "STABLEHLO_COMPOSITE", "CUSTOM")
_TAKEN: Mapping[str, frozenset[TensorType]] = MappingProxyType(
    {
        **dict.fromkeys(_ONLY_FLOATS.split(), _FLOATS),
        **dict.fromkeys(_BYTES_TOO.split(), _FLOATS | _BYTES),
        **dict.fromkeys(_SIGNED_BYTES_TOO.split(), _FLOATS | {TensorType.INT8}),
    }
)


def refused_by_type(name: str, operand: TensorType | None) -> str | None:
    """Why the delegate never takes operator `name` of this operand type; None where that depends on the node."""
    if name in _ANY_TYPE:
        return None
    taken = _TAKEN.get(name)
    if taken is None:
        return "XNNPACK has no such operator"
    if operand in taken:
        return None
    return f"XNNPACK has it not in {'this type' if operand is None else operand.name.lower()}"
