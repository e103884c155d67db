from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, ModelError, SignatureError, from_saved_model
from qcore.tflite import to_bytes
from tests import oracle
from tests.frontends.conftest import INPUT, answer, small_net

TOLERANCE = 1e-5


def coder(folder: Path) -> Any:
    """A module with two signatures, saved."""
    tf = oracle.tensorflow()
    spec = [tf.TensorSpec([1, 4], tf.float32, "x")]

    class Coder(tf.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(np.arange(16, dtype=np.float32).reshape(4, 4))

        @tf.function(input_signature=spec)  # type: ignore[untyped-decorator]
        def encode(self, x: Any) -> Any:
            return {"code": x @ self.w, "sign": tf.sign(x)}

        @tf.function(input_signature=spec)  # type: ignore[untyped-decorator]
        def decode(self, x: Any) -> Any:
            return {"value": tf.cond(tf.reduce_sum(x) > 0, lambda: x - self.w[0], lambda: x)}

    module = Coder()
    tf.saved_model.save(module, str(folder), signatures={"encode": module.encode, "decode": module.decode})
    return module


def test_a_keras_model_that_was_saved(keras: ModuleType, tmp_path: Path) -> None:
    net = small_net(keras)
    if keras.__name__ == "keras":
        net.export(tmp_path / "saved", verbose=False)
    else:
        oracle.tensorflow().saved_model.save(net, str(tmp_path / "saved"))
    model = from_saved_model(tmp_path / "saved")
    np.testing.assert_allclose(Interpreter(model).run(INPUT)[0], answer(net), rtol=0, atol=TOLERANCE)


def test_several_signatures(tmp_path: Path) -> None:
    module = coder(tmp_path)
    model = from_saved_model(tmp_path)
    assert [s.signature_key for s in model.signatures] == ["decode", "encode"]
    x = np.array([[1, -2, 3, 4]], np.float32)
    for name in ("encode", "decode"):
        for found in (model, from_saved_model(tmp_path, signature=name)):
            ours = Interpreter(found).get_signature_runner(name)(x=x)
            theirs = getattr(module, name)(x)
            assert ours.keys() == theirs.keys()
            for key, value in ours.items():
                np.testing.assert_allclose(value, theirs[key], rtol=1e-6)
    assert len(from_saved_model(tmp_path, "encode").signatures) == 1
    assert to_bytes(from_saved_model(tmp_path)) == to_bytes(model)


def test_wrong_names_and_folders(tmp_path: Path) -> None:
    coder(tmp_path / "good")
    with pytest.raises(SignatureError, match="no signature 'serve'; the model has 'decode', 'encode'"):
        from_saved_model(tmp_path / "good", "serve")
    with pytest.raises(ModelError, match="no SavedModel can be read"):
        from_saved_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(ModelError, match="no SavedModel can be read"):
        from_saved_model(tmp_path)
    tf = oracle.tensorflow()
    tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
    with pytest.raises(SignatureError, match="has no signature; save it with"):
        from_saved_model(tmp_path / "empty")
