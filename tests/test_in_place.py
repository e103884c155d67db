"""The memory planner's rule, proved through TFLite's calibrator: which operands' ranges take in a result's values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import tflite_schema as schema
from qcore.calibration import Calibration, is_observable
from qcore.in_place import lost_values, overwritten_operands, shared_memory
from qcore.ir import Model, Operator, Shape, Subgraph, Tensor
from qcore.tflite import load, to_bytes
from tests import oracle
from tflite_schema import BuiltinOperator as Op
from tflite_schema import TensorType

Array = NDArray[Any]
TINY = np.float32(np.finfo(np.float32).tiny)
START = (np.float32(np.finfo(np.float32).max), TINY)
OPTIONS: dict[Op, Any] = {
    Op.ADD: schema.AddOptions,
    Op.SUB: schema.SubOptions,
    Op.MUL: schema.MulOptions,
    Op.DIV: schema.DivOptions,
    Op.RESHAPE: schema.ReshapeOptions,
    Op.EXPAND_DIMS: schema.ExpandDimsOptions,
    Op.SQUEEZE: lambda: schema.SqueezeOptions(squeeze_dims=np.array([0], np.int32)),
    Op.SOFTMAX: lambda: schema.SoftmaxOptions(beta=1.0),
    Op.NEG: schema.NegOptions,
    Op.ABS: schema.AbsOptions,
}
BINARY = (Op.ADD, Op.SUB, Op.MUL, Op.DIV)
UNARY = (Op.SOFTMAX, Op.NEG, Op.ABS)


class Graph:
    """A graph under construction: every method returns the index of the tensor it makes."""

    def __init__(self) -> None:
        self.model = Model(subgraphs=[], buffers=[None])
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.inputs: list[int] = []

    def tensor(self, shape: Sequence[int], value: Array | None = None, type_: TensorType = TensorType.FLOAT32) -> int:
        buffer = 0 if value is None else self.model.add_buffer(value)
        self.tensors.append(Tensor(f"t{len(self.tensors)}", tuple(shape), type_, buffer))
        return len(self.tensors) - 1

    def input(self, shape: Sequence[int]) -> int:
        self.inputs.append(self.tensor(shape))
        return self.inputs[-1]

    def constant(self, value: Any, dtype: Any = np.float32) -> int:
        array = np.asarray(value, dtype)
        type_ = TensorType.FLOAT32 if dtype == np.float32 else TensorType.INT32
        return self.tensor(array.shape, array, type_)

    def op(self, code: Op, *inputs: int, shape: Sequence[int] | None = None) -> int:
        y = self.tensor(self.tensors[inputs[0]].shape if shape is None else shape)
        options = OPTIONS[code]() if code in OPTIONS else None
        self.operators.append(Operator(code, inputs, (y,), options))
        return y

    def reshape(self, x: int, shape: Sequence[int]) -> int:
        return self.op(Op.RESHAPE, x, self.constant(shape, np.int32), shape=shape)

    def finish(self, outputs: Iterable[int]) -> Model:
        main = Subgraph("main", self.tensors, self.operators, tuple(self.inputs), tuple(sorted(set(outputs))))
        self.model.subgraphs = [main]
        return self.model


@st.composite
def graphs(draw: st.DrawFn) -> Model:
    """Elementwise operators, reshapes and softmax over a few live tensors, wired at random."""
    g = Graph()
    base = draw(st.sampled_from([(1, 6), (1, 6), (1, 1), (2, 3)]))
    live = [g.input(base) for _ in range(draw(st.integers(1, 2)))]
    constants = [g.constant(np.linspace(0.5, 2, int(np.prod(base))).reshape(base)), g.constant([[1.5]])]
    for _ in range(draw(st.integers(2, 12))):
        code = draw(st.sampled_from([*BINARY, *UNARY, Op.RESHAPE, Op.RESHAPE, Op.EXPAND_DIMS, Op.SQUEEZE]))
        x = draw(st.sampled_from(live[-4:]))
        shape = g.tensors[x].shape
        if code in BINARY:
            same = [t for t in live[-5:] if g.tensors[t].shape == shape]
            fixed = [t for t in constants if len(g.tensors[t].shape) == len(shape) == 2 and shape == base]
            others = fixed if code == Op.DIV else same + fixed
            if not others:
                continue
            operands = [x, draw(st.sampled_from(others))]
            if code != Op.DIV and draw(st.booleans()):
                operands.reverse()
            live.append(g.op(code, *operands, shape=shape))
        elif code == Op.RESHAPE:
            count = int(np.prod(shape))
            live.append(g.reshape(x, draw(st.sampled_from([shape, (1, count), (count, 1)]))))
        elif code == Op.EXPAND_DIMS and len(shape) < 4:
            live.append(g.op(code, x, g.constant([0], np.int32), shape=(1, *shape)))
        elif code == Op.SQUEEZE and len(shape) > 2:
            live.append(g.op(code, x, shape=shape[1:]))
        elif code in UNARY:
            live.append(g.op(code, x))
    assume(g.operators)
    used = {tensor for op in g.operators for tensor in op.inputs}
    results = [op.outputs[0] for op in g.operators]
    ends = [y for y in results if y not in used]
    extra = draw(st.lists(st.sampled_from(results), max_size=1))
    return g.finish([*(y for y in ends[:-1] if draw(st.booleans())), ends[-1], *extra])


def samples_for(model: Model, count: int = 2) -> list[list[Array]]:
    rng = np.random.default_rng(len(model.main.tensors))
    shapes = [model.main.tensors[t].shape for t in model.main.inputs]
    return [[rng.uniform(-2, 2, shape).astype(np.float32) for shape in shapes] for _ in range(count)]


def theirs(model: Model, samples: Sequence[Sequence[Array]]) -> dict[int, Any]:
    """The ranges of TFLite's own calibrator."""
    oracle.tensorflow()
    from tensorflow.lite.python.optimize import calibrator

    content = calibrator.add_intermediate_tensors(to_bytes(model))
    calibrated = calibrator.Calibrator(content).calibrate(lambda: iter([list(sample) for sample in samples]))
    return dict(Calibration.from_model(load(bytes(calibrated))).ranges())


def values(model: Model, samples: Sequence[Sequence[Array]]) -> list[dict[int, Array]]:
    """Every tensor's value for every sample, from TFLite's interpreter with all tensors preserved: nothing shared."""
    lite = oracle.tensorflow().lite
    resolver = lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    runner = lite.Interpreter(
        model_content=to_bytes(model),
        experimental_op_resolver_type=resolver,
        experimental_preserve_all_tensors=True,
        num_threads=4,
    )
    for index, value in zip(model.main.inputs, samples[0], strict=True):
        runner.resize_tensor_input(index, value.shape)
    runner.allocate_tensors()
    found = []
    for sample in samples:
        for index, value in zip(model.main.inputs, sample, strict=True):
            runner.set_tensor(index, value)
        runner.invoke()
        tensors = {t for op in model.main.operators for t in (*op.inputs, *op.outputs)}
        found.append({t: runner.get_tensor(t) for t in tensors if is_observable(model, model.main.tensors[t])})
    return found


def predicted(
    model: Model, samples: Sequence[Sequence[Array]], shapes: dict[int, Shape] | None = None
) -> dict[int, Any]:
    """The ranges of those values, each overwritten operand's taking in the result's."""
    overwritten = overwritten_operands(model, 0, shapes)
    ranges: dict[int, Any] = {}

    def see(index: int, value: Array) -> None:
        low, high = ranges.get(index, START)
        ranges[index] = (min(low, value.min()), max(high, value.max()))

    for sample in values(model, samples):
        for index, value in sample.items():
            see(index, value)
        for number, operands in overwritten.items():
            for index in operands:
                see(index, sample[model.main.operators[number].outputs[0]])
    return ranges


def flushed(ranges: dict[int, Any]) -> dict[int, Any]:
    """Ranges with denormals as zero: TFLite's threads flush them or not, as it happens."""
    return {i: tuple(v if abs(v) >= TINY else np.float32(0) for v in ranges[i]) for i in sorted(ranges)}


@given(graphs())
def test_ranges_follow_from_values_and_rule(model: Model) -> None:
    assume(not lost_values(model))
    samples = samples_for(model)
    assert flushed(predicted(model, samples)) == flushed(theirs(model, samples))


def reused_twice() -> Model:
    """x is reshaped twice, both shapes are read by MUL; its result lies over both of them."""
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 6)))
    first = g.reshape(x, (6, 1))
    second = g.reshape(first, (6, 1))
    return g.finish([g.op(Op.NEG, g.op(Op.MUL, first, second))])


def test_every_alias_of_the_overwritten_memory_counts() -> None:
    model = reused_twice()
    samples = samples_for(model)
    assert overwritten_operands(model) == {3: (3, 5)}
    assert predicted(model, samples) == theirs(model, samples)


SIX = np.linspace(-3, 3, 6, dtype=np.float32)[None]


@pytest.mark.parametrize("code", [*BINARY, Op.SOFTMAX], ids=lambda code: code.name)
@pytest.mark.parametrize("position", [0, 1])
def test_data_changing_operators(code: Op, position: int) -> None:
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 6)))
    operands = [x] if code == Op.SOFTMAX else [x, g.constant(SIX / 10 + 0.5)]
    if position == 1 and code != Op.SOFTMAX:
        operands.reverse()
    model = g.finish([g.op(Op.NEG, g.op(code, *operands))])
    assert overwritten_operands(model) == {1: (x,)}
    ranges = theirs(model, [[SIX - 10]])
    assert predicted(model, [[SIX - 10]]) == ranges
    assert ranges[x] != (np.float32(7), np.float32(13)), "the result must widen the range to prove the rule"


def test_dynamic_update_slice_overwrites_its_operand() -> None:
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 6)))
    update, start = g.constant(np.full((1, 2), 50)), g.constant([0, 1], np.int32)
    model = g.finish([g.op(Op.NEG, g.op(Op.DYNAMIC_UPDATE_SLICE, x, update, start))])
    assert overwritten_operands(model) == {1: (x,)}
    assert theirs(model, [[SIX]])[x] == (np.float32(-3), np.float32(50))


def test_a_graph_input_stays() -> None:
    g = Graph()
    x = g.input((1, 6))
    model = g.finish([g.op(Op.NEG, g.op(Op.ADD, x, g.constant(SIX + 10)))])
    assert overwritten_operands(model) == {}
    assert predicted(model, [[SIX]]) == theirs(model, [[SIX]])


def test_a_graph_output_has_its_own_memory() -> None:
    g = Graph()
    model = g.finish([g.op(Op.ADD, g.op(Op.NEG, g.input((1, 6))), g.constant(SIX + 10))])
    assert overwritten_operands(model) == {}
    assert predicted(model, [[SIX]]) == theirs(model, [[SIX]])


def test_an_operand_that_is_broadcast_stays() -> None:
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 2)))
    column = g.constant([[10.0], [20.0]])
    model = g.finish([g.op(Op.NEG, g.op(Op.ADD, x, column, shape=(2, 2)))])
    assert overwritten_operands(model) == {}
    assert predicted(model, [[SIX[:, :2]]]) == theirs(model, [[SIX[:, :2]]])


def test_an_operand_read_twice_stays() -> None:
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 6)))
    model = g.finish([g.op(Op.NEG, g.op(Op.ADD, x, x))])
    assert overwritten_operands(model) == {}
    assert predicted(model, [[SIX]]) == theirs(model, [[SIX]])


def test_shapes_of_the_first_sample_decide() -> None:
    """Four bytes are never shared; the file says one element, the sample brings eight."""
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 1)))
    model = g.finish([g.op(Op.NEG, g.op(Op.ADD, x, g.constant([[10.0]])))])
    for tensor in model.main.tensors[:2]:
        tensor.shape_signature = (-1, 1)
    assert overwritten_operands(model) == {}
    shapes: dict[int, Shape] = dict.fromkeys((0, x, 3), (8, 1))
    assert overwritten_operands(model, 0, shapes) == {1: (x,)}
    one, eight = np.full((1, 1), 2, np.float32), np.linspace(0, 2, 8, dtype=np.float32)[:, None]
    assert predicted(model, [[one]]) == theirs(model, [[one]])
    assert predicted(model, [[eight]], shapes) == theirs(model, [[eight]])


def test_the_value_tflite_loses() -> None:
    """b is x under another shape and c is b; MUL may take c, and x has one reader: but b is still needed."""
    g = Graph()
    x = g.op(Op.NEG, g.input((1, 6)))
    b = g.reshape(x, (6, 1))
    c = g.reshape(b, (6, 1))
    product = g.op(Op.MUL, c, g.constant([[100.0]]))
    total = g.op(Op.NEG, b)
    model = g.finish([g.op(Op.NEG, product), total])
    assert shared_memory(model) == {b: x, c: x, product: x}
    assert lost_values(model) == [(b, 3, 4)]
    assert theirs(model, [[SIX]])[total] == (np.float32(-300), np.float32(300)), "TFLite negates the product instead"
    kept = values(model, [[SIX]])[0]
    assert (kept[total].min(), kept[total].max()) == (np.float32(-3), np.float32(3))
