"""Control flow, state and tables: graphs that own graphs, variables, hash tables, several signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.converted import ACTIVATIONS8, FLOAT, WEIGHTS_ONLY, floats, function, integers, module, values, weights


@function(floats(3, 4), modes=WEIGHTS_ONLY)
def branches(tf: Any, x: Any) -> Any:
    return tf.cond(
        tf.reduce_sum(x) > 0, lambda: tf.matmul(x, weights(4, 2)), lambda: tf.matmul(x, weights(4, 2, seed=8)) - 1.0
    )


@function(integers(low=0, high=4), floats(5), modes=ACTIVATIONS8)
def branches_of_branches(tf: Any, which: Any, x: Any) -> Any:
    return tf.cond(
        which > 1,
        lambda: tf.cond(which > 2, lambda: x + 1.0, lambda: x * 2.0),
        lambda: tf.sort(x, direction="DESCENDING"),
    )


@function(integers(low=1, high=9), floats(2, 3), modes=FLOAT, quick=FLOAT)
def counted_loop(tf: Any, count: Any, x: Any) -> Any:
    return tf.while_loop(lambda i, a: i < count, lambda i, a: (i + 1, a * 0.5 + 1.0), (0, x))


@function(floats(4), modes=ACTIVATIONS8)
def nested_loops(tf: Any, x: Any) -> Any:
    def outer(i: Any, a: Any) -> Any:
        _, a = tf.while_loop(
            lambda j, b: j < i, lambda j, b: (j + 1, tf.cond(b[0] > 0, lambda: b - 0.5, lambda: b * 2)), (0, a)
        )
        return i + 1, a + 0.25

    return tf.while_loop(lambda i, a: i < 4, outer, (0, x))


@function(integers(low=1, high=6), modes=FLOAT)
def growing_fibonacci(tf: Any, count: Any) -> Any:
    def step(i: Any, series: Any) -> Any:
        return i + 1, tf.concat([series, series[-1:] + series[-2:-1]], 0)

    start = (0, tf.constant([1, 1]))
    invariants = (tf.TensorShape([]), tf.TensorShape([None]))
    return tf.while_loop(lambda i, s: i < count, step, start, shape_invariants=invariants)[1]


@function(floats(6, 3), modes=FLOAT)
def tensor_array(tf: Any, x: Any) -> Any:
    rows = tf.TensorArray(tf.float32, 6, element_shape=(3,)).unstack(x)
    sums = tf.TensorArray(tf.float32, 6, element_shape=(3,))
    total = tf.zeros(3)
    for i in tf.range(6):
        total = total + rows.read(i)
        sums = sums.write(i, total)
    return sums.stack()


@module(floats(3), invocations=3, quick=FLOAT)
def running_total(tf: Any) -> Any:
    class Total(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.total = tf.Variable(np.array([1, 2, 3], np.float32))

        @tf.function(input_signature=[tf.TensorSpec([3], tf.float32)])  # type: ignore[untyped-decorator]
        def add(self, x: Any) -> Any:
            self.total.assign_add(x)
            return {"total": self.total * 2.0}

    made = Total()
    return made, {"serving_default": made.add}


@module(values(4, dtype="string", choices=(b"one", b"two", b"three", b"many")), invocations=2, optimized=FLOAT)
def words_to_numbers(tf: Any) -> Any:
    class Lookup(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            pairs = tf.lookup.KeyValueTensorInitializer(["one", "two", "three"], np.array([1, 2, 3], np.int64))
            self.table = tf.lookup.StaticHashTable(pairs, -1)

        @tf.function(input_signature=[tf.TensorSpec([4], tf.string)])  # type: ignore[untyped-decorator]
        def find(self, x: Any) -> Any:
            return {"numbers": self.table.lookup(x), "size": self.table.size()}

    made = Lookup()
    return made, {"serving_default": made.find}


@module(integers(3, 2, low=0, high=5, dtype="int64"), optimized=FLOAT)
def numbers_to_words(tf: Any) -> Any:
    class Lookup(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            pairs = tf.lookup.KeyValueTensorInitializer(np.array([1, 2, 3], np.int64), ["one", "two", "three"])
            self.table = tf.lookup.StaticHashTable(pairs, "none")

        @tf.function(input_signature=[tf.TensorSpec([3, 2], tf.int64)])  # type: ignore[untyped-decorator]
        def find(self, x: Any) -> Any:
            return {"words": self.table.lookup(x)}

    made = Lookup()
    return made, {"serving_default": made.find}


def _two_signatures(tf: Any) -> Any:
    class Codec(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(weights(6, 3))

        @tf.function(input_signature=[tf.TensorSpec([2, 6], tf.float32)])  # type: ignore[untyped-decorator]
        def encode(self, x: Any) -> Any:
            return {"code": tf.tanh(tf.matmul(x, self.w))}

        @tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32)])  # type: ignore[untyped-decorator]
        def decode(self, code: Any) -> Any:
            return {"x": tf.matmul(code, self.w, transpose_b=True)}

    made = Codec()
    return made, {"encode": made.encode, "decode": made.decode}


@module(floats(2, 6), signature="encode", modes=ACTIVATIONS8)
def signature_encode(tf: Any) -> Any:
    return _two_signatures(tf)


@module(floats(2, 3), signature="decode", modes=ACTIVATIONS8)
def signature_decode(tf: Any) -> Any:
    return _two_signatures(tf)
