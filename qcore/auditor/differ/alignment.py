"""Which operator of one graph is which of another, where some were inserted, left out or renamed.

Both lists are brought to common runs, by what an operator says about itself: first all of it, then in the gaps less and
less. What is left over is matched by the names of its results, whatever its place.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from difflib import SequenceMatcher

from qcore.ir import Model, Operator, Subgraph
from tflite_schema import BuiltinOperator

__all__ = ["Correspondence", "align", "constant_behind"]

_BORDERS = (BuiltinOperator.QUANTIZE, BuiltinOperator.DEQUANTIZE)
Key = tuple[Hashable, ...]


class Correspondence:
    """Two graphs side by side.

    operators: (index in a, index in b) in an order that suits both, None where one has no such operator. tensors: of
    a's tensors the one in b that stands in the same place of a matched operator or of the graph's inputs.
    """

    def __init__(self, a: Subgraph, b: Subgraph, operators: Sequence[tuple[int | None, int | None]]) -> None:
        self.a, self.b = a, b
        self.producers_a, self.producers_b = a.producers(), b.producers()
        self.operators = tuple(operators)
        self.tensors = dict(zip(a.inputs, b.inputs, strict=False))
        for i, j in operators:
            if i is not None and j is not None:
                self.tensors |= dict(zip(a.operators[i].outputs, b.operators[j].outputs, strict=False))
        alone_a = {i for i, j in operators if j is None and i is not None}
        alone_b = {j for i, j in operators if i is None and j is not None}
        self._behind_a, self._behind_b = _inserted(a, alone_a), _inserted(b, alone_b)

    def source(self, tensor: int, *, in_b: bool) -> int:
        """The tensor before the QUANTIZE and DEQUANTIZE that only this graph has."""
        behind = self._behind_b if in_b else self._behind_a
        seen = set()
        while tensor in behind and tensor not in seen:
            seen.add(tensor)
            tensor = behind[tensor]
        return tensor

    def of_nobody(self, a: int, b: int) -> bool:
        """Whether two operands are made by nobody and are no inputs (the state of a cell); matched at first use."""
        made = a in self.producers_a or a in self.a.inputs or b in self.producers_b or b in self.b.inputs
        if made:
            return False
        if a not in self.tensors and b not in self.tensors.values():
            self.tensors[a] = b
        return self.tensors.get(a) == b

    def same_source(self, a: int, b: int) -> bool:
        """Whether two operands come from the same place."""
        return self.tensors.get(self.source(a, in_b=False)) == self.source(b, in_b=True)


def _inserted(graph: Subgraph, alone: set[int]) -> dict[int, int]:
    chosen = [graph.operators[index] for index in sorted(alone)]
    return {op.outputs[0]: op.inputs[0] for op in chosen if op.code in _BORDERS and op.inputs and op.outputs}


def constant_behind(model: Model, graph: Subgraph, tensor: int, producers: Mapping[int, int]) -> int | None:
    """The constant that an operand is, or that a DEQUANTIZE or QUANTIZE makes it of; None for any other operand.

    producers: `graph.producers()`.
    """
    for _ in range(3):  # QUANTIZE of a DEQUANTIZE of a constant, and no endless walk
        if tensor < 0:
            return None
        if model.is_constant(graph.tensors[tensor]):
            return tensor
        maker = graph.operators[producers[tensor]] if tensor in producers else None
        if maker is None or maker.code not in _BORDERS or not maker.inputs:
            return None
        tensor = maker.inputs[0]
    return None


def align(a: Subgraph, b: Subgraph) -> Correspondence:
    """The operators of two graphs, matched."""
    keys = [_keys(a, op) for op in a.operators], [_keys(b, op) for op in b.operators]
    pairs: dict[int, int] = {}
    _runs(keys, 0, (0, len(keys[0])), (0, len(keys[1])), pairs)
    _moved(keys, pairs)
    return Correspondence(a, b, _merged(len(keys[0]), len(keys[1]), pairs))


def _keys(graph: Subgraph, op: Operator) -> tuple[Key, ...]:
    """What an operator says about itself, from all of it to its name alone."""
    results = [graph.tensors[t] for t in op.outputs if t >= 0]
    names, shapes = tuple(t.name for t in results), tuple(t.shape for t in results)
    operands = tuple(graph.tensors[t].shape for t in op.inputs if t >= 0)
    kind = op.code, op.custom_code
    return (*kind, names, shapes), (*kind, names), (*kind, shapes, operands), (*kind, shapes), kind


def _runs(
    keys: tuple[list[tuple[Key, ...]], list[tuple[Key, ...]]],
    level: int,
    span_a: tuple[int, int],
    span_b: tuple[int, int],
    pairs: dict[int, int],
) -> None:
    """Match common runs of one level; what lies between them by the next."""
    if span_a[0] == span_a[1] or span_b[0] == span_b[1]:
        return
    if level == len(keys[0][span_a[0]]):
        return
    ours, theirs = ([key[level] for key in all_[lo:hi]] for all_, (lo, hi) in zip(keys, (span_a, span_b), strict=True))
    start_a, start_b = span_a[0], span_b[0]
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        at_a, at_b = span_a[0] + block.a, span_b[0] + block.b
        _runs(keys, level + 1, (start_a, at_a), (start_b, at_b), pairs)
        pairs.update(zip(range(at_a, at_a + block.size), range(at_b, at_b + block.size), strict=True))
        start_a, start_b = at_a + block.size, at_b + block.size


def _moved(keys: tuple[list[tuple[Key, ...]], list[tuple[Key, ...]]], pairs: dict[int, int]) -> None:
    """Match what stands elsewhere but makes results of the same names."""
    left_a = [i for i in range(len(keys[0])) if i not in pairs]
    left_b = sorted(set(range(len(keys[1]))) - set(pairs.values()))
    named = {keys[1][j][1]: j for j in reversed(left_b)}
    for i in left_a:
        j = named.pop(keys[0][i][1], None)
        if j is not None:
            pairs[i] = j


def _merged(count_a: int, count_b: int, pairs: dict[int, int]) -> list[tuple[int | None, int | None]]:
    """b's order, with what only a has before the next operator that both have."""
    taken = {j: i for i, j in pairs.items()}
    merged: list[tuple[int | None, int | None]] = []
    done: set[int] = set()
    for j in range(count_b):
        i = taken.get(j)
        if i is not None:
            alone = [k for k in range(i) if k not in pairs and k not in done]
            merged += [(k, None) for k in alone]
            done.update(alone)
        merged.append((i, j))
    merged += [(k, None) for k in range(count_a) if k not in pairs and k not in done]
    return merged
