"""What two quantizers made of one float model, operator by operator of that model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.auditor.differ import ModelLike, role
from qcore.auditor.differ.alignment import Correspondence, align, constant_behind
from qcore.auditor.differ.change import Change, tensor_changes
from qcore.auditor.metrics import real_values, sqnr
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.tflite import load
from tflite_schema import BlockwiseQuantization, TensorType

__all__ = ["Beside", "SideBySide", "Treatment", "side_by_side"]

_FLOATS = (TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16, TensorType.FLOAT64)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What became of a float operator in a quantized model.

    scheme: "float32", "int8", "int16x8", ... (the type of its activations), "dynamic range" (float activations meet
    integer weights in the kernel), "weight only" or "float16" (a DEQUANTIZE stands before the weights). granularity:
    of the weights, None for floats. weight_sqnr: of the rounded against the float ones, in dB, where shapes agree.
    before: QUANTIZE, DEQUANTIZE and others that the float model has not, and whose results this operator reads.
    """

    operator: int
    scheme: str
    version: int
    result_type: str
    result_scale: float | None
    result_zero_point: int | None
    weight_type: str | None = None
    granularity: str | None = None
    weight_sqnr: float | None = None
    bias_type: str | None = None
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """An operator of the float model: what each side made of it (None: nothing of the kind), and what differs."""

    operator: int
    name: str
    result: str
    a: Treatment | None
    b: Treatment | None
    changes: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Whether both sides did the same with it."""
        return not self.changes and (self.a is None) == (self.b is None)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The operators of the float model's main graph; added: operators of each side that it has not, by name."""

    operators: tuple[Beside, ...]
    added_a: dict[str, int]
    added_b: dict[str, int]

    @property
    def differing(self) -> int:
        """How many operators the two sides treat differently."""
        return sum(not entry.same for entry in self.operators)

    @property
    def same(self) -> bool:
        """Whether both sides did the same with every operator, in the same numbers."""
        return self.added_a == self.added_b and not self.differing


def side_by_side(a: ModelLike, b: ModelLike, float_model: ModelLike) -> SideBySide:
    """What a and b, made of one float model, did with each operator of its main graph.

    Changes are those of the constants and results between a and b; names are left out. Raises ModelError for a file
    that cannot be read.
    """
    first, second, whole = (source if isinstance(source, Model) else load(source) for source in (a, b, float_model))
    sides = [(model, align(whole.main, model.main)) for model in (first, second)]
    found = []
    for index, operator in enumerate(whole.main.operators):
        places = [{i: j for i, j in both.operators if i is not None}.get(index) for _, both in sides]
        one, other = (
            None if j is None else _treatment(whole, model, both, index, j)
            for (model, both), j in zip(sides, places, strict=True)
        )
        changes = []
        if places[0] is not None and places[1] is not None:
            changes = _between(first, first.main.operators[places[0]], second, second.main.operators[places[1]])
        result = whole.main.tensors[operator.outputs[0]].name if operator.outputs else ""
        found.append(Beside(index, operator.name, result, one, other, tuple(changes)))
    return SideBySide(tuple(found), *(_added(model.main, both) for model, both in sides))


def _added(graph: Subgraph, both: Correspondence) -> dict[str, int]:
    counts: dict[str, int] = {}
    for i, j in both.operators:
        if i is None and j is not None:
            name = graph.operators[j].name
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _treatment(whole: Model, model: Model, both: Correspondence, index: int, place: int) -> Treatment:
    graph, op = model.main, model.main.operators[place]
    result = graph.tensors[op.outputs[0]] if op.outputs else None
    quant = result.quant if result is not None and result.quant is not None and result.quant.is_quantized else None
    weights = _constant(model, op, "weights")
    bias = _constant(model, op, "bias")
    exact = _constant(whole, whole.main.operators[index], "weights")
    alone = {j for i, j in both.operators if i is None}
    return Treatment(
        place,
        _scheme(graph, op, weights),
        op.version,
        "" if result is None else result.type.name.lower(),
        None if quant is None else float(quant.scale[0]),
        None if quant is None or not quant.zero_point.size else int(quant.zero_point[0]),
        None if weights is None else weights.type.name.lower(),
        None if weights is None or weights.type in _FLOATS else _granularity(weights.quant),
        None if weights is None or exact is None else _noise(whole, exact, model, weights),
        None if bias is None else bias.type.name.lower(),
        tuple(graph.operators[j].name for j in sorted(_makers(graph, op) & {j for j in alone if j is not None})),
    )


def _makers(graph: Subgraph, op: Operator) -> set[int]:
    producers = graph.producers()
    return {producers[t] for t in op.inputs if t in producers}


def _constant(model: Model, op: Operator, wanted: str) -> Tensor | None:
    """The constant of this role, also where a DEQUANTIZE stands before it."""
    for position, tensor in enumerate(op.inputs):
        if tensor >= 0 and role(op, position) == wanted:
            behind = constant_behind(model, model.main, tensor)
            return None if behind is None else model.main.tensors[behind]
    return None


def _scheme(graph: Subgraph, op: Operator, weights: Tensor | None) -> str:
    read = [graph.tensors[t] for p, t in enumerate(op.inputs) if t >= 0 and role(op, p) not in ("weights", "bias")]
    made = [graph.tensors[t] for t in op.outputs if t >= 0]
    known = [t.type for t in (*read, *made) if t.type not in (TensorType.INT32, TensorType.INT64, TensorType.BOOL)]
    kind = known[0] if known else TensorType.INT32
    if weights is None or kind not in _FLOATS:
        wide = kind == TensorType.INT16 and weights is not None
        return "int16x8" if wide else kind.name.lower()
    if weights.type == TensorType.FLOAT16:
        return "float16"
    if weights.type in _FLOATS:
        return kind.name.lower()
    direct = any(graph.tensors[t] is weights for t in op.inputs if t >= 0)
    return "dynamic range" if direct else "weight only"


def _granularity(quant: QuantParams | None) -> str:
    if quant is not None and isinstance(quant.details, BlockwiseQuantization):
        return f"blocks of {quant.details.block_size}"
    if quant is None or not quant.is_quantized:
        return "none"
    return f"{quant.scale.size} scales along axis {quant.quantized_dimension}" if quant.is_per_channel else "one scale"


def _noise(whole: Model, exact: Tensor, model: Model, weights: Tensor) -> float | None:
    if weights.type == TensorType.FLOAT32:
        return None
    x, y = whole.constant(exact), model.constant(weights)
    blocks = weights.quant is not None and weights.quant.details is not None
    if x is None or y is None or x.shape != y.shape or blocks:
        return None
    return sqnr(np.asarray(real_values(exact, x), np.float64), np.asarray(real_values(weights, y), np.float64))


def _between(a: Model, left: Operator, b: Model, right: Operator) -> list[Change]:
    """What differs in the constants and results of the two sides."""
    found: list[Change] = []
    for wanted in ("weights", "bias"):
        ours, theirs = _constant(a, left, wanted), _constant(b, right, wanted)
        if ours is not None and theirs is not None:
            found += tensor_changes(wanted, a, ours, b, theirs)
    for s, t in zip(left.outputs, right.outputs, strict=False):
        if s >= 0 and t >= 0:
            found += tensor_changes("result", a, a.main.tensors[s], b, b.main.tensors[t])
    return [change for change in found if change.what != "name"]
