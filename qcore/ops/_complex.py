"""Shapes and types of operators that make real numbers of complex ones: complex64 gives float32, complex128 float64.

TFLite: kernels/complex_support.cc
"""

from __future__ import annotations

from qcore.op import Node, Shape
from qcore.ops._movement import require_counts
from tflite_schema import TensorType

__all__ = ["infer", "prepare"]


def infer(n: Node) -> list[Shape]:
    """One result of the operand's shape."""
    require_counts(n, 1)
    return [n.input(0).shape]


def prepare(n: Node) -> None:
    """ModelError unless the result has half the operand's width."""
    expected = TensorType.FLOAT32 if n.input(0).type == TensorType.COMPLEX64 else TensorType.FLOAT64
    n.require(n.output().type == expected, f"the result is {n.output().type.name}, expected {expected.name}")
