"""Making a graph ready: every operator found, its shapes inferred, its constants prepared; nothing large is computed.

What cannot be executed is all said in one UnsupportedError. Whatever else goes wrong with an operator is a QCoreError
that names it. A shape that depends on values is worked out when the values are there (`Step.dynamic`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from qcore.delegated_floats import are_floats_close, float_kernel_of_xnnpack
from qcore.delegation import ignores_result_shape, is_of_another_kind
from qcore.errors import ModelError, QCoreError, ShapeError, UnsupportedError
from qcore.ir import DTYPES, Model, Operator, Shape
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.op import Context, Kernel, Node, Op, find
from tflite_schema import TensorType

__all__ = [
    "MAX_RANK",
    "MAX_TENSOR_BYTES",
    "Allocation",
    "Problems",
    "Step",
    "allocate",
    "find_problems",
    "infer",
    "located",
    "prepare",
    "raise_located",
    "require_delegated_kind",
    "require_size",
    "with_shapes",
]

Array = NDArray[Any]
MAX_TENSOR_BYTES = 1 << 30
"""A tensor that takes more memory is refused unless asked for: a damaged shape must not exhaust memory."""
MAX_RANK = 32
_FOLDED_ELEMENTS = 64
_OPAQUE = (TensorType.RESOURCE, TensorType.VARIANT)
_SHAPE_TYPES = (TensorType.INT32, TensorType.INT64)
_PLACE = re.compile(r"subgraph \d+, (operator|tensor|input) \d+")


@dataclass(slots=True)
class Step:
    """One operator made ready: its kernel and, unless shapes depend on values (`dynamic`), its Params.

    A dynamic step whose Params follow from operand shapes keeps them as long as the shapes are `prepared_for`.
    `state` is what the kernel keeps from run to run (`Context.state`). The `executor` is the kernel set that runs the
    step; `refused` says why XNNPACK does not, where it was asked for. `close`: its float results are close to TFLite's,
    not equal in all bits.
    """

    index: int
    operator: Operator
    op: Op
    kernel: Kernel
    params: Any = None
    dynamic: bool = False
    folded: bool = False
    prepared_for: tuple[Shape | None, ...] | None = None
    state: dict[str, Any] = field(default_factory=dict)
    executor: KernelSet = REFERENCE
    refused: str | None = None
    close: bool = False


class Problems:
    """What cannot be executed: reason -> the places it holds for; at: place -> the first reason there."""

    def __init__(self) -> None:
        self.reasons: dict[str, list[str]] = {}
        self.at: dict[str, str] = {}

    def add(self, error: UnsupportedError, place: str) -> None:
        """Keep the error's message, with the place where it names none."""
        self.at.setdefault(place, str(error))
        places = self.reasons.setdefault(str(error), [])
        if not _PLACE.match(str(error)) and place not in places:
            places.append(place)

    def raise_all(self) -> None:
        """One UnsupportedError of everything that was added, if anything was."""
        if self.reasons:
            said = (f"{', '.join(places)}: {why}" if places else why for why, places in self.reasons.items())
            raise UnsupportedError("; ".join(said))


@dataclass(slots=True)
class Allocation:
    """A graph made ready: its steps, the shapes that are known, and the values (constants, and what follows)."""

    shapes: dict[int, Shape]
    known: dict[int, Array]
    unknown: set[int] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)


def allocate(
    model: Model,
    subgraph: int,
    shapes: Mapping[int, Shape],
    constants: Mapping[int, Array],
    kernels: KernelSet,
    max_tensor_bytes: int,
    problems: Problems,
    delegated: Mapping[int, Shape],
    failures: dict[int, QCoreError] | None = None,
) -> Allocation:
    """Make every operator of a graph ready for these input shapes; what has no kernel is added to `problems`.

    delegated: the shapes of graph inputs when XNNPACK chose its nodes.

    Raises ModelError or ShapeError, with the place, for the first operator that contradicts its operands; where
    `failures` is given, what each operator fails with is put there instead, and the others are made ready.
    """
    made = Allocation(dict(shapes), dict(constants))
    for index, operator in enumerate(model.subgraphs[subgraph].operators):
        try:
            node = Node.of(model, subgraph, index, shapes=made.shapes, values=made.known, kernels=kernels)
            given = node
            if kernels.name == "xnnpack":
                given = Node.of(model, subgraph, index, shapes=delegated, values=constants, kernels=kernels)
            _add_step(node, given, made, max_tensor_bytes)
        except Exception as error:
            place = model.place(subgraph, index)
            if failures is not None:
                failures[index] = located(error, place)
            elif isinstance(error, UnsupportedError):
                problems.add(error, place)
            elif not problems.reasons:  # after the first problem shapes are assumed, and need not fit
                raise_located(error, place)
            _assume_declared(operator, made)
    return made


def find_problems(node: Node, problems: Problems) -> Op | None:
    """Add to `problems` why the node cannot be executed, as far as operator and types tell; its Op if it can."""
    try:
        op = find(node.operator.code, node.operator.custom_code)
        op.variant(replace(node, kernels=op.executor(node)[0]))
        _require_types(node)
    except UnsupportedError as error:
        problems.add(error, node.place)
        return None
    return op


def _assume_declared(operator: Operator, made: Allocation) -> None:
    """Go on with the file's shapes after an operator without a kernel, to find what else has none."""
    for tensor in operator.outputs:
        made.shapes.pop(tensor, None)
        made.known.pop(tensor, None)
        made.unknown.discard(tensor)


def _add_step(node: Node, given: Node, made: Allocation, max_tensor_bytes: int) -> None:
    """Add the node; `given` is the node as XNNPACK sees it."""
    operator = node.operator
    op = find(operator.code, operator.custom_code)
    executor, refused = op.executor(given)
    node = replace(node, kernels=executor)
    variant = op.variant(node)
    kernel = op.kernels[variant]
    if executor.name == "xnnpack" and variant in ("float32", "any", "hybrid"):
        kernel = float_kernel_of_xnnpack(node.name, kernel)
    close = _makes_floats(node) and are_floats_close(node.name, variant == "hybrid")
    step = Step(node.index, operator, op, kernel, executor=executor, refused=refused, close=close)
    _require_types(node)
    shapes: list[Shape | None] = [None] * len(operator.outputs)
    if not any(tensor in made.unknown for tensor in operator.inputs):
        shapes = infer(op, node, max_tensor_bytes)
        if executor.name == "xnnpack":
            require_delegated_kind(with_shapes(node, shapes), given)
    step.dynamic = any(shape is None for shape in shapes)
    if not step.dynamic:
        step.params = prepare(op, node, shapes)
    for tensor, shape in zip(operator.outputs, shapes, strict=True):
        before = None if tensor in made.unknown else made.shapes.get(tensor, shape)
        node.require(shape == before, f"the result is tensor {tensor}, which has another shape already: {before}")
        made.known.pop(tensor, None)
        if shape is None:
            made.unknown.add(tensor)
        else:
            made.shapes[tensor] = shape
    if not step.dynamic:
        _fold(step, node, shapes, made)
    made.steps.append(step)


def require_delegated_kind(n: Node, given: Node) -> None:
    """UnsupportedError where a delegated node's tensors are not what their shapes in the file made XNNPACK expect.

    given: the node as XNNPACK took it, with the shapes and constants of the file.
    """
    pairs = list(zip(n.inputs, given.inputs, strict=True))
    if not ignores_result_shape(n.name):
        pairs += zip(n.outputs, given.outputs, strict=True)
    for now, before in pairs:
        if now is not None and before is not None and is_of_another_kind(before.shape, now.shape):
            raise n.unsupported(
                f"tensor {now.name!r} has shape {now.shape} and had {before.shape} when XNNPACK took the node; what it "
                "makes of that is not known. Allocate with the shape that is run, or use kernels='reference'"
            )


def _makes_floats(node: Node) -> bool:
    return any(tensor.type == TensorType.FLOAT32 for tensor in node.outputs)


def _require_types(node: Node) -> None:
    for tensor in (*node.inputs, *node.outputs):
        if tensor is not None and tensor.type not in DTYPES and tensor.type not in _OPAQUE:
            raise node.unsupported(f"tensor {tensor.index} {tensor.name!r} has type {tensor.type.name}; no kernel has")


def infer(op: Op, node: Node, max_tensor_bytes: int) -> list[Shape | None]:
    """Result shapes, None for those that depend on values; ShapeError for one that is too large."""
    shapes: list[Shape | None] = list(op.infer(node))
    node.require(len(shapes) == len(node.outputs), f"{len(node.outputs)} results, expected {len(shapes)}")
    for tensor, shape in zip(node.outputs, shapes, strict=True):
        if shape is not None:
            require_size(shape, tensor.type, f"{node.place}: a result", max_tensor_bytes)
    return shapes


def prepare(op: Op, node: Node, shapes: Sequence[Shape | None]) -> Any:
    """The Params of a node whose results have these shapes."""
    return op.prepare(with_shapes(node, shapes))


def with_shapes(node: Node, shapes: Sequence[Shape | None]) -> Node:
    """The node with these shapes of its results, as far as they are known."""
    outputs = tuple(
        tensor if shape is None else replace(tensor, shape=shape)
        for tensor, shape in zip(node.outputs, shapes, strict=True)
    )
    return replace(node, outputs=outputs)


def require_size(shape: Sequence[int], type_: TensorType, what: str, max_tensor_bytes: int) -> None:
    """ShapeError unless an array of this shape and type can be made in that many bytes."""
    if any(size < 0 for size in shape):
        raise ShapeError(f"{what} has shape {tuple(shape)}, with a negative dimension")
    if len(shape) > MAX_RANK:
        raise ShapeError(f"{what} has {len(shape)} dimensions; NumPy takes up to {MAX_RANK}")
    itemsize = DTYPES[type_].itemsize if type_ in DTYPES else 8
    needed = math.prod(max(size, 1) for size in shape) * itemsize
    if needed > max_tensor_bytes:
        raise ShapeError(
            f"{what} of shape {tuple(shape)} takes {needed:,} bytes, more than max_tensor_bytes = "
            f"{max_tensor_bytes:,}; if the model is sound, give qcore.Interpreter a larger limit"
        )


def _fold(step: Step, node: Node, shapes: list[Shape | None], made: Allocation) -> None:
    """Compute small integer results of known values now, so that shapes made of them are known."""
    small = all(
        shape is not None and math.prod(shape) <= _FOLDED_ELEMENTS and tensor.type in _SHAPE_TYPES
        for shape, tensor in zip(shapes, node.outputs, strict=True)
    )
    known = all(t is None or (t.index in made.known and not t.is_variable) for t in node.inputs)
    if not (small and node.outputs and (step.op.shape_only or (known and node.inputs))) or step.op.stateful:
        return
    operands = [
        None
        if tensor is None
        else made.known.get(tensor.index, np.broadcast_to(np.zeros((), tensor.dtype), tensor.shape))
        for tensor in node.inputs
    ]
    results = step.kernel(step.params, operands, Context())
    made.known.update(zip(step.operator.outputs, results, strict=True))
    step.folded = True


def raise_located(error: Exception, place: str) -> NoReturn:
    """Raise the error again as a QCoreError that names the operator."""
    again = located(error, place)
    if again is error:
        raise again
    raise again from error


def located(error: Exception, place: str) -> QCoreError:
    """An error as a QCoreError that names the operator.

    A QCoreError keeps its class. Anything else comes out of NumPy or Python on operands and options that make no sense,
    and becomes a ModelError.
    """
    if isinstance(error, QCoreError):
        return error if _PLACE.match(str(error)) else type(error)(f"{place}: {error}")
    if isinstance(error, MemoryError):
        return ShapeError(f"{place}: not enough memory: {error}")
    return ModelError(f"{place}: cannot be computed, {type(error).__name__}: {error}")
