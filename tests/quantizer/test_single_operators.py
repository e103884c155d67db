"""Every operator the converter quantizes, alone between a graph input and a graph output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qcore.errors import UnsupportedError
from qcore.ir import Model
from qcore.op import find
from qcore.quantizer import quantize
from qcore.rules import State
from tests.quantizer.converter import FloatGraph, check, converted, run
from tflite_schema import (
    AddOptions,
    ArgMaxOptions,
    ArgMinOptions,
    BatchMatMulOptions,
    BuiltinOperator,
    ConcatenationOptions,
    Conv2DOptions,
    DepthToSpaceOptions,
    DepthwiseConv2DOptions,
    DivOptions,
    ExpandDimsOptions,
    ExpOptions,
    FullyConnectedOptions,
    FullyConnectedOptionsWeightsFormat,
    GatherOptions,
    GeluOptions,
    L2NormOptions,
    LeakyReluOptions,
    LogSoftmaxOptions,
    MirrorPadMode,
    MirrorPadOptions,
    MulOptions,
    NegOptions,
    OneHotOptions,
    PackOptions,
    Padding,
    PadOptions,
    PadV2Options,
    Pool2DOptions,
    ReducerOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    ReverseSequenceOptions,
    ScatterNdOptions,
    SelectOptions,
    SelectV2Options,
    ShapeOptions,
    SoftmaxOptions,
    SpaceToDepthOptions,
    SplitOptions,
    SplitVOptions,
    SquareOptions,
    SqueezeOptions,
    StridedSliceOptions,
    SubOptions,
    TensorType,
    TopKV2Options,
    TransposeConvOptions,
    UniqueOptions,
    UnpackOptions,
)

G = FloatGraph
Build = Callable[[G], Any]
X = (1, 4, 4, 4)
_POOL = Pool2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, filter_width=2, filter_height=2)


def unary(name: str, options: Any = None, shape: tuple[int, ...] = X) -> Build:
    return lambda g: g.op(name, [g.input(X)], shape, options=options)


def binary(name: str, options: Any = None, dtype: Any = np.float32) -> Build:
    return lambda g: g.op(name, [g.input(X), g.input(X)], X, options=options, dtype=dtype)


def with_constant(name: str, options: Any = None, dtype: Any = np.float32) -> Build:
    return lambda g: g.op(name, [g.input(X), g.random(1, 1, 1, 4)], X, options=options, dtype=dtype)


def with_integers(
    name: str, values: Any, shape: tuple[int, ...], options: Any = None, dtype: Any = np.float32
) -> Build:
    return lambda g: g.op(name, [g.input(X), g.constant(values, np.int32)], shape, options=options, dtype=dtype)


def reduction(name: str, *, keep_dims: bool = False) -> Build:
    shape = (1, 1, 1, 4) if keep_dims else (1, 4)
    return with_integers(name, [1, 2], shape, ReducerOptions(keep_dims=keep_dims))


def conv(g: G, *, bias: bool = True) -> Any:
    options = Conv2DOptions(stride_w=1, stride_h=1)
    return g.op(
        "CONV_2D", [g.input(X), g.random(5, 3, 3, 4), g.random(5) if bias else -1], (1, 4, 4, 5), options=options
    )


def depthwise(g: G) -> Any:
    options = DepthwiseConv2DOptions(stride_w=1, stride_h=1, depth_multiplier=2)
    return g.op("DEPTHWISE_CONV_2D", [g.input(X), g.random(1, 3, 3, 8), g.random(8)], (1, 4, 4, 8), options=options)


def transpose_conv(g: G, *, bias: bool = False) -> Any:
    inputs = [g.constant([1, 8, 8, 3], np.int32), g.random(3, 3, 3, 4), g.input(X), *([g.random(3)] if bias else [])]
    return g.op("TRANSPOSE_CONV", inputs, (1, 8, 8, 3), options=TransposeConvOptions(stride_w=2, stride_h=2))


def dense(g: G, *, bias: bool = True) -> Any:
    x = g.input((2, 12))
    return g.op("FULLY_CONNECTED", [x, g.random(5, 12), g.random(5) if bias else -1], (2, 5), options=FC)


FC = FullyConnectedOptions(weights_format=FullyConnectedOptionsWeightsFormat.DEFAULT)


def dense_of_activations(g: G) -> Any:
    return g.op("FULLY_CONNECTED", [g.input((2, 12)), g.input((5, 12)), g.random(5)], (2, 5), options=FC)


def matmul(g: G) -> Any:
    return g.op("BATCH_MATMUL", [g.input((2, 3, 4)), g.input((2, 4, 5))], (2, 3, 5), options=BatchMatMulOptions())


def matmul_of_constant(g: G) -> Any:
    return g.op("BATCH_MATMUL", [g.input((2, 3, 4)), g.random(2, 4, 5)], (2, 3, 5), options=BatchMatMulOptions())


def split(g: G) -> Any:
    return g.op(
        "SPLIT", [g.constant(3, np.int32), g.input(X)], (1, 4, 4, 2), (1, 4, 4, 2), options=SplitOptions(num_splits=2)
    )


def split_v(g: G) -> Any:
    inputs = [g.input(X), g.constant([1, 3], np.int32), g.constant(3, np.int32)]
    return g.op("SPLIT_V", inputs, (1, 4, 4, 1), (1, 4, 4, 3), options=SplitVOptions(num_splits=2))


def unpack(g: G) -> Any:
    return g.op("UNPACK", [g.input((2, 3))], (3,), (3,), options=UnpackOptions(num=2, axis=0))


def top_k(g: G) -> Any:
    # The indices are int32; FloatGraph gives all results of one operator the same type.
    values, indices = g.op(
        "TOPK_V2", [g.input((2, 6)), g.constant(2, np.int32)], (2, 2), (2, 2), options=TopKV2Options()
    )
    g.graph.tensors[indices].type, g.graph.tensors[indices].quant = TensorType.INT32, None
    return [values, indices]


def unique(g: G) -> Any:
    values, indices = g.op("UNIQUE", [g.input((6,))], (6,), (6,), options=UniqueOptions(idx_out_type=TensorType.INT32))
    g.graph.tensors[indices].type, g.graph.tensors[indices].quant = TensorType.INT32, None
    return [values, indices]


def select(g: G, name: str, options: Any) -> Any:
    return g.op(name, [g.input(X, np.bool_), g.input(X), g.input(X)], X, options=options)


def mirror_pad(g: G) -> Any:
    options = MirrorPadOptions(mode=MirrorPadMode.REFLECT)
    return with_integers("MIRROR_PAD", [[0, 0], [1, 1], [1, 1], [0, 0]], (1, 6, 6, 4), options)(g)


def padv2(g: G) -> Any:
    paddings = g.constant([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    return g.op("PADV2", [g.input(X), paddings, g.constant(0.5)], (1, 6, 6, 4), options=PadV2Options())


def strided_slice(g: G) -> Any:
    inputs = [g.input(X), *(g.constant(v, np.int32) for v in ([0, 0, 0, 0], [1, 4, 4, 4], [1, 2, 1, 1]))]
    return g.op("STRIDED_SLICE", inputs, (1, 2, 4, 4), options=StridedSliceOptions())


def slice_(g: G) -> Any:
    return g.op(
        "SLICE", [g.input(X), g.constant([0, 1, 0, 0], np.int32), g.constant([1, 2, 4, 4], np.int32)], (1, 2, 4, 4)
    )


def space(g: G, name: str, shape: tuple[int, ...], result: tuple[int, ...]) -> Any:
    margins = g.constant([[0, 0], [0, 0]], np.int32)
    return g.op(name, [g.input(shape), g.constant([2, 2], np.int32), margins], result)


def scatter_nd(g: G) -> Any:
    indices = g.constant([[0], [2]], np.int32)
    return g.op(
        "SCATTER_ND", [indices, g.input((2, 3)), g.constant([4, 3], np.int32)], (4, 3), options=ScatterNdOptions()
    )


def one_hot(g: G) -> Any:
    indices = g.input((3,), np.int32)
    inputs = [indices, g.constant(4, np.int32), g.constant(1.5), g.constant(-0.5)]
    return g.op("ONE_HOT", inputs, (3, 4), options=OneHotOptions(axis=-1))


def fill(g: G) -> Any:
    return g.op("FILL", [g.constant([2, 3], np.int32), g.input(())], (2, 3))


def dynamic_update_slice(g: G) -> Any:
    return g.op("DYNAMIC_UPDATE_SLICE", [g.input((4, 4)), g.input((2, 2)), g.input((2,), np.int32)], (4, 4))


def sparse_to_dense(g: G) -> Any:
    inputs = [g.constant([[0], [2]], np.int32), g.constant([4], np.int32), g.input((2,)), g.constant(0.25)]
    return g.op("SPARSE_TO_DENSE", inputs, (4,))


def matrix_set_diag(g: G) -> Any:
    return g.op("MATRIX_SET_DIAG", [g.input((2, 3, 3)), g.input((2, 3))], (2, 3, 3))


def embedding_lookup(g: G) -> Any:
    return g.op("EMBEDDING_LOOKUP", [g.input((3,), np.int32), g.random(8, 4)], (3, 4))


def pack(g: G) -> Any:
    return g.op("PACK", [g.input(X), g.input(X)], (2, *X), options=PackOptions(values_count=2, axis=0))


def reverse_sequence(g: G) -> Any:
    options = ReverseSequenceOptions(seq_dim=1, batch_dim=0)
    return g.op("REVERSE_SEQUENCE", [g.input((2, 3)), g.constant([1, 2], np.int32)], (2, 3), options=options)


def gather_nd(g: G) -> Any:
    return g.op("GATHER_ND", [g.input((4, 3)), g.constant([[0], [2]], np.int32)], (2, 3))


def prelu(g: G) -> Any:
    return g.op("PRELU", [g.input(X), g.constant(np.abs(g.rng.normal(size=(1, 1, 4))))], X)


# With a shape known in full the optimizer makes these a constant or a RESHAPE.
DYNAMIC = (-1, 4, 4, 4)


def shape(g: G) -> Any:
    x = g.input(X, signature=DYNAMIC)
    return g.op("SHAPE", [x], (4,), options=ShapeOptions(out_type=TensorType.INT32), dtype=np.int32)


def expand_dims(g: G) -> Any:
    inputs = [g.input(X, signature=DYNAMIC), g.constant(0, np.int32)]
    result = g.op("EXPAND_DIMS", inputs, (1, *X), options=ExpandDimsOptions())
    g.graph.tensors[result].shape_signature = (1, *DYNAMIC)
    return result


def squeeze(g: G) -> Any:
    x = g.input((2, 1, 4), signature=(-1, 1, -1))
    result = g.op("SQUEEZE", [x], (2, 4), options=SqueezeOptions(squeeze_dims=[1]))
    g.graph.tensors[result].shape_signature = (-1, -1)
    return result


HALF_PIXELS = ResizeBilinearOptions(half_pixel_centers=True)
CASES: dict[str, list[Build]] = {
    "ABS": [unary("ABS")],
    "ADD": [binary("ADD", AddOptions()), with_constant("ADD", AddOptions())],
    "ARG_MAX": [with_integers("ARG_MAX", 3, X[:3], ArgMaxOptions(output_type=TensorType.INT32), np.int32)],
    "ARG_MIN": [with_integers("ARG_MIN", 3, X[:3], ArgMinOptions(output_type=TensorType.INT32), np.int32)],
    "AVERAGE_POOL_2D": [unary("AVERAGE_POOL_2D", _POOL)],
    "BATCH_MATMUL": [matmul, matmul_of_constant],
    "BATCH_TO_SPACE_ND": [lambda g: space(g, "BATCH_TO_SPACE_ND", (4, 2, 2, 3), (1, 4, 4, 3))],
    "BROADCAST_TO": [with_integers("BROADCAST_TO", [2, 4, 4, 4], (2, 4, 4, 4))],
    "CONCATENATION": [
        lambda g: g.op("CONCATENATION", [g.input(X), g.input(X)], (1, 4, 4, 8), options=ConcatenationOptions(axis=3)),
        lambda g: g.op("CONCATENATION", [g.input(X), g.random(*X)], (1, 4, 4, 8), options=ConcatenationOptions(axis=3)),
    ],
    "CONV_2D": [conv, lambda g: conv(g, bias=False)],
    "DEPTHWISE_CONV_2D": [depthwise],
    "DEPTH_TO_SPACE": [unary("DEPTH_TO_SPACE", DepthToSpaceOptions(block_size=2), (1, 8, 8, 1))],
    "DIV": [binary("DIV", DivOptions())],
    "EMBEDDING_LOOKUP": [embedding_lookup],
    "EQUAL": [binary("EQUAL", None, np.bool_), with_constant("EQUAL", None, np.bool_)],
    "EXP": [unary("EXP", ExpOptions())],
    "EXPAND_DIMS": [expand_dims],
    "FILL": [fill],
    "FULLY_CONNECTED": [dense, lambda g: dense(g, bias=False), dense_of_activations],
    "GATHER": [with_integers("GATHER", [0, 2], (1, 2, 4, 4), GatherOptions(axis=1))],
    "GATHER_ND": [gather_nd],
    "GELU": [unary("GELU", GeluOptions()), unary("GELU", GeluOptions(approximate=True))],
    "GREATER": [binary("GREATER", None, np.bool_)],
    "GREATER_EQUAL": [binary("GREATER_EQUAL", None, np.bool_)],
    "HARD_SWISH": [unary("HARD_SWISH")],
    "L2_NORMALIZATION": [unary("L2_NORMALIZATION", L2NormOptions())],
    "LEAKY_RELU": [unary("LEAKY_RELU", LeakyReluOptions(alpha=0.2))],
    "LESS": [binary("LESS", None, np.bool_), with_constant("LESS", None, np.bool_)],
    "LESS_EQUAL": [binary("LESS_EQUAL", None, np.bool_)],
    "LOG": [unary("LOG")],
    "LOGISTIC": [unary("LOGISTIC")],
    "LOG_SOFTMAX": [unary("LOG_SOFTMAX", LogSoftmaxOptions())],
    "MATRIX_DIAG": [lambda g: g.op("MATRIX_DIAG", [g.input((2, 3))], (2, 3, 3))],
    "MATRIX_SET_DIAG": [matrix_set_diag],
    "MAXIMUM": [binary("MAXIMUM"), with_constant("MAXIMUM")],
    "MAX_POOL_2D": [unary("MAX_POOL_2D", _POOL)],
    "MEAN": [reduction("MEAN"), reduction("MEAN", keep_dims=True)],
    "MINIMUM": [binary("MINIMUM"), with_constant("MINIMUM")],
    "MIRROR_PAD": [mirror_pad],
    "MUL": [binary("MUL", MulOptions()), with_constant("MUL", MulOptions())],
    "ONE_HOT": [one_hot],
    "PACK": [pack],
    "PAD": [with_integers("PAD", [[0, 0], [1, 1], [1, 1], [0, 0]], (1, 6, 6, 4), PadOptions())],
    "PADV2": [padv2],
    "PRELU": [prelu],
    "REDUCE_MAX": [reduction("REDUCE_MAX")],
    "REDUCE_MIN": [reduction("REDUCE_MIN")],
    "REDUCE_PROD": [reduction("REDUCE_PROD")],
    "RELU": [unary("RELU")],
    "RELU6": [unary("RELU6")],
    "RELU_0_TO_1": [unary("RELU_0_TO_1")],
    "RELU_N1_TO_1": [unary("RELU_N1_TO_1")],
    "RESHAPE": [with_integers("RESHAPE", [4, 16], (4, 16))],
    "RESIZE_BILINEAR": [with_integers("RESIZE_BILINEAR", [8, 8], (1, 8, 8, 4), HALF_PIXELS)],
    "RESIZE_NEAREST_NEIGHBOR": [
        with_integers("RESIZE_NEAREST_NEIGHBOR", [8, 8], (1, 8, 8, 4), ResizeNearestNeighborOptions())
    ],
    "REVERSE_SEQUENCE": [reverse_sequence],
    "REVERSE_V2": [with_integers("REVERSE_V2", [1], X)],
    "RSQRT": [unary("RSQRT")],
    "SCATTER_ND": [scatter_nd],
    "SELECT": [lambda g: select(g, "SELECT", SelectOptions())],
    "SELECT_V2": [lambda g: select(g, "SELECT_V2", SelectV2Options())],
    "SHAPE": [shape],
    "SLICE": [slice_],
    "SOFTMAX": [unary("SOFTMAX", SoftmaxOptions(beta=1.0))],
    "SPACE_TO_BATCH_ND": [lambda g: space(g, "SPACE_TO_BATCH_ND", (1, 4, 4, 3), (4, 2, 2, 3))],
    "SPACE_TO_DEPTH": [unary("SPACE_TO_DEPTH", SpaceToDepthOptions(block_size=2), (1, 2, 2, 16))],
    "SPARSE_TO_DENSE": [sparse_to_dense],
    "SPLIT": [split],
    "SPLIT_V": [split_v],
    "SQRT": [unary("SQRT")],
    "SQUARED_DIFFERENCE": [binary("SQUARED_DIFFERENCE"), with_constant("SQUARED_DIFFERENCE")],
    "SQUEEZE": [squeeze],
    "STRIDED_SLICE": [strided_slice],
    "SUB": [binary("SUB", SubOptions()), with_constant("SUB", SubOptions())],
    "SUM": [reduction("SUM")],
    "TANH": [unary("TANH")],
    "TILE": [with_integers("TILE", [1, 2, 1, 1], (1, 8, 4, 4))],
    "TOPK_V2": [top_k],
    "TRANSPOSE": [with_integers("TRANSPOSE", [0, 3, 1, 2], X)],
    "TRANSPOSE_CONV": [transpose_conv, lambda g: transpose_conv(g, bias=True)],
    "UNIQUE": [unique],
    "UNPACK": [unpack],
}
# These stay in float in TensorFlow 2.21, though other tools or newer versions quantize some of them.
FLOAT: dict[str, Build] = {
    "ELU": unary("ELU"),
    "NEG": unary("NEG", NegOptions()),
    "POW": binary("POW"),
    "FLOOR": unary("FLOOR"),
    "CEIL": unary("CEIL"),
    "ROUND": unary("ROUND"),
    "SIN": unary("SIN"),
    "COS": unary("COS"),
    "FLOOR_DIV": binary("FLOOR_DIV"),
    "FLOOR_MOD": binary("FLOOR_MOD"),
    "SQUARE": unary("SQUARE", SquareOptions()),
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
}
# Resource variables hold no range; RANK is always folded into a constant.
ELSEWHERE = {"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "RANK"}
VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {},
    "int8": {"inference_input_type": "int8", "inference_output_type": "int8"},
    "uint8": {"inference_input_type": "uint8", "inference_output_type": "uint8", "per_channel": False},
}


def model_of(build: Build, seed: int = 1, span: tuple[float, float] | None = None) -> Model:
    graph = FloatGraph(seed, span)
    results = build(graph)
    return graph.model(*(results if isinstance(results, list) else [results]))


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.parametrize("name", list(CASES))
def test_equals_the_converter(name: str, variant: str) -> None:
    for seed, build in enumerate(CASES[name]):
        check(model_of(build, seed), **VARIANTS[variant])


@pytest.mark.parametrize("name", list(FLOAT))
def test_stays_in_float(name: str) -> None:
    ours = check(model_of(FLOAT[name]), inference_input_type="int8", inference_output_type="int8")
    assert "DEQUANTIZE" in operators(ours)


def test_not_equal_stays_in_float() -> None:
    """Unlike the other comparisons."""
    assert "DEQUANTIZE" in operators(check(model_of(binary("NOT_EQUAL", None, np.bool_)), inference_input_type="int8"))


def operators(model: Model | None) -> list[str]:
    assert model is not None
    return [operator.name for operator in model.main.operators]


def test_no_quantizable_operator_is_left_out() -> None:
    quantizable = set()
    for code in BuiltinOperator:
        try:
            rules = find(code).rules
        except UnsupportedError:
            continue
        if "int8" in rules.quantizable and not any(isinstance(c, State) for c in rules.inputs):
            quantizable.add(code.name)
    assert quantizable - ELSEWHERE <= set(CASES)


# The converter quantizes these, but TFLite has no int8 kernel, or none of the version the converter writes.
WITHOUT_KERNEL = {"REVERSE_SEQUENCE"}


@pytest.mark.parametrize("name", list(CASES))
def test_runs_where_the_converters_runs(name: str) -> None:
    model = model_of(CASES[name][0], span=(0.0, 1.0))
    ours = quantize(model)
    if name not in WITHOUT_KERNEL:
        assert all(np.isfinite(values).all() for values in run(ours) if values.dtype.kind == "f")
        return
    for content in (ours, converted(model)):
        with pytest.raises((RuntimeError, ValueError)):
            run(content)
