"""Chains of layers whose channels differ in range."""

from __future__ import annotations

import numpy as np

from qcore import Model
from tests.quantizer.converter import FloatGraph
from tflite_schema import (
    ActivationFunctionType,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    Pool2DOptions,
)

RELU, RELU6 = ActivationFunctionType.RELU, ActivationFunctionType.RELU6
SIZE, CHANNELS = 6, 8
SHAPE = (1, SIZE, SIZE, CHANNELS)


class Network(FloatGraph):
    """A chain of layers whose channels differ in range by up to `spread`."""

    def __init__(self, spread: float = 100.0) -> None:
        super().__init__()
        self.spread = spread
        self.x = self.input(SHAPE)

    def _weights(self, shape: tuple[int, ...], axis: int) -> int:
        factors = self.spread ** self.rng.uniform(-0.5, 0.5, shape[axis])
        fan_in = np.prod(shape) / shape[axis]
        w = self.rng.normal(0, 1 / np.sqrt(fan_in), shape)
        return self.constant(w * np.expand_dims(factors, tuple(i for i in range(len(shape)) if i != axis)))

    def conv(self, activation: ActivationFunctionType = RELU) -> Network:
        operands = [self.x, self._weights((CHANNELS, 1, 1, CHANNELS), 0), self.random(CHANNELS)]
        options = Conv2DOptions(stride_w=1, stride_h=1, fused_activation_function=activation)
        self.x = self.op("CONV_2D", operands, self.shape(self.x), options=options)
        return self

    def depthwise(self, activation: ActivationFunctionType = RELU, bias: bool = True) -> Network:
        operands = [self.x, self._weights((1, 3, 3, CHANNELS), 3), self.random(CHANNELS) if bias else -1]
        options = DepthwiseConv2DOptions(
            stride_w=1, stride_h=1, depth_multiplier=1, fused_activation_function=activation
        )
        self.x = self.op("DEPTHWISE_CONV_2D", operands, self.shape(self.x), options=options)
        return self

    def pool(self) -> Network:
        options = Pool2DOptions(stride_w=2, stride_h=2, filter_width=2, filter_height=2)
        shape = (1, self.shape(self.x)[1] // 2, self.shape(self.x)[2] // 2, CHANNELS)
        self.x = self.op("MAX_POOL_2D", [self.x], shape, options=options)
        return self

    def relu(self) -> Network:
        self.x = self.op("RELU", [self.x], self.shape(self.x))
        return self

    def dense(self) -> Network:
        rows = int(np.prod(self.shape(self.x))) // CHANNELS
        operands = [self.x, self.random(5, CHANNELS), -1]
        self.x = self.op("FULLY_CONNECTED", operands, (rows, 5), options=FullyConnectedOptions())
        return self

    def done(self) -> Model:
        return self.model(self.x)


def unbalanced(spread: float) -> Model:
    """conv, depthwise, conv, whose channels are scaled up in one layer and down in the next.

    The network computes what it did with equal ranges, but its weights are up to `spread` times apart, as folded batch
    normalization leaves them.
    """
    model = Network(1.0).conv().depthwise().conv(ActivationFunctionType.NONE).done()
    factors = [spread ** np.random.default_rng(seed).uniform(-0.5, 0.5, CHANNELS) for seed in (1, 2)]
    conv, depthwise, last = model.main.operators
    for operand, factor in (
        (conv.inputs[1], factors[0][:, None, None, None]),
        (conv.inputs[2], factors[0]),
        (depthwise.inputs[1], factors[1] / factors[0]),
        (depthwise.inputs[2], factors[1]),
        (last.inputs[1], 1 / factors[1]),
    ):
        tensor = model.main.tensors[operand]
        values = model.constant(tensor)
        assert values is not None
        tensor.buffer = model.add_buffer((values * factor).astype(np.float32))
    return model
