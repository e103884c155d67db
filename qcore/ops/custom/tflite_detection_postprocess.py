"""TFLite_Detection_PostProcess: from box encodings and class scores to a list of detections.

    decode    y = by / y_scale * ah + ay,  h = 0.5 * exp(bh / h_scale) * ah;  box = (y - h, x - w, y + h, x + w)
    suppress  of the boxes with scores >= nms_score_threshold, best first, those are dropped whose overlap with a chosen
              one, intersection / union, is above nms_iou_threshold
    fast      once, every box with its best score; each chosen box brings its max_classes_per_detection best classes
    regular   for every class by itself (use_regular_nms), at most detections_per_class; then the best of all classes

Operands: encodings [1, boxes, >= 4] (y, x, h, w), scores [1, boxes, classes (+ 1 background, first)], anchors
[boxes, 4] (y, x, h, w); float32, or uint8, which is dequantized. Results, float32: boxes [1, N, 4], classes [1, N],
scores [1, N], count [1]; N = max_detections * max_classes_per_detection. What no detection fills is 0 (with fast,
TFLite leaves there what the memory held before). The options are a flexbuffer map.

TFLite: kernels/detection_postprocess.cc
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flatbuffers import flexbuffers
from numpy.typing import NDArray

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, NodeTensor, Op, Shape
from qcore.ops._partial_sort import largest_first
from tflite_schema import TensorType

Float32Array = NDArray[np.float32]
BOXES, SCORES, ANCHORS = 0, 1, 2
_TYPES = (TensorType.FLOAT32, TensorType.UINT8)


@dataclass(frozen=True, slots=True)
class Params:
    """The options, how uint8 operands are dequantized, and the node's place for messages."""

    max_detections: int
    max_classes_per_detection: int
    detections_per_class: int
    use_regular_nms: bool
    score_threshold: np.float32
    iou_threshold: np.float32
    num_classes: int
    coder_scales: NDArray[np.float64]  # y, x, h, w
    scales: tuple[np.float32, np.float32, np.float32]
    zero_points: tuple[int, int, int]
    place: str


class Options:
    """The operator's flexbuffer; ModelError for bytes that are none."""

    def __init__(self, n: Node) -> None:
        data = n.operator.custom_options
        n.require(data is not None and data.size > 0, "custom options are missing")
        assert data is not None
        self._node = n
        self._map = self._guarded("", lambda: flexbuffers.GetRoot(bytearray(data.tobytes())).AsMap)

    def _guarded(self, name: str, read: Any) -> Any:
        try:
            return read()
        except KeyError:
            return None
        except Exception as error:  # a damaged buffer makes the reader fail in many ways
            raise ModelError(f"{self._node.place}: custom options {name} cannot be read: {error}") from None

    def number(self, name: str, default: float = 0) -> float:
        """A number; the default where the map has no such key. Integers wrap to 32 bits as in C."""

        def read() -> float | None:
            value = self._map[name]
            if value.IsNull:
                return None
            if not (value.IsNumeric or value.IsBool):
                raise TypeError("it is no number")
            return float(value.AsFloat) if value.IsFloat else int(np.int64(int(value.AsInt)).astype(np.int32))

        found = self._guarded(name, read)
        return default if found is None else float(found)

    def integer(self, name: str, default: int = 0) -> int:
        """A number without its fraction; ModelError where it is not finite."""
        value = self.number(name, default)
        self._node.require(bool(np.isfinite(value)), f"custom option {name} is {value}")
        return int(value)


def infer(n: Node) -> list[Shape]:
    n.require(len(n.inputs) == 3, f"operands must be 3, not {len(n.inputs)}")
    n.require(len(n.outputs) == 4, f"results must be 4, not {len(n.outputs)}")
    options = Options(n)
    limits = [options.integer(name) for name in ("max_detections", "max_classes_per_detection")]
    n.require(min(limits) >= 0, f"max_detections and max_classes_per_detection must not be negative: {limits}")
    count = limits[0] * limits[1]
    return [(1, count, 4), (1, count), (1, count), (1,)]


def prepare(n: Node) -> Params:
    options = Options(n)
    boxes, scores, anchors = n.input(BOXES), n.input(SCORES), n.input(ANCHORS)
    classes = options.integer("num_classes")
    _check_operands(n, classes)
    params = Params(
        options.integer("max_detections"),
        options.integer("max_classes_per_detection"),
        options.integer("detections_per_class", 100),
        bool(options.integer("use_regular_nms")),
        np.float32(options.number("nms_score_threshold")),
        np.float32(options.number("nms_iou_threshold")),
        classes,
        np.array([np.float32(options.number(f"{name}_scale")) for name in "yxhw"], np.float64),
        (_scale(boxes), _scale(scores), _scale(anchors)),
        (boxes.zero_point, scores.zero_point, anchors.zero_point),
        n.place,
    )
    n.require(bool(0 < params.iou_threshold <= 1), f"nms_iou_threshold {params.iou_threshold} is not in (0, 1]")
    n.require(bool((params.coder_scales != 0).all()), "y_scale, x_scale, h_scale and w_scale must not be 0")
    n.require(params.max_classes_per_detection > 0, "max_classes_per_detection must be positive")
    per_class = min(params.detections_per_class, params.max_detections)
    n.require(not params.use_regular_nms or per_class > 0, "detections_per_class must be positive")
    return params


def _scale(tensor: NodeTensor) -> np.float32:
    return tensor.scale if tensor.type == TensorType.UINT8 else np.float32(1)


def _check_operands(n: Node, classes: int) -> None:
    boxes, scores, anchors = n.input(BOXES), n.input(SCORES), n.input(ANCHORS)
    n.require_shapes(
        boxes.rank == 3 and boxes.shape[0] == 1 and boxes.shape[2] >= 4,
        f"operand 0 must have shape (1, boxes, 4 or more), not {boxes.shape}",
    )
    count = boxes.shape[1]
    n.require_shapes(
        scores.rank == 3 and scores.shape[:2] == (1, count) and 0 < classes <= scores.shape[2] <= classes + 1,
        f"operand 1 must have shape (1, {count}, {classes} or one more), not {scores.shape}",
    )
    n.require_shapes(anchors.shape == (count, 4), f"operand 2 must have shape ({count}, 4), not {anchors.shape}")
    if boxes.type not in _TYPES or scores.type not in _TYPES or anchors.type != boxes.type:
        raise n.unsupported("operands must be FLOAT32 or UINT8, the anchors of the encodings' type")
    n.require(all(y.type == TensorType.FLOAT32 for y in n.outputs), "results must be FLOAT32")


def evaluate(p: Params, inputs: list[Any], ctx: Context) -> list[Array]:
    boxes = ctx.trace("boxes", _decode(p, inputs[BOXES][0], inputs[ANCHORS]))
    if (boxes[:, :2] > boxes[:, 2:]).any():
        raise ModelError(f"{p.place}: a decoded box has its end before its start")
    scores = inputs[SCORES][0]
    if scores.dtype == np.uint8:
        scores = _dequantize_scores(scores, p.scales[SCORES], p.zero_points[SCORES])
    scores = ctx.trace("scores", scores[:, scores.shape[1] - p.num_classes :])
    choose = _regular if p.use_regular_nms else _fast
    places, rows, columns, count = choose(p, boxes, scores)
    total = p.max_detections * p.max_classes_per_detection
    found = np.zeros((1, total, 4), np.float32), np.zeros((1, total), np.float32), np.zeros((1, total), np.float32)
    found[0][0, places], found[1][0, places], found[2][0, places] = boxes[rows], columns, scores[rows, columns]
    return [*found, np.array([count], np.float32)]


def _decode(p: Params, encodings: Array, anchors: Array) -> Float32Array:
    """Corner boxes [boxes, 4]: ymin, xmin, ymax, xmax."""
    encodings = encodings[:, :4]
    if encodings.dtype == np.uint8:
        encodings = (encodings.astype(np.float32) - np.float32(p.zero_points[BOXES])) * p.scales[BOXES]
        anchors = (anchors.astype(np.float32) - np.float32(p.zero_points[ANCHORS])) * p.scales[ANCHORS]
    anchor = anchors.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        relative = encodings.astype(np.float64) / p.coder_scales
        centre = (relative[:, :2] * anchor[:, 2:] + anchor[:, :2]).astype(np.float32)
        half = (0.5 * np.exp(relative[:, 2:]) * anchor[:, 2:]).astype(np.float32)
        return np.concatenate([centre - half, centre + half], axis=1)


def _dequantize_scores(q: Array, scale: np.float32, zero_point: int) -> Float32Array:
    """q * s - z * s, both rounded; the last q.size % 8 elements s * (q - z): vector code and its rest."""
    flat = q.reshape(-1).astype(np.float32)
    body = flat.size // 8 * 8
    y = flat * scale + np.float32(-zero_point) * scale
    y[body:] = scale * (flat[body:] - np.float32(zero_point))
    return y.reshape(q.shape)


def _suppress(boxes: Float32Array, scores: Float32Array, p: Params, most: int) -> NDArray[np.intp]:
    """The chosen boxes, best first: at most `most`, of equal scores the first."""
    candidates = np.flatnonzero(scores >= p.score_threshold)
    candidates = candidates[np.argsort(-scores[candidates], kind="stable")]
    chosen: list[int] = []
    while candidates.size and len(chosen) < most:
        best, candidates = int(candidates[0]), candidates[1:]
        chosen.append(best)
        candidates = candidates[~(_overlap(boxes[best], boxes[candidates]) > p.iou_threshold)]
    return np.array(chosen, np.intp)


def _overlap(box: Float32Array, others: Float32Array) -> Float32Array:
    """Intersection over union of a box with others [n, 4]; 0 where either has no area."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sides = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), np.float32(0))
        intersection = sides[:, 0] * sides[:, 1]
        area = (box[2] - box[0]) * (box[3] - box[1])
        areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
        quotient = intersection / (area + areas - intersection)
    return np.where((area <= 0) | (areas <= 0), np.float32(0), quotient)


Chosen = tuple[Array, Array, Array, int]
"""Places in the results, box rows and class columns to put there, and the count."""


def _fast(p: Params, boxes: Float32Array, scores: Float32Array) -> Chosen:
    each = min(p.max_classes_per_detection, p.num_classes)
    order = largest_first(scores, each)
    best = np.take_along_axis(scores, order[:, :1], axis=1)[:, 0]
    chosen = _suppress(boxes, best, p, p.max_detections)
    places = np.arange(len(chosen))[:, np.newaxis] * p.max_classes_per_detection + np.arange(each)
    return places.reshape(-1), np.repeat(chosen, each), order[chosen].reshape(-1), len(chosen)


def _regular(p: Params, boxes: Float32Array, scores: Float32Array) -> Chosen:
    most = min(p.detections_per_class, p.max_detections)
    chosen = [_suppress(boxes, scores[:, column], p, most) for column in range(p.num_classes)]
    rows = np.concatenate(chosen)
    columns = np.repeat(np.arange(p.num_classes), [len(part) for part in chosen])
    order = np.argsort(-scores[rows, columns], kind="stable")[: p.max_detections]
    return np.arange(len(order)), rows[order], columns[order], len(order)


OP = Op(
    infer=infer,
    prepare=prepare,
    kernels={"float32": evaluate, "uint8": evaluate},
    steps={"boxes": "decoded boxes: ymin, xmin, ymax, xmax", "scores": "scores without background, dequantized"},
)
