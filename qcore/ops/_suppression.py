"""Non-maximum suppression of boxes [y1, x1, y2, x2], hard or soft: one greedy selection for both versions.

Candidates above the score threshold wait in a heap. The best is taken if no selected box overlaps it by the IoU
threshold or more. Soft (sigma > 0): its score is first multiplied by exp(-iou^2 / (2 sigma)) for each selected box it
has not met yet, and it goes back to the heap if that changed it.

The heap is the one of C++'s standard library (libstdc++), because it decides which of equal scores comes first.

TFLite: kernels/non_max_suppression.cc; internal/reference/non_max_suppression.h
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qcore.numerics.float32 import exp
from qcore.op import Array, Context, Node, Op, Shape
from qcore.ops._movement import require_counts, require_types
from tflite_schema import TensorType

__all__ = ["operator"]

Float32 = np.float32


@dataclass(slots=True)
class Candidate:
    """A box that may be selected; `met` selected boxes have already been compared with it."""

    score: np.float32
    index: int
    met: int = 0


class Heap:
    """std::priority_queue by score: push_heap and pop_heap as libstdc++ writes them."""

    def __init__(self) -> None:
        self.items: list[Candidate] = []

    def push(self, candidate: Candidate) -> None:
        """Add a candidate."""
        self.items.append(candidate)
        self._rise(len(self.items) - 1, candidate)

    def pop(self) -> Candidate:
        """Take the best candidate out."""
        items = self.items
        best, last = items[0], items.pop()
        if items:
            self._rise(self._sink(), last)
        return best

    def _rise(self, hole: int, candidate: Candidate) -> None:
        items = self.items
        while hole > 0 and items[(hole - 1) // 2].score < candidate.score:
            items[hole] = items[(hole - 1) // 2]
            hole = (hole - 1) // 2
        items[hole] = candidate

    def _sink(self) -> int:
        """Move the larger child up from the top until the hole has none; the right one of equals."""
        items, hole = self.items, 0
        while (child := 2 * hole + 1) < len(items):
            if child + 1 < len(items) and not items[child + 1].score < items[child].score:
                child += 1
            items[hole] = items[child]
            hole = child
        return hole


def intersection_over_union(boxes: Array, areas: Array, i: int, others: list[int]) -> NDArray[np.float32]:
    """IoU of box i with others, 0 where either has no area. boxes: [n, 4] as (low y, low x, high y, high x)."""
    sides = np.minimum(boxes[i, 2:], boxes[others, 2:]) - np.maximum(boxes[i, :2], boxes[others, :2])
    sides = np.maximum(sides, Float32(0))
    common = sides[:, 0] * sides[:, 1]
    with np.errstate(all="ignore"):
        overlap = common / (areas[i] + areas[others] - common)
    empty = (areas[i] <= 0) | (areas[others] <= 0)
    return np.where(empty, Float32(0), overlap).astype(Float32)


@dataclass(frozen=True, slots=True)
class Selection:
    """The numbers of one run: at most `most` boxes, thresholds and sigma as float32."""

    most: int
    iou_threshold: np.float32
    score_threshold: np.float32
    sigma: np.float32

    def select(self, corners: Array, scores: Array) -> Iterator[Candidate]:
        """The selected boxes, best first."""
        heap = Heap()
        for index in np.flatnonzero(scores > self.score_threshold):
            heap.push(Candidate(scores[index], int(index)))
        boxes = np.concatenate(
            [np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], axis=1
        )
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        selected: list[int] = []
        most = min(len(heap.items), self.most)
        while len(selected) < most and heap.items:
            candidate = heap.pop()
            before = candidate.score
            others = selected[candidate.met :][::-1]
            suppressed = bool(others) and self._suppresses(
                candidate, intersection_over_union(boxes, areas, candidate.index, others)
            )
            candidate.met = len(selected)
            if suppressed:
                continue
            if candidate.score == before:
                selected.append(candidate.index)
                yield Candidate(candidate.score, candidate.index)
            if candidate.score > self.score_threshold:
                heap.push(candidate)

    def _suppresses(self, candidate: Candidate, overlaps: NDArray[np.float32]) -> bool:
        """Whether the overlaps rule the candidate out; soft suppression lowers its score on the way."""
        if not self.sigma > 0:
            return bool((overlaps >= self.iou_threshold).any())
        scale = Float32(-0.5 / float(self.sigma))
        for overlap in overlaps:
            if overlap >= self.iou_threshold:
                return True
            candidate.score = Float32(candidate.score * exp(scale * overlap * overlap))
            if candidate.score <= self.score_threshold:
                break
        return False


@dataclass(frozen=True, slots=True)
class Params:
    """Where messages place the operator."""

    place: str


def operator(*, soft: bool) -> Op:
    """NON_MAX_SUPPRESSION_V5 (soft: a sigma in operand 5, scores in result 1) or V4."""

    def infer(n: Node) -> list[Shape | None]:
        require_counts(n, 6 if soft else 5, 3 if soft else 2)
        boxes, scores = n.input(0), require_types(n, 1, (TensorType.FLOAT32,), "scores")
        n.require_shapes(boxes.rank == 2 and boxes.shape[1] == 4, f"boxes have shape {boxes.shape}, expected [n, 4]")
        n.require_shapes(scores.shape == boxes.shape[:1], f"scores of shape {scores.shape} for {boxes.shape[0]} boxes")
        require_types(n, 2, (TensorType.INT32,), "a number of boxes")
        for position in range(2, len(n.inputs)):
            if position > 2:
                require_types(n, position, (TensorType.FLOAT32,), "a threshold")
            shape = n.input(position).shape
            n.require_shapes(shape == (), f"operand {position} has shape {shape}, expected a scalar")
        _require_sigma(n)
        most = n.integers(2)
        if most is None:
            return [None] * (len(n.outputs) - 1) + [()]
        n.require_shapes(most[0] >= 0, f"the number of boxes wanted is {most[0]}")
        return [(most[0],)] * (len(n.outputs) - 1) + [()]

    def prepare(n: Node) -> Params:
        wanted = [TensorType.INT32, TensorType.FLOAT32, TensorType.INT32] if soft else [TensorType.INT32] * 2
        n.require([t.type for t in n.outputs] == wanted, f"results must be {', '.join(t.name for t in wanted)}")
        return Params(n.place)

    def kernel(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
        boxes, scores, most, iou_threshold, score_threshold, *sigma = inputs
        run = Selection(int(most), Float32(iou_threshold), Float32(score_threshold), Float32(sigma[0] if sigma else 0))
        chosen = list(run.select(boxes, scores))
        indices, kept = np.zeros(run.most, np.int32), np.zeros(run.most, Float32)
        indices[: len(chosen)] = [candidate.index for candidate in chosen]
        kept[: len(chosen)] = [candidate.score for candidate in chosen]
        count = np.array(len(chosen), np.int32)
        return [indices, kept, count] if soft else [indices, count]

    return Op(infer=infer, prepare=prepare, kernels={"float32": kernel})


def _require_sigma(n: Node) -> None:
    sigma = n.optional_input(5)
    if sigma is not None and sigma.value is not None:
        n.require(float(sigma.value) >= 0, f"sigma is {float(sigma.value)}")
