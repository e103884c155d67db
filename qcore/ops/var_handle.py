"""VAR_HANDLE: the handle of a resource variable, named by the options container and shared_name.

TFLite: kernels/var_handle.cc
"""

from __future__ import annotations

from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts
from qcore.ops._resource import make_handle
from qcore.rules import Rules, untouched
from tflite_schema import TensorType, VarHandleOptions


def infer(n: Node) -> list[Shape]:
    require_counts(n, 0)
    return [n.output().shape]


def prepare(n: Node) -> Array:
    """The handle itself."""
    y, options = n.output(), n.options(VarHandleOptions)
    n.require(y.type == TensorType.RESOURCE, f"the result is {y.type.name}, expected RESOURCE")
    return make_handle(f"variable {options.container or ''}/{options.shared_name or ''}", y.shape)


def eval_any(p: Array, inputs: list[Array], ctx: Context) -> list[Array]:
    return [p]


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": eval_any},
    rules=Rules(inputs=(untouched(),), outputs=(untouched(),), quantizable=frozenset({"int16x8"})),
)
