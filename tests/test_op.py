from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from qcore import Interpreter, ModelError, ShapeError, UnsupportedError
from qcore.ir import QuantParams
from qcore.op import Array, Context, Node, Op, by_type, find, module_name, register_custom
from qcore.rules import Rules, activation, weight
from qcore.tflite import to_bytes
from tests.graphs import chain_of_adds, int8_add
from tflite_schema import AddOptions, BuiltinOperator, Conv2DOptions, TensorType


def test_find_imports_the_file_of_that_name() -> None:
    assert "int8" in find(BuiltinOperator.ADD).kernels
    assert find(BuiltinOperator.ADD) is find(BuiltinOperator.ADD)
    assert [module_name(code) for code in (BuiltinOperator.IF, BuiltinOperator.WHILE)] == ["if_", "while_"]


@pytest.mark.parametrize("code", ["Nobody", "os", "../ops/add", "a b", "", "tests.graphs", "__init__", "_x"])
def test_custom_codes_find_nothing_but_their_own_files(code: str) -> None:
    with pytest.raises(UnsupportedError, match="has no kernel"):
        find(BuiltinOperator.CUSTOM, code)


def twice(params: object, inputs: list[Array], ctx: Context) -> list[Array]:
    return [np.asarray(ctx.trace("doubled", inputs[0] * 2))]


@pytest.fixture
def doubling() -> Iterator[Op]:
    """An operator registered as `Twice`, taken back afterwards."""
    op = Op(infer=lambda n: [n.input(0).shape], kernels={"any": twice}, steps={"doubled": "x * 2"})
    register_custom("Twice", op)
    yield op
    register_custom("Twice", None)


def test_a_custom_operator_of_ones_own_runs(doubling: Op) -> None:
    model = chain_of_adds()
    operator = model.main.operators[0]
    operator.code, operator.custom_code, operator.options = BuiltinOperator.CUSTOM, "Twice", None
    operator.inputs = operator.inputs[:1]
    loaded = Interpreter(to_bytes(model))
    recording = loaded.record()
    x = np.arange(np.prod(model.main.tensors[model.main.inputs[0]].shape), dtype=np.float32)
    loaded.run([x.reshape(model.main.tensors[model.main.inputs[0]].shape)])
    np.testing.assert_array_equal(recording.steps(0)["doubled"].reshape(-1), 2 * x)


def test_registered_codes_are_compared_letter_by_letter_and_can_be_taken_back(doubling: Op) -> None:
    assert find(BuiltinOperator.CUSTOM, "Twice") is doubling
    with pytest.raises(UnsupportedError, match="register one of your own"):
        find(BuiltinOperator.CUSTOM, "twice")
    register_custom("Twice", None)
    register_custom("Twice", None)
    with pytest.raises(UnsupportedError, match="custom operator 'Twice' has no kernel"):
        find(BuiltinOperator.CUSTOM, "Twice")


def test_a_registered_operator_goes_before_qcores_own(doubling: Op) -> None:
    own = find(BuiltinOperator.CUSTOM, "TFLite_Detection_PostProcess")
    register_custom("TFLite_Detection_PostProcess", doubling)
    try:
        assert find(BuiltinOperator.CUSTOM, "TFLite_Detection_PostProcess") is doubling
    finally:
        register_custom("TFLite_Detection_PostProcess", None)
    assert find(BuiltinOperator.CUSTOM, "TFLite_Detection_PostProcess") is own


def test_registering_needs_a_code(doubling: Op) -> None:
    with pytest.raises(UnsupportedError, match="needs a code"):
        register_custom("", doubling)


def test_builtins_without_a_file_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="builtin operator DELEGATE has no kernel"):
        find(BuiltinOperator.DELEGATE)


def test_node_knows_its_tensors_and_its_place() -> None:
    node = Node.of(chain_of_adds(), 0, 0)
    assert node.place == "subgraph 0, operator 0 ADD"
    assert node.types == "float32, float32 -> float32"
    assert node.input(0).value is None
    np.testing.assert_array_equal(node.input(1).value, np.ones(1, np.float32))
    assert node.optional_input(5) is None
    assert node.options(AddOptions).pot_scale_int16
    with pytest.raises(ModelError, match="operand 5 is missing"):
        node.input(5)
    with pytest.raises(ModelError, match="expected Conv2DOptions"):
        node.options(Conv2DOptions)
    with pytest.raises(ModelError, match="operator 0 ADD: broken"):
        node.require(False, "broken")
    with pytest.raises(ShapeError, match="operator 0 ADD: too long"):
        node.require_shapes(False, "too long")


def test_options_left_out_are_the_schemas_defaults() -> None:
    model = chain_of_adds()
    model.main.operators[0].options = None
    assert Node.of(model, 0, 0).options(AddOptions) == AddOptions()


def test_scales_are_demanded_where_needed() -> None:
    quantized = Node.of(int8_add(0.25, -7), 0, 0).input(0)
    assert (quantized.scale, quantized.zero_point) == (np.float32(0.25), -7)
    with pytest.raises(ModelError, match="has no quantization scale"):
        _ = Node.of(chain_of_adds(), 0, 0).input(0).scale


def test_variant_is_the_type_or_hybrid_or_any() -> None:
    def kernel(p: object, inputs: list[object], ctx: Context) -> list[object]:
        return inputs

    node = Node.of(chain_of_adds(), 0, 0)
    typed = Op(infer=lambda n: [n.input(0).shape], kernels={"float32": kernel, "hybrid": kernel})  # type: ignore[dict-item]
    assert typed.variant(node) == "float32"
    with_weight = Op(
        infer=typed.infer,
        kernels=typed.kernels,
        rules=Rules(inputs=(activation(), weight(axis=0))),
    )
    mixed = chain_of_adds()
    mixed.main.tensors[1].type = TensorType.INT8
    mixed.buffers[1] = np.zeros(1, np.uint8)
    assert with_weight.variant(Node.of(mixed, 0, 0)) == "hybrid"
    moved = Op(infer=typed.infer, kernels={"any": kernel})  # type: ignore[dict-item]
    assert moved.variant(node) == "any"
    with pytest.raises(UnsupportedError, match="no int8 kernel; there are kernels for float32, hybrid"):
        typed.variant(Node.of(int8_add(), 0, 0))


def test_version_by_type() -> None:
    version = by_type(int8=2)
    assert version(Node.of(int8_add(), 0, 0)) == 2
    assert version(Node.of(chain_of_adds(), 0, 0)) == 1


def test_a_context_outside_an_interpreter_invokes_nothing() -> None:
    with pytest.raises(UnsupportedError, match="subgraph 3"):
        Context().invoke(3, [])


@pytest.mark.parametrize(
    ("scale", "zero_point", "message"),
    [
        (np.nan, 0, "tensor 1 'b' has scale .nan."),
        (np.inf, 0, "tensor 1 'b' has scale .inf."),
        (0.5, 1 << 40, "tensor 1 'b' has zero point 1099511627776, beyond 32 bits"),
    ],
)
def test_scales_are_numbers_and_zero_points_have_32_bits(scale: float, zero_point: int, message: str) -> None:
    model = int8_add()
    model.main.tensors[1].quant = QuantParams.of(scale, zero_point)
    with pytest.raises(ModelError, match=f"subgraph 0, operator 0 ADD: {message}"):
        Interpreter(model).allocate_tensors()
