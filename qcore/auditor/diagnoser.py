"""`why`: where somebody else's numbers first leave ours, and which rule gives theirs.

The operator that made the first differing tensor is second-guessed alone, with our operands: what came before is equal,
or was not given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from qcore.auditor.catalogue import Candidate, candidates, pairs
from qcore.auditor.explainer import ran_node
from qcore.auditor.kernel_comparison import KERNELS
from qcore.edit import extract
from qcore.errors import QCoreError, ShapeError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.op import Array, Node

__all__ = ["Diagnosis", "why"]

_MOST_VALUES = 1 << 27
"""Values that pairs of rules may compute, all together: of a large tensor not every pair is tried."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """compared: the names of the given tensors, in operator order. tensor: the first that differs, None if none does.

    operator, name: what made it; None, "" for an input or constant of the graph. differing of values: elements.
    rules: each reproduces all numbers; it names one mistake, or two where no single one does. closest, remaining: where
    none does, the rule that leaves the fewest elements unexplained, and how many; "" if none leaves fewer than there
    are. unseen: operands of the operator that were computed before it and not given, so that theirs may differ already.
    bounded: the tensor is so large that not every pair of rules was tried.
    """

    compared: tuple[str, ...]
    tensor: str | None = None
    operator: int | None = None
    name: str = ""
    differing: int = 0
    values: int = 0
    rules: tuple[str, ...] = ()
    closest: str = ""
    remaining: int = 0
    unseen: tuple[str, ...] = ()
    bounded: bool = False

    @property
    def equal(self) -> bool:
        """Whether all given tensors equal ours."""
        return self.tensor is None


def why(
    model: str | os.PathLike[str] | bytes | Model,
    theirs: Mapping[str, Any] | Sequence[Any] | Array,
    inputs: Any,
    *,
    kernels: str | KernelSet = REFERENCE,
) -> Diagnosis:
    """The first of the given tensors that differs from ours, and the rules that reproduce it.

    theirs: arrays by tensor name or output index ("0"); or the output, or all outputs in order. A name that occurs
    twice is `name:index` from the second on. Integers may come in a wider type. inputs: what `Interpreter.run` takes.
    ShapeError: there is no such tensor, or it has another size.
    """
    interpreter = Interpreter(model, kernels=kernels)
    recording = interpreter.record()
    interpreter.run(inputs)
    names = _names(interpreter.model)
    makers = {t: i for i, op in enumerate(interpreter.model.main.operators) for t in op.outputs}
    given = _given(interpreter, theirs, names)
    order = sorted(given, key=lambda tensor: (makers.get(tensor, -1), tensor))
    compared = tuple(names[tensor] for tensor in order)
    for tensor in order:
        ours, other = np.asarray(interpreter.get_tensor(tensor)), given[tensor]
        shaped = other if other.shape == ours.shape else other.reshape(ours.shape)
        differing = _differing(ours, shaped)
        if not differing:
            continue
        if tensor not in makers:
            return Diagnosis(compared, names[tensor], differing=differing, values=ours.size)
        node = ran_node(interpreter, makers[tensor])
        rules: list[Candidate] = []
        if ours.ndim == 4:
            rules.append(("the order is NCHW", partial(_nchw, ours)))
        if len(node.outputs) == 1:
            rules += _other_kernels(interpreter, node, KernelSet.of(kernels))
            rules += candidates(node, interpreter.params(node.index), recording.steps(node.index))
        matching, closest, remaining = _judged(rules, shaped, differing)
        bounded = False
        if not matching and len(node.outputs) == 1:
            two = iter(pairs(node, interpreter.params(node.index), recording.steps(node.index)))
            found = _judged(islice(two, _MOST_VALUES // max(ours.size, 1)), shaped, remaining)
            matching, closest, remaining = found if found[0] or found[1] else (matching, closest, remaining)
            bounded = next(two, None) is not None
        unseen = tuple(names[t] for t in dict.fromkeys(node.operator.inputs) if t in makers and t not in given)
        return Diagnosis(
            compared,
            names[tensor],
            node.index,
            node.name,
            differing,
            ours.size,
            matching,
            closest,
            remaining,
            unseen,
            bounded,
        )
    return Diagnosis(compared)


def _names(model: Model) -> list[str]:
    names: list[str] = []
    for index, tensor in enumerate(model.main.tensors):
        names.append(f"{tensor.name}:{index}" if tensor.name in names else tensor.name)
    return names


def _given(interpreter: Interpreter, theirs: Any, names: Sequence[str]) -> dict[int, Array]:
    """Their arrays by tensor index, checked for size and kind."""
    outputs = interpreter.model.main.outputs
    if isinstance(theirs, np.ndarray):
        theirs = [theirs]
    if not isinstance(theirs, Mapping):
        theirs = {str(position): value for position, value in enumerate(theirs)}
    given: dict[int, Array] = {}
    for name, value in theirs.items():
        if name in names:
            tensor = names.index(name)
        elif name.isdecimal() and int(name) < len(outputs):
            tensor = outputs[int(name)]
        else:
            raise ShapeError(f"there is no tensor {name!r} and no output of that index; `qcore show` lists the tensors")
        array, ours = np.asarray(value), np.asarray(interpreter.get_tensor(tensor))
        if array.size != ours.size:
            raise ShapeError(f"{name!r} has shape {array.shape}; the model's tensor has {ours.shape}")
        if ours.dtype.kind not in "iufb" or array.dtype.kind not in (
            "iu" if ours.dtype.kind in "iu" else ours.dtype.kind
        ):
            raise ShapeError(f"{name!r} holds {array.dtype}; the model's tensor holds {ours.dtype}")
        given[tensor] = array
    if not given:
        raise ShapeError("there is nothing to compare; give at least one tensor")
    return given


def _nchw(y: Array) -> Array:
    """The numbers in NCHW order, under the shape that they have in NHWC."""
    return y.transpose(0, 3, 1, 2).reshape(y.shape)


def _differing(ours: Array, theirs: Array) -> int:
    """Elements that differ; NaN equals NaN."""
    unequal = ours != theirs
    if ours.dtype.kind == "f":
        unequal &= ~(np.isnan(ours) & np.isnan(theirs))
    return int(np.count_nonzero(unequal))


def _judged(rules: Iterable[Candidate], theirs: Array, differing: int) -> tuple[tuple[str, ...], str, int]:
    """The rules that reproduce all of theirs, else the closest and what it leaves."""
    matching: list[str] = []
    closest, least = "", differing
    for name, compute in rules:
        try:
            with np.errstate(all="ignore"):
                y = compute()
        except (QCoreError, ValueError):
            continue  # this rule cannot be carried out with these constants
        remaining = _differing(y, theirs)
        if not remaining:
            matching.append(name)
        elif remaining < least:
            closest, least = name, remaining
    return tuple(matching), "" if matching else closest, 0 if matching else least


def _other_kernels(interpreter: Interpreter, node: Node, own: KernelSet) -> list[Candidate]:
    return [(f"the {name} kernels", partial(_under, name, interpreter, node)) for name in KERNELS if name != own.name]


def _under(kernels: str, interpreter: Interpreter, node: Node) -> Array:
    """The operator alone, with its operands, under another kernel set."""
    model = interpreter.model
    read = [t for t in node.operator.inputs if t >= 0 and not model.is_constant(model.main.tensors[t])]
    if any(model.main.tensors[t].is_variable for t in read):
        raise node.unsupported("a variable tensor has no longer the value that it had before the run")
    values = [interpreter.get_tensor(t) for t in dict.fromkeys(read)]
    return Interpreter(extract(model, [node.index]), kernels=kernels).run(values)[0]
