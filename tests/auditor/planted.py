"""Operators on random data where every rule of the catalogue that concerns them matters."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.one_op import OneOp, Operand, Result
from tflite_schema import (
    ActivationFunctionType,
    AddOptions,
    BatchMatMulOptions,
    BuiltinOperator,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    MulOptions,
    Padding,
    Pool2DOptions,
    ReducerOptions,
    TransposeConvOptions,
)

RNG = np.random.default_rng(20)
RELU6 = ActivationFunctionType.RELU6


def draw(*shape: int, dtype: Any = np.int8) -> Any:
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def bias(scales: Any) -> Operand:
    size = np.size(scales)
    return Operand(RNG.integers(-9000, 9000, size if size > 1 else 8, np.int32), scales, constant=True)


SCALES = np.roll(np.linspace(0.0011, 0.0029, 8), 3).astype(np.float32)
X = Operand(draw(2, 14, 14, 3), 0.05, -37)
WINDOW: dict[str, Any] = {"padding": Padding.SAME, "stride_h": 2, "stride_w": 2, "fused_activation_function": RELU6}
CASES = {
    "CONV_2D": OneOp(
        BuiltinOperator.CONV_2D,
        [X, Operand(draw(8, 3, 3, 3), SCALES, 0, 0, constant=True), bias(np.float32(0.05) * SCALES)],
        [Result(np.int8, 0.03, -90)],
        Conv2DOptions(**WINDOW),
        3,
    ),
    "DEPTHWISE_CONV_2D": OneOp(
        BuiltinOperator.DEPTHWISE_CONV_2D,
        [
            Operand(draw(2, 14, 14, 8), 0.05, -37),
            Operand(draw(1, 3, 3, 8), SCALES, 0, 3, constant=True),
            bias(np.float32(0.05) * SCALES),
        ],
        [Result(np.int8, 0.03, -90)],
        DepthwiseConv2DOptions(depth_multiplier=1, **WINDOW),
        3,
    ),
    "FULLY_CONNECTED": OneOp(
        BuiltinOperator.FULLY_CONNECTED,
        [Operand(draw(300, 16), 0.5, 11), Operand(draw(8, 16), 0.25, 5, constant=True), bias(0.125)],
        [Result(np.int8, 256.0, 3)],
        FullyConnectedOptions(),
        4,
    ),
    "FULLY_CONNECTED int16": OneOp(
        BuiltinOperator.FULLY_CONNECTED,
        [
            Operand(draw(2000, 16, dtype=np.int16), 0.05),
            Operand(draw(8, 16), SCALES, 0, 0, constant=True),
            Operand(RNG.integers(-(2**20), 2**20, 8), np.float32(0.05) * SCALES, constant=True),
        ],
        [Result(np.int16, 0.03)],
        FullyConnectedOptions(),
        4,
    ),
    "CONV_2D uint8": OneOp(
        BuiltinOperator.CONV_2D,
        [
            Operand(draw(2, 14, 14, 3, dtype=np.uint8), 0.05, 120),
            Operand(draw(8, 3, 3, 3, dtype=np.uint8), 0.002, 131, constant=True),
            bias(np.float32(0.05) * np.float32(0.002)),
        ],
        [Result(np.uint8, 0.05, 30)],
        Conv2DOptions(**WINDOW),
        1,
    ),
    "ADD": OneOp(
        BuiltinOperator.ADD,
        [Operand(draw(5000), 0.5, 7), Operand(draw(5000), 0.25, -9)],
        [Result(np.int8, 0.5, 4)],
        AddOptions(),
        2,
    ),
    "MUL": OneOp(
        BuiltinOperator.MUL,
        [Operand(draw(5000), 0.5, 7), Operand(draw(5000), 0.25, -9)],
        [Result(np.int8, 8.0, 4)],
        MulOptions(),
        2,
    ),
    "TRANSPOSE_CONV": OneOp(
        BuiltinOperator.TRANSPOSE_CONV,
        [
            Operand(np.array([2, 14, 14, 8], np.int32), constant=True),
            Operand(draw(8, 3, 3, 3), SCALES, 0, 0, constant=True),
            Operand(draw(2, 7, 7, 3), 0.05, -37),
            bias(np.float32(0.05) * SCALES),
        ],
        [Result(np.int8, 0.05, -20)],
        TransposeConvOptions(padding=Padding.SAME, stride_h=2, stride_w=2),
        3,
    ),
    "BATCH_MATMUL": OneOp(
        BuiltinOperator.BATCH_MATMUL,
        [Operand(draw(2, 60, 16), 0.5, 11), Operand(draw(2, 16, 8), 0.25, 5)],
        [Result(np.int8, 256.0, 3)],
        BatchMatMulOptions(),
        2,
    ),
    "AVERAGE_POOL_2D": OneOp(
        BuiltinOperator.AVERAGE_POOL_2D,
        [Operand(draw(4, 15, 15, 6), 0.05, -37)],
        [Result(np.int8, 0.05, -37)],
        Pool2DOptions(
            padding=Padding.SAME,
            stride_h=2,
            stride_w=2,
            filter_height=3,
            filter_width=4,
            fused_activation_function=ActivationFunctionType.RELU,
        ),
        2,
    ),
    "MEAN": OneOp(
        BuiltinOperator.MEAN,
        [Operand(draw(40, 30, 6), 0.5, 7), Operand(np.array([2], np.int32), constant=True)],
        [Result(np.int8, 0.375, -4)],
        ReducerOptions(keep_dims=False),
        2,
    ),
    "SUM": OneOp(
        BuiltinOperator.SUM,
        [Operand(draw(40, 30, 6), 0.5, 7), Operand(np.array([2], np.int32), constant=True)],
        [Result(np.int8, 2.0, -4)],
        ReducerOptions(keep_dims=False),
        2,
    ),
    "QUANTIZE": OneOp(BuiltinOperator.QUANTIZE, [Operand(draw(5000), 0.25, 7)], [Result(np.uint8, 0.5, 140)], None, 2),
    "QUANTIZE float32": OneOp(
        BuiltinOperator.QUANTIZE,
        [Operand(RNG.integers(-200, 200, 5000).astype(np.float32) / np.float32(4))],
        [Result(np.int8, 0.5, 9)],
        None,
        1,
    ),
}
