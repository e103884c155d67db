"""Which integers a tensor can hold: those of its type, or fewer where the operator that makes it leaves no others.

Proved from the graph alone, for every input of the model: fused activations, operators that move values, tables of one
operand, and (by `prove`) products whose accumulator is bounded. Anything else may hold all of its type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from qcore.auditor.proof.bounds import Range
from qcore.errors import QCoreError, UnsupportedError
from qcore.op import Context, Node, NodeTensor, find
from qcore.ops._activation import integer_activation_range
from tflite_schema import ActivationFunctionType, BuiltinOperator, TensorType

__all__ = ["INTEGERS", "reach", "type_range"]

INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16)
"""Types of activations whose range is followed."""
_B = BuiltinOperator
_CLAMPED = frozenset({_B.ADD, _B.SUB, _B.MUL})
_POOLED = frozenset({_B.MAX_POOL_2D, _B.AVERAGE_POOL_2D})
_KEPT = frozenset({_B.RESIZE_NEAREST_NEIGHBOR, _B.BATCH_TO_SPACE_ND})
_PADDED = frozenset({_B.PAD, _B.SPACE_TO_BATCH_ND})
_MOVED = frozenset(
    {
        _B.RESHAPE,
        _B.SQUEEZE,
        _B.EXPAND_DIMS,
        _B.TRANSPOSE,
        _B.SLICE,
        _B.STRIDED_SLICE,
        _B.SPLIT,
        _B.SPLIT_V,
        _B.GATHER,
        _B.TILE,
        _B.BROADCAST_TO,
        _B.REVERSE_V2,
        _B.SPACE_TO_DEPTH,
        _B.DEPTH_TO_SPACE,
        _B.UNPACK,
        _B.MIRROR_PAD,
        _B.PACK,
        _B.CONCATENATION,
    }
)
_TABLES = frozenset(
    {
        _B.RELU,
        _B.RELU6,
        _B.RELU_N1_TO_1,
        _B.RELU_0_TO_1,
        _B.LEAKY_RELU,
        _B.LOGISTIC,
        _B.TANH,
        _B.HARD_SWISH,
        _B.QUANTIZE,
    }
)
_LONG = 1 << 20
"""Intervals for each index of an axis are kept up to this many."""


def type_range(tensor: NodeTensor) -> Range:
    """All integers of the tensor's type."""
    info = np.iinfo(tensor.dtype)
    return Range.of(int(info.min), int(info.max))


def reach(n: Node, known: Mapping[int, Range]) -> list[Range | None]:
    """What each result of n can hold, given what its operands can (by tensor index); None for other types.

    Products are not looked at here: their range is that of their type.
    """
    if all(y.type not in INTEGERS for y in n.outputs):
        return [None] * len(n.outputs)
    try:
        found = _reach(n, known)
    except QCoreError:  # a node that cannot run: nothing is claimed of its results
        found = None
    full = [type_range(y) if y.type in INTEGERS else None for y in n.outputs]
    return full if found is None else [found if t is not None else None for t in full]


def _reach(n: Node, known: Mapping[int, Range]) -> Range | None:
    code, y = n.operator.code, n.output()
    if code in _CLAMPED:
        return Range.of(*_fused(n))
    if code == _B.SOFTMAX and y.type == TensorType.INT16:
        return Range.of(0, 32767)
    if code in _TABLES and (x := n.input(0)).type == y.type:
        return _table(n, x, _range(x, known).collapsed())
    if code in _POOLED:
        low, high = _fused(n)
        return Range(*(np.clip(end, low, high) for end in _range(n.input(0), known)))
    if code in _KEPT:
        return _range(n.input(0), known)
    if code in _PADDED:
        x, zero_point = n.input(0), y.zero_point
        range_ = _range(x, known) if x.shape[-1:] == y.shape[-1:] else _range(x, known).collapsed()
        return Range(np.minimum(range_.low, zero_point), np.maximum(range_.high, zero_point))
    if code not in _MOVED:
        return None
    operands = [t for t in n.inputs if t is not None and t.type == y.type]
    if code == _B.CONCATENATION and not all(_same(t, y) for t in operands):
        return None  # operands with other parameters are brought to those of the result
    if not operands:
        return None
    ranges = [_range(t, known) for t in operands]
    channels = ranges[0].low.size
    if code == _B.RESHAPE and channels > 1 and y.shape[-1:] and y.shape[-1] % channels == 0 < y.shape[-1] < _LONG:
        return Range(*(np.tile(end, y.shape[-1] // channels) for end in ranges[0]))
    ends = [range_.collapsed() for range_ in ranges]
    return Range.of(min(int(r.low[0]) for r in ends), max(int(r.high[0]) for r in ends))


def _range(tensor: NodeTensor, known: Mapping[int, Range]) -> Range:
    if tensor.value is not None and tensor.value.size:
        return Range.of(int(tensor.value.min()), int(tensor.value.max()))
    if tensor.type not in INTEGERS:
        raise UnsupportedError(f"tensor {tensor.index} holds no integers")
    return known.get(tensor.index) or type_range(tensor)


def _fused(n: Node) -> tuple[int, int]:
    """The integers that a fused activation leaves."""
    fused = getattr(n.operator.options, "fused_activation_function", ActivationFunctionType.NONE)
    return integer_activation_range(n, fused)


def _same(a: NodeTensor, b: NodeTensor) -> bool:
    return a.quant is not None and a.quant.same_as(b.quant)


def _table(n: Node, x: NodeTensor, range_: Range) -> Range:
    """The results of an operator of one operand at every integer that the operand can hold, by its own kernel."""
    values = np.arange(int(range_.low[0]), int(range_.high[0]) + 1).astype(x.dtype)
    flat = (values.size,)
    line = replace(n, inputs=(replace(x, shape=flat),), outputs=(replace(n.output(), shape=flat),))
    op = find(n.operator.code)
    results = op.kernels[op.variant(line)](op.prepare(line), [values], Context())[0]
    return Range.of(int(results.min()), int(results.max()))
