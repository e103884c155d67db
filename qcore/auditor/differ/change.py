"""How two tensors, or two operators' options, differ: in numbers where there are any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.metrics import real_values, sqnr
from qcore.errors import QCoreError
from qcore.ir import Model, Operator, QuantParams, Tensor
from tflite_schema import Table

__all__ = [
    "Change",
    "extra_changes",
    "operator_changes",
    "parameter_changes",
    "reals",
    "tensor_changes",
    "ulps",
    "value_change",
]

Array = NDArray[Any]
_NEAR = 4096  # ulp
_NUMBERING = {"absent", "opcode_index", "operator_codes"}  # how the file says it, not what
_HELD = ("scales", "zero_points")  # of details: the tensors that hold them


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. where: "operator", "weights", "operand 2", "result", "input 0"; what: "type", "shape",
    "name", "scale", "zero point", "values", "options.padding", "version", "source", ...

    a, b: what each side has, as text. measures: by how much, as numbers.
    """

    where: str
    what: str
    a: str
    b: str
    measures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        sides = f"{self.a or 'none'} -> {self.b or 'none'}"
        m = self.measures
        if "differ" in m:
            noise = f", SQNR {m['SQNR_dB']} dB" if "SQNR_dB" in m else ""
            sides = f"{m['differ']:,} of {m['of']:,} differ, by {m['largest']:,.4g} at most ({sides}){noise}"
        elif "ulp" in m:
            of = f"{m['channels']:,} of {m['of']:,} channels, at most " if "of" in m else ""
            sides = f"{of}{_apart(int(m['ulp']), self.a, self.b)} ({sides})"
        elif "of" in m:
            sides = f"{m['channels']:,} of {m['of']:,} channels ({sides})"
        return f"{self.where} {self.what}: {sides}"


def _apart(ulp: int, a: str, b: str) -> str:
    """Neighbours are counted; what is further apart has a ratio."""
    if ulp <= _NEAR or float(a) == 0:
        return f"{ulp:,} ulp"
    return f"a factor of {float(b) / float(a):.6g}"


def ulps(a: Any, b: Any) -> NDArray[np.int64]:
    """How many float32 numbers lie between a and b, one of the two counted: 0 for the same bits, 1 for neighbours.

    0.0 and -0.0 are one number.
    """
    places = []
    for values in (a, b):
        bits = np.asarray(values, np.float32).view(np.int32).astype(np.int64)
        places.append(np.where(bits < 0, -(bits & 0x7FFFFFFF), bits))
    return np.asarray(np.abs(places[0] - places[1]))


def operator_changes(a: Operator, b: Operator) -> list[Change]:
    """Version and options of two operators of one code."""
    found = []
    if a.version != b.version:
        found.append(Change("operator", "version", str(a.version), str(b.version)))
    first, second = a.options, b.options
    if type(first) is not type(second):
        names = ("none" if table is None else type(table).__name__ for table in (first, second))
        found.append(Change("operator", "options", next(names), next(names)))
    elif isinstance(first, Table):
        for entry in first.FIELDS:
            one, other = (type(t)(**{entry.name: getattr(t, entry.name)}) for t in (first, second))
            if one != other:
                a_text, b_text = (_text(getattr(t, entry.name)) for t in (first, second))
                found.append(Change("operator", f"options.{entry.name}", a_text, b_text))
    ours, theirs = (np.zeros(0, np.uint8) if op.custom_options is None else op.custom_options for op in (a, b))
    if not np.array_equal(ours, theirs):
        found.append(Change("operator", "custom options", f"{ours.size} bytes", f"{theirs.size} bytes"))
    return found + extra_changes("operator", a.extra, b.extra)


def extra_changes(where: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """Fields of the file that the model keeps without looking into them."""
    names = sorted({*a, *b} - _NUMBERING)
    return [
        Change(where, name, _text(a.get(name)), _text(b.get(name)))
        for name in names
        if not _alike(a.get(name), b.get(name))
    ]


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return a is not None and b is not None and np.array_equal(a, b)
    return bool(a == b)


def _text(value: Any) -> str:
    if isinstance(value, Table):
        return type(value).__name__
    return str(getattr(value, "name", value))


def tensor_changes(where: str, model_a: Model, a: Tensor, model_b: Model, b: Tensor) -> list[Change]:
    """Name, type, shape, parameters and stored values of two tensors."""
    found = []
    if a.name != b.name:
        found.append(Change(where, "name", a.name, b.name))
    if a.type != b.type:
        found.append(Change(where, "type", a.type.name.lower(), b.type.name.lower()))
    if a.shape != b.shape or (a.shape_signature or a.shape) != (b.shape_signature or b.shape):
        found.append(Change(where, "shape", _shape(a), _shape(b)))
    if a.is_variable != b.is_variable:
        found.append(Change(where, "variable", str(a.is_variable), str(b.is_variable)))
    found += parameter_changes(where, a.quant, b.quant)
    details = [_details(model, tensor) for model, tensor in ((model_a, a), (model_b, b))]
    found += extra_changes(f"{where} quantization", *details)
    found += extra_changes(where, a.extra, b.extra)
    return found + value_change(where, model_a, a, model_b, b)


def _details(model: Model, tensor: Tensor) -> dict[str, Any]:
    """What the file says of a tensor's quantization besides scale and zero point; parameter tensors by their values."""
    quant = tensor.quant
    if quant is None:
        return {}
    found: dict[str, Any] = {"min": quant.min, "max": quant.max, **quant.extra}
    if quant.details is not None:
        found["details"] = type(quant.details).__name__
        graph = next((g for g in model.subgraphs if any(t is tensor for t in g.tensors)), None)
        for entry in quant.details.FIELDS:
            value = getattr(quant.details, entry.name)
            if entry.name in _HELD and graph is not None and isinstance(value, int) and 0 <= value < len(graph.tensors):
                value = model.constant(graph.tensors[value])
            found[entry.name] = value
    return {name: value for name, value in found.items() if value is not None and np.size(value)}


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape_signature or tensor.shape)) or "scalar"


def parameter_changes(where: str, a: QuantParams | None, b: QuantParams | None) -> list[Change]:
    """Scales in ulp, zero points in steps."""
    if a is None or not a.is_quantized or b is None or not b.is_quantized:
        sides = _parameters(a), _parameters(b)
        return [] if sides[0] == sides[1] else [Change(where, "quantization", *sides)]
    if a.scale.size != b.scale.size or (a.is_per_channel and a.quantized_dimension != b.quantized_dimension):
        return [Change(where, "granularity", _granularity(a), _granularity(b))]
    found = []
    apart = ulps(a.scale, b.scale)
    if apart.any():
        worst = int(apart.argmax())
        measures: dict[str, float] = {"ulp": int(apart[worst])}
        if a.is_per_channel:
            measures |= {"channels": int((apart > 0).sum()), "of": a.scale.size}
        found.append(Change(where, "scale", _single(a.scale[worst]), _single(b.scale[worst]), measures))
    zeros = [q.zero_point if q.zero_point.size else np.zeros(1, np.int64) for q in (a, b)]
    if zeros[0].size != zeros[1].size and 1 not in (zeros[0].size, zeros[1].size):
        return [*found, Change(where, "zero points", str(zeros[0].size), str(zeros[1].size))]
    zeros = list(np.broadcast_arrays(*zeros))
    steps = np.abs(zeros[0] - zeros[1])
    if steps.any():
        worst = int(steps.argmax())
        measures = {"channels": int((steps > 0).sum()), "of": a.scale.size} if a.is_per_channel else {}
        found.append(Change(where, "zero point", _single(zeros[0][worst]), _single(zeros[1][worst]), measures))
    return found


def _granularity(q: QuantParams) -> str:
    return f"{q.scale.size} scales along axis {q.quantized_dimension}" if q.is_per_channel else "one scale"


def _parameters(q: QuantParams | None) -> str:
    if q is not None and q.details is not None:
        return type(q.details).__name__
    if q is None or not q.is_quantized:
        return "none"
    if q.is_per_channel:
        return _granularity(q)
    return f"scale {float(q.scale[0]):.9g}, zero point {int(q.zero_point[0]) if q.zero_point.size else 0}"


def value_change(where: str, model_a: Model, a: Tensor, model_b: Model, b: Tensor) -> list[Change]:
    """What two constants hold: how many numbers differ, by how much; the second one's noise against the first in dB.

    Integers of one type are compared as they are stored, in steps; others as the real numbers they stand for.
    """
    try:
        x, y = model_a.constant(a), model_b.constant(b)
    except QCoreError as error:  # a damaged constant is no reason to say nothing of the rest
        return [Change(where, "values", "unreadable", str(error))]
    if x is None or y is None:
        return [] if x is y else [Change(where, "values", _origin(x), _origin(y))]
    if x.shape != y.shape:
        return []  # the shape is a change of its own
    if x.dtype.kind not in "iufb" or y.dtype.kind not in "iufb":
        return [] if np.array_equal(x, y) else [Change(where, "values", str(x.dtype), str(y.dtype))]
    stored = a.type == b.type
    exact, other = reals(a, x), reals(b, y)
    left, right = (x, y) if stored else (exact, other)
    if left is None or right is None:
        return []  # the type is a change of its own, and what the numbers stand for is not known
    if left.tobytes() == right.tobytes() and left.dtype == right.dtype:
        return []
    with np.errstate(invalid="ignore", over="ignore"):
        wide = left.astype(np.float64), right.astype(np.float64)
        apart = np.abs(wide[0] - wide[1])
        different = ~((wide[0] == wide[1]) | (np.isnan(wide[0]) & np.isnan(wide[1])))
        noise = sqnr(exact, other) if exact is not None and other is not None else math.inf
    if not different.any():
        return []
    apart = np.where(np.isnan(apart), np.inf, apart)
    place = int(np.where(different, apart, -1).argmax())
    integers = stored and x.dtype.kind in "iu"
    largest: float = int(apart.flat[place]) if integers else float(apart.flat[place])
    measures: dict[str, float] = {"differ": int(different.sum()), "of": x.size, "largest": largest}
    if math.isfinite(noise):
        measures["SQNR_dB"] = round(noise, 1)
    return [Change(where, "values", _single(left.flat[place]), _single(right.flat[place]), measures)]


def reals(tensor: Tensor, values: Array) -> NDArray[np.float64] | None:
    """The real numbers that a constant stands for; None where its parameters say nothing of them or do not fit it."""
    quant = tensor.quant
    if quant is not None and quant.is_quantized and values.dtype.kind in "iu":
        axis, count = quant.quantized_dimension, quant.scale.size
        if quant.is_per_channel and not (0 <= axis < values.ndim and values.shape[axis] == count):
            return None
        if quant.zero_point.size not in (1, count):
            return None
    elif quant is not None and quant.details is not None:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(real_values(tensor, values), np.float64)


def _origin(values: Array | None) -> str:
    return "computed" if values is None else "constant"


def _single(value: Any) -> str:
    """Nine digits find a float32 again."""
    return f"{value.item():.9g}" if isinstance(value.item(), float) else str(value.item())
