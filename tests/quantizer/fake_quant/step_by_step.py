"""Integer models of trained networks compared operator by operator; what may differ in their biases is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.ir import Model, Operator, QuantParams
from qcore.quantizer.fake_quant import quantize_trained
from qcore.quantizer.fake_quant.formulas import FORMULAS
from qcore.quantizer.quantized_type import ROUNDED_SCALES, QuantizedType
from qcore.quantizer.recipe import RECIPES
from qcore.tflite import load, to_bytes
from tests.quantizer.comparison import differences
from tests.quantizer.converter import converted
from tflite_schema import TensorType

__all__ = ["Comparison", "check_same_file", "compare"]

Array = NDArray[Any]


@dataclass
class Comparison:
    """What was compared, and the differences; what may differ is counted.

    inexact: bias scales that are 1 or 2 ulp off. inexact_biases: integers of biases that are off by one for it. alone:
    integers of biases that TensorFlow made with another channel's scale.
    """

    operators: int = 0
    tensors: int = 0
    bias_scales: int = 0
    inexact: int = 0
    inexact_biases: int = 0
    alone: int = 0
    differences: list[str] = field(default_factory=list)


def compare(ours: Model, theirs: Model) -> Comparison:
    """Two models operator by operator: names and the order of tensors do not count, everything else does.

    Only biases may differ, and are counted. Their scales, by 2 ulp: each is a product of two that the float file holds
    rounded. Their integers by what that makes, one in 2^23, and the rounding. And where all channels have one value and
    a scale each, TensorFlow takes the first channel's integer for all; ours stand for that value.
    """
    result = Comparison()
    names = [[op.name for op in model.main.operators] for model in (ours, theirs)]
    if names[0] != names[1]:
        result.differences.append(f"operators: ours {names[0]}, theirs {names[1]}")
        return result
    twin: dict[int, int] = {-1: -1}
    for where, mine, other in _steps(ours, theirs):
        if isinstance(mine, Operator):
            result.operators += 1
            if (mine.version, mine.options) != (other.version, other.options):
                result.differences.append(f"{where}: ours {mine}, theirs {other}")
        elif twin.setdefault(mine, other) != other:
            result.differences.append(f"{where}: another tensor")
        elif mine >= 0:
            result.differences += [f"{where}: {line}" for line in _tensor(result, ours, mine, theirs, other)]
    result.tensors = len(twin) - 1
    return result


def _steps(ours: Model, theirs: Model) -> Iterator[tuple[str, Any, Any]]:
    """Operators and tensor indices side by side, inputs first."""
    pairs: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [("input", ours.main.inputs, theirs.main.inputs)]
    for index, (mine, other) in enumerate(zip(ours.main.operators, theirs.main.operators, strict=True)):
        yield f"operator {index} {mine.name}", mine, other
        pairs.append((f"operator {index} {mine.name} operand", mine.inputs, other.inputs))
        pairs.append((f"operator {index} {mine.name} result", mine.outputs, other.outputs))
    pairs.append(("output", ours.main.outputs, theirs.main.outputs))
    for where, mine_tensors, other_tensors in pairs:
        for tensor in zip(mine_tensors, other_tensors, strict=True):
            yield where, *tensor


def _tensor(result: Comparison, ours: Model, mine: int, theirs: Model, other: int) -> Iterator[str]:
    t, u = ours.main.tensors[mine], theirs.main.tensors[other]
    if (t.type, t.shape, t.shape_signature) != (u.type, u.shape, u.shape_signature):
        yield f"ours {t}, theirs {u}"
    x, y = ours.constant(t), theirs.constant(u)
    q, r = _parameters(t.quant), _parameters(u.quant)
    is_bias = t.type.name == "INT32"
    if (x is None) != (y is None) or (
        x is not None and y is not None and not np.array_equal(x, y) and not (is_bias and _may_be(result, x, y, q))
    ):
        yield f"values of {t.name!r}: ours {x}, theirs {y}"
    if q.scale.shape != r.scale.shape or not q.same_as(replace(r, scale=q.scale)):
        yield f"parameters of {t.name!r}: ours {q}, theirs {r}"
        return
    steps = np.abs(q.scale.view(np.int32).astype(np.int64) - r.scale.view(np.int32))
    result.bias_scales += q.scale.size * is_bias
    result.inexact += int((steps > 0).sum()) * is_bias
    if (steps > 2 * is_bias).any():
        yield f"scales of {t.name!r} are up to {steps.max()} ulp apart"


def _may_be(result: Comparison, x: Array, y: Array, quant: QuantParams) -> bool:
    """Whether the integers of two biases differ for a known reason; counts them."""
    if x.shape != y.shape or quant.scale.size not in (1, x.size):
        return False
    off = np.abs(x.astype(np.int64) - y)
    near = off <= 1 + (np.abs(y.astype(np.int64)) >> 23)
    if near.all():
        result.inexact_biases += int((off > 0).sum())
        return True
    real = x * quant.scale.astype(np.float64)
    one_value = np.abs(real - real[0]) <= (quant.scale + quant.scale[0]) / 2
    if near[0] and one_value.all() and (y == y[0]).all():
        result.alone += int((off > 0).sum())
        return True
    return False


def _parameters(quant: QuantParams | None) -> QuantParams:
    return QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64)) if quant is None else quant


def check_same_file(floats: Model) -> Model:
    """Assert that from one float file with pairs we make what `mlir_quantize` makes, in every field; our model.

    It takes the scales as the file rounds them, and so do we here.
    """
    exact = FORMULAS[TensorType.INT8]

    def quantized(chosen: QuantizedType, values: Any) -> Any:
        is_pair = chosen.type != TensorType.INT32 and not chosen.narrow_range
        return (exact if is_pair else ROUNDED_SCALES).quantize(chosen, values)

    def bias(operands: Any, rank: int) -> QuantizedType:
        held = [replace(item, scale=tuple(float(np.float32(s)) for s in item.scale)) for item in operands]
        return ROUNDED_SCALES.bias((held[0], held[1]), rank)

    formulas = replace(ROUNDED_SCALES, quantize=quantized, bias=bias)
    ours = load(to_bytes(quantize_trained(floats, RECIPES["qat"], formulas)))
    found = differences(ours, converted(floats))
    assert not found, "\n".join(found[:10])
    return ours
