"""Nodes that XNNPACK takes, against TFLite's default in TensorFlow and in ai-edge-litert.

tests/test_every_kernel_set.py draws what the operators' own tests draw, of which XNNPACK refuses much; here every case
is one that it takes, which is asserted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from qcore.errors import UnsupportedError
from qcore.interpreter import Interpreter
from qcore.tflite import to_bytes
from tests import movement, oracle, strategies
from tests.movement import constant
from tests.one_op import OneOp, Operand, Result, check, compare
from tflite_schema import (
    ActivationFunctionType,
    AddOptions,
    BuiltinOperator,
    DepthToSpaceOptions,
    MulOptions,
    ReducerOptions,
    ReshapeOptions,
    SliceOptions,
    SpaceToDepthOptions,
    SplitOptions,
    StridedSliceOptions,
    SubOptions,
    TransposeOptions,
)

BYTES = (np.int8, np.uint8)
RUNTIMES = ("xnnpack", "xnnpack@litert-2.3")
Draw = st.DrawFn


def taken(case: OneOp, kernels: str) -> int:
    """The number of values compared, after asserting that XNNPACK takes the node."""
    compared = compare(case, kernels)
    assert compared.delegated
    return compared.values


def operand(draw: Draw, shape: tuple[int, ...]) -> Operand:
    return draw(movement.operand(shape, draw(st.sampled_from(BYTES))))


def shape(draw: Draw, least: int = 1, most: int = 5) -> tuple[int, ...]:
    return draw(movement.shape(least, most, 6))


def box(draw: Draw, sizes: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """begin and end of a box with something in it."""
    begin = [draw(st.integers(0, size - 1)) for size in sizes]
    return begin, [draw(st.integers(first + 1, size)) for first, size in zip(begin, sizes, strict=True)]


def slice_(draw: Draw) -> OneOp:
    x = operand(draw, shape(draw))
    begin, end = box(draw, x.value.shape)
    index = draw(st.sampled_from([np.int32, np.int64]))
    operands = [x, constant(begin, index), constant(np.subtract(end, begin), index)]
    return OneOp(BuiltinOperator.SLICE, operands, [movement.like(x)], SliceOptions())


def strided_slice(draw: Draw) -> OneOp:
    """Bounds from either end, beyond the end, masked, or ends as lengths."""
    x = operand(draw, shape(draw))
    sizes = x.value.shape
    begin, end = box(draw, sizes)
    begin_mask, end_mask = (draw(st.integers(0, 2 ** len(sizes) - 1)) for _ in range(2))
    starts = [0 if begin_mask >> i & 1 else first for i, first in enumerate(begin)]
    offset = draw(st.booleans())
    if offset:
        end = [
            size - start if end_mask >> i & 1 else last - start for i, (start, last, size) in _each(starts, end, sizes)
        ]
    else:
        end = [
            last - size if draw(st.booleans()) and last < size else last for last, size in zip(end, sizes, strict=True)
        ]
        end = [
            last + 3 if last == size and draw(st.booleans()) else last for last, size in zip(end, sizes, strict=True)
        ]
    begin = [first - size if draw(st.booleans()) else first for first, size in zip(begin, sizes, strict=True)]
    options = StridedSliceOptions(begin_mask=begin_mask, end_mask=end_mask, offset=offset)
    operands = [x, constant(begin), constant(end), constant([1] * len(sizes))]
    return OneOp(BuiltinOperator.STRIDED_SLICE, operands, [movement.like(x)], options)


def _each(*lists: Any) -> Any:
    return enumerate(zip(*lists, strict=True))


def split(draw: Draw) -> OneOp:
    sizes, parts = list(shape(draw)), draw(st.integers(2, 4))
    axis = draw(st.integers(-len(sizes), len(sizes) - 1))
    sizes[axis] *= parts
    x = operand(draw, tuple(sizes))
    return OneOp(BuiltinOperator.SPLIT, [constant(axis), x], [movement.like(x)] * parts, SplitOptions(num_splits=parts))


def transpose(draw: Draw) -> OneOp:
    x = operand(draw, shape(draw, 1, 6))
    order = [axis - draw(st.sampled_from([0, x.value.ndim])) for axis in draw(st.permutations(range(x.value.ndim)))]
    return OneOp(BuiltinOperator.TRANSPOSE, [x, constant(order)], [movement.like(x)], TransposeOptions())


def reshape(draw: Draw) -> OneOp:
    x = operand(draw, shape(draw))
    wanted = list(draw(st.permutations(x.value.shape)))
    if draw(st.booleans()):
        wanted[draw(st.integers(0, len(wanted) - 1))] = -1
    return OneOp(BuiltinOperator.RESHAPE, [x, constant(wanted)], [movement.like(x)], ReshapeOptions())


def space_to_depth(draw: Draw) -> OneOp:
    block = draw(st.integers(2, 4))
    n, h, w, c = shape(draw, 4, 4)
    x = operand(draw, (n, h * block, w * block, c))
    return OneOp(BuiltinOperator.SPACE_TO_DEPTH, [x], [movement.like(x)], SpaceToDepthOptions(block_size=block))


def depth_to_space(draw: Draw) -> OneOp:
    block = draw(st.integers(2, 4))
    n, h, w, c = shape(draw, 4, 4)
    x = operand(draw, (n, h, w, c * block * block))
    return OneOp(BuiltinOperator.DEPTH_TO_SPACE, [x], [movement.like(x)], DepthToSpaceOptions(block_size=block))


def _reduction(code: BuiltinOperator, rescales: bool) -> Callable[[Draw], OneOp]:
    def draw_case(draw: Draw) -> OneOp:
        x = operand(draw, shape(draw))
        rank = x.value.ndim
        axes = draw(st.lists(st.integers(0, rank - 1), min_size=1, max_size=rank, unique=True))
        axes = [axis - draw(st.sampled_from([0, rank])) for axis in axes]
        result = movement.like(x)
        if rescales:
            dtype = x.value.dtype
            result = Result(dtype, draw(strategies.scales()), draw(strategies.zero_points(dtype)))
        return OneOp(code, [x, constant(axes)], [result], ReducerOptions(keep_dims=draw(st.booleans())), 2)

    return draw_case


def _table(code: BuiltinOperator) -> Callable[[Draw], OneOp]:
    """All 256 numbers, between scales of any ratio."""

    def draw_case(draw: Draw) -> OneOp:
        dtype = np.int8 if code == BuiltinOperator.ELU else draw(st.sampled_from(BYTES))
        limits = np.iinfo(dtype)
        x = Operand(
            np.arange(limits.min, limits.max + 1, dtype=dtype),
            draw(strategies.scales()),
            draw(strategies.zero_points(dtype)),
        )
        result = Result(dtype, draw(strategies.scales()), draw(strategies.zero_points(dtype)))
        if code == BuiltinOperator.LOGISTIC:
            result = Result(dtype, 1 / 256, limits.min)
        return OneOp(code, [x], [result], None, 1 if code == BuiltinOperator.ELU else 2)

    return draw_case


def _from_its_own_test(name: str, *variants: str) -> Callable[[Draw], OneOp]:
    """Of what the operator's own test draws, the nodes that XNNPACK takes in both runtimes."""

    def draw_case(draw: Draw) -> OneOp:
        table = importlib.import_module(f"tests.ops.test_{name}").CASES
        case: OneOp = draw(table[draw(st.sampled_from(variants))])
        model = case.model([y.shape for y in Interpreter(case.model()).run(case.feeds())])
        for kernels in RUNTIMES:
            runner = Interpreter(model, kernels=kernels)
            try:
                runner.allocate_tensors()
            except UnsupportedError:
                reject()
            assume(runner.executors()[0].refused is None)
        return case

    return draw_case


CASES: dict[str, Callable[[Draw], OneOp]] = {
    "slice": slice_,
    "strided_slice": strided_slice,
    "split": split,
    "transpose": transpose,
    "reshape": reshape,
    "space_to_depth": space_to_depth,
    "depth_to_space": depth_to_space,
    "reduce_max": _reduction(BuiltinOperator.REDUCE_MAX, rescales=False),
    "reduce_min": _reduction(BuiltinOperator.REDUCE_MIN, rescales=False),
    "mean": _reduction(BuiltinOperator.MEAN, rescales=True),
    "sum": _reduction(BuiltinOperator.SUM, rescales=True),
    "elu": _table(BuiltinOperator.ELU),
    "logistic": _table(BuiltinOperator.LOGISTIC),
    "tanh": _table(BuiltinOperator.TANH),
    "batch_matmul": _from_its_own_test("batch_matmul", "int8"),
    "fully_connected": _from_its_own_test("fully_connected", "int4 weights", "hybrid with int4 weights"),
    "resize_bilinear": _from_its_own_test("resize_bilinear", "int8", "uint8"),
    "transpose_conv": _from_its_own_test("transpose_conv", "int8", "uint8"),
}


@pytest.mark.parametrize("kernels", RUNTIMES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_equals_tflite(name: str, kernels: str, data: st.DataObject) -> None:
    taken(data.draw(st.composite(CASES[name])()), kernels)


@pytest.mark.conformance
@pytest.mark.parametrize("kernels", RUNTIMES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=2000, derandomize=False, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_equals_tflite_in_many_cases(name: str, kernels: str, data: st.DataObject) -> None:
    taken(data.draw(st.composite(CASES[name])()), kernels)


@pytest.mark.parametrize("kernels", RUNTIMES)
def test_where_the_last_bit_of_a_table_decides(kernels: str) -> None:
    """expm1 of the C library is no nearest number: here the entry lies on the other side of a tie."""
    x = np.arange(-128, 128, dtype=np.int8)
    for scale, result, zero_point in ((0.002882522763684392, 0.0078125, 56), (0.016264310106635094, 0.007, 21)):
        taken(OneOp(BuiltinOperator.ELU, [Operand(x, scale)], [Result(np.int8, result, zero_point)]), kernels)


@pytest.mark.parametrize("kernels", RUNTIMES)
def test_a_reshape_between_other_parameters_is_refused(kernels: str) -> None:
    x = Operand(np.arange(6, dtype=np.int8), 0.5, 1)
    for result in (Result(np.int8, 0.5, 2), Result(np.int8, 0.25, 1)):
        case = OneOp(BuiltinOperator.RESHAPE, [x, constant([2, 3])], [result], ReshapeOptions())
        assert check(case, kernels) == 6


@pytest.mark.parametrize("code", [BuiltinOperator.ADD, BuiltinOperator.SUB, BuiltinOperator.MUL])
def test_litert_drops_dimensions_that_a_constant_number_brings(code: BuiltinOperator) -> None:
    options = {"ADD": AddOptions, "SUB": SubOptions, "MUL": MulOptions}[code.name]
    x, number = Operand(np.arange(5, dtype=np.int8), 0.5), Operand(np.full((1, 1, 1), 4, np.int8), 0.5, constant=True)
    for activation in (ActivationFunctionType.NONE, ActivationFunctionType.RELU):
        case = OneOp(code, [x, number], [Result(np.int8, 0.5)], options(fused_activation_function=activation), 2)
        assert taken(case, "xnnpack") == 5
        if activation == ActivationFunctionType.NONE:
            assert taken(case, "xnnpack@litert-2.3") == 5
        else:
            theirs = oracle.outputs(to_bytes(case.model([(1, 1, 5)])), case.feeds(), kernels="xnnpack@litert-2.3")
            assert theirs[0].shape == (5,)
            with pytest.raises(UnsupportedError, match="drops leading dimensions"):
                Interpreter(case.model(), kernels="xnnpack@litert-2.3").allocate_tensors()


@pytest.mark.parametrize("shape", [[-1], [12], [-1, 6]])
@pytest.mark.parametrize("operand", [True, False])
def test_litert_leaves_a_reshape_to_one_open_dimension(shape: list[int], operand: bool) -> None:
    operands = [Operand(np.arange(12, dtype=np.int8).reshape(3, 4), 0.5)]
    if operand:
        operands.append(constant(shape))
    case = OneOp(BuiltinOperator.RESHAPE, operands, [Result(np.int8, 0.5)], ReshapeOptions(new_shape=shape))
    assert compare(case, "xnnpack") == (12, True)
    assert compare(case, "xnnpack@litert-2.3") == (12, shape != [-1])
