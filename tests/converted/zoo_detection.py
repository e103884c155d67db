"""Detection heads: boxes, anchors and the suppression of those that overlap."""

from __future__ import annotations

from typing import Any

from tests.converted import ACTIVATIONS, EVERY, FLOAT, floats, function, module, network, weights


@function(floats(12, 4, low=0.0), floats(12, low=0.0), modes=FLOAT, quick=FLOAT)
def suppression(tf: Any, corners: Any, scores: Any) -> Any:
    boxes = tf.concat([corners[:, :2] * 0.5, 0.5 + corners[:, 2:] * 0.5], -1)
    return tf.image.non_max_suppression_padded(
        boxes, scores, 5, iou_threshold=0.5, score_threshold=0.2, pad_to_max_output_size=True
    )


@function(floats(12, 4, low=0.0), floats(12, low=0.0), modes=ACTIVATIONS)
def soft_suppression(tf: Any, corners: Any, scores: Any) -> Any:
    boxes = tf.concat([corners[:, :2] * 0.5, 0.5 + corners[:, 2:] * 0.5], -1)
    return tf.image.non_max_suppression_with_scores(boxes, scores, 5, 0.5, 0.1, soft_nms_sigma=0.4)


@network(floats(1, 16, 16, 3), modes=EVERY)
def single_shot(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(x)
    coarse = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(x)
    boxes = [layers.Reshape((-1, 4))(layers.Conv2D(8, 3, padding="same")(level)) for level in (x, coarse)]
    classes = [layers.Reshape((-1, 3))(layers.Conv2D(6, 3, padding="same")(level)) for level in (x, coarse)]
    return layers.Concatenate(axis=1)(boxes), layers.Softmax()(layers.Concatenate(axis=1)(classes))


@function(floats(1, 8, 8, 10), modes=ACTIVATIONS)
def detector_with_head(tf: Any, x: Any) -> Any:
    found = tf.reshape(tf.nn.conv2d(x, weights(1, 1, 10, 6), 1, "SAME"), [64, 6])
    centre, size = tf.sigmoid(found[:, :2]), tf.exp(found[:, 2:4]) * 0.1
    boxes = tf.concat([centre - size / 2, centre + size / 2], -1)
    scores = tf.reduce_max(tf.sigmoid(found[:, 4:]), -1)
    chosen, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes,
        scores=scores,
        max_output_size=10,
        iou_threshold=0.5,
        score_threshold=0.3,
        pad_to_max_output_size=True,
    )
    return tf.gather(boxes, chosen), tf.gather(scores, chosen), count


@module(floats(1, 8, 4), floats(1, 8, 3, low=0.0), custom_ops=True)
def detection_postprocess(tf: Any) -> Any:
    numbers = {"max_detections": 4, "max_classes_per_detection": 1, "detections_per_class": 3, "num_classes": 2}
    scales = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
    thresholds = {"nms_score_threshold": 0.1, "nms_iou_threshold": 0.5}
    attributes = [f'attr {{ key: "{key}" value {{ i: {value} }} }}' for key, value in numbers.items()]
    attributes += [f'attr {{ key: "{key}" value {{ f: {value} }} }}' for key, value in (scales | thresholds).items()]
    attributes.append('attr { key: "use_regular_nms" value { b: false } }')
    name = " ".join(['name: "TFLite_Detection_PostProcess"', *attributes])

    class Head(tf.Module):  # type: ignore[misc]
        @tf.function(experimental_implements=name)  # type: ignore[untyped-decorator]
        def postprocess(self, encodings: Any, scores: Any, anchors: Any) -> Any:
            return tf.zeros((1, 4, 4)), tf.zeros((1, 4)), tf.zeros((1, 4)), tf.zeros(1)

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec([1, 8, 4], tf.float32), tf.TensorSpec([1, 8, 3], tf.float32)]
        )
        def detect(self, encodings: Any, scores: Any) -> Any:
            boxes, classes, confidence, count = self.postprocess(encodings, scores, abs(weights(8, 4)) + 0.1)
            return {"boxes": boxes, "classes": classes, "confidence": confidence, "count": count}

    made = Head()
    return made, {"serving_default": made.detect}
