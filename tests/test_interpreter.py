from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, ModelError, QCoreError, ShapeError, StateError, UnsupportedError
from qcore.ir import Model, Operator, Subgraph, Tensor
from tests import oracle
from tests.graphs import chain_of_adds, content, int8_add, values
from tflite_schema import BuiltinOperator, ReshapeOptions, SignatureDef, TensorMap, TensorType


def test_the_tf_lite_way() -> None:
    interpreter = Interpreter(model_content=content(chain_of_adds()))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values([1, 2, 3]))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(3), values([3, 5, 7]))
    np.testing.assert_array_equal(interpreter.get_tensor(2), values([2, 3, 4]))


@pytest.mark.parametrize(
    "given", [values([1, 2, 3]), [values([1, 2, 3])], {"x": values([1, 2, 3])}, {"a": values([1, 2, 3])}]
)
def test_run_takes_an_array_a_list_or_a_dict(given: Any) -> None:
    (y,) = Interpreter(chain_of_adds()).run(given)
    np.testing.assert_array_equal(y, values([3, 5, 7]))


def test_outputs_are_copies() -> None:
    interpreter = Interpreter(chain_of_adds())
    (first,) = interpreter.run(values([1, 2, 3]))
    interpreter.run(values([0, 0, 0]))
    np.testing.assert_array_equal(first, values([3, 5, 7]))


def test_inputs_are_copied_by_set_tensor() -> None:
    interpreter = Interpreter(chain_of_adds())
    interpreter.allocate_tensors()
    x = values([1, 2, 3])
    interpreter.set_tensor(0, x)
    x[:] = 0
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(3), values([3, 5, 7]))


def test_tensor_gives_a_view_that_can_be_written() -> None:
    interpreter = Interpreter(chain_of_adds())
    interpreter.allocate_tensors()
    interpreter.tensor(0)()[:] = 5
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.tensor(3)(), values([11, 11, 11]))


def test_resize() -> None:
    interpreter = Interpreter(chain_of_adds())
    interpreter.resize_tensor_input(0, [2, 2])
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [2, 2]
    interpreter.set_tensor(0, np.zeros((2, 2), np.float32))
    interpreter.invoke()
    assert interpreter.get_tensor(3).shape == (2, 2)


def test_resize_asks_for_a_new_allocation() -> None:
    interpreter = Interpreter(chain_of_adds())
    interpreter.allocate_tensors()
    interpreter.resize_tensor_input(0, [4, 3])
    with pytest.raises(StateError, match="allocate_tensors"):
        interpreter.invoke()


def test_strict_resize_only_moves_open_dimensions() -> None:
    interpreter = Interpreter(chain_of_adds(signature=(-1, 3)))
    interpreter.resize_tensor_input(0, [7, 3], strict=True)
    with pytest.raises(ShapeError, match="signature"):
        interpreter.resize_tensor_input(0, [7, 4], strict=True)


def test_run_resizes_open_dimensions_only() -> None:
    assert Interpreter(chain_of_adds(signature=(-1, 3))).run(np.zeros((5, 3), np.float32))[0].shape == (5, 3)
    with pytest.raises(ShapeError, match="reshape the value"):
        Interpreter(chain_of_adds()).run(np.zeros((5, 3), np.float32))


def test_signature_runner() -> None:
    interpreter = Interpreter(chain_of_adds())
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["a"], "outputs": ["sum"]}}
    runner = interpreter.get_signature_runner()
    np.testing.assert_array_equal(runner(a=values([1, 2, 3]))["sum"], values([3, 5, 7]))
    assert runner(a=np.zeros((4, 3), np.float32))["sum"].shape == (4, 3)
    with pytest.raises(QCoreError, match="takes"):
        runner(b=values([1, 2, 3]))
    with pytest.raises(ValueError, match="no signature 'other'"):
        interpreter.get_signature_runner("other")


def test_a_signature_may_run_another_graph() -> None:
    model, second = chain_of_adds(), chain_of_adds()
    operator = second.main.operators[1]
    second.main.operators[1] = Operator(operator.code, (2, 2), operator.outputs, operator.options)
    model.subgraphs.append(second.main)
    model.signatures.append(
        SignatureDef(
            signature_key="doubled",
            subgraph_index=1,
            inputs=[TensorMap(name="x", tensor_index=0)],
            outputs=[TensorMap(name="y", tensor_index=3)],
        )
    )
    runner = Interpreter(model).get_signature_runner("doubled")
    np.testing.assert_array_equal(runner(x=values([1, 2, 3]))["y"], values([4, 6, 8]))
    assert runner(x=np.zeros((4, 3), np.float32))["y"].shape == (4, 3)
    np.testing.assert_array_equal(runner.get_input_details()["x"]["shape"], [4, 3])
    with pytest.raises(ShapeError, match="float64"):
        runner(x=np.zeros((4, 3)))
    model.signatures[1].subgraph_index = 2
    with pytest.raises(ModelError, match="runs subgraph 2; the model has 2"):
        Interpreter(model).get_signature_runner("doubled")


def test_text_is_utf8_to_the_kernels() -> None:
    tensors = [Tensor("x", (2,), TensorType.STRING), Tensor("y", (1, 2), TensorType.STRING)]
    reshape = Operator(BuiltinOperator.RESHAPE, (0,), (1,), ReshapeOptions(new_shape=np.array([1, 2], np.int32)))
    (y,) = Interpreter(Model([Subgraph("main", tensors, [reshape], (0,), (1,))])).run(np.array(["å", b"b"], object))
    assert y.tolist() == [["å".encode(), b"b"]]


def _detailed_models() -> list[bytes]:
    real = [path.read_bytes() for path in sorted(oracle.MODELS.glob("*quant*.tflite"))]
    return [content(chain_of_adds(signature=(-1, 3))), content(int8_add()), *real]


def test_details_equal_tflites() -> None:
    for model in _detailed_models():
        ours, theirs = Interpreter(model), oracle.interpreter(model)
        ours.allocate_tensors()
        theirs.allocate_tensors()
        for kind in ("get_input_details", "get_output_details", "get_tensor_details"):
            for mine, reference in zip(getattr(ours, kind)(), getattr(theirs, kind)(), strict=False):
                assert mine.keys() == reference.keys()
                for key in ("name", "index", "dtype", "quantization", "sparsity_parameters"):
                    assert mine[key] == reference[key]
                for key in ("shape", "shape_signature"):
                    np.testing.assert_array_equal(mine[key], reference[key])
                    assert mine[key].dtype == reference[key].dtype
                for key, value in reference["quantization_parameters"].items():
                    np.testing.assert_array_equal(mine["quantization_parameters"][key], value)


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda i: i.invoke(), StateError, "not allocated"),
        (lambda i: i.get_tensor(3), StateError, "no value yet; call allocate_tensors"),
        (lambda i: (i.allocate_tensors(), i.get_tensor(3)), StateError, "no value yet"),
        (lambda i: (i.allocate_tensors(), i.get_tensor(99)), ShapeError, "does not exist"),
        (lambda i: (i.allocate_tensors(), i.set_tensor(0, np.zeros((1, 3)))), ShapeError, "float32, got float64"),
        (lambda i: (i.allocate_tensors(), i.set_tensor(0, np.zeros(3, np.float32))), ShapeError, "has shape"),
        (lambda i: i.resize_tensor_input(1, [2]), ShapeError, "not an input"),
        (lambda i: i.run([]), ShapeError, "takes 1 inputs, got 0"),
        (lambda i: i.run({"z": values([1, 2, 3])}), ShapeError, "no input named 'z'"),
    ],
)
def test_misuse_is_refused(action: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        action(Interpreter(chain_of_adds()))


def test_constructor_refusals() -> None:
    with pytest.raises(ModelError, match="either"):
        Interpreter()
    with pytest.raises(ModelError, match="cannot be read"):
        Interpreter("no/such/file.tflite")
    with pytest.raises(ModelError):
        Interpreter(model_content=b"not a model at all")
    with pytest.raises(UnsupportedError, match="delegates"):
        Interpreter(chain_of_adds(), experimental_delegates=[object()])
    with pytest.raises(UnsupportedError, match="kernel"):
        Interpreter(chain_of_adds(), kernels="warp")
    with pytest.raises(ModelError, match="no subgraph"):
        Interpreter(Model([]))


def test_every_unknown_operator_is_named_at_once() -> None:
    model = chain_of_adds()
    model.main.operators += [
        Operator(BuiltinOperator.CUSTOM, (3,), (3,), custom_code="Mystery"),
        Operator(BuiltinOperator.CUSTOM, (3,), (3,), custom_code="FlexRiddle"),
    ]
    interpreter = Interpreter(model)  # as TFLite's, it can be asked for details
    assert len(interpreter.get_tensor_details()) == 4
    with pytest.raises(UnsupportedError, match=r"operator 2 Mystery.*operator 3 FlexRiddle"):
        interpreter.allocate_tensors()


def test_a_type_without_a_kernel_is_found_at_allocation() -> None:
    model = int8_add()
    for tensor in model.main.tensors:
        tensor.type = tensor.type.__class__.FLOAT64
    interpreter = Interpreter(model)
    with pytest.raises(UnsupportedError, match=r"subgraph 0, operator 0 ADD \(float64, float64 -> float64\)"):
        interpreter.allocate_tensors()


def test_recording_keeps_the_steps_and_changes_nothing() -> None:
    a = np.arange(-4, 4, dtype=np.int8).reshape(2, 4)
    interpreter = Interpreter(int8_add())
    (plain,) = interpreter.run([a, a])
    recording = interpreter.record()
    (recorded,) = interpreter.run([a, a])
    np.testing.assert_array_equal(plain, recorded)
    assert list(recording.steps(0)) == ["scale_a", "scale_b", "sum", "requantize", "clamp"]
    np.testing.assert_array_equal(recording.steps(0)["clamp"], plain)
    interpreter.stop_recording()
    recording.nodes.clear()
    interpreter.run([a, a])
    assert not recording.nodes
