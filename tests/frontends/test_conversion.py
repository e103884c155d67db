from __future__ import annotations

import sys

import pytest

import qcore
from qcore import ModelError, UnsupportedError
from qcore.frontends.conversion import converted, reason
from qcore.ir import Operator, Subgraph, Tensor
from qcore.tflite import to_bytes
from tests.graphs import chain_of_adds
from tflite_schema import BuiltinOperator, CallOnceOptions, TensorType, VarHandleOptions


class Converter:
    """Answers as a tf.lite.TFLiteConverter does."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def convert(self) -> bytes:
        print("Saved artifact at '/tmp/tmp6mjp_b3f'.")
        return self.content


@pytest.mark.parametrize("name", ["from_keras", "from_saved_model", "from_checkpoint", "from_concrete_function"])
def test_without_tensorflow_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    arguments = ("path", object()) if name == "from_checkpoint" else ("path",)
    with pytest.raises(UnsupportedError, match=r"pip install 'qcore\[tensorflow\]'"):
        getattr(qcore, name)(*arguments)


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    model = converted(lambda: Converter(to_bytes(chain_of_adds())), "here")
    assert [op.name for op in model.main.operators] == ["ADD", "ADD"]
    assert capsys.readouterr().out == ""


def with_variable(initialized: bool) -> bytes:
    model = chain_of_adds()
    tensors = [Tensor("v", (1,), TensorType.RESOURCE), Tensor("value", (1,), TensorType.FLOAT32)]
    handle = Operator(BuiltinOperator.VAR_HANDLE, (), (0,), VarHandleOptions(container="", shared_name="dense/kernel"))
    assign = Operator(BuiltinOperator.ASSIGN_VARIABLE, (0, 1), ())
    model.subgraphs.append(Subgraph("init", tensors, [handle, assign] if initialized else [handle], (), ()))
    once = Operator(BuiltinOperator.CALL_ONCE, (), (), CallOnceOptions(init_subgraph_index=1))
    model.main.operators.insert(0, once)
    return to_bytes(model)


def test_a_variable_without_a_value_is_refused() -> None:
    assert converted(lambda: Converter(with_variable(True)), "here").subgraphs[1].name == "init"
    with pytest.raises(ModelError, match="here: the conversion left out the values of dense/kernel"):
        converted(lambda: Converter(with_variable(False)), "here")


def test_the_reason_is_one_line() -> None:
    long = "first line " + "x" * 1000 + "\nsecond"
    assert reason(ValueError(long)).endswith("x ...")
    assert len(reason(ValueError(long))) < 320
    assert reason(KeyError()) == "KeyError"
    assert reason(ValueError("Could not translate MLIR\n<unknown>:0: error: no such type\nnote")) == "no such type"
    assert reason(TypeError("config={}\nException encountered: no class 'A'. Full object:")).startswith("no class 'A'.")
    select = "error\nSome ops are not supported\nTF Select ops: Cholesky, Svd\nDetails:"
    assert "no TensorFlow Lite operator for Cholesky, Svd" in reason(RuntimeError(select))
