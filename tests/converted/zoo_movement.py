"""Functions that move, choose, count and compare elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.converted import ACTIVATIONS, ACTIVATIONS8, EVERY, FLOAT, NO_INT16, floats, function, integers, values


@function(floats(5, 4), integers(3, high=4), modes=ACTIVATIONS, quick=FLOAT)
def gathers(tf: Any, x: Any, indices: Any) -> Any:
    pairs = tf.stack([indices, indices - indices], -1)
    return tf.gather(x, indices), tf.gather(x, [3, 0], axis=1), tf.gather_nd(x, pairs)


@function(floats(2, 5, 4), integers(2, 3, high=4), modes=ACTIVATIONS)
def batched_gather(tf: Any, x: Any, indices: Any) -> Any:
    return tf.gather(x, indices, batch_dims=1), tf.gather(x, indices, axis=1)


@function(integers(4, 1, high=5), floats(4, 3), floats(6, 3), modes=ACTIVATIONS8)
def scatters(tf: Any, indices: Any, updates: Any, x: Any) -> Any:
    distinct = np.array([[0], [2], [5], [1]])
    return (
        tf.scatter_nd(indices, updates, [6, 3]),
        tf.tensor_scatter_nd_update(x, distinct, updates),
        tf.tensor_scatter_nd_add(x, indices, updates),
    )


@function(floats(3, 6), integers(3, high=4), modes=ACTIVATIONS)
def ranks_and_choices(tf: Any, x: Any, classes: Any) -> Any:
    top, where = tf.math.top_k(x, 3)
    return tf.one_hot(classes, 5), tf.argmax(x, 1), tf.argmin(x, 0), top, where


@function(floats(1, 8, 8, 3), modes=EVERY)
def segmentation_map(tf: Any, x: Any) -> Any:
    return tf.argmax(x, -1, output_type=tf.int32), tf.one_hot(tf.argmax(x, -1), 3)


@function(floats(4, 6, 5), modes=NO_INT16, quick=("int8",), optimized=("int8", "int8_float_io"))
def slices(tf: Any, x: Any) -> Any:
    return (
        x[1:, ::-2, 2],
        tf.slice(x, [1, 0, 2], [2, 3, -1]),
        x[..., tf.newaxis, :3],
        tf.reverse(x, [1]),
        tf.transpose(x, [2, 0, 1]),
        tf.squeeze(tf.expand_dims(x, 1), 1),
    )


@function(floats(2, 6, 4), floats(2, 6, 4), modes=NO_INT16, optimized=("int8", "int8_float_io"))
def splits_and_joins(tf: Any, x: Any, y: Any) -> Any:
    a, b, c = tf.split(x, 3, 1)
    d, e = tf.split(y, [2, 4], 1)
    return tf.concat([a, d, c], 1), tf.stack([a, b], 0), e, tf.unstack(x, axis=0)[1], tf.tile(b, [1, 2, 3])


@function(floats(4, 4, 6), modes=EVERY)
def space_and_batch(tf: Any, x: Any) -> Any:
    y = tf.space_to_batch(x[..., tf.newaxis], [2, 3], [[0, 0], [0, 0]])
    return y, tf.batch_to_space(y, [2, 3], [[1, 0], [0, 2]])


@function(floats(None, 6, fed=(4, 6)), modes=EVERY)
def shapes_at_run_time(tf: Any, x: Any) -> Any:
    n = tf.shape(x)[0]
    return (
        tf.reshape(x, [n * 2, 3]),
        tf.fill([n, 2], 0.5) + x[:, :2],
        tf.range(n),
        tf.broadcast_to(x[:1], [n, 6]),
        tf.size(x),
        tf.rank(x),
    )


@function(integers(12, high=4), modes=ACTIVATIONS8)
def uniques(tf: Any, x: Any) -> Any:
    found, positions = tf.unique(x)
    return found, positions, tf.where(x > 2), tf.boolean_mask(x, x > 1)


@function(floats(6, 3), modes=FLOAT, optimized=FLOAT)
def segments(tf: Any, x: Any) -> Any:
    ids = [0, 0, 1, 1, 2, 3]
    mixed = [2, 0, 1, 2, 0, 2]
    return (
        tf.math.segment_sum(x, ids),
        tf.math.unsorted_segment_sum(x, mixed, 4),
        tf.math.unsorted_segment_max(x, mixed, 3),
        tf.math.unsorted_segment_min(x, mixed, 3),
        tf.math.unsorted_segment_prod(x, mixed, 3),
    )


@function(integers(5, high=6), floats(5), modes=ACTIVATIONS)
def sparse_to_dense(tf: Any, columns: Any, x: Any) -> Any:
    rows = tf.range(5)
    indices = tf.cast(tf.stack([rows, columns], 1), tf.int64)
    return tf.sparse.to_dense(tf.SparseTensor(indices, x, [5, 7]), default_value=-1.0)


@function(floats(4, 5), modes=ACTIVATIONS8)
def diagonals(tf: Any, x: Any) -> Any:
    return tf.linalg.diag(x[0]), tf.linalg.set_diag(x[:, :4], x[1, :4]), tf.linalg.band_part(x, 1, 2)


@function(floats(3, 5, 2), integers(3, low=1, high=5), modes=FLOAT)
def reversed_sequences(tf: Any, x: Any, lengths: Any) -> Any:
    return tf.reverse_sequence(x, lengths, seq_axis=1), tf.roll(x, 2, 1), tf.sequence_mask(lengths, 5)


@function(values(3, 4, dtype="bool"), floats(3, 4), floats(4), modes=ACTIVATIONS)
def selections(tf: Any, condition: Any, x: Any, y: Any) -> Any:
    return tf.where(condition, x, y), tf.where(x > y, x, tf.zeros_like(x)), tf.maximum(x, y), tf.ones_like(x)


@function(floats(6, 6), integers(2, high=3), floats(2, 2), modes=ACTIVATIONS)
def updated_slice(tf: Any, x: Any, start: Any, update: Any) -> Any:
    from tensorflow.compiler.tf2xla.python import xla

    return xla.dynamic_update_slice(x, update, start)


@function(values(3, dtype="string", choices=(b"red", b"green", b"blue")), modes=FLOAT)
def words(tf: Any, x: Any) -> Any:
    return tf.reshape(x, [3, 1]), tf.gather(x, [2, 0, 0]), tf.equal(x, "red")
