"""What every part of lint works with: the `Subject` it looks at, and the `Probe`, a function with the checks it makes.

A model that is looked at may be damaged: a probe takes nothing for granted that the checks of `form.py` report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.allocation import MAX_TENSOR_BYTES, Allocation, Problems, allocate
from qcore.auditor.finding import Check, Finding, Place
from qcore.errors import ModelError, QCoreError, ShapeError, UnsupportedError
from qcore.ir import DTYPES, Model, Operator, Subgraph, Tensor
from qcore.kernel_sets import REFERENCE
from qcore.op import Node, NodeTensor, Op, find
from qcore.rules import FLOAT_ONLY, Rules
from qcore.wellformed import faults
from tflite_schema import TensorType

__all__ = [
    "INTEGERS",
    "Probe",
    "Subject",
    "declared",
    "looks_for",
    "op_of",
    "reason",
    "rules_of",
    "scales_of",
    "zero_point_of",
]

Key = tuple[int, int]
INTEGERS = frozenset({TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.INT2})
"""The types of quantized activations and weights."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and its operators as nodes. Operators that refer to what does not exist are not among the nodes.

    broken: (subgraph, operator, reason) of these. params: what each node is prepared with. refused: why it is not.
    """

    model: Model
    nodes: tuple[Node, ...]
    broken: tuple[tuple[int, int, str], ...] = ()
    params: Mapping[Key, Any] = field(default_factory=dict)
    refused: Mapping[Key, QCoreError] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> Subject:
        """All that can be looked at in a model."""
        nodes: list[Node] = []
        broken: list[tuple[int, int, str]] = []
        params: dict[Key, Any] = {}
        refused: dict[Key, QCoreError] = {}
        for subgraph in range(len(model.subgraphs)):
            made, failures = _made_ready(model, subgraph)
            params.update({(subgraph, step.index): step.params for step in made.steps})
            refused.update({(subgraph, index): error for index, error in failures.items()})
            for index, operator in enumerate(model.subgraphs[subgraph].operators):
                try:
                    _require_readable(model, subgraph, operator)
                    nodes.append(Node.of(model, subgraph, index, shapes=made.shapes))
                except (ModelError, ShapeError) as error:
                    broken.append((subgraph, index, str(error)))
        return cls(model, tuple(nodes), tuple(broken), params, refused)

    def place(self, n: Node, tensor: NodeTensor | None = None) -> Place:
        """The place of an operator, or of a tensor at an operator."""
        return Place.of(
            self.model, subgraph=n.subgraph, operator=n.index, tensor=None if tensor is None else tensor.index
        )

    def refusal(self, n: Node) -> str | None:
        """Why TFLite does not run the node: its operands or parameters contradict the operator."""
        error = self.refused.get((n.subgraph, n.index))
        return None if error is None or isinstance(error, UnsupportedError) else reason(n, error)


def _made_ready(model: Model, subgraph: int) -> tuple[Allocation, dict[int, QCoreError]]:
    """A graph made ready for the input shapes of the file, as far as it can be; and why operators cannot be.

    What fails for shapes that an operator before it left unknown is left out, and so is what fails for shapes in
    another graph than the main one: its inputs have those of the call.
    """
    graph = model.subgraphs[subgraph]
    if any(not fault.quantization for fault in faults(model, subgraph)):
        return Allocation({}, {}), {}
    shapes = {i: graph.tensors[i].shape for i in graph.inputs}
    shapes |= {i: tensor.shape for i, tensor in enumerate(graph.tensors) if tensor.is_variable}
    failures: dict[int, QCoreError] = {}
    made = allocate(
        model, subgraph, shapes, _constants(model, graph), REFERENCE, MAX_TENSOR_BYTES, Problems(), shapes, failures
    )
    unknown: set[int] = set()
    kept: dict[int, QCoreError] = {}
    for index, operator in enumerate(graph.operators):
        assumed = not unknown.isdisjoint(operator.inputs)
        if index in failures and not (isinstance(failures[index], ShapeError) and (assumed or subgraph)):
            kept[index] = failures[index]
        if index in failures or assumed:
            unknown.update(operator.outputs)
    return made, kept


def _constants(model: Model, graph: Subgraph) -> dict[int, NDArray[Any]]:
    """The constants of a graph that can be read."""
    found: dict[int, NDArray[Any]] = {}
    for index, tensor in enumerate(graph.tensors):
        try:
            value = model.constant(tensor) if tensor.type in DTYPES and _fits(tensor) else None
        except ModelError:
            continue
        if value is not None:
            found[index] = value
    return found


def _fits(tensor: Tensor) -> bool:
    return tensor.size * 16 <= MAX_TENSOR_BYTES


def _require_readable(model: Model, subgraph: int, operator: Operator) -> None:
    """ModelError for an operand that does not exist, or that is too large to be written out in full."""
    graph = model.subgraphs[subgraph]
    for index in (*operator.inputs, *operator.outputs, *operator.intermediates):
        if not -1 <= index < len(graph.tensors):
            raise ModelError(f"tensor {index} does not exist; the graph has {len(graph.tensors)}")
        tensor = graph.tensors[index]
        if not 0 <= tensor.buffer < len(model.buffers):
            raise ModelError(f"buffer {tensor.buffer} of tensor {index} does not exist")
        if model.is_constant(tensor) and not _fits(tensor):
            raise ModelError(f"tensor {index} {tensor.name!r} of shape {tensor.shape} is too large to be looked at")


def reason(n: Node, error: QCoreError) -> str:
    """An error's message without the place, which a finding has of its own."""
    return str(error).removeprefix(n.place).removeprefix(f" ({n.types})").removeprefix(": ")


def op_of(n: Node) -> Op | None:
    """The node's operator; None for one that qcore does not know."""
    try:
        return find(n.operator.code, n.operator.custom_code)
    except UnsupportedError:
        return None


def rules_of(n: Node) -> Rules:
    """The rules of the node's operator, in the form it has; those of a float operator where qcore does not know it."""
    op = op_of(n)
    if op is None:
        return FLOAT_ONLY
    scheme = "int16x8" if any(t is not None and t.type == TensorType.INT16 for t in n.inputs) else "int8"
    return op.rules.of(n.operator, scheme)


Look = Callable[[Subject], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Probe:
    """A function that looks for something, and the checks whose findings it may give."""

    checks: tuple[Check, ...]
    look: Look


def looks_for(*checks: Check) -> Callable[[Look], Probe]:
    """Declare which checks a function makes."""
    return lambda look: Probe(checks, look)


def declared(modules: Iterable[ModuleType]) -> tuple[Probe, ...]:
    """The probes that modules declare, in the order they are written."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Probe))


def scales_of(tensor: NodeTensor | None) -> NDArray[np.float64] | None:
    """A tensor's scales in float64; None where it has none, or one that is no positive number."""
    if tensor is None or tensor.quant is None or not tensor.quant.is_quantized or tensor.block_scales is not None:
        return None
    scales = tensor.quant.scale.astype(np.float64)
    return scales if np.isfinite(scales).all() and (scales > 0).all() else None


def zero_point_of(tensor: NodeTensor) -> int:
    """The first zero point as the file states it, whatever it is; 0 where there is none."""
    quant = tensor.quant
    return 0 if quant is None or not quant.zero_point.size else int(quant.zero_point[0])
