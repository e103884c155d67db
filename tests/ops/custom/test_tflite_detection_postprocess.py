from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore import Interpreter, Model, QCoreError
from qcore.ops._partial_sort import largest_first
from qcore.tflite import to_bytes
from tests import oracle, strategies
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator

Array = NDArray[Any]
CODE = "TFLite_Detection_PostProcess"
DEFAULTS = {
    "max_detections": 3,
    "max_classes_per_detection": 1,
    "nms_score_threshold": 0.25,
    "nms_iou_threshold": 0.5,
    "num_classes": 2,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def model(operands: list[Operand], options: dict[str, Any] | bytes) -> Model:
    """The one-operator model; options as a map, or as bytes that may be anything."""
    made = OneOp(BuiltinOperator.CUSTOM, operands, [Result(np.float32)] * 4).model()
    operator = made.main.operators[0]
    operator.custom_code = CODE
    data = options if isinstance(options, bytes) else bytes(flexbuffers.Dumps(options))
    operator.custom_options = np.frombuffer(data, np.uint8)
    return made


@st.composite
def operands(draw: st.DrawFn, classes: int, quantized: bool) -> list[Operand]:
    count, size = draw(st.integers(1, 30)), draw(st.integers(4, 6))
    columns = classes + draw(st.integers(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    anchors = rng.uniform(0.1, 0.9, (count, 4)).astype(np.float32)
    if not quantized:
        # Scores in steps of 1/16 tie often, as quantized ones do.
        scores = rng.random((1, count, columns)).astype(np.float32)
        scores = np.round(scores * 16) / np.float32(16) if draw(st.booleans()) else scores
        encodings = draw(strategies.floats((1, count, size), spread=2.0))
        return [Operand(encodings), Operand(scores), Operand(anchors, constant=draw(st.booleans()))]
    return [
        Operand(draw(strategies.integers((1, count, size), np.uint8)), 0.05, draw(strategies.zero_points(np.uint8))),
        Operand(
            draw(strategies.integers((1, count, columns), np.uint8)),
            draw(st.sampled_from([1 / 256, 1 / 255, 0.003])),
            draw(st.sampled_from([0, 0, 3, 128])),
        ),
        Operand((anchors * 255).astype(np.uint8), 1 / 255, 0, constant=True),
    ]


@st.composite
def cases(draw: st.DrawFn, quantized: bool) -> tuple[Model, list[Array], bool]:
    classes = draw(st.integers(1, 6))
    options = dict(
        DEFAULTS,
        num_classes=classes,
        max_detections=draw(st.integers(1, 12)),
        max_classes_per_detection=draw(st.integers(1, 4)),
        nms_score_threshold=draw(st.sampled_from([0.0, 0.25, 0.5])),
        nms_iou_threshold=draw(st.sampled_from([0.05, 0.3, 0.5, 1.0])),
    )
    regular = draw(st.booleans())
    if regular:
        options["use_regular_nms"] = True
        if draw(st.booleans()):
            options["detections_per_class"] = draw(st.integers(1, 8))
    chosen = draw(operands(classes, quantized))
    return model(chosen, options), [o.value for o in chosen if not o.constant], regular


@pytest.mark.parametrize("quantized", [False, True], ids=["float32", "uint8"])
@given(data=st.data())
def test_matches_reference(quantized: bool, data: st.DataObject) -> None:
    made, feeds, regular = data.draw(cases(quantized))
    content = to_bytes(made)
    theirs = oracle.outputs(content, feeds)
    ours = Interpreter(content).run(feeds)
    options = flexbuffers.Loads(made.main.operators[0].custom_options.tobytes())  # type: ignore[union-attr]
    assert ours[3] == theirs[3]
    each, count = options["max_classes_per_detection"], int(theirs[3][0])
    filled = np.zeros(ours[1].shape[1], bool)
    if regular:  # TFLite writes max_detections places, whatever the size of the results
        filled[: options["max_detections"]] = True
    else:
        filled.reshape(-1, each)[:count, : min(each, options["num_classes"])] = True
    for mine, reference in zip(ours[:3], theirs[:3], strict=True):
        assert mine.shape == reference.shape
        np.testing.assert_array_equal(mine[0, filled], reference[0, filled])
        assert not mine[0, ~filled].any()


def corners(*boxes: tuple[float, float, float, float]) -> tuple[Array, Array]:
    """Encodings 0 and anchors that decode to these boxes (ymin, xmin, ymax, xmax)."""
    corner = np.array(boxes, np.float32)
    centre, size = (corner[:, :2] + corner[:, 2:]) / 2, corner[:, 2:] - corner[:, :2]
    return np.zeros((1, len(boxes), 4), np.float32), np.concatenate([centre, size], axis=1)


def test_the_better_of_two_overlapping_boxes_by_hand() -> None:
    encodings, anchors = corners((0, 0, 1, 1), (0, 0.125, 1, 1), (0, 2, 1, 3))
    scores = np.array([[[0, 0.5, 0.375], [0, 0.25, 0.75], [0, 0.375, 0.125]]], np.float32)
    feeds = [encodings, scores, anchors]
    boxes, classes, best, count = Interpreter(model([Operand(v) for v in feeds], DEFAULTS)).run(feeds)
    assert count == 2
    assert best.tolist() == [[0.75, 0.375, 0]]
    assert classes.tolist() == [[1, 0, 0]]
    assert boxes[0].tolist() == [[0, 0.125, 1, 1], [0, 2, 1, 3], [0, 0, 0, 0]]


def test_steps_are_recorded() -> None:
    encodings, anchors = corners((0, 0, 1, 1))
    feeds = [encodings, np.ones((1, 1, 2), np.float32), anchors]
    runner = Interpreter(model([Operand(v) for v in feeds], DEFAULTS))
    recording = runner.record()
    runner.run(feeds)
    assert recording.steps(0)["boxes"].tolist() == [[0, 0, 1, 1]]


def plain() -> list[Operand]:
    return [Operand(np.zeros(shape, np.float32)) for shape in ((1, 3, 4), (1, 3, 2), (3, 4))]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nms_iou_threshold": 0.0}, r"is not in \(0, 1\]"),
        ({"nms_iou_threshold": float("nan")}, r"is not in \(0, 1\]"),
        ({"h_scale": 0.0}, "must not be 0"),
        ({"max_detections": -1}, "must not be negative"),
        ({"max_detections": 2**31 - 1, "max_classes_per_detection": 2**31 - 1}, "more than"),
        ({"max_classes_per_detection": 0}, "max_classes_per_detection must be positive"),
        ({"num_classes": 5}, r"operand 1 must have shape \(1, 3, 5 or one more\)"),
        ({"num_classes": 0}, "operand 1 must have shape"),
        ({"use_regular_nms": True, "detections_per_class": 0}, "detections_per_class must be positive"),
        ({"max_detections": float("inf")}, "custom option max_detections is inf"),
        ({"max_detections": "three"}, "custom options max_detections"),
    ],
)
def test_refuses_options(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(QCoreError, match=message):
        Interpreter(model(plain(), {**DEFAULTS, **changes})).allocate_tensors()


@pytest.mark.parametrize(
    ("position", "shape", "message"),
    [
        (0, (1, 3, 3), "operand 0 must have shape"),
        (0, (2, 3, 4), "operand 0 must have shape"),
        (1, (1, 4, 2), "operand 1 must have shape"),
        (2, (4, 4), "operand 2 must have shape"),
    ],
)
def test_refuses_shapes(position: int, shape: tuple[int, ...], message: str) -> None:
    changed = plain()
    changed[position] = Operand(np.zeros(shape, np.float32))
    with pytest.raises(QCoreError, match=message):
        Interpreter(model(changed, DEFAULTS)).allocate_tensors()


def test_refuses_types() -> None:
    changed = plain()
    changed[2] = Operand(np.zeros((3, 4), np.uint8), 1.0)
    with pytest.raises(QCoreError, match="operands must be FLOAT32 or UINT8"):
        Interpreter(model(changed, DEFAULTS)).allocate_tensors()


def test_boxes_that_end_before_they_start_are_refused_with_the_place() -> None:
    feeds = [np.zeros((1, 1, 4), np.float32), np.ones((1, 1, 2), np.float32), -np.ones((1, 4), np.float32)]
    runner = Interpreter(model([Operand(v) for v in feeds], DEFAULTS))
    with pytest.raises(QCoreError, match=f"operator 0 {CODE}: a decoded box has its end before its start"):
        runner.run(feeds)


@given(data=st.data())
def test_damaged_options_are_refused(data: st.DataObject) -> None:
    whole = bytes(flexbuffers.Dumps(DEFAULTS))
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[data.draw(st.integers(0, 5)) : len(damaged) - data.draw(st.integers(0, 5))])
    with contextlib.suppress(QCoreError):  # damaged bytes may still be a map
        Interpreter(model(plain(), cut)).allocate_tensors()


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 40, bytes(flexbuffers.Dumps([1, 2])), b"\x00\x24\x01"])
def test_options_that_are_no_map_are_refused(content: bytes) -> None:
    with pytest.raises(QCoreError, match="custom options"):
        Interpreter(model(plain(), content)).allocate_tensors()


def test_largest_first_without_ties_is_a_sort() -> None:
    values = np.random.default_rng(0).permutation(60).reshape(6, 10).astype(np.float32)
    expected = np.argsort(-values, axis=1)
    for count in range(1, 11):
        np.testing.assert_array_equal(largest_first(values, count), expected[:, :count])
