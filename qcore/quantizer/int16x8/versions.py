"""The lowest version of each operator that the quantizer writes, whether or not the operator was quantized.

TensorFlow: tools/optimize/operator_property.cc (`version`); model_utils.cc, SetOperatorCodeVersion
"""

from __future__ import annotations

from collections.abc import Mapping

from qcore.ir import Model
from qcore.op import Node, find
from tflite_schema import BuiltinOperator, OperatorCode, TensorType

__all__ = ["LOWEST_VERSIONS", "conversion_version", "raise_versions"]

_BY_VERSION = {
    1: "EXPAND_DIMS HARD_SWISH PRELU RELU_N1_TO_1 RESHAPE SCATTER_ND SELECT SHAPE SQUEEZE UNPACK WHERE ASSIGN_VARIABLE "
    "READ_VARIABLE VAR_HANDLE",
    2: "ABS RSQRT ADD ARG_MAX AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND SPACE_TO_DEPTH "
    "DEPTH_TO_SPACE SPLIT SPLIT_V CONCATENATION EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL EXP GATHER "
    "LOG_SOFTMAX LOGISTIC LSTM UNIDIRECTIONAL_SEQUENCE_LSTM L2_NORMALIZATION MAX_POOL_2D MAXIMUM MEAN MINIMUM MUL PACK "
    "PAD PADV2 QUANTIZE LEAKY_RELU RELU RELU6 RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SLICE SOFTMAX STRIDED_SLICE "
    "SQUARED_DIFFERENCE SUB SUM TANH TRANSPOSE MIRROR_PAD REDUCE_PROD REDUCE_MAX REDUCE_MIN GELU LOG",
    3: "BROADCAST_TO CONV_2D TRANSPOSE_CONV DEPTHWISE_CONV_2D FILL GATHER_ND REVERSE_V2 SVDF TILE",
    4: "FULLY_CONNECTED",
}
LOWEST_VERSIONS: Mapping[str, int] = {name: version for version, names in _BY_VERSION.items() for name in names.split()}
"""Operator name -> version. These are also all the operators the quantizer knows, to int8 or to int16."""


def conversion_version(model: Model, code: BuiltinOperator) -> int:
    """The version of a QUANTIZE or DEQUANTIZE that is added: that of one the model has, else 1 or 2."""
    for _, _, operator in model.walk():
        if operator.code == code:
            return operator.version
    return 1 if code == BuiltinOperator.QUANTIZE else 2


def raise_versions(model: Model) -> None:
    """Raise every operator's version to the lowest, and the versions in the file's list of codes.

    The quantizer knows of no int4 weights: operators that read them get the version that their types ask for.
    """
    for subgraph, index, operator in model.walk():
        operator.version = max(operator.version, LOWEST_VERSIONS.get(operator.name, 1))
        tensors = model.subgraphs[subgraph].tensors
        if any(tensor >= 0 and tensors[tensor].type == TensorType.INT4 for tensor in operator.inputs):
            needed = find(operator.code, operator.custom_code).version(Node.of(model, subgraph, index))
            operator.version = max(operator.version, needed)
    model.extra["operator_codes"] = [_raised(code) for code in model.extra.get("operator_codes", [])]


def _raised(code: OperatorCode) -> OperatorCode:
    number = max(int(code.builtin_code), int(code.deprecated_builtin_code))
    name = next((operator.name for operator in BuiltinOperator if operator == number), "")
    return code.replace(version=max(int(code.version), LOWEST_VERSIONS.get(name, 1)))
