"""What operators share that move values without changing them: axes, counts, and operands that must agree.

TFLite compares `params.scale` and `params.zero_point`: the per-tensor parameters, 0 where a tensor has none or several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from qcore.errors import ModelError
from qcore.op import Array, Context, Kernel, Node, NodeTensor, Shape
from tflite_schema import TensorType

__all__ = [
    "COMMON",
    "FURTHER",
    "INTEGER_INDICES",
    "axis_in",
    "axis_operand",
    "check_indices",
    "kernels",
    "move",
    "operands",
    "per_tensor",
    "require_counts",
    "require_same_quantization",
    "require_same_type",
    "require_types",
    "version",
]

COMMON = ("float32", "int8", "uint8", "int16", "int32", "int64")
"""The types that nearly every kernel of this kind accepts."""
FURTHER = ("bool", "float16", "bfloat16", "float64", "uint16", "uint32", "uint64", "complex64", "complex128")
"""The others whose numbers are whole bytes, for kernels that copy bytes and never ask."""
INTEGER_INDICES = (TensorType.INT32, TensorType.INT64)


def kernels(kernel: Kernel, *types: str) -> dict[str, Kernel]:
    """The same kernel for each of these types."""
    return dict.fromkeys(types, kernel)


def version(default: int = 1, *, operand: int = 0, **versions: int) -> Callable[[Node], int]:
    """A version rule that looks at the type of one operand."""

    def rule(n: Node) -> int:
        tensor = n.optional_input(operand)
        return default if tensor is None else versions.get(tensor.type.name.lower(), default)

    return rule


def require_counts(n: Node, operands: int | tuple[int, int], results: int | Literal["any"] = 1) -> None:
    """ModelError unless the node has this many operands (or between the two numbers) and results."""
    least, most = operands if isinstance(operands, tuple) else (operands, operands)
    n.require(least <= len(n.inputs) <= most, f"{len(n.inputs)} operands; the operator takes {least} to {most}")
    n.require(results in ("any", len(n.outputs)), f"{len(n.outputs)} results; the operator makes {results}")


def require_types(n: Node, position: int, types: Iterable[TensorType], what: str) -> NodeTensor:
    """Operand `position`; UnsupportedError unless it has one of these types."""
    tensor = n.input(position)
    if tensor.type not in types:
        raise n.unsupported(f"{what} of type {tensor.type.name}; convert to {', '.join(t.name for t in types)}")
    return tensor


def require_same_type(n: Node, *tensors: NodeTensor) -> None:
    """ModelError unless all have the type of the first."""
    n.require(all(t.type == tensors[0].type for t in tensors), f"operands and result must have one type, not {n.types}")


def per_tensor(tensor: NodeTensor) -> tuple[float, int]:
    """(scale, zero point) as the kernels see them: (0, 0) unless there is exactly one of each."""
    quant = tensor.quant
    if quant is None or quant.scale.size != 1 or quant.zero_point.size != 1:
        return 0.0, 0
    return float(quant.scale[0]), int(quant.zero_point[0])


def require_same_quantization(n: Node, *tensors: NodeTensor) -> None:
    """ModelError unless all have the scale and zero point of the first: the kernel copies and cannot rescale."""
    first = per_tensor(tensors[0])
    for tensor in tensors[1:]:
        n.require(
            per_tensor(tensor) == first,
            f"tensor {tensor.index} {tensor.name!r} has scale and zero point {per_tensor(tensor)}, "
            f"tensor {tensors[0].index} has {first}; values are only moved, so the two must be equal",
        )


def axis_in(n: Node, axis: int, rank: int, what: str = "axis") -> int:
    """The axis, counted from the end where negative; ShapeError unless it lies within `rank` dimensions."""
    positive = axis + rank if axis < 0 else axis
    n.require_shapes(0 <= positive < rank, f"{what} {axis} is outside a rank of {rank}")
    return positive


def axis_operand(n: Node, position: int, rank: int, types: Iterable[TensorType]) -> int | None:
    """The axis that operand `position` holds, None while not known; ShapeError unless it is one element within rank."""
    tensor, values = require_types(n, position, types, "the axis"), n.integers(position)
    n.require_shapes(math.prod(tensor.shape) == 1, f"the axis has shape {tensor.shape}, expected one element")
    return None if values is None else axis_in(n, values[0], rank)


def operands(n: Node) -> list[NodeTensor]:
    """All operands; ModelError if one is omitted."""
    return [n.input(position) for position in range(len(n.inputs))]


def check_indices(index: Array, sizes: ArrayLike, place: str) -> None:
    """ModelError unless every index lies in [0, size); `sizes` broadcasts against `index`."""
    index = np.atleast_1d(index)
    wrong = (index < 0) | (index >= np.asarray(sizes))
    if wrong.any():
        where = tuple(int(i[0]) for i in np.nonzero(wrong))
        size = int(np.broadcast_to(sizes, index.shape)[where])
        raise ModelError(f"{place}: index {int(index[where])} at {where} is outside [0, {size})")


def move(p: Shape, inputs: list[Array], ctx: Context) -> list[Array]:
    """Operand 0 with another shape: p."""
    return [np.asarray(inputs[0]).reshape(p)]
