from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, ModelError, UnsupportedError, from_keras
from qcore.ir import Model
from qcore.tflite import to_bytes
from tests import oracle
from tests.frontends.conftest import INPUT, answer, package, small_net

TOLERANCE = 1e-5


def check(model: Model, net: Any) -> None:
    """Our interpreter answers as Keras does, and as TFLite's does on the converter's own file."""
    (ours,) = Interpreter(model).run(INPUT)
    np.testing.assert_allclose(ours, answer(net), rtol=0, atol=TOLERANCE)
    (theirs,) = oracle.outputs(to_bytes(model), [INPUT])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def test_a_model_in_memory(keras: ModuleType) -> None:
    net = small_net(keras)
    model = from_keras(net)
    check(model, net)
    lite = oracle.tensorflow().lite
    theirs = bytes(lite.TFLiteConverter.from_keras_model(net).convert())
    assert len(to_bytes(model)) < len(theirs)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_in_a_file(keras: ModuleType, ending: str, tmp_path: Path) -> None:
    net, path = small_net(keras), tmp_path / f"net.{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 2 warns of .h5
        net.save(path)
    check(from_keras(path), net)


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    net = small_net(package("keras"))
    net.save(tmp_path / "net.h5")
    check(from_keras(str((tmp_path / "net.h5").rename(tmp_path / "net"))), net)


def test_converted_twice_gives_the_same_bytes() -> None:
    """A condition: TensorFlow names its branches after the number of functions traced so far."""
    keras = package("keras")
    tf = oracle.tensorflow()

    class Sign(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, x: Any) -> Any:
            return tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1.0, lambda: x * 2.0)

    start = keras.Input((8, 8, 3), batch_size=1)
    net = keras.Model(start, Sign()(start))
    first, second = from_keras(net), from_keras(net)
    assert to_bytes(first) == to_bytes(second)
    lite = tf.lite.TFLiteConverter
    assert lite.from_keras_model(net).convert() != lite.from_keras_model(net).convert(), "it would, without our help"
    for x in (INPUT, -abs(INPUT)):
        np.testing.assert_allclose(Interpreter(first).run(x)[0], answer(net, x), rtol=0, atol=TOLERANCE)


def test_built_twice_gives_the_same_bytes(keras: ModuleType) -> None:
    first = to_bytes(from_keras(small_net(keras)))
    assert to_bytes(from_keras(small_net(keras))) == first


def test_layers_of_ones_own(tmp_path: Path) -> None:
    keras = package("keras")

    class Doubled(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, x: Any) -> Any:
            return x + x

    start = keras.Input((8, 8, 3), batch_size=1)
    net = keras.Model(start, Doubled()(start))
    path = tmp_path / "net.keras"
    net.save(path)
    with pytest.raises(UnsupportedError, match=r"Doubled.*custom_objects.*give the model to qcore.from_keras"):
        from_keras(path)
    loaded = keras.models.load_model(path, custom_objects={"Doubled": Doubled})
    np.testing.assert_array_equal(Interpreter(from_keras(loaded)).run(INPUT)[0], INPUT + INPUT)


def test_an_operator_tflite_does_not_have() -> None:
    keras, tf = package("keras"), oracle.tensorflow()

    class Inverse(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, x: Any) -> Any:
            return tf.linalg.inv(x)

    start = keras.Input((3, 3), batch_size=1)
    with pytest.raises(UnsupportedError, match=r"net.*no TensorFlow Lite operator for MatrixInverse"):
        from_keras(keras.Model(start, Inverse()(start), name="net"))


def test_what_is_no_model(tmp_path: Path) -> None:
    package("keras")
    with pytest.raises(UnsupportedError, match="this is no Keras model"):
        from_keras(np.zeros(3))
    nowhere, text, archive = tmp_path / "none.keras", tmp_path / "text.h5", tmp_path / "archive.keras"
    text.write_text("text")
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.0"}))
    for path in (nowhere, text):
        with pytest.raises(ModelError, match=f"{path.name}: cannot be read"):
            from_keras(path)
    with pytest.raises(UnsupportedError, match=r"archive\.keras: Keras cannot load it"):
        from_keras(archive)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_code_in_a_file_is_not_run(
    keras: ModuleType, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keras 2 runs the code of a Lambda layer in a .h5 file when it loads it."""
    start = keras.Input((3,))
    wrapped = keras.layers.Lambda(lambda x: (print("code runs"), x)[1])
    net = keras.Model(start, keras.Sequential([wrapped])(start))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.save(tmp_path / f"net.{ending}")
    capsys.readouterr()
    with pytest.raises(UnsupportedError, match=r"Lambda.*load it yourself"):
        from_keras(tmp_path / f"net.{ending}")
    assert "code runs" not in capsys.readouterr().out


def test_a_model_that_was_never_called(keras: ModuleType) -> None:
    with pytest.raises(UnsupportedError, match="was never called, so its shapes are not known; call it once"):
        from_keras(keras.Sequential([keras.layers.Dense(3)]))


def test_several_inputs_and_outputs_by_name(keras: ModuleType) -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    layers = keras.layers
    net = keras.Model([a, b], [layers.Add(name="sum")([a, b]), layers.Subtract(name="difference")([a, b])])
    runner = Interpreter(from_keras(net)).get_signature_runner()
    found = runner(a=np.full((1, 4), 3, np.float32), b=np.ones((1, 4), np.float32))
    assert sorted(float(value[0, 0]) for value in found.values()) == [2.0, 4.0]


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    net = small_net(package("keras"))
    net.save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(ModelError, match="holds weights without a model"):
        from_keras(tmp_path / "net.weights.h5")
