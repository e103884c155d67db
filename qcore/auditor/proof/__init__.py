"""What the weights alone prove of a model: how large every accumulator can become, whatever the input.

product.py reads the sums of products, reach.py what their inputs can hold, bounds.py the extremes, results.py what
becomes of them; witness.py makes an input that attains one and runs it; findings.py says what is wrong.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.finding import Place
from qcore.auditor.proof.bounds import Bounds, Range, bounds, headroom
from qcore.auditor.proof.product import Product, product
from qcore.auditor.proof.reach import INTEGERS, reach, type_range
from qcore.auditor.proof.results import Results, results
from qcore.errors import ModelError, QCoreError
from qcore.ir import Model, Shape
from qcore.op import Node, find
from qcore.tflite import load
from qcore.wellformed import require_wellformed

__all__ = ["LayerProof", "Proof", "Unproved", "prove"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerProof:
    """What is proved of one sum of products, per output channel.

    bits: of the accumulator that is looked at; kernel_bits: of TFLite's own. input_range: what the input can hold in
    this graph; by_reach: the bounds for that, by_type: for all integers of its type. results: what becomes of the
    accumulators that the graph reaches; None where they are the result, or a float follows.
    """

    place: Place
    product: Product
    bits: int
    input_range: Range | None
    by_reach: Bounds
    by_type: Bounds
    results: Results | None

    @property
    def kernel_bits(self) -> int:
        """The width of TFLite's accumulator."""
        return self.product.bits

    @property
    def headroom(self) -> NDArray[np.float64]:
        """Bits that the sum with its bias leaves of the accumulator; below 0: it can overflow."""
        return headroom(self.by_reach.low, self.by_reach.high, self.bits)

    @property
    def type_headroom(self) -> NDArray[np.float64]:
        """The same if the input could hold every integer of its type."""
        return headroom(self.by_type.low, self.by_type.high, self.bits)

    @property
    def prefix_headroom(self) -> NDArray[np.float64]:
        """The same for every moment of TFLite's order."""
        return headroom(self.by_reach.prefix_low, self.by_reach.prefix_high, self.bits)

    @property
    def any_headroom(self) -> NDArray[np.float64]:
        """The same for every moment of any order."""
        return headroom(self.by_reach.any_low, self.by_reach.any_high, self.bits)

    def as_json(self) -> dict[str, Any]:
        """Plain values: lists have a number for each channel."""
        b, wide, r = self.by_reach, self.by_type, self.results
        ranges = {
            "low": b.low,
            "high": b.high,
            "prefix_low": b.prefix_low,
            "prefix_high": b.prefix_high,
            "any_order_low": b.any_low,
            "any_order_high": b.any_high,
            "type_low": wide.low,
            "type_high": wide.high,
            "headroom_bits": self.headroom,
        }
        if r is not None:
            ranges |= {"result_low": r.low, "result_high": r.high, "multiplier": r.multiplier}
            ranges |= {"saturates_low": r.saturates_low, "saturates_high": r.saturates_high}
        head = {
            "subgraph": self.place.subgraph,
            "operator": self.place.operator,
            "operator_name": self.place.operator_name,
            "bits": self.bits,
            "kernel_bits": self.kernel_bits,
            "terms": self.product.terms,
        }
        return head | {name: values.tolist() for name, values in ranges.items()}


@dataclass(frozen=True, slots=True)
class Unproved:
    """A product of which nothing is proved, and why."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The layers in execution order, and the integer products left out."""

    layers: tuple[LayerProof, ...]
    unproved: tuple[Unproved, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        left_out = [{"place": str(entry.place), "reason": entry.reason} for entry in self.unproved]
        return {"layers": [layer.as_json() for layer in self.layers], "unproved": left_out}


def prove(model: Model | str | os.PathLike[str] | bytes, accumulator_bits: int | None = None) -> Proof:
    """The bounds of every accumulator of every graph, for the shapes that the file gives.

    accumulator_bits: the width to measure against; None: that of TFLite's kernel, 32 or (int16) 64 bits. Raises
    ValueError for a width below 2 or above 64.
    """
    if accumulator_bits is not None and not 2 <= accumulator_bits <= 64:
        raise ValueError(f"accumulator_bits is {accumulator_bits}; an accumulator has 2 to 64 bits")
    whole = model if isinstance(model, Model) else load(model)
    layers: list[LayerProof] = []
    unproved: list[Unproved] = []
    for subgraph in range(len(whole.subgraphs)):
        _Graph(whole, subgraph, accumulator_bits, layers, unproved).prove()
    return Proof(tuple(layers), tuple(unproved))


@dataclass(slots=True)
class _Graph:
    """One graph, operator by operator: shapes and ranges of the tensors made so far."""

    model: Model
    subgraph: int
    bits: int | None
    layers: list[LayerProof]
    unproved: list[Unproved]

    def prove(self) -> None:
        try:
            require_wellformed(self.model, self.subgraph)
        except ModelError as error:
            self.unproved.append(Unproved(Place(self.subgraph), str(error)))
            return
        shapes: dict[int, Shape] = {}
        ranges: dict[int, Range] = {}
        unknown: set[int] = set()
        for index, operator in enumerate(self.model.subgraphs[self.subgraph].operators):
            made = [t for t in operator.outputs if t >= 0]
            try:
                n = Node.of(self.model, self.subgraph, index, shapes=shapes)
                inferred = [None] * len(made) if unknown & set(operator.inputs) else _infer(n)
                for tensor, shape in zip(made, inferred, strict=False):
                    if shape is None:
                        unknown.add(tensor)
                    else:
                        shapes[tensor] = shape
                n = Node.of(self.model, self.subgraph, index, shapes=shapes)
            except QCoreError:  # lint says what is wrong with the node
                unknown.update(made)
                continue
            found = self._layer(n, ranges, bool(unknown & set(operator.inputs)))
            results = reach(n, ranges) if found is None else [found]
            for tensor, range_ in zip(made, results, strict=False):
                if range_ is not None:
                    ranges[tensor] = range_.collapsed() if tensor in unknown else range_

    def _layer(self, n: Node, ranges: dict[int, Range], unknown: bool) -> Range | None:
        """The range of the product's result, once its layer is proved; None where it is not."""
        try:
            p = product(self.model, n)
            if p is None:
                return None
            if unknown:
                raise n.unsupported("the shape of an operand is known at run time only")
            layer = _layer(self.model, p, ranges, self.bits)
        except QCoreError as error:
            self.unproved.append(Unproved(Place.of(self.model, subgraph=self.subgraph, operator=n.index), str(error)))
            return None
        self.layers.append(layer)
        if layer.results is None or n.output().type not in INTEGERS:
            return None
        return layer.results.range if p.channel_axis == -1 else layer.results.range.collapsed()


def _infer(n: Node) -> list[Shape | None]:
    return list(find(n.operator.code, n.operator.custom_code).infer(n))


def _layer(model: Model, p: Product, ranges: dict[int, Range], bits: int | None) -> LayerProof:
    place = Place.of(model, subgraph=p.node.subgraph, operator=p.node.index)
    if p.hybrid:
        found = bounds(p, Range.of(0, 0))
        return LayerProof(place, p, bits or p.bits, None, found, found, None)
    whole = type_range(p.x)
    range_ = ranges.get(p.x.index, whole)
    if range_.low.size not in (1, p.x.shape[-1]):
        range_ = range_.collapsed()
    by_reach = bounds(p, range_)
    full = bool((range_.low == whole.low).all() and (range_.high == whole.high).all())
    by_type = by_reach if full else bounds(p, whole)
    made = None if p.tail is None else results(p, by_reach)
    return LayerProof(place, p, bits or p.bits, range_, by_reach, by_type, made)
