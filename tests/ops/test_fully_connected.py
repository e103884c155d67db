from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import oracle, strategies
from tests.one_op import OneOp, Operand, Result, check, compare, matches_reference
from tests.ops.convolutions import activations, biases, float_products, hybrid_inputs, results, weights
from tests.sparsity import VECTORS, rows_of_blocks
from tflite_schema import (
    ActivationFunctionType,
    BuiltinOperator,
    FullyConnectedOptions,
    FullyConnectedOptionsWeightsFormat,
    TensorType,
)


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, int], bool]:
    """The shapes of x and w, and keep_num_dims; rows may be spread over several dimensions of x."""
    outputs, depth = draw(st.integers(1, 20)), draw(st.integers(1, 40))
    keep = draw(st.booleans())
    rows = draw(st.sampled_from([(), (1,), (2, 3), (1, 2, 2)]))
    x = (draw(strategies.batch()), *rows, depth)
    if not keep and len(x) > 2 and depth % 2 == 0:
        x = (*x[:-2], 2 * x[-2], depth // 2)
    return x, (outputs, depth), keep


@st.composite
def int8_weights(draw: st.DrawFn, shape: tuple[int, int]) -> Operand:
    """Per tensor with any zero point, or per channel."""
    w: Operand = draw(weights(shape, np.int8, 0))
    return replace(w, zero_point=draw(strategies.zero_points(np.int8))) if np.ndim(w.scale) == 0 else w


@st.composite
def quantized(
    draw: st.DrawFn, dtype: Any, *, w_type: TensorType = TensorType.INT8, bias_type: TensorType = TensorType.FLOAT32
) -> OneOp:
    x_shape, w_shape, keep = draw(shapes())
    x = draw(activations(x_shape, dtype))
    if dtype is np.uint8 or w_type != TensorType.INT8:
        w = draw(weights(w_shape, dtype, 0, type_=w_type))
    else:
        w = replace(draw(int8_weights(w_shape)), constant=draw(st.booleans()))
    operands: list[Operand | None] = [x, w]
    if draw(st.booleans()):
        wide = dtype is np.int16 and bias_type != TensorType.INT32
        operands.append(draw(biases(w_shape[0], np.int64 if wide else np.int32, x, w)))
    elif draw(st.booleans()):
        operands.append(None)
    fused = draw(strategies.FUSED)
    stated = bias_type
    if dtype is np.int16 and bias_type != TensorType.INT32 and draw(st.booleans()):
        stated = TensorType.INT64
    chosen = FullyConnectedOptions(fused_activation_function=fused, keep_num_dims=keep, quantized_bias_type=stated)
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [draw(results(x, w, w_shape[1], dtype))], chosen, 4)


@st.composite
def plain(draw: st.DrawFn) -> OneOp:
    x_shape, w_shape, keep = draw(shapes())
    tolerance, (x, w, bias) = draw(float_products(x_shape, w_shape, w_shape[:1]))
    operands = [
        Operand(x),
        Operand(w, constant=draw(st.booleans())),
        Operand(bias, constant=True) if draw(st.booleans()) else None,
    ]
    chosen = FullyConnectedOptions(fused_activation_function=draw(strategies.FUSED), keep_num_dims=keep)
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [Result(np.float32)], chosen, 5, tolerance=tolerance)


@st.composite
def hybrid(draw: st.DrawFn, *, w_type: TensorType = TensorType.INT8) -> OneOp:
    x_shape, w_shape, keep = draw(shapes())
    operands: list[Operand | None] = [
        draw(hybrid_inputs(x_shape)),
        draw(weights(w_shape, np.int8, 0, low=-127, type_=w_type)),
        draw(st.one_of(st.none(), strategies.floats(w_shape[:1]).map(lambda b: Operand(b, constant=True)))),
    ]
    chosen = FullyConnectedOptions(fused_activation_function=draw(strategies.FUSED), keep_num_dims=keep)
    chosen.asymmetric_quantize_inputs = draw(st.booleans())
    return OneOp(BuiltinOperator.FULLY_CONNECTED, operands, [Result(np.float32)], chosen, 12)


@st.composite
def thinned(draw: st.DrawFn, w: Operand, size: int) -> Operand:
    """A constant matrix as the file stores it sparse, in rows of blocks; a block is left out where it is all zero."""
    rows, columns = w.value.shape
    kept = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((rows, columns // size, 1)) < 0.6
    kept[0, 0] = True  # a buffer without bytes is no constant
    x = (w.value.reshape(rows, -1, size) * kept).reshape(rows, columns).astype(w.value.dtype)
    x[0, 0] = x[0, 0] or 1
    x = np.maximum(x, -127) if x.dtype == np.int8 else x
    values, sparsity = rows_of_blocks(x, size, draw(st.sampled_from(list(VECTORS))))
    return replace(w, value=values, sparsity=sparsity, shape=x.shape)


@st.composite
def sparse(draw: st.DrawFn, cases: st.SearchStrategy[OneOp], size: int) -> OneOp:
    """A case of the strategy with as many columns as blocks need, and its weights sparse."""
    case = draw(cases)
    x, w, *rest = case.operands
    assert x is not None
    assert w is not None
    blocks, rows = draw(st.integers(1, 4)), draw(strategies.batch(6))
    wide = np.resize(w.value, (w.value.shape[0], blocks * size))
    if draw(st.booleans()):
        wide = draw(st.permutations(range(wide.shape[1])).map(lambda order: wide[:, order]))
    w = replace(w, value=wide, zero_point=0, constant=True)
    x = replace(x, value=np.resize(x.value, (rows, blocks * size)))
    return replace(case, operands=[x, draw(thinned(w, size)), *rest])


@st.composite
def blockwise(draw: st.DrawFn) -> OneOp:
    """TFLite's kernel takes four rows and 32 columns at least."""
    size, blocks, outputs = draw(st.sampled_from([2, 16, 32])), draw(st.integers(1, 4)), draw(st.integers(4, 20))
    columns = size * blocks * (1 if size == 32 else 32 // size)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scales = (rng.random(outputs * columns // size) * draw(st.sampled_from([1e-3, 0.1, 4.0]))).astype(np.float16)
    values = draw(strategies.integers((outputs, columns), np.int8, -8, 7))
    w = Operand(values, constant=True, type=TensorType.INT4, blocks=(size, scales))
    bias = draw(st.one_of(st.none(), strategies.floats((outputs,)).map(lambda b: Operand(b, constant=True))))
    x = draw(hybrid_inputs((draw(strategies.batch()), columns)))
    chosen = FullyConnectedOptions(asymmetric_quantize_inputs=draw(st.booleans()))
    return OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w, bias], [Result(np.float32)], chosen, 12, optimized=True)


@st.composite
def uint8_to_int16(draw: st.DrawFn) -> OneOp:
    """Without a bias TFLite's process ends: the kernel reads one."""
    case = draw(quantized(np.uint8))
    (y,), (x, w, *_) = case.results, case.operands
    assert x is not None
    assert w is not None
    bias = draw(biases(w.value.shape[0], np.int32, x, w))
    return replace(case, operands=[x, w, bias], results=[Result(np.int16, y.scale)])


CASES = {
    "float32": plain(),
    "int8": quantized(np.int8),
    "uint8": quantized(np.uint8),
    "int16": quantized(np.int16),
    "int16 with int32 bias": quantized(np.int16, bias_type=TensorType.INT32),
    "int4 weights": quantized(np.int8, w_type=TensorType.INT4),
    "int16 with int4 weights": quantized(np.int16, w_type=TensorType.INT4),
    "hybrid": hybrid(),
    "hybrid with int4 weights": hybrid(w_type=TensorType.INT4),
    "int2 weights": quantized(np.int8, w_type=TensorType.INT2),
    "int16 with int2 weights": quantized(np.int16, w_type=TensorType.INT2),
    "hybrid with int2 weights": hybrid(w_type=TensorType.INT2),
    "hybrid with block-wise weights": blockwise(),
    "float32 with sparse weights": st.one_of(sparse(plain(), 1), sparse(plain(), 4)),
    "int8 with sparse weights": sparse(quantized(np.int8), 16),
    "hybrid with sparse weights": sparse(hybrid(), 16),
    "uint8 to int16": uint8_to_int16(),
}
test_matches_reference = matches_reference(CASES)


def tiny(**changes: Any) -> OneOp:
    """x - zx = (1, 2), w - zw = (3, -4) and (1, 1): acc = (-5, 3); M = 1/2, so -2.5 and 1.5."""
    x = Operand(np.array([[3, 4]], np.int8), 1.0, 2)
    w = Operand(np.array([[4, -3], [2, 2]], np.int8), 0.5, 1, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.int8, 1.0)], FullyConnectedOptions(), 6)
    return replace(case, **changes)


def test_by_hand() -> None:
    """Halves go away from zero, where the fixed-point kernels of other operators would round -2.5 to -2."""
    interpreter = Interpreter(tiny().model())
    recording = interpreter.record()
    assert interpreter.run(tiny().feeds())[0].tolist() == [[-3, 2]]
    assert recording.steps(0)["accumulate"].tolist() == [[-5, 3]]
    assert check(tiny()) == 2


@pytest.mark.parametrize("depth", [300, 1200, 5000, 40000])
@pytest.mark.parametrize("ends", [False, True])
def test_long_sums(depth: int, ends: bool) -> None:
    """Sums beyond what float32 holds, and beyond int32, where TFLite's accumulator wraps around."""
    rng = np.random.default_rng(depth)
    x = np.full((3, depth), 127, np.int8) if ends else rng.integers(-128, 128, (3, depth)).astype(np.int8)
    w = np.full((5, depth), 127, np.int8) if ends else rng.integers(-128, 128, (5, depth)).astype(np.int8)
    operands = [Operand(x, 0.5, -128), Operand(w, 0.25, -128, constant=True)]
    assert check(tiny(operands=operands, results=[Result(np.int8, depth**0.5 if not ends else depth * 50.0)])) == 15


@pytest.mark.parametrize("depth", [300, 5000])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_long_hybrid_sums(depth: int, asymmetric: bool) -> None:
    """Sums that float32 rounds on the way to the result."""
    rng = np.random.default_rng(depth)
    x = Operand((rng.normal(0, 1, (3, depth)) + 40).astype(np.float32))
    w = Operand(rng.integers(90, 128, (5, depth)).astype(np.int8), rng.random(5), constant=True)
    chosen = FullyConnectedOptions(asymmetric_quantize_inputs=asymmetric)
    assert check(tiny(operands=[x, w], results=[Result(np.float32)], options=chosen, version=12)) == 15


def in_blocks(**changes: Any) -> OneOp:
    """Four equal rows of two blocks: sums of 16 * 127 * 1 and 16 * 127 * 2, with scales 1 and 1/2."""
    w = np.repeat([[1] * 16 + [2] * 16], 4, axis=0).astype(np.int8)
    scales = np.array([[1, 0.5]] * 4, np.float16)
    x = Operand(np.full((1, 32), 2.55, np.float32))
    weights = Operand(w, constant=True, type=TensorType.INT4, blocks=(16, scales))
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, weights], [Result(np.float32)], FullyConnectedOptions(), 12)
    return replace(case, **{"optimized": True, **changes})


def test_blocks_by_hand() -> None:
    """x is 255 steps of 0.01 above a zero point of -128: y = (16 + 16) * 255 * 0.01."""
    (y,) = Interpreter(in_blocks().model()).run(in_blocks().feeds())
    np.testing.assert_allclose(y, [[81.6] * 4], rtol=1e-6)
    assert check(in_blocks()) == 4
    assert not in_blocks(optimized=False).expected()[0].any()  # the reference kernel has no scale and answers zeros


def test_refusals_of_blocks() -> None:
    x, w = in_blocks().operands
    assert x is not None
    assert w is not None
    assert w.blocks is not None
    relu = FullyConnectedOptions(fused_activation_function=ActivationFunctionType.RELU)
    refuses(in_blocks(options=relu), UnsupportedError, "forgets a fused activation")
    few = replace(w, value=w.value[:3], blocks=(16, w.blocks[1][:3]))
    refuses(in_blocks(operands=[x, few]), UnsupportedError, r"block-wise weights \(3, 32\): TFLite's kernel takes")
    refuses(in_blocks(operands=[x, replace(w, blocks=(16, w.blocks[1][:3]))]), ModelError, "6 block scales for 4 rows")
    refuses(in_blocks(operands=[x, replace(w, blocks=(0, w.blocks[1]))]), ModelError, "into blocks of 0")
    wide = replace(w, blocks=(16, w.blocks[1].astype(np.float32)))
    refuses(in_blocks(operands=[x, wide]), ModelError, "block scales have type float32")
    model = in_blocks().model()
    model.main.tensors[-1].buffer = 0
    with pytest.raises(ModelError, match="tensor 3 should hold its scales and stores none"):
        Interpreter(model).allocate_tensors()


def in_sparse_rows(x: Any, size: int = 16, **changes: Any) -> OneOp:
    """One row of three blocks; the second is left out."""
    w = np.array([[4] * 16 + [0] * 16 + [-3] * 16], np.int8)
    values, sparsity = rows_of_blocks(w, size)
    weights = Operand(values, 0.5, constant=True, sparsity=sparsity, shape=w.shape)
    return tiny(operands=[x, replace(weights, **changes)], results=[Result(x.value.dtype, x.scale)])


def test_sparse_weights_round_twice() -> None:
    """acc = -5 and 5, M = 1/2: fixed point rounds -2.5 up, to -2; dense weights give -3."""
    x = np.zeros((2, 48), np.int8)
    x[:, [0, 47]] = [[1, 3], [-1, -3]]
    case = in_sparse_rows(Operand(x, 1.0))
    assert Interpreter(case.model()).run(case.feeds())[0].tolist() == [[-2], [3]]
    assert check(case) == 2


def test_refusals_of_sparse_weights() -> None:
    x = Operand(np.zeros((1, 48), np.int8), 1.0)
    refuses(in_sparse_rows(x, 8), UnsupportedError, "must be rows of blocks of 16")
    refuses(in_sparse_rows(Operand(x.value.astype(np.int16), 1.0)), UnsupportedError, "sparse weights of this type")
    refuses(in_sparse_rows(x, zero_point=1), ModelError, "sparse weights have a zero point")
    least = np.full((2, 16), -128, np.int8)
    refuses(in_sparse_rows(x, value=least), UnsupportedError, "holds -128; symmetric weights")
    lookup = OneOp(
        BuiltinOperator.EMBEDDING_LOOKUP,
        [Operand(np.zeros(1, np.int32)), in_sparse_rows(x).operands[1]],
        [Result(np.float32)],
    )
    refuses(lookup, UnsupportedError, "stored sparse; TFLite reads such in DENSIFY and FULLY_CONNECTED only")
    long = np.ones((1, 256 * 16), np.int8)
    values, sparsity = rows_of_blocks(long, 16)
    w = Operand(values, 0.5, constant=True, sparsity=sparsity, shape=long.shape)
    wide = tiny(operands=[Operand(long.astype(np.float32)), w], results=[Result(np.float32)])
    refuses(wide, UnsupportedError, "sparse rows of 4096 columns")


def refuses(case: OneOp, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Interpreter(case.model()).allocate_tensors()


def test_refusals() -> None:
    x, w = tiny().operands
    assert x is not None
    assert w is not None
    shuffled = FullyConnectedOptions(weights_format=FullyConnectedOptionsWeightsFormat.SHUFFLED4x16INT8)
    refuses(tiny(options=shuffled), UnsupportedError, "weights_format")
    refuses(tiny(operands=[replace(x, value=np.zeros((1, 3), np.int8)), w]), ShapeError, "into rows of 2")
    keep = FullyConnectedOptions(keep_num_dims=True)
    refuses(
        tiny(operands=[replace(x, value=np.zeros((2, 1), np.int8)), w], options=keep), ShapeError, "does not end in"
    )
    refuses(tiny(operands=[x, replace(w, value=w.value[0])]), ShapeError, "must have 2 dimensions")
    refuses(tiny(operands=[x, replace(w, value=w.value[:, :0])]), ShapeError, "no columns")
    refuses(tiny(operands=[x, replace(w, value=w.value.astype(np.uint8))]), UnsupportedError, "weights of type uint8")
    refuses(tiny(operands=[x, replace(w, scale=[1.0, 2.0], quantized_dimension=1)]), ModelError, "along axis 0")
    refuses(tiny(operands=[x, replace(w, type=TensorType.INT4)]), ModelError, "int4 weights have a zero point")
    far = Operand(np.zeros(2, np.int32), 3.0, constant=True)
    refuses(tiny(operands=[x, w, far]), ModelError, "bias scale 3, expected 0.5 = input 1 [*] weight 0.5")
    refuses(tiny(operands=[x]), ModelError, "operand 1 is missing")


def test_packed_int4_weights_are_refused() -> None:
    """TFLite's optimized kernel quantizes the input to other integers than its reference kernel does."""
    rng = np.random.default_rng(0)
    x = Operand(rng.normal(size=(2, 32)).astype(np.float32))
    for rows, packed in ((4, True), (3, False)):
        w = Operand(rng.integers(-8, 8, (rows, 32)).astype(np.int8), 0.1, constant=True, type=TensorType.INT4)
        case = tiny(operands=[x, w], results=[Result(np.float32)])
        runner = Interpreter(case.model(), kernels="optimized")
        (theirs,) = oracle.outputs(to_bytes(case.model()), case.feeds(), kernels="optimized")
        (reference,) = Interpreter(case.model()).run(case.feeds())
        if packed:
            assert np.abs(theirs - reference).max() > 1e-3
            with pytest.raises(UnsupportedError, match="arithmetic of packed int4 weights is not known"):
                runner.run(case.feeds())
        else:
            np.testing.assert_allclose(runner.run(case.feeds())[0], theirs, atol=1e-6)


@pytest.mark.parametrize("zero_point", [-128, -5, 3])
def test_xnnpack_ignores_the_zero_point_of_int8_weights(zero_point: int) -> None:
    x, w = Operand(np.full((1, 4), 89, np.int8), 1 / 64), np.full((3, 4), 89, np.int8)
    weights = Operand(w, 1 / 64, zero_point, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, weights], [Result(np.int8, 0.5)], FullyConnectedOptions(), 4)
    assert compare(case, "xnnpack") == (3, True)
    assert compare(case, "xnnpack@litert-2.3") == (3, False)  # does not delegate such weights


@pytest.mark.parametrize("kernels", ["xnnpack", "xnnpack@litert-2.3"])
def test_int4_weights_in_xnnpack(kernels: str) -> None:
    """A scale for each row of an even length; a tie in every second sum."""
    rng = np.random.default_rng(12)
    x = Operand(rng.integers(-128, 128, (5, 66)).astype(np.int8), 0.5, 3)
    scales = np.full(19, 0.5, np.float32)
    w = Operand(rng.integers(-8, 8, (19, 66)).astype(np.int8), scales, type=TensorType.INT4, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.int8, 32.0, 5)], FullyConnectedOptions(), 10)
    assert compare(case, kernels) == (5 * 19, True)


def test_what_int4_weights_xnnpack_leaves_alone() -> None:
    """An odd length; in TensorFlow 2.21, one scale for all rows."""
    x = Operand(np.ones((1, 4), np.int8), 0.5)
    w = Operand(np.ones((3, 4), np.int8), 0.5, type=TensorType.INT4, constant=True)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w], [Result(np.int8, 0.5)], FullyConnectedOptions(), 10)
    assert compare(case, "xnnpack") == (3, False)
    assert compare(case, "xnnpack@litert-2.3") == (3, True)
    odd = [replace(x, value=x.value[:, 1:]), replace(w, value=w.value[:, 1:])]
    assert compare(replace(case, operands=odd), "xnnpack@litert-2.3") == (3, False)


def test_int16_without_the_int64_bias_that_is_named() -> None:
    """What the converter writes for a product without a bias: LiteRT 2.3 goes by the name, TensorFlow 2.21 does not."""
    rng = np.random.default_rng(0)
    x = Operand(rng.integers(-32768, 32768, (400, 5)).astype(np.int16), 3.049347e-05)
    w = Operand(rng.integers(-127, 128, (7, 5)).astype(np.int8), np.linspace(0.004, 0.007, 7), [0] * 7, 0, True)
    chosen = FullyConnectedOptions(quantized_bias_type=TensorType.INT64)
    case = OneOp(BuiltinOperator.FULLY_CONNECTED, [x, w, None], [Result(np.int16, 2e-4)], chosen, 5)
    answers = {}
    for kernels in ("reference", "optimized", "xnnpack", "optimized@litert-2.3", "xnnpack@litert-2.3"):
        assert check(case, kernels) == 2800
        answers[kernels] = Interpreter(case.model(), kernels=kernels).run(case.feeds())[0].tolist()
    assert answers["reference"] == answers["optimized@litert-2.3"] == answers["xnnpack@litert-2.3"]
    assert answers["optimized"] == answers["xnnpack"] != answers["reference"]


def extreme(size: float, *, asymmetric: bool) -> OneOp:
    rng = np.random.default_rng(0)
    x = rng.uniform(-size, size, (4, 24)).astype(np.float32)
    x[0, 5], x[1, 6] = size, -size
    w = Operand(rng.integers(-127, 128, (5, 24)).astype(np.int8), 0.1, constant=True)
    chosen = FullyConnectedOptions(asymmetric_quantize_inputs=asymmetric)
    return OneOp(BuiltinOperator.FULLY_CONNECTED, [Operand(x), w], [Result(np.float32)], chosen, 9)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_hybrid_rows_at_the_ends_of_float32(asymmetric: bool) -> None:
    """Results become infinite, no activation clamps them; nearer to 0, or beyond finite numbers, rows are refused."""
    for kernels in ("reference", "optimized", "reference@litert-2.3"):
        for size in (3e38 if not asymmetric else 1.5e38, 2e-36):
            assert check(extreme(size, asymmetric=asymmetric), kernels) == 20
        for size in (np.inf, np.nan, 1e-38, 1e-45):
            case = extreme(1.0, asymmetric=asymmetric)
            (x,) = case.feeds()
            x = np.where(x == 1.0, np.float32(size), x) if size > 1 or np.isnan(size) else x * np.float32(size)
            with pytest.raises(UnsupportedError, match="all within 1e-36 of 0"):
                Interpreter(case.model(), kernels=kernels).run([x])
    y = Interpreter(extreme(3e38, asymmetric=False).model()).run(extreme(3e38, asymmetric=False).feeds())[0]
    assert np.isinf(y).any()
