"""What a tensor can hold, against what it did hold in runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore import Interpreter, load
from qcore.auditor.proof import prove
from qcore.auditor.proof.bounds import Range
from qcore.auditor.proof.reach import reach
from qcore.ir import Model
from qcore.op import Node
from tests.auditor.lint.good import digits
from tests.auditor.proof.cases import chain, dense
from tests.one_op import OneOp, Operand, Result
from tests.oracle import MODELS, needs_shared
from tflite_schema import (
    ActivationFunctionType,
    BuiltinOperator,
    ConcatenationOptions,
    Padding,
    PadOptions,
    Pool2DOptions,
    ReshapeOptions,
    SoftmaxOptions,
    TensorType,
)

IMAGE = Operand(np.zeros((1, 4, 4, 2), np.int8), 0.5, 3)
CHANNELS = Range(np.array([-5, 10], np.int64), np.array([7, 20], np.int64))


def reached(case: OneOp, *known: Range) -> tuple[list[int], list[int]] | None:
    """What the result can hold if the operands can hold `known`."""
    n = Node.of(case.model(), 0, 0)
    (found,) = reach(n, dict(enumerate(known)))
    return None if found is None else (found.low.tolist(), found.high.tolist())


def unary(code: BuiltinOperator, x: Operand, y: Result, options: Any = None) -> OneOp:
    return OneOp(code, [x], [y], options)


def test_values_that_move() -> None:
    y = Result(np.int8, 0.5, 3, (1, 2, 2, 2))
    pool = Pool2DOptions(padding=Padding.VALID, filter_height=2, filter_width=2, stride_h=2, stride_w=2)
    assert reached(unary(BuiltinOperator.MAX_POOL_2D, IMAGE, y, pool), CHANNELS) == ([-5, 10], [7, 20])
    pool = pool.replace(fused_activation_function=ActivationFunctionType.RELU)
    assert reached(unary(BuiltinOperator.AVERAGE_POOL_2D, IMAGE, y, pool), CHANNELS) == ([3, 10], [7, 20])
    shape = Operand(np.array([1, 32], np.int32), constant=True)
    flat = OneOp(BuiltinOperator.RESHAPE, [IMAGE, shape], [Result(np.int8, 0.5, 3, (1, 32))], ReshapeOptions())
    assert reached(flat, CHANNELS) == ([-5, 10] * 16, [7, 20] * 16)
    pads = Operand(np.array([[0, 0], [1, 1], [0, 0], [0, 0]], np.int32), constant=True)
    pad = OneOp(BuiltinOperator.PAD, [IMAGE, pads], [Result(np.int8, 0.5, 3, (1, 6, 4, 2))], PadOptions())
    assert reached(pad, CHANNELS) == ([-5, 3], [7, 20])
    turned = OneOp(BuiltinOperator.TRANSPOSE, [IMAGE, shape], [Result(np.int8, 0.5, 3, (2, 4, 4, 1))])
    assert reached(turned, CHANNELS) == ([-5], [20])


def test_concatenation_of_tensors_with_the_same_parameters() -> None:
    stored = Operand(np.full((1, 4, 4, 1), 40, np.int8), 0.5, 3, constant=True)
    y = Result(np.int8, 0.5, 3, (1, 4, 4, 3))
    assert reached(OneOp(BuiltinOperator.CONCATENATION, [IMAGE, stored], [y], ConcatenationOptions()), CHANNELS) == (
        [-5],
        [40],
    )
    other = Result(np.int8, 0.25, 3, (1, 4, 4, 3))
    case = OneOp(BuiltinOperator.CONCATENATION, [IMAGE, stored], [other], ConcatenationOptions())
    assert reached(case, CHANNELS) == ([-128], [127])


def test_tables_and_fixed_results() -> None:
    x, y = Operand(np.zeros((1, 4), np.int8), 0.05, 0), Result(np.int8, 1 / 256, -128, (1, 4))
    ends = Interpreter(unary(BuiltinOperator.LOGISTIC, x, y).model()).run([np.array([[-5, 7, 0, 0]], np.int8)])[0][0]
    assert reached(unary(BuiltinOperator.LOGISTIC, x, y), Range.of(-5, 7)) == ([int(ends[0])], [int(ends[1])])
    wide = Result(np.int16, 1 / 32768, 0, (1, 4))
    x16 = Operand(np.zeros((1, 4), np.int16), 0.05, 0)
    assert reached(unary(BuiltinOperator.SOFTMAX, x16, wide, SoftmaxOptions(beta=1.0))) == ([0], [32767])
    floats = Operand(np.zeros((1, 4), np.float32))
    assert reached(unary(BuiltinOperator.QUANTIZE, floats, y)) == ([-128], [127])
    assert reached(unary(BuiltinOperator.DEQUANTIZE, x, Result(np.float32, shape=(1, 4)))) is None


def test_a_result_of_a_layer_bounds_the_next() -> None:
    """x / 16 + 68 of an int8 is 60 ... 76, each channel by itself."""

    first = dense([[1], [0]], [68 * 16, 5 * 16], scale=16.0)
    layers = prove(chain(first, dense([[1, 1]], [0], x_scale=16.0, scale=32.0))).layers
    assert layers[1].input_range is not None
    assert [end.tolist() for end in layers[1].input_range] == [[60, 5], [76, 5]]
    assert (layers[1].by_reach.low.tolist(), layers[1].by_reach.high.tolist()) == ([65], [81])


def held(model: Model, seed: int) -> None:
    """Every tensor of a run lies in what is claimed of it, and every sum within its bounds."""

    proof = prove(model)
    interpreter = Interpreter(model)
    recording = interpreter.record()
    rng = np.random.default_rng(seed)
    feeds = []
    for index in model.main.inputs:
        tensor = model.main.tensors[index]
        if tensor.type == TensorType.FLOAT32:
            feeds.append((rng.normal(0, 100, tensor.shape)).astype(np.float32))
            continue
        info = np.iinfo(tensor.type.name.lower())
        kinds = (
            rng.choice([info.min, info.max], tensor.shape),
            rng.integers(info.min, info.max, tensor.shape, endpoint=True),
        )
        feeds.append(kinds[seed % 2].astype(info.dtype))
    interpreter.run(feeds)
    assert proof.layers
    for layer in proof.layers:
        assert layer.input_range is not None
        x = interpreter.get_tensor(layer.product.x.index)
        assert (x >= layer.input_range.low).all()
        assert (x <= layer.input_range.high).all()
        acc = recording.steps(layer.product.node.index)["accumulate"] + layer.product.bias
        assert (acc >= layer.by_reach.low).all()
        assert (acc <= layer.by_reach.high).all()
        y = interpreter.get_tensor(layer.product.node.operator.outputs[0])
        assert layer.results is not None
        assert (y >= layer.results.low).all()
        assert (y <= layer.results.high).all()


@pytest.mark.parametrize("recipe", ["int8", "int16x8"])
@pytest.mark.parametrize("seed", [0, 1])
def test_runs_of_the_digits_stay_inside(recipe: str, seed: int) -> None:
    held(digits(recipe), seed)


@needs_shared
@pytest.mark.parametrize(
    "name", ["mlptiny_kws_ref_model", "mlptiny_pretrainedResnet_quant", "coral_mobilenet_v1_0.25_128_quant"]
)
def test_runs_of_real_models_stay_inside(name: str) -> None:
    for seed in (0, 1):
        held(load(MODELS / f"{name}.tflite"), seed)
