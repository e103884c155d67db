"""Random float graphs: chains and joins of operators that share scales, fix them, have their own, or stay in float.

Left out are combinations that the converter's optimizer rewrites on the way (RELU after CONV_2D becomes the
convolution's fused activation, and so on): a converted float model no longer contains them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from qcore.ir import Model
from tests.quantizer.converter import FloatGraph
from tflite_schema import (
    AddOptions,
    ArgMaxOptions,
    ConcatenationOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    GatherOptions,
    LeakyReluOptions,
    MirrorPadMode,
    MirrorPadOptions,
    MulOptions,
    NegOptions,
    PackOptions,
    Padding,
    PadOptions,
    PadV2Options,
    Pool2DOptions,
    ReducerOptions,
    ResizeBilinearOptions,
    SoftmaxOptions,
    SplitOptions,
    StridedSliceOptions,
    SubOptions,
    TensorType,
    TransposeConvOptions,
)

Shape = tuple[int, int, int, int]
SHAPE: Shape = (1, 4, 4, 4)

_POOL = Pool2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, filter_width=2, filter_height=2)
_UNARY = {
    "LOGISTIC": None,
    "TANH": None,
    "SOFTMAX": SoftmaxOptions(beta=1.0),
    "HARD_SWISH": None,
    "LEAKY_RELU": LeakyReluOptions(alpha=0.25),
    "MAX_POOL_2D": _POOL,
    "AVERAGE_POOL_2D": _POOL,
    "NEG": NegOptions(),
    "SIN": None,
    "FLOOR": None,
    "ELU": None,
}
_BINARY = {"ADD": AddOptions(), "SUB": SubOptions(), "MUL": MulOptions(), "MAXIMUM": None, "MINIMUM": None, "POW": None}
_WEIGHTED = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "PRELU"]
# The optimizer fuses a RELU into these.
_FUSING = frozenset([*_WEIGHTED, "ADD", "SUB", "MUL", "MAX_POOL_2D", "AVERAGE_POOL_2D", "CONCATENATION", "RELU"])


class _Drawing:
    """One graph being drawn: `narrow` and `wide` are the values of the two shapes so far."""

    def __init__(self, data: st.DataObject, seed: int, shape: Shape) -> None:
        self.draw = data.draw
        self.shape = shape
        self.wider = (*shape[:3], 2 * shape[3])
        self.channels = shape[3]
        self.graph = FloatGraph(seed)
        self.narrow: list[int] = []
        self.wide: list[int] = []
        self.others: list[int] = []
        self.made_by: dict[int, str] = {}
        self.constants: list[int] = []

    def pick(self, values: list[int]) -> int:
        return self.draw(st.sampled_from(values))

    def add(self, name: str, inputs: list[int], *shapes: Any, options: Any = None, dtype: Any = np.float32) -> Any:
        made = self.graph.op(name, inputs, *shapes, options=options, dtype=dtype)
        for tensor in made if isinstance(made, list) else [made]:
            self.made_by[tensor] = name
            shape = self.graph.shape(tensor)
            if dtype == np.float32 and shape in (self.shape, self.wider):
                (self.narrow if shape == self.shape else self.wide).append(tensor)
            else:
                self.others.append(tensor)
        return made

    def constant(self) -> int:
        """A per-channel float constant: new, or one that is used already."""
        if self.constants and self.draw(st.integers(0, 3)) == 0:
            return self.pick(self.constants)
        self.constants.append(self.graph.random(1, 1, 1, self.channels))
        return self.constants[-1]

    # One method for each kind of step; each adds operators that lead back to the two shapes.

    def unary(self) -> None:
        name = self.draw(st.sampled_from(sorted(_UNARY)))
        self.add(name, [self.pick(self.narrow)], self.shape, options=_UNARY[name])

    def binary(self) -> None:
        name = self.draw(st.sampled_from(sorted(_BINARY)))
        other = self.constant() if self.draw(st.booleans()) else self.pick(self.narrow)
        self.add(name, [self.pick(self.narrow), other], self.shape, options=_BINARY[name])

    def relu(self) -> None:
        plain = [tensor for tensor in self.narrow if self.made_by.get(tensor) not in _FUSING]
        if plain:
            self.add("RELU", [self.pick(plain)], self.shape)

    def weighted(self) -> None:
        graph, x, channels = self.graph, self.pick(self.narrow), self.channels
        kind = self.draw(
            st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "PRELU"])
        )
        bias = -1 if self.draw(st.booleans()) else graph.random(channels)
        if kind == "CONV_2D":
            weights = graph.random(channels, 1, 1, channels)
            self.add(kind, [x, weights, bias], self.shape, options=Conv2DOptions(stride_w=1, stride_h=1))
        elif kind == "DEPTHWISE_CONV_2D":
            options = DepthwiseConv2DOptions(padding=Padding.SAME, stride_w=1, stride_h=1, depth_multiplier=1)
            self.add(kind, [x, graph.random(1, 2, 2, channels), bias], self.shape, options=options)
        elif kind == "FULLY_CONNECTED":
            dense = FullyConnectedOptions(keep_num_dims=True)
            self.add(kind, [x, graph.random(channels, channels), bias], self.shape, options=dense)
        elif kind == "TRANSPOSE_CONV":
            shape = graph.constant(self.shape, np.int32)
            operands = [shape, graph.random(channels, 1, 1, channels), x, *([bias] if bias >= 0 else [])]
            self.add(kind, operands, self.shape, options=TransposeConvOptions(stride_w=1, stride_h=1))
        else:
            self.add(kind, [x, graph.constant(np.abs(graph.rng.normal(size=(1, 1, channels))))], self.shape)

    def concatenation(self) -> None:
        operands = [self.pick(self.narrow), self.pick(self.narrow)]
        self.add("CONCATENATION", operands, self.wider, options=ConcatenationOptions(axis=3))

    def narrowing(self) -> None:
        graph = self.graph
        if not self.wide:
            self.concatenation()
        x = self.pick(self.wide)
        kind = self.draw(st.sampled_from(["SLICE", "STRIDED_SLICE", "SPLIT", "GATHER"]))
        if kind == "SLICE":
            begin, size = graph.constant([0, 0, 0, self.channels // 2], np.int32), graph.constant(self.shape, np.int32)
            self.add(kind, [x, begin, size], self.shape)
        elif kind == "STRIDED_SLICE":
            begin, end = graph.constant([0, 0, 0, 0], np.int32), graph.constant(self.wider, np.int32)
            strides = graph.constant([1, 1, 1, 2], np.int32)
            self.add(kind, [x, begin, end, strides], self.shape, options=StridedSliceOptions())
        elif kind == "SPLIT":
            options = SplitOptions(num_splits=2)
            parts = self.add(kind, [graph.constant(3, np.int32), x], self.shape, self.shape, options=options)
            self.add("ADD", parts, self.shape, options=AddOptions())
        else:
            indices = graph.constant([*range(0, 2 * self.channels - 2, 2), 2 * self.channels - 1], np.int32)
            self.add(kind, [x, indices], self.shape, options=GatherOptions(axis=3))

    def padding(self) -> None:
        graph, x = self.graph, self.pick(self.narrow)
        batches, height, width, channels = self.shape
        larger = batches, height + 2, width + 2, channels
        paddings = graph.constant([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
        kind = self.draw(st.sampled_from(["PAD", "PADV2", "MIRROR_PAD"]))
        if kind == "PAD":
            padded = self.add(kind, [x, paddings], larger, options=PadOptions())
        elif kind == "PADV2":
            padded = self.add(kind, [x, paddings, graph.constant(0.5)], larger, options=PadV2Options())
        else:
            mirror = MirrorPadOptions(mode=MirrorPadMode.REFLECT)
            padded = self.add(kind, [x, paddings], larger, options=mirror)
        pool = Pool2DOptions(padding=Padding.VALID, stride_w=1, stride_h=1, filter_width=3, filter_height=3)
        self.add("MAX_POOL_2D", [padded], self.shape, options=pool)

    def reduction(self) -> None:
        axes = self.graph.constant([1, 2], np.int32)
        name = self.draw(st.sampled_from(["MEAN", "SUM", "REDUCE_MAX"]))
        shape, options = (self.shape[0], 1, 1, self.channels), ReducerOptions(keep_dims=True)
        reduced = self.add(name, [self.pick(self.narrow), axes], shape, options=options)
        self.add("MUL", [self.pick(self.narrow), reduced], self.shape, options=MulOptions())

    def resize(self) -> None:
        batches, height, width, channels = self.shape
        size = self.graph.constant([height, width], np.int32)
        half = batches, height // 2, width // 2, channels
        pool = Pool2DOptions(padding=Padding.VALID, stride_w=2, stride_h=2, filter_width=2, filter_height=2)
        small = self.add("MAX_POOL_2D", [self.pick(self.narrow)], half, options=pool)
        self.add("RESIZE_BILINEAR", [small, size], self.shape, options=ResizeBilinearOptions(half_pixel_centers=True))

    def integers(self) -> None:
        if self.draw(st.booleans()):
            axis = self.graph.constant(3, np.int32)
            plain = [tensor for tensor in self.narrow if self.made_by.get(tensor) != "SOFTMAX"]
            options = ArgMaxOptions(output_type=TensorType.INT32)
            self.add("ARG_MAX", [self.pick(plain), axis], self.shape[:3], options=options, dtype=np.int32)
        else:
            operands = [self.pick(self.narrow), self.pick(self.narrow)]
            self.add("LESS", operands, self.shape, dtype=np.bool_)

    def pack(self) -> None:
        operands = [self.pick(self.narrow), self.pick(self.narrow)]
        self.add("PACK", operands, (2, *self.shape), options=PackOptions(values_count=2, axis=0))


_STEPS = [
    *["unary"] * 3,
    *["binary"] * 3,
    *["weighted"] * 3,
    *["relu", "concatenation", "narrowing", "padding", "reduction", "resize", "integers", "pack"],
]


@st.composite
def float_graphs(draw: st.DrawFn, most: int = 12, shape: Shape = SHAPE, least: int = 1) -> Model:
    """A float model with ranges; what nothing reads is an output, and sometimes what something reads is one too."""
    drawing = _Drawing(draw(st.data()), draw(st.integers(0, 2**32 - 1), label="seed"), shape)
    for _ in range(draw(st.integers(1, 2))):
        drawing.narrow.append(drawing.graph.input(shape))
    inputs = list(drawing.narrow)
    for _ in range(draw(st.integers(least, most))):
        getattr(drawing, draw(st.sampled_from(_STEPS)))()
    read = {tensor for operator in drawing.graph.graph.operators for tensor in operator.inputs}
    made = [tensor for tensor in (*drawing.narrow, *drawing.wide, *drawing.others) if tensor not in inputs]
    outputs = [tensor for tensor in made if tensor not in read]
    spare = [tensor for tensor in made if tensor in read]
    if spare and draw(st.integers(0, 3)) == 0:
        outputs.append(draw(st.sampled_from(spare)))
    return drawing.graph.model(*outputs)
