"""What every part of lint works with: the `Subject` it looks at, and the `Probe`, a function with the checks it makes.

A model that is looked at may be damaged: a probe takes nothing for granted that the checks of `form.py` report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.finding import Check, Finding, Place
from qcore.errors import ModelError, UnsupportedError
from qcore.ir import Model
from qcore.op import Node, NodeTensor, Op, find
from qcore.rules import FLOAT_ONLY, Rules
from tflite_schema import TensorType

__all__ = ["INTEGERS", "Probe", "Subject", "declared", "looks_for", "op_of", "rules_of", "scales_of"]

INTEGERS = frozenset({TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.INT2})
"""The types of quantized activations and weights."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and its operators as nodes. Operators that refer to what does not exist are not among the nodes.

    broken: (subgraph, operator, reason) of these.
    """

    model: Model
    nodes: tuple[Node, ...]
    broken: tuple[tuple[int, int, str], ...] = ()

    @classmethod
    def of(cls, model: Model) -> Subject:
        """All that can be looked at in a model."""
        nodes, broken = [], []
        for subgraph, index, _ in model.walk():
            try:
                nodes.append(Node.of(model, subgraph, index))
            except ModelError as error:
                broken.append((subgraph, index, str(error)))
        return cls(model, tuple(nodes), tuple(broken))

    def place(self, n: Node, tensor: NodeTensor | None = None) -> Place:
        """The place of an operator, or of a tensor at an operator."""
        return Place.of(
            self.model, subgraph=n.subgraph, operator=n.index, tensor=None if tensor is None else tensor.index
        )


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
