"""What a report shows of one operator, gathered from the model and from each part of an audit that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qcore.auditor.finding import Finding
from qcore.auditor.ledger.distribution import Distribution
from qcore.auditor.metrics import real_values
from qcore.errors import ModelError
from qcore.ir import Model, Operator, QuantParams, Shape, Tensor

__all__ = ["Headroom", "Noise", "OperatorView", "WeightRanges", "operator_views"]

_TYPE_RANGES = {
    "INT2": (-2, 1),
    "INT4": (-8, 7),
    "INT8": (-128, 127),
    "INT16": (-32768, 32767),
    "UINT4": (0, 15),
    "UINT8": (0, 255),
}


@dataclass(frozen=True, slots=True)
class WeightRanges:
    """Of each channel of a constant operand, in real numbers: the extremes, and those that its type and scale can hold.

    Channels are those of quantized_dimension; of dimension 0 where the operand is quantized per tensor.
    """

    tensor: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Headroom:
    """Bits that the worst-case accumulator of each channel leaves free, of `width` bits."""

    width: int
    bits: tuple[float, ...]

    @property
    def least(self) -> float:
        """That of the worst channel."""
        return min(self.bits)


@dataclass(frozen=True, slots=True)
class Noise:
    """Decibels against float, with the operator's own noise alone and with that of all before it.

    parts: noise power by cause, as a share of the power of the signal.
    """

    local: float
    accumulated: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One operator of a subgraph. result: its first result, with type, shape and parameters."""

    subgraph: int
    index: int
    name: str
    result: Tensor | None
    weights: WeightRanges | None = None
    findings: tuple[Finding, ...] = ()
    headroom: Headroom | None = None
    noise: Noise | None = None
    distribution: Distribution | None = None

    @property
    def anchor(self) -> str:
        """The id of its place on the page."""
        return f"operator-{self.subgraph}-{self.index}"

    @property
    def scale(self) -> float | None:
        """Scale of the result, where it is quantized per tensor."""
        quant = None if self.result is None else self.result.quant
        return float(quant.scale[0]) if quant is not None and quant.scale.size == 1 else None

    @property
    def zero_point(self) -> int | None:
        """Zero point of the result, where it is quantized per tensor."""
        quant = None if self.result is None else self.result.quant
        return int(quant.zero_point[0]) if quant is not None and quant.scale.size == 1 else None


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of operators beyond the file, by (subgraph, operator)."""

    headroom: Mapping[tuple[int, int], Headroom] = field(default_factory=dict)
    noise: Mapping[tuple[int, int], Noise] = field(default_factory=dict)
    distributions: Mapping[tuple[int, int], Distribution] = field(default_factory=dict)


def operator_views(model: Model, findings: tuple[Finding, ...] = (), parts: Parts | None = None) -> list[OperatorView]:
    """Every operator of every subgraph, in execution order."""
    known = Parts() if parts is None else parts
    by_place: dict[tuple[int, int], list[Finding]] = {}
    for finding in findings:
        for place in _operators_of(model, finding):
            by_place.setdefault(place, []).append(finding)
    views = []
    for subgraph, graph in enumerate(model.subgraphs):
        for index, operator in enumerate(graph.operators):
            at = (subgraph, index)
            result = graph.tensors[operator.outputs[0]] if operator.outputs and operator.outputs[0] >= 0 else None
            views.append(
                OperatorView(
                    subgraph,
                    index,
                    operator.name,
                    result,
                    _weight_ranges(model, graph.tensors, operator),
                    tuple(by_place.get(at, ())),
                    known.headroom.get(at),
                    known.noise.get(at),
                    known.distributions.get(at),
                )
            )
    return views


def _operators_of(model: Model, finding: Finding) -> list[tuple[int, int]]:
    """The operator that a finding names, or the one that its tensor comes from, or the first that reads it."""
    place = finding.place
    if place.operator is not None:
        return [(place.subgraph, place.operator)]
    if place.tensor is None:
        return []
    graph = model.subgraphs[place.subgraph]
    for index, operator in enumerate(graph.operators):
        if place.tensor in operator.outputs:
            return [(place.subgraph, index)]
    return [(place.subgraph, i) for i, operator in enumerate(graph.operators) if place.tensor in operator.inputs][:1]


def _weight_ranges(model: Model, tensors: list[Tensor], operator: Operator) -> WeightRanges | None:
    for index in operator.inputs:
        tensor = tensors[index] if index >= 0 else None
        if tensor is not None and _is_weight(model, tensor):
            try:
                return _ranges(model, tensor)
            except ModelError:  # a finding already: the file holds another number of bytes
                return None
    return None


def _is_weight(model: Model, tensor: Tensor) -> bool:
    quant = tensor.quant
    return (
        quant is not None
        and quant.scale.size > 0
        and quant.details is None
        and tensor.type.name in _TYPE_RANGES
        and len(tensor.shape) > 1
        and tensor.size > 0
        and _fits(quant.scale.size, quant, tensor.shape)
        and _fits(quant.zero_point.size, quant, tensor.shape)
        and model.is_constant(tensor)
    )


def _fits(count: int, quant: QuantParams, shape: Shape) -> bool:
    axis = quant.quantized_dimension
    return count == 1 or (0 <= axis < len(shape) and count == shape[axis])


def _ranges(model: Model, tensor: Tensor) -> WeightRanges:
    quant: Any = tensor.quant
    stored: Any = model.constant(tensor)
    values = np.asarray(real_values(tensor, stored), np.float64)
    axis = quant.quantized_dimension if quant.is_per_channel else 0
    by_channel = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    smallest, largest = _TYPE_RANGES[tensor.type.name]
    scale = np.broadcast_to(quant.scale.astype(np.float64), by_channel.shape[:1])
    zero_point = np.broadcast_to(quant.zero_point, by_channel.shape[:1])
    return WeightRanges(
        tensor.name,
        tuple(by_channel.min(1).tolist()),
        tuple(by_channel.max(1).tolist()),
        tuple((scale * (smallest - zero_point)).tolist()),
        tuple((scale * (largest - zero_point)).tolist()),
    )
