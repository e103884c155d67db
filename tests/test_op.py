from __future__ import annotations

import numpy as np
import pytest

from qcore import ModelError, ShapeError, UnsupportedError
from qcore.op import Context, Node, Op, by_type, find, module_name
from qcore.rules import Rules, activation, weight
from tests.graphs import chain_of_adds, int8_add
from tflite_schema import AddOptions, BuiltinOperator, Conv2DOptions, TensorType


def test_find_imports_the_file_of_that_name() -> None:
    assert "int8" in find(BuiltinOperator.ADD).kernels
    assert find(BuiltinOperator.ADD) is find(BuiltinOperator.ADD)
    assert [module_name(code) for code in (BuiltinOperator.IF, BuiltinOperator.WHILE)] == ["if_", "while_"]


@pytest.mark.parametrize("code", ["Nobody", "os", "../ops/add", "a b", "", "tests.graphs"])
def test_custom_codes_find_nothing_but_their_own_files(code: str) -> None:
    with pytest.raises(UnsupportedError, match="has no kernel"):
        find(BuiltinOperator.CUSTOM, code)


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
