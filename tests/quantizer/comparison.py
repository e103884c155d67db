"""Two models compared field by field: every difference as a line of text, none if the files say the same.

Buffers are compared by content and by which tensors share them, not by number. Scales are compared bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor

__all__ = ["differences", "matching"]


def differences(ours: Model, theirs: Model) -> list[str]:
    """Every difference between two models, most telling first."""
    found: list[str] = []
    if ours.description != theirs.description:
        found.append(f"description: ours {ours.description!r}, theirs {theirs.description!r}")
    if len(ours.subgraphs) != len(theirs.subgraphs):
        return [f"subgraphs: ours {len(ours.subgraphs)}, theirs {len(theirs.subgraphs)}"]
    for index, (mine, other) in enumerate(zip(ours.subgraphs, theirs.subgraphs, strict=True)):
        found += [f"subgraph {index}: {line}" for line in _graph(ours, mine, theirs, other)]
    found += _unequal("operator codes", _codes(ours), _codes(theirs))
    found += _unequal("signatures", ours.signatures, theirs.signatures)
    found += _unequal("metadata", _metadata(ours), _metadata(theirs))
    found += _unequal("buffers in use", _sharing(ours), _sharing(theirs))
    found += _unequal("number of buffers", len(ours.buffers), len(theirs.buffers))
    return found


def matching(ours: Model, answers: list[Model]) -> list[str]:
    """The differences to the answer that is nearest, for where TensorFlow itself has several."""
    return min((differences(ours, answer) for answer in answers), key=len)


def _unequal(what: str, mine: Any, other: Any) -> Iterator[str]:
    if mine != other:
        yield f"{what}: ours {mine!r}, theirs {other!r}"


def _graph(ours: Model, mine: Subgraph, theirs: Model, other: Subgraph) -> Iterator[str]:
    yield from _unequal("operators", [op.name for op in mine.operators], [op.name for op in other.operators])
    for index, (a, b) in enumerate(zip(mine.operators, other.operators, strict=False)):
        for line in _operator(a, b):
            yield f"operator {index} {a.name}: {line}"
    yield from _unequal("number of tensors", len(mine.tensors), len(other.tensors))
    for index, (t, u) in enumerate(zip(mine.tensors, other.tensors, strict=False)):
        for line in _tensor(ours, t, theirs, u):
            yield f"tensor {index} {t.name!r}: {line}"
    yield from _unequal("inputs", mine.inputs, other.inputs)
    yield from _unequal("outputs", mine.outputs, other.outputs)
    yield from _unequal("name", mine.name, other.name)
    yield from _unequal("extra", mine.extra, other.extra)


def _operator(a: Operator, b: Operator) -> Iterator[str]:
    yield from _unequal("code", a.code, b.code)
    yield from _unequal("custom code", a.custom_code, b.custom_code)
    yield from _unequal("version", a.version, b.version)
    yield from _unequal("inputs", a.inputs, b.inputs)
    yield from _unequal("outputs", a.outputs, b.outputs)
    yield from _unequal("intermediates", a.intermediates, b.intermediates)
    yield from _unequal("options", a.options, b.options)
    yield from _unequal("custom options", _bytes(a.custom_options), _bytes(b.custom_options))
    yield from _unequal("extra", _extra(a.extra), _extra(b.extra))


def _tensor(ours: Model, t: Tensor, theirs: Model, u: Tensor) -> Iterator[str]:
    yield from _unequal("name", t.name, u.name)
    yield from _unequal("type", t.type, u.type)
    yield from _unequal("shape", t.shape, u.shape)
    yield from _unequal("shape signature", t.shape_signature, u.shape_signature)
    yield from _unequal("is_variable", t.is_variable, u.is_variable)
    yield from _unequal("extra", t.extra, u.extra)
    if _bytes(ours.buffers[t.buffer]) != _bytes(theirs.buffers[u.buffer]):
        yield f"bytes: {_first_difference(ours, t, theirs, u)}"
    yield from _quant(t.quant, u.quant)


def _first_difference(ours: Model, t: Tensor, theirs: Model, u: Tensor) -> str:
    mine, other = ours.constant(t), theirs.constant(u)
    if mine is None or other is None or mine.shape != other.shape:
        return f"ours {_summary(mine)}, theirs {_summary(other)}"
    where = np.argwhere(mine != other)
    first = tuple(where[0]) if len(where) else ()
    return f"{len(where)} of {mine.size} differ, first at {first}: ours {mine[first]}, theirs {other[first]}"


def _summary(values: Any) -> str:
    return "nothing" if values is None else f"{values.dtype}{list(values.shape)}"


def _quant(q: QuantParams | None, r: QuantParams | None) -> Iterator[str]:
    if q is None or r is None:
        yield from _unequal("quantization", q is None, r is None)
        return
    if q.scale.tobytes() != r.scale.tobytes():
        yield f"scale: ours {_shown(q.scale)}, theirs {_shown(r.scale)}"
    if not np.array_equal(q.zero_point, r.zero_point):
        yield f"zero point: ours {_shown(q.zero_point)}, theirs {_shown(r.zero_point)}"
    yield from _unequal("quantized_dimension", q.quantized_dimension, r.quantized_dimension)
    yield from _unequal("min", _bytes(q.min), _bytes(r.min))
    yield from _unequal("max", _bytes(q.max), _bytes(r.max))
    yield from _unequal("details", q.details, r.details)
    yield from _unequal("quantization extra", q.extra, r.extra)


def _shown(values: Any) -> str:
    return f"{values.size} values {values[:3].tolist()}"


def _bytes(values: Any) -> bytes | None:
    return None if values is None else np.ascontiguousarray(values).tobytes()


def _extra(extra: dict[str, Any]) -> dict[str, Any]:
    """Without the position in the list of operator codes, which is compared as a list."""
    return {key: value for key, value in extra.items() if key != "opcode_index"}


def _codes(model: Model) -> list[tuple[str, int]]:
    """The (code, version) pairs in order of first use."""
    return list(dict.fromkeys((operator.name, operator.version) for _, _, operator in model.walk()))


def _metadata(model: Model) -> list[tuple[str, bytes | None]]:
    return [(entry.name or "", _bytes(model.buffers[int(entry.buffer)])) for entry in model.metadata]


def _sharing(model: Model) -> list[list[tuple[int, int]]]:
    """The groups of tensors that share a buffer with data."""
    groups: dict[int, list[tuple[int, int]]] = {}
    for subgraph, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            data = model.buffers[tensor.buffer]
            if data is not None and data.size:
                groups.setdefault(tensor.buffer, []).append((subgraph, index))
    return sorted(group for group in groups.values() if len(group) > 1)
