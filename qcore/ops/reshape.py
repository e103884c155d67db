"""RESHAPE: the same values in the same order under another shape.

    -1 in the new shape stands for what is left; at most one

The new shape is operand 1 if that is an int32 vector, else the option new_shape, where [0] alone means a scalar.

TFLite: kernels/reshape.cc; internal/reshape_utils.h
"""

from __future__ import annotations

import math

from qcore.op import Node, Op, Shape
from qcore.ops._delegate import have_one_scale, refused_result, refused_tensors
from qcore.ops._movement import move, require_counts, require_same_type
from qcore.rules import Rules, activation, same_as, untouched
from tflite_schema import ReshapeOptions, TensorType


def infer(n: Node) -> list[Shape | None]:
    require_counts(n, (1, 2))
    wanted = _new_shape(n)
    return [None] if wanted is None else [_resolve(n, n.input(0).shape, wanted)]


def _new_shape(n: Node) -> list[int] | None:
    """The requested shape, None while the operand that holds it is not known."""
    operand = n.optional_input(1)
    if operand is not None and operand.rank == 1 and operand.type == TensorType.INT32:
        return n.integers(1)
    option = n.options(ReshapeOptions).new_shape
    wanted = [] if option is None else [int(size) for size in option]
    return [] if wanted == [0] else wanted


def _resolve(n: Node, shape: Shape, wanted: list[int]) -> Shape:
    """The requested shape with its -1 worked out; ShapeError unless the numbers of elements agree."""
    n.require_shapes(wanted.count(-1) <= 1, f"new shape {wanted} has more than one -1")
    n.require_shapes(all(-1 <= size < 2**31 for size in wanted), f"new shape {wanted} has a dimension out of range")
    given = [size for size in wanted if size != -1]
    if -1 in wanted:
        if math.prod(shape) == 0 and math.prod(given) != 0:
            left = 0
        else:
            left = math.prod(size for size in shape if size) // math.prod(size for size in given if size)
        wanted = [left if size == -1 else size for size in wanted]
    agree = math.prod(shape) == math.prod(wanted)
    n.require_shapes(agree, f"shape {shape} cannot become {wanted}: the numbers of elements differ")
    return tuple(wanted)


def prepare(n: Node) -> Shape:
    require_same_type(n, n.input(0), n.output())
    return n.output().shape


def refused(n: Node) -> str | None:
    """XNNPACK takes 8 bits or float32, a constant shape, and a result of the operand's scale and zero point.

    LiteRT 2.3 leaves the shape [-1] alone, for it was once how scalars were written.
    """
    shape = n.optional_input(1)
    if shape is not None and shape.value is None:
        return "its shape is not constant"
    x, y = n.input(0), n.output()
    reason = refused_result(n, 0) or refused_tensors(n, x, y)
    if reason is None and not have_one_scale(x, y):
        reason = "its result has other parameters than its operand"
    given = n.options(ReshapeOptions).new_shape if shape is None else n.integers(1)
    open_ended = given is not None and len(given) == 1 and int(given[0]) in (-1, 0)
    if reason is None and n.kernels.version == "litert-2.3" and open_ended:
        reason = "its shape is [-1]"
    return reason


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"any": move},
    rules=Rules(inputs=(activation(), untouched()), outputs=(same_as(0),)),
    refused=refused,
)
