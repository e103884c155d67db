"""What the XNNPACK delegate does not take whatever the parameters, and what of a node it looks at.

It decides once, when the interpreter first allocates, in every graph of the model. No operator has been prepared then,
so it sees what the file says:

    shapes       of the file, those of graph inputs as they were resized before; -1 in a signature changes nothing
    constants    the file's own; what follows from constants (a shape that SHAPE computes) is not one

Graphs with dynamic shapes are delegated like others, node by node, before and after a tensor of unknown shape too.
Resizing later changes no decision.

TFLite: delegates/xnnpack/xnnpack_delegate.cc (VisitNode, PrepareOpsToDelegate); core/interpreter.cc
(ApplyLazyDelegateProviders); core/subgraph.cc (ModifyGraphWithDelegate)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tflite_schema import TensorType

__all__ = ["ignores_result_shape", "is_of_another_kind", "refused_by_type"]

_FLOATS = frozenset({TensorType.FLOAT32, TensorType.FLOAT16})
_BYTES = frozenset({TensorType.INT8, TensorType.UINT8})
_ONLY_FLOATS = (
    "ABS AVERAGE_POOL_2D CEIL COS DIV EXP FLOOR GELU HARD_SWISH LOG MAXIMUM MINIMUM NEG PRELU RELU RELU6 "
    "RELU_N1_TO_1 ROUND RSQRT SIN SOFTMAX SQRT SQUARE SQUARED_DIFFERENCE"
)
_BYTES_TOO = (
    "ADD CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE FULLY_CONNECTED LEAKY_RELU LOGISTIC "
    "MAX_POOL_2D MEAN MUL PAD QUANTIZE REDUCE_MAX REDUCE_MIN RESHAPE RESIZE_BILINEAR SLICE SPACE_TO_DEPTH SPLIT "
    "STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV"
)
_SIGNED_BYTES_TOO = "ELU BATCH_MATMUL"
_ANY_RESULT_SHAPE = (
    "ADD CONCATENATION DEPTH_TO_SPACE DEQUANTIZE ELU FULLY_CONNECTED LEAKY_RELU LOGISTIC MAX_POOL_2D MEAN MUL QUANTIZE "
    "REDUCE_MAX REDUCE_MIN RESHAPE SPACE_TO_DEPTH SPLIT SUB SUM TANH TRANSPOSE"
)
"""Measured: they are taken, and compute the same, whatever shape of up to six dimensions the file gives the result."""
_ANY_TYPE = ("DENSIFY", "STABLEHLO_COMPOSITE", "CUSTOM", "ASSIGN_VARIABLE", "READ_VARIABLE", "VAR_HANDLE")
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


def is_of_another_kind(given: Sequence[int], actual: Sequence[int]) -> bool:
    """Whether a tensor has another rank than the file gives it, or is empty where the file's is not.

    What the delegate makes of an operand like this was not measured: it decides by the one shape and computes in the
    other. Of results it was: see `ignores_result_shape`.
    """
    return len(given) != len(actual) or (0 in given) != (0 in actual)


def ignores_result_shape(name: str) -> bool:
    """Whether operator `name` is taken whatever kind of shape the file gives its result."""
    return name in _ANY_RESULT_SHAPE.split()
