"""GELU: y = x / 2 * (1 + erf(x / sqrt(2))), or its approximation with tanh; integers through a table, see _table.py.

    exact         x / 2 * erfc(-x / sqrt(2)), which does not cancel for negative x
    approximate   x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))

TFLite: kernels/activations.cc (GeluPrepare); internal/reference/gelu.h
"""

from __future__ import annotations

from collections.abc import Callable

from qcore.numerics import float32
from qcore.op import Array, Context, Node, Op, by_type
from qcore.ops import _table
from qcore.ops._delegate import refused_floats
from qcore.ops._table import eval_table
from qcore.ops._unary import infer_same_shape
from qcore.rules import Rules, activation
from tflite_schema import GeluOptions, TensorType


def prepare(n: Node) -> object:
    function = float32.gelu_approximate if n.options(GeluOptions).approximate else float32.gelu
    table = _table.prepare(n, function)
    return function if n.input(0).type == TensorType.FLOAT32 else table


def eval_float32(p: Callable[[Array], Array], inputs: list[Array], ctx: Context) -> list[Array]:
    return [p(inputs[0])]


OP = Op(
    infer=infer_same_shape,
    prepare=prepare,
    kernels={"float32": eval_float32, "int8": eval_table, "uint8": eval_table, "int16": eval_table},
    rules=Rules(inputs=(activation(),)),
    steps=_table.STEPS | _table.STEPS_INT16,
    version=by_type(int8=2, uint8=2),
    refused=refused_floats,
)
