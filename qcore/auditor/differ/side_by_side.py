"""What two quantizers made of one float model, operator by operator of that model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from qcore.auditor.differ import ModelLike, role
from qcore.auditor.differ.alignment import align, constant_behind
from qcore.auditor.differ.change import Change, operator_changes, reals, tensor_changes
from qcore.auditor.metrics import sqnr
from qcore.errors import ModelError
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.tflite import load
from tflite_schema import BlockwiseQuantization, TensorType

__all__ = ["Beside", "SideBySide", "Treatment", "side_by_side"]

_LEFT_OUT = ("name", "has_rank")
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

    Changes are those of versions, options, constants and results from a to b, names left out. Raises ModelError for
    a file that cannot be read.
    """
    first, second, whole = (source if isinstance(source, Model) else load(source) for source in (a, b, float_model))
    origin, left, right = (_Side(whole, model) for model in (whole, first, second))
    found = []
    for index, operator in enumerate(whole.main.operators):
        one, other = (None if side.of(index) is None else _treatment(origin, side, index) for side in (left, right))
        changes = [] if one is None or other is None else _between(left, right, index)
        result = whole.main.tensors[operator.outputs[0]].name if operator.outputs else ""
        found.append(Beside(index, operator.name, result, one, other, tuple(changes)))
    return SideBySide(tuple(found), left.added(), right.added())


class _Side:
    """A model beside the float one: which of its operators is which, and which the float model has not."""

    def __init__(self, whole: Model, model: Model) -> None:
        self.model, self.graph = model, model.main
        self.producers = model.main.producers()
        pairs = align(whole.main, model.main).operators
        self.places = {i: j for i, j in pairs if i is not None and j is not None}
        self.alone = {j for i, j in pairs if i is None and j is not None}

    def of(self, index: int) -> Operator | None:
        """The operator that an operator of the float model became."""
        return self.graph.operators[self.places[index]] if index in self.places else None

    def constant(self, index: int, wanted: str) -> Tensor | None:
        """Its constant of this role, also where a DEQUANTIZE stands before it."""
        op = self.of(index)
        for position, tensor in enumerate(() if op is None else op.inputs):
            if op is not None and tensor >= 0 and role(op, position) == wanted:
                behind = constant_behind(self.model, self.graph, tensor, self.producers)
                return None if behind is None else self.graph.tensors[behind]
        return None

    def added(self) -> dict[str, int]:
        """How many operators the float model has not, by name."""
        return dict(sorted(Counter(self.graph.operators[j].name for j in self.alone).items()))


def _treatment(origin: _Side, side: _Side, index: int) -> Treatment:
    graph, op = side.graph, side.graph.operators[side.places[index]]
    result = graph.tensors[op.outputs[0]] if op.outputs else None
    quant = result.quant if result is not None and result.quant is not None and result.quant.is_quantized else None
    weights, bias, exact = (
        side.constant(index, "weights"),
        side.constant(index, "bias"),
        origin.constant(index, "weights"),
    )
    makers = {side.producers[t] for t in op.inputs if t in side.producers}
    return Treatment(
        side.places[index],
        _scheme(graph, op, weights),
        op.version,
        "" if result is None else result.type.name.lower(),
        None if quant is None else float(quant.scale[0]),
        None if quant is None or not quant.zero_point.size else int(quant.zero_point[0]),
        None if weights is None else weights.type.name.lower(),
        None if weights is None or weights.type in _FLOATS else _granularity(weights.quant),
        None if weights is None or exact is None else _noise(origin.model, exact, side.model, weights),
        None if bias is None else bias.type.name.lower(),
        tuple(graph.operators[j].name for j in sorted(makers & side.alone)),
    )


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
    try:
        x, y = whole.constant(exact), model.constant(weights)
    except ModelError:
        return None
    left, right = (None if v is None else reals(t, v) for t, v in ((exact, x), (weights, y)))
    return None if left is None or right is None or left.shape != right.shape else sqnr(left, right)


def _between(a: _Side, b: _Side, index: int) -> list[Change]:
    """What differs in an operator, its constants and its results."""
    left, right = a.graph.operators[a.places[index]], b.graph.operators[b.places[index]]
    found = operator_changes(left, right)
    for wanted in ("weights", "bias"):
        ours, theirs = a.constant(index, wanted), b.constant(index, wanted)
        if ours is not None and theirs is not None:
            found += tensor_changes(wanted, a.model, ours, b.model, theirs)
    for s, t in zip(left.outputs, right.outputs, strict=False):
        if s >= 0 and t >= 0:
            found += tensor_changes("result", a.model, a.graph.tensors[s], b.model, b.graph.tensors[t])
    return [change for change in found if change.what not in _LEFT_OUT]
