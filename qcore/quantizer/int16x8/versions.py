"""The versions that the quantizer writes, whether or not an operator was quantized.

TensorFlow: tools/optimize/operator_property.cc (`version`); model_utils.cc, SetOperatorCodeVersion
"""

from __future__ import annotations

from qcore.ir import Model
from qcore.op import Node, find
from qcore.op_versions import LOWEST_VERSIONS
from tflite_schema import BuiltinOperator, OperatorCode, TensorType

__all__ = ["conversion_version", "raise_versions"]


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
