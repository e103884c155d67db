from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, UnsupportedError, from_concrete_function
from qcore.tflite import to_bytes
from tests import oracle
from tests.frontends.conftest import INPUT, answer, small_net


def test_the_weights_are_in_the_file(keras: ModuleType) -> None:
    """With a Keras 3 model as the owner, TensorFlow's converter writes a file without them."""
    tf = oracle.tensorflow()
    net = small_net(keras)

    def traced() -> Any:
        return tf.function(lambda x: net(x, training=False)).get_concrete_function(tf.TensorSpec(INPUT.shape))

    model = from_concrete_function(traced())
    np.testing.assert_allclose(Interpreter(model).run(INPUT)[0], answer(net), rtol=0, atol=1e-5)
    assert to_bytes(from_concrete_function(traced())) == to_bytes(model)


def test_state_is_kept_from_run_to_run() -> None:
    tf = oracle.tensorflow()
    total = tf.Variable(np.full(3, 7, np.float32))

    @tf.function(input_signature=[tf.TensorSpec([3])])  # type: ignore[untyped-decorator]
    def count(x: Any) -> Any:
        return total.assign_add(x) * 2.0

    interpreter = Interpreter(from_concrete_function(count))
    x = np.array([1, 2, 3], np.float32)
    np.testing.assert_array_equal(interpreter.run(x)[0], (7 + x) * 2)
    np.testing.assert_array_equal(interpreter.run(x)[0], (7 + 2 * x) * 2)


def lookup() -> Any:
    tf = oracle.tensorflow()

    class Words(tf.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([3, 4], tf.int64))
            self.table = tf.lookup.StaticHashTable(pairs, -1)

        @tf.function(input_signature=[tf.TensorSpec([2], tf.string)])  # type: ignore[untyped-decorator]
        def find(self, x: Any) -> Any:
            return self.table.lookup(x)

    return Words()


def test_a_table_is_found_in_its_owner() -> None:
    """TensorFlow numbers tables at random: the same bytes come from two of them."""
    owners = lookup(), lookup()
    first, second = (from_concrete_function(owner.find, owner) for owner in owners)
    assert to_bytes(first) == to_bytes(second)
    np.testing.assert_array_equal(Interpreter(first).run(np.array([b"b", b"?"], object))[0], [4, -1])
    with pytest.raises(UnsupportedError, match="LookupTableFindV2"):
        from_concrete_function(owners[0].find)


def test_what_is_no_function_of_fixed_shapes() -> None:
    tf = oracle.tensorflow()
    with pytest.raises(UnsupportedError, match="is no concrete function; make one"):
        from_concrete_function(abs)
    with pytest.raises(UnsupportedError, match=r"has no input signature.*get_concrete_function"):
        from_concrete_function(tf.function(lambda x: x + 1))
