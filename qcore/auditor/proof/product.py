"""A sum of products with constant integer weights, whatever its operator: one matrix of weights and what of it is seen.

Every element of the result is a sum over the taps that its position sees (a convolution at the border sees fewer) and
over the depth of each tap. `product` reads this from an operator and from the constants its own kernel prepares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.taps import operands
from qcore.ir import Model
from qcore.numerics.window import Geometry
from qcore.op import Array, Node, NodeTensor, find
from qcore.ops import _conv, _fully_connected_hybrid, batch_matmul, fully_connected, transpose_conv
from qcore.ops._hybrid import row_sums
from qcore.ops._product import Tail
from tflite_schema import BatchMatMulOptions, BuiltinOperator, TensorType

__all__ = ["PRODUCTS", "Product", "product"]

PRODUCTS = frozenset(
    {
        BuiltinOperator.CONV_2D,
        BuiltinOperator.DEPTHWISE_CONV_2D,
        BuiltinOperator.FULLY_CONNECTED,
        BuiltinOperator.BATCH_MATMUL,
        BuiltinOperator.TRANSPOSE_CONV,
    }
)
_INTEGERS = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT4, TensorType.INT2)
_LARGEST_ZERO_POINT = 1 << 16
_MOST_SEEN = 1 << 24  # positions that differ, times taps
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """acc[s, c] = sum over the taps t that s sees, over d, of u[t, d] * weights[c, t, d], then + bias[c].

    weights: w - zw, [rows, taps, depth] in the order in which TFLite's reference kernel adds; rows are the channels of
    each matrix of a BATCH_MATMUL, channels elsewhere. seen: bool [kinds, taps], the kinds of positions there are;
    positions: where in the result the first of each kind is, without the channel (`channel_axis` tells where that
    stands). sources: [channels or 1, depth], which index of the input's last axis each product reads, None where that
    is not one index. zero_point, weight_zero_point: zx and zw.

    u = x - zx of the input's integers; hybrid: u = q - z, both worked out from the data, z = 0 unless `asymmetric`.
    bits: of the accumulator. tail: from accumulator to result; None where the accumulator is the result, or a float
    follows.
    """

    node: Node
    weights: Array
    seen: NDArray[np.bool_]
    positions: tuple[Index, ...]
    sources: NDArray[np.intp] | None
    bias: NDArray[np.int64]
    zero_point: int = 0
    weight_zero_point: int = 0
    tail: Tail | None = None
    bits: int = 32
    hybrid: bool = False
    asymmetric: bool = False
    channel_axis: int = -1

    @property
    def x(self) -> NodeTensor:
        """The operand that is no constant."""
        x, w = operands(self.node)
        return x if w.value is not None else w

    @property
    def channels(self) -> int:
        """How many results a position has."""
        return self.bias.size

    @property
    def terms(self) -> int:
        """How many products are added up at most."""
        return int(self.seen.sum(axis=1).max(initial=0)) * self.weights.shape[2]

    def at(self, kind: int, channel: int) -> Index:
        """The index of an element of the result."""
        position = self.positions[kind]
        axis = len(position) + 1 + self.channel_axis
        return (*position[:axis], channel, *position[axis:])


def product(model: Model, n: Node) -> Product | None:
    """The product that a node of the model computes; None if it is no product in integers.

    UnsupportedError says why nothing can be said of it from the weights.
    """
    code = n.operator.code
    if code not in PRODUCTS:
        return None
    x, w = operands(n)
    if w.value is None and x.value is not None and code == BuiltinOperator.BATCH_MATMUL:
        x, w = w, x
    if w.type not in _INTEGERS or x.type not in (*_INTEGERS, TensorType.FLOAT32):
        return None
    if w.value is None:
        raise n.unsupported("the weights are known at run time only")
    if x.value is not None:
        raise n.unsupported("both operands are constants: there is no input to bound the sum over")
    if x.type == TensorType.FLOAT32 and n.output().type != TensorType.FLOAT32:
        return None
    op = find(code)
    op.variant(n)
    shape = op.infer(n)[0]
    if shape is None:
        raise n.unsupported("the shape of the result is known at run time only")
    n = replace(n, outputs=(replace(n.output(), shape=shape),))
    if 0 in shape:
        raise n.unsupported(f"the result {shape} is empty")
    found = _READERS[code](model, n)
    if max(abs(found.zero_point), abs(found.weight_zero_point)) > _LARGEST_ZERO_POINT:
        raise n.unsupported("a zero point lies far outside its type")
    return found


def _prepared(n: Node) -> Any:
    """What the kernel prepares; the weights are left out, so that their matrix is not made."""
    x, w = operands(n)
    if x.type == TensorType.FLOAT32 or w.sparsity is not None:
        return find(n.operator.code).prepare(n)
    blind = tuple(replace(t, value=None) if t is w else t for t in n.inputs)
    return find(n.operator.code).prepare(replace(n, inputs=blind))


def _fixed_image(model: Model, n: Node) -> None:
    """Refuse an image whose height or width the file leaves open: what its border sees is not known."""
    x, _ = operands(n)
    signature = model.subgraphs[n.subgraph].tensors[x.index].shape_signature or ()
    if any(size < 0 for size in signature[1:3]):
        raise n.unsupported("the height or width of the image is known at run time only")


def _weights(w: Array, zero_point: int) -> Array:
    """w - zw, as it is where there is nothing to subtract."""
    return np.subtract(w, zero_point, dtype=np.int32) if zero_point else w


def _bias(n: Node, position: int, channels: int) -> NDArray[np.int64]:
    tensor = n.optional_input(position)
    if tensor is None or tensor.type == TensorType.FLOAT32:
        return np.zeros(channels, np.int64)
    if tensor.value is None:
        raise n.unsupported("the bias is known at run time only")
    return tensor.value.reshape(-1).astype(np.int64)


def _bits(n: Node, tail: Tail, bias_position: int) -> int:
    bias = n.optional_input(bias_position)
    wide = tail.no_bias is not None or tail.parts[0][1].rule == "int64_accumulator"
    return 64 if wide or (bias is not None and bias.type == TensorType.INT64) else 32


def _convolution(model: Model, n: Node) -> Product:
    _fixed_image(model, n)
    x, w = operands(n)
    p = _prepared(n)
    assert w.value is not None
    depthwise = n.operator.code == BuiltinOperator.DEPTHWISE_CONV_2D
    value = w.value.transpose(3, 1, 2, 0) if depthwise else w.value
    channels, height, width, depth = value.shape
    rows = [_window_taps(size, p.geometry, axis) for axis, size in enumerate(x.shape[1:3])]
    seen, positions = _kinds(n, rows)
    per_group = channels // (x.shape[3] if depthwise else p.groups)
    sources = np.arange(channels)[:, None] // per_group * depth + np.arange(depth)
    if not depthwise and p.groups == 1:
        sources = sources[:1]
    made = Product(n, value.reshape(channels, height * width, depth), seen, positions, sources, _bias(n, 2, channels))
    if isinstance(p, _conv.HybridParams):
        return replace(made, hybrid=True, asymmetric=p.asymmetric)
    return _quantized(made, p)


def _quantized(made: Product, p: _conv.Params | fully_connected.Params) -> Product:
    """The product with what a quantized kernel's constants say of it."""
    return replace(
        made,
        weights=_weights(made.weights, p.weight_zero_point),
        zero_point=p.input_zero_point,
        weight_zero_point=p.weight_zero_point,
        tail=p.tail,
        bits=_bits(made.node, p.tail, 2),
    )


def _transposed(model: Model, n: Node) -> Product:
    _fixed_image(model, n)
    x, w = operands(n)
    if x.type == TensorType.FLOAT32:
        raise n.unsupported("every product becomes a float before it is added: there is no integer accumulator")
    p = _prepared(n)
    assert isinstance(p, transpose_conv.Params)
    assert w.value is not None
    channels, height, width, depth = w.shape
    rows = [_scattered_taps(size, p.geometry, axis) for axis, size in enumerate(p.shape[1:3])]
    seen, positions = _kinds(n, rows)
    backwards = slice(None, None, -1)  # the first pixel that adds to a result does so with its last tap
    return Product(
        n,
        _weights(w.value.reshape(channels, height * width, depth)[:, backwards], p.weight_zero_point),
        seen[:, backwards],
        positions,
        np.arange(depth)[None],
        _bias(n, 3, channels),
        p.input_zero_point,
        p.weight_zero_point,
        p.tail,
        _bits(n, p.tail, 3),
    )


def _dense(model: Model, n: Node) -> Product:
    x, w = operands(n)
    p = _prepared(n)
    assert w.value is not None
    channels, depth = w.shape
    last = x.shape[-1]
    sources = np.arange(depth)[None] % last if depth % last == 0 else None
    made = Product(
        n,
        w.value.reshape(channels, 1, depth),
        np.ones((1, 1), np.bool_),
        ((0,) * (len(n.output().shape) - 1),),
        sources,
        _bias(n, 2, channels),
    )
    if isinstance(p, fully_connected.Params):
        return _quantized(made, p)
    if not isinstance(p, _fully_connected_hybrid.HybridParams):
        raise n.unsupported("weights in blocks or stored sparse have several accumulators for each result")
    if p.asymmetric and not np.array_equal(row_sums(w.value), w.value.sum(axis=1, dtype=np.int64)):
        raise n.unsupported("TFLite's 16-bit sums of the weights overflow")
    return replace(made, hybrid=True, asymmetric=p.asymmetric)


def _matrices(model: Model, n: Node) -> Product:
    """Constant matrices on either side; the channels are the columns of the right or the rows of the left one."""
    options = n.options(BatchMatMulOptions)
    left, right = n.input(0), n.input(1)
    if left.type == TensorType.FLOAT32:
        raise n.unsupported("TFLite subtracts the zero point's part in float32: there is no integer accumulator")
    p = find(n.operator.code).prepare(n)
    assert isinstance(p, batch_matmul.Params)
    on_right = right.value is not None
    w, axis = (right, -1) if on_right else (left, -2)
    assert w.value is not None
    transposed = options.adj_y if on_right else not options.adj_x
    matrices = w.value if transposed else np.swapaxes(w.value, -1, -2)  # [..., channels, depth]
    lead, (channels, depth) = matrices.shape[:-2], matrices.shape[-2:]
    indices = (0,) * (len(n.output().shape) - 2 - len(lead))
    places = tuple((*indices, *place, 0) for place in np.ndindex(lead))
    last_is_depth = not options.adj_x if on_right else options.adj_y
    wide = p.tail is not None and p.tail.parts[0][1].rule == "int64_accumulator"
    zero_point, weight_zero_point = p.zero_points if on_right else p.zero_points[::-1]
    return Product(
        n,
        _weights(matrices.reshape(-1, 1, depth), weight_zero_point),
        np.ones((1, 1), np.bool_),
        places,
        np.arange(depth)[None] if last_is_depth else None,
        np.zeros(channels, np.int64),
        zero_point,
        weight_zero_point,
        p.tail,
        64 if wide else 32,
        channel_axis=axis,
    )


_READERS: dict[BuiltinOperator, Callable[[Model, Node], Product]] = {
    BuiltinOperator.CONV_2D: _convolution,
    BuiltinOperator.DEPTHWISE_CONV_2D: _convolution,
    BuiltinOperator.TRANSPOSE_CONV: _transposed,
    BuiltinOperator.FULLY_CONNECTED: _dense,
    BuiltinOperator.BATCH_MATMUL: _matrices,
}


# --- what a position sees ---


def _window_taps(size: int, g: Geometry, axis: int) -> NDArray[np.bool_]:
    """[output, kernel]: whether a tap of the window at each output lies inside the image."""
    start = np.arange(g.output[axis])[:, None] * g.strides[axis] - g.pad_before[axis]
    place = start + np.arange(g.kernel[axis]) * g.dilations[axis]
    return np.asarray((place >= 0) & (place < size))


def _scattered_taps(size: int, g: Geometry, axis: int) -> NDArray[np.bool_]:
    """[result, kernel]: whether a pixel of the input meets each result with this tap."""
    distance = np.arange(size)[:, None] + g.pad_before[axis] - np.arange(g.kernel[axis])
    pixel, rest = np.divmod(distance, g.strides[axis])
    return np.asarray((rest == 0) & (pixel >= 0) & (pixel < g.output[axis]))


def _kinds(n: Node, axes: list[NDArray[np.bool_]]) -> tuple[NDArray[np.bool_], tuple[Index, ...]]:
    """Every kind of position: which taps it sees, and the first that is of this kind."""
    (rows, row_at), (columns, column_at) = (np.unique(seen, axis=0, return_index=True) for seen in axes)
    if len(rows) * len(columns) * rows.shape[1] * columns.shape[1] > _MOST_SEEN:
        raise n.unsupported("the window sees too many different parts of the image to look at each")
    seen = rows[:, None, :, None] & columns[None, :, None, :]
    positions = tuple((0, int(row), int(column)) for row in row_at for column in column_at)
    return seen.reshape(len(positions), -1), positions
