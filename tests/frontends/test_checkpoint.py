from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, ModelError, UnsupportedError, from_checkpoint
from qcore.frontends import CheckpointWarning
from tests import oracle
from tests.frontends.conftest import INPUT, answer, package, small_net


def saved(net: Any, kind: str, folder: Path) -> str:
    """A checkpoint of a model, as people make them."""
    tf = oracle.tensorflow()
    target = str(folder / kind)
    if kind == "attribute":
        return str(tf.train.Checkpoint(step=tf.Variable(3), net=net).save(target))
    if kind == "root":
        return str(tf.train.Checkpoint(net).write(target))
    values = {f"{layer.name}/{_last(w)}": np.asarray(w) for layer in net.layers for w in layer.weights}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            tf.compat.v1.Variable(value, name=name)
        tf.compat.v1.Variable(3, name="global_step")
        session.run(tf.compat.v1.global_variables_initializer())
        return str(tf.compat.v1.train.Saver().save(session, target))


def _last(weight: Any) -> str:
    return str(weight.name).rpartition("/")[2].partition(":")[0]


UNUSED = {
    "attribute": r"in the checkpoint but not used: save_counter, step",
    "root": None,
    "tf1": r"in the checkpoint but not used: global_step",
}


@pytest.mark.parametrize("kind", list(UNUSED))
def test_the_values_are_those_of_the_checkpoint(keras: ModuleType, kind: str, tmp_path: Path) -> None:
    trained = small_net(keras, seed=1)
    path = saved(trained, kind, tmp_path)
    keras.backend.clear_session()
    fresh = small_net(keras, seed=2, name="another")
    assert abs(answer(fresh) - answer(trained)).max() > 0.01
    unused = UNUSED[kind]
    if unused is None:
        model = from_checkpoint(path, fresh)
    else:
        with pytest.warns(CheckpointWarning, match=unused):
            model = from_checkpoint(path, fresh)
    np.testing.assert_allclose(Interpreter(model).run(INPUT)[0], answer(trained), rtol=0, atol=1e-5)


def wider(keras: Any, seed: int) -> Any:
    """The small net with one more layer at its end."""
    net = small_net(keras, seed)
    return keras.Model(net.input, keras.layers.Dense(2, name="last")(net.output))


@pytest.mark.parametrize("kind", ["attribute", "tf1"])
def test_missing_variables_are_an_error_unless_allowed(keras: ModuleType, kind: str, tmp_path: Path) -> None:
    trained = small_net(keras, seed=1)
    path = saved(trained, kind, tmp_path)
    keras.backend.clear_session()
    fresh = wider(keras, seed=2)
    before = answer(fresh)
    with pytest.raises(ModelError, match=r"no value for 2 of the model's 10 variables: .*last/kernel.*last/bias"):
        from_checkpoint(path, fresh)
    np.testing.assert_array_equal(answer(fresh), before)
    with pytest.warns(CheckpointWarning) as warned:
        model = from_checkpoint(path, fresh, allow_missing=True)
    assert any("not in the checkpoint, values kept" in str(w.message) for w in warned)
    np.testing.assert_allclose(Interpreter(model).run(INPUT)[0], answer(fresh), rtol=0, atol=1e-5)
    assert abs(answer(fresh) - before).max() > 1e-3


def test_a_folder_is_its_latest_checkpoint(tmp_path: Path) -> None:
    keras = package("keras")
    tf = oracle.tensorflow()
    net = small_net(keras, seed=1)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(net=net), str(tmp_path / "all"), max_to_keep=2)
    manager.save()
    net.set_weights([w / 2 for w in net.get_weights()])
    manager.save()
    wanted = answer(net)
    keras.backend.clear_session()
    with pytest.warns(CheckpointWarning, match="save_counter"):
        model = from_checkpoint(tmp_path / "all", small_net(keras, seed=3))
    np.testing.assert_allclose(Interpreter(model).run(INPUT)[0], wanted, rtol=0, atol=1e-5)


def test_what_does_not_fit(tmp_path: Path) -> None:
    keras = package("keras")
    path = saved(small_net(keras, classes=5), "root", tmp_path)
    net = small_net(keras)
    with pytest.raises(ModelError, match=r"dense/kernel has shape \[54, 4\] in the model, \[54, 5\] in the checkpoint"):
        from_checkpoint(path, net)
    with pytest.raises(ModelError, match=r"this is no checkpoint: .*without the ending"):
        from_checkpoint(tmp_path / "none", net)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no checkpoint in this folder"):
        from_checkpoint(tmp_path / "empty", net)
    with pytest.raises(UnsupportedError, match="is no Keras model"):
        from_checkpoint(path, 3)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="other")])
    with pytest.raises(ModelError, match="no value for 2 of the model's 2 variables"):
        from_checkpoint(path, other, allow_missing=True)


@pytest.mark.parametrize("listed", [False, True])
def test_a_model_class_of_ones_own(listed: bool, tmp_path: Path) -> None:
    """TensorFlow saves no layers that a Keras 3 model holds in a list: nothing can be restored, and that is said."""
    keras, tf = package("keras"), oracle.tensorflow()

    class Own(keras.Model):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            dense = keras.layers.Dense(3, bias_initializer="random_normal")
            self.held: Any = [dense] if listed else dense

        def call(self, x: Any) -> Any:
            return (self.held[0] if listed else self.held)(x)

    x = np.ones((1, 4), np.float32)
    trained, fresh = Own(), Own()
    wanted = np.asarray(trained(x))
    assert abs(np.asarray(fresh(x)) - wanted).max() > 1e-3
    path = tf.train.Checkpoint(trained).write(str(tmp_path / "own"))
    if listed:
        with pytest.raises(ModelError, match=r"does not save these variables of the model: .*dense.*/bias, "):
            from_checkpoint(path, fresh)
    else:
        (ours,) = Interpreter(from_checkpoint(path, fresh)).run(x)
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-5)
