"""Details, and values set and read, against tf.lite.Interpreter. See `questions`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import Interpreter
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor, tensor_type
from tests import oracle
from tests.graphs import GraphBuilder, content, empty_model, values
from tests.questions import allocated, get, invoke, same_answer, sequence, set_to
from tests.sparsity import compressed
from tflite_schema import BlockwiseQuantization, BuiltinOperator, DensifyOptions, ReshapeOptions, TensorType


def one_tensor(
    type_: TensorType, shape: tuple[int, ...], stored: bytes | None = None, quant: QuantParams | None = None
) -> bytes:
    """A graph without operators that gives its input back, and a constant of the same type where bytes are given."""
    model = empty_model()
    tensors = [Tensor("x", shape, type_, quant=quant)]
    if stored is not None:
        tensors.append(Tensor("c", shape, type_, model.add_buffer(stored)))
    model.subgraphs = [Subgraph("main", tensors, [], (0,), tuple(range(len(tensors))))]
    return content(model)


TYPED = [
    np.array([1, 2, 3], dtype)
    for dtype in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "c8", "c16", "?")
]


@pytest.mark.parametrize("value", TYPED, ids=lambda value: value.dtype.name)
def test_every_type(value: Any) -> None:
    type_ = tensor_type(value.dtype)
    model = one_tensor(type_, (3,), value.tobytes())
    same_answer(model, lambda i: [(d["dtype"], d["shape"]) for d in i.get_tensor_details()])
    same_answer(model, allocated(get(1)))
    same_answer(model, allocated(set_to(value), invoke, get(0)))
    same_answer(one_tensor(type_, ()), allocated(set_to(value[0]), invoke, get(0)))
    same_answer(one_tensor(type_, ()), allocated(lambda i: i.tensor(0)().shape))
    same_answer(one_tensor(type_, (0, 3)), allocated(set_to(np.zeros((0, 3), value.dtype)), invoke, get(0)))


FOUR_BITS = [[1, -2, 3], [7, -8, 0], [8, 0, 0], [0, 0, -9], [1, 2], [100, 100, 100]]


@pytest.mark.parametrize("numbers", FOUR_BITS, ids=str)
def test_four_bit_numbers(numbers: list[int]) -> None:
    model = one_tensor(TensorType.INT4, (3,), b"\x21\x0f")
    same_answer(model, allocated(set_to(np.array(numbers, np.int8)), invoke, get(0)))
    same_answer(model, allocated(get(1)))
    same_answer(model, allocated(set_to(np.array(numbers, np.int32))))


def test_bfloat16_is_held_as_its_bits() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes comes with TensorFlow, the oracle")
    value = np.array([1, -2.5, 3], ml_dtypes.bfloat16)
    model = one_tensor(TensorType.BFLOAT16, (3,), value.tobytes())
    theirs, ours = oracle.interpreter(model), Interpreter(model)
    for interpreter in (theirs, ours):
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, value)
        interpreter.invoke()
        with pytest.raises(ValueError, match=r"FLOAT32|float32"):
            interpreter.set_tensor(0, value.astype(np.float32))
    for index in (0, 1):
        assert ours.get_tensor(index).dtype == np.uint16
        np.testing.assert_array_equal(ours.get_tensor(index).view(ml_dtypes.bfloat16), theirs.get_tensor(index))


def reshape_text(shape: tuple[int, ...], result: tuple[int, ...], stored: Any = None) -> bytes:
    model = empty_model()
    graph = GraphBuilder(model, "main")
    x, y = graph.tensor(TensorType.STRING, shape, stored), graph.tensor(TensorType.STRING, result)
    graph.op(BuiltinOperator.RESHAPE, [x], [y], ReshapeOptions(new_shape=np.array(result, np.int32)))
    graph.done([x] if stored is None else [], [y])
    return content(model)


TEXTS = {
    "str": np.array(["å", "bc"]),
    "bytes": np.array([b"a", b"bc"]),
    "objects": np.array(["å", b"b"], object),
    "zero bytes": np.array([b"a\0b", b"c\0"], object),
    "empty": np.array([b"", b""], object),
    "no UTF-8": np.array([b"\xff", b"a"]),
    "a number": np.array([1, "a"], object),
    "None": np.array([None, "a"], object),
    "integers": np.array([1, 2], np.int32),
    "another shape": np.array(["a"]),
    "half a character": np.array(["\ud800", "a"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    same_answer(reshape_text((2,), (1, 2)), allocated(set_to(TEXTS[name]), invoke, get(1)))


def test_more_text() -> None:
    details = allocated(lambda i: [(d["dtype"], d["shape"]) for d in i.get_tensor_details()])
    same_answer(reshape_text((2,), (1, 2)), details)
    same_answer(reshape_text((2,), (1, 2), np.array([b"x", b"yz"], object)), allocated(invoke, get(1)))
    same_answer(reshape_text((), (1,)), allocated(set_to(np.array(b"abc")), invoke, get(1)))
    same_answer(reshape_text((), (1,)), allocated(set_to(np.array(b"abc")), get(0)))
    same_answer(reshape_text((0,), (0, 1)), allocated(set_to(np.array([], "S1")), invoke, get(1)))
    # TFLite reads a string tensor that nothing was written to out of bounds; ours holds empty strings.
    interpreter = Interpreter(reshape_text((2,), (1, 2)))
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert interpreter.get_tensor(1).tolist() == [[b"", b""]]


def of(scales: list[float], zero_points: list[int], axis: int = 0) -> QuantParams:
    return QuantParams(np.array(scales, np.float32), np.array(zero_points, np.int64), axis)


QUANTIZATION = [
    of([0.5], []),
    of([], [3]),
    of([], []),
    of([], [], 4),
    of([0.5, 0.25], [3]),
    of([0.5, 0.25], [3, 0]),
    of([0.5, 0.25, 1], [3, 0, 1]),
    of([0.5, 0.25, 1], [3, 0, 1], 5),
    of([0.5, 0.25, 1], [3, 0, 1], -1),
    of([0.5], [3], 5),
    of([0.5], [3], -1),
    of([0.5], [1 << 40]),
    of([0.5], [300]),
    of([-1], [0]),
    QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), 0, values(-1)[:1], values(1)[:1]),
]


@pytest.mark.parametrize("quant", QUANTIZATION, ids=lambda q: f"{q.scale}{q.zero_point}{q.quantized_dimension}")
def test_quantization(quant: QuantParams) -> None:
    for shape in ((3,), (1,), ()):
        model = one_tensor(TensorType.INT8, shape, quant=quant)
        same_answer(model, lambda i: i.get_tensor_details())


@pytest.mark.parametrize("type_", [TensorType.INT4, TensorType.INT8])
def test_scales_block_by_block(type_: TensorType) -> None:
    model = empty_model()
    scales = np.array([[0.5, 2], [1, 4]], np.float16)
    details = BlockwiseQuantization(scales=1, zero_points=-1, block_size=2)
    quant = QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), 1, details=details)
    stored = model.add_buffer(bytes(4 if type_ == TensorType.INT4 else 8))
    tensors = [Tensor("w", (2, 4), type_, stored, quant)]
    tensors.append(Tensor("scales", (2, 2), TensorType.FLOAT16, model.add_buffer(scales)))
    model.subgraphs = [Subgraph("main", tensors, [], (), (0,))]
    same_answer(content(model), lambda i: i.get_tensor_details())


FLOAT32 = TensorType.FLOAT32


def test_sparsity() -> None:
    for kind in (1, 2, 3):
        model = empty_model()
        x = np.zeros((4, 6), np.float32)
        x[0, 0], x[2, 3] = 1, 5
        stored, sparsity = compressed(x, (2, 3), kind)
        tensors = [Tensor("w", x.shape, FLOAT32, model.add_buffer(stored)), Tensor("y", x.shape, FLOAT32)]
        tensors[0].extra["sparsity"] = sparsity
        operator = Operator(BuiltinOperator.DENSIFY, (0,), (1,), DensifyOptions())
        model.subgraphs = [Subgraph("main", tensors, [operator], (), (1,))]
        same_answer(content(model), lambda i: i.get_tensor_details()[:2])
        same_answer(content(model), allocated(invoke, get(1)))
        ours = Interpreter(model)
        ours.allocate_tensors()
        np.testing.assert_array_equal(ours.get_tensor(0), x)  # TFLite gives the stored values in a row


def test_tensors_that_hold_no_numbers() -> None:
    tensors = [Tensor("r", (2,), TensorType.RESOURCE), Tensor("v", (), TensorType.VARIANT)]
    model = content(Model([Subgraph("main", tensors, [], (), ())]))
    same_answer(model, lambda i: i.get_tensor_details())


REAL = sorted(path.name for path in oracle.MODELS.glob("*.tflite"))


@oracle.needs_shared
@pytest.mark.parametrize("name", REAL)
def test_details_of_real_models(name: str) -> None:
    model = (oracle.MODELS / name).read_bytes()
    count = len(Interpreter(model).get_tensor_details())  # TFLite adds its temporary tensors to the list
    for prepared in (sequence, allocated):
        same_answer(model, prepared(lambda i: i.get_tensor_details()[:count]))
        same_answer(model, prepared(lambda i: [i.get_input_details(), i.get_output_details(), i.get_signature_list()]))
