"""Whole graphs under any kernel set: every result of every operator of the main graph, against TFLite's.

TFLite is asked twice: for the outputs of the model as it is, and for all results at once, of a copy in which each is an
output. XNNPACK keeps what lies between its nodes to itself, unless it is an output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qcore.edit import extract
from qcore.executors import CLOSE
from qcore.interpreter import Interpreter
from qcore.ir import Model, Operator
from qcore.tflite import to_bytes
from tests import oracle
from tflite_schema import TensorType

__all__ = ["Counted", "compare_graph", "stored"]

Array = NDArray[Any]
HANDLES = (TensorType.RESOURCE, TensorType.VARIANT)  # names of state, not numbers


class Counted(NamedTuple):
    """Values equal in all bits, and float values within CLOSE where our interpreter says so."""

    equal: int
    close: int

    def __add__(self, other: Any) -> Counted:
        return Counted(self.equal + other[0], self.close + other[1])


def stored(values: Sequence[Array], details: Sequence[Any]) -> list[Array]:
    """The inputs as the file wants them: floats are quantized where an input is an integer."""
    result = []
    for value, detail in zip(values, details, strict=True):
        dtype = np.dtype(detail["dtype"])
        if value.dtype == np.float32 and dtype.kind in "iu":
            scale, zero_point = detail["quantization"]
            info = np.iinfo(dtype)
            value = np.clip(np.round(value / scale) + zero_point, info.min, info.max).astype(dtype)
        result.append(value)
    return result


def compare_graph(model: Model, inputs: Sequence[Array], kernels: str, invocations: int = 1) -> Counted:
    """Assert that every result of every operator equals TFLite's; UnsupportedError where our interpreter refuses.

    Integers and booleans are equal, and so are floats, unless our interpreter calls an operator's floats close. Behind
    such an operator each one is compared alone, on TFLite's own operands; what holds a handle of a state cannot be.
    """
    content = to_bytes(model)
    ours = Interpreter(content, kernels=kernels)
    for detail, value in zip(ours.get_input_details(), inputs, strict=True):
        if tuple(detail["shape"]) != value.shape:
            ours.resize_tensor_input(detail["index"], value.shape)
    ours.allocate_tensors()  # refuses before TFLite could crash
    answers = [ours.run(inputs) for _ in range(invocations)][-1]
    whole = oracle.outputs(content, inputs, invocations, kernels=kernels)
    theirs = results(model, inputs, kernels, invocations)
    close = {node.operator for node in ours.executors() if node.close}
    behind: set[int] = set()
    counted = Counted(0, 0)
    for index, operator in enumerate(model.main.operators):
        place = f"operator {index} {operator.name} under {kernels}"
        made = [tensor for tensor in operator.outputs if tensor in theirs]
        if index not in close and not behind.intersection(operator.inputs):
            counted += require([ours.get_tensor(tensor) for tensor in made], [theirs[t] for t in made], place)
            continue
        behind.update(operator.outputs)
        if is_alone(model, operator):
            counted += compare_alone(model, index, theirs, kernels, place)
    for position, (tensor, mine, other) in enumerate(zip(model.main.outputs, answers, whole, strict=True)):
        if tensor not in behind:
            counted += require([mine], [other], f"output {position} under {kernels}")
        if tensor in theirs:
            require([theirs[tensor]], [other], f"output {position} under {kernels} with all results shown")
    return counted


def results(model: Model, inputs: Sequence[Array], kernels: str, invocations: int) -> dict[int, Array]:
    """The inputs, and what each operator of the main graph makes in TFLite."""
    shown = model.copy()
    made = dict.fromkeys(tensor for operator in model.main.operators for tensor in operator.outputs)
    made = {tensor: None for tensor in made if model.main.tensors[tensor].type not in HANDLES}
    shown.main.outputs = tuple(made)
    shown.signatures = []
    answers = oracle.outputs(to_bytes(shown), inputs, invocations, kernels=kernels)
    return dict(zip(model.main.inputs, inputs, strict=True)) | dict(zip(made, answers, strict=True))


def is_alone(model: Model, operator: Operator) -> bool:
    """Whether an operator can be cut out: it reads and makes numbers only, and keeps none."""
    tensors = [model.main.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return not any(tensor.type in HANDLES or tensor.is_variable for tensor in tensors)


def compare_alone(model: Model, index: int, theirs: dict[int, Array], kernels: str, place: str) -> Counted:
    """Compare one operator, on TFLite's own operands."""
    piece = extract(model, [index])
    numbers = {tensor.name: number for number, tensor in enumerate(model.main.tensors)}
    operands = [theirs[numbers[piece.main.tensors[tensor].name]] for tensor in piece.main.inputs]
    ours = Interpreter(piece, kernels=kernels)
    mine = ours.run(operands)
    (executor,) = ours.executors()
    other = oracle.outputs(to_bytes(piece), operands, kernels=kernels)
    return require(mine, other, f"{place}, alone", close=executor.close)


def require(ours: Sequence[Array], theirs: Sequence[Array], place: str, *, close: bool = False) -> Counted:
    """Assert dtypes, shapes and values; close: floats may be CLOSE instead."""
    counted = Counted(0, 0)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype, f"{place}: dtype {mine.dtype}, TFLite {other.dtype}"
        assert mine.shape == other.shape, f"{place}: shape {mine.shape}, TFLite {other.shape}"
        equal = np.atleast_1d(oracle.same_bits(mine, other))
        if close and mine.dtype.kind in "fc":
            span = np.abs(other[np.isfinite(other)]).max(initial=0.0)
            with np.errstate(invalid="ignore"):
                near = np.atleast_1d(np.abs(mine - other) <= CLOSE * span)
        else:
            near = equal
        wrong = ~(equal | near)
        if wrong.any():
            first = tuple(int(i[0]) for i in np.nonzero(wrong))
            values = f"{np.atleast_1d(mine)[first]}, TFLite {np.atleast_1d(other)[first]}"
            raise AssertionError(f"{place}: {wrong.sum()} of {wrong.size} differ, first {first}: {values}")
        counted += Counted(int(equal.sum()), int((~equal).sum()))
    return counted
