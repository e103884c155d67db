"""One-operator models: described in a line, written by our own writer, run by us and by TFLite, all values compared.

Each tests/ops/test_<op>.py declares `CASES`: variant -> strategy of `OneOp`. `matches_reference(CASES)` makes the
property test of them, and the conformance run draws from the same table until it has compared enough values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.executors import CLOSE
from qcore.interpreter import Interpreter
from qcore.ir import Model, Operator, QuantParams, Shape, Subgraph, Tensor, numpy_dtype, tensor_type
from qcore.numerics.float32 import from_bfloat16
from qcore.numerics.packing import pack_int2, pack_int4, pack_uint4
from qcore.op import find
from qcore.tflite import to_bytes
from tests import oracle
from tflite_schema import BlockwiseQuantization, BuiltinOperator, SparsityParameters, TensorType

Array = NDArray[Any]


@dataclass(frozen=True)
class Operand:
    """An operand: `value` is fed at run time, or stored in the file where `constant`.

    `sparsity` describes a constant of another `shape` of which `value` holds the kept numbers. `blocks`: the size of a
    block and the scale of each, for a constant quantized block by block.
    """

    value: Array
    scale: Any = None
    zero_point: Any = 0
    quantized_dimension: int = 0
    constant: bool = False
    variable: bool = False
    type: TensorType | None = None
    sparsity: SparsityParameters | None = None
    shape: Shape | None = None
    blocks: tuple[int, Array] | None = None

    @property
    def quant(self) -> QuantParams | None:
        return None if self.scale is None else QuantParams.of(self.scale, self.zero_point, self.quantized_dimension)


@dataclass(frozen=True)
class Result:
    """A result: its dtype, and its quantization where it has one. The shape is inferred, by TFLite and by us."""

    dtype: Any
    scale: Any = None
    zero_point: Any = 0
    shape: Shape = ()
    type: TensorType | None = None

    @property
    def quant(self) -> QuantParams | None:
        return None if self.scale is None else QuantParams.of(self.scale, self.zero_point)


@dataclass(frozen=True)
class OneOp:
    """A one-operator model with its data. An operand of None is an omitted optional one."""

    code: BuiltinOperator
    operands: Sequence[Operand | None]
    results: Sequence[Result]
    options: Any = None
    version: int = 1
    tolerance: float = 0.0  # of the reference output's range; for float results only
    intermediates: Sequence[Result] = field(default=())
    graphs: Sequence[Subgraph] = ()  # further graphs of the model, from index 1 on
    optimized: bool = False  # compare with the optimized kernels: TFLite registers no reference kernel for some
    invocations: int = 1  # runs in a row; the last one is compared: variable tensors keep their state between them

    def model(self, shapes: Sequence[Shape] = ()) -> Model:
        """The model, as the IR; `shapes` of the results, for runtimes that look at them before they infer any."""
        model = Model(subgraphs=[], buffers=[None])
        tensors: list[Tensor] = []
        inputs: list[int] = []
        fed: list[int] = []
        for position, operand in enumerate(self.operands):
            if operand is None:
                inputs.append(-1)
                continue
            type_ = operand.type or tensor_type(operand.value.dtype)
            tensor = Tensor(f"operand{position}", operand.shape or operand.value.shape, type_, 0, operand.quant)
            tensor.is_variable = operand.variable
            if operand.sparsity is not None:
                tensor.extra["sparsity"] = operand.sparsity
            if operand.constant:
                tensor.buffer = model.add_buffer(stored(operand.value, type_))
            inputs.append(len(tensors))
            if not operand.constant and not operand.variable:
                fed.append(len(tensors))
            tensors.append(tensor)
        made = range(len(tensors), len(tensors) + len(self.results))
        for position, result in enumerate([*self.results, *self.intermediates]):
            type_ = result.type or tensor_type(result.dtype)
            shape = shapes[position] if position < len(shapes) else result.shape
            tensors.append(Tensor(f"result{position}", shape, type_, 0, result.quant))
        for index, operand in zip(inputs, self.operands, strict=True):
            if operand is not None and operand.blocks is not None:
                _add_blocks(model, tensors, tensors[index], *operand.blocks)
        operator = Operator(self.code, tuple(inputs), tuple(made), self.options, self.version)
        operator.intermediates = tuple(range(made.stop, made.stop + len(self.intermediates)))
        model.subgraphs = [Subgraph("main", tensors, [operator], tuple(fed), tuple(made)), *self.graphs]
        return model

    def feeds(self) -> list[Array]:
        """The values of the operands that are fed at run time."""
        return [o.value for o in self.operands if o is not None and not o.constant and not o.variable]

    def expected(self, release: str = "") -> list[Array]:
        """What the reference kernels answer, of TensorFlow or of another release: "@litert-2.3"."""
        kernels = ("optimized" if self.optimized else "reference") + release
        return oracle.outputs(to_bytes(self.model()), self.feeds(), self.invocations, kernels=kernels)

    @property
    def against(self) -> str:
        """Whose kernels answer."""
        return "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if self.optimized else "BUILTIN_REF"


@dataclass(frozen=True)
class InModel(OneOp):
    """An operator that does nothing alone, such as one that reads a variable: a case is a whole model around it."""

    around: Model = field(default_factory=lambda: Model(subgraphs=[]))
    values: Sequence[Array] = ()

    @staticmethod
    def of(code: BuiltinOperator, around: Model, values: Sequence[Array], **options: Any) -> InModel:
        """A case of the model, fed with values in input order."""
        tensors = [around.main.tensors[index] for index in around.main.outputs]
        results = [Result(numpy_dtype(tensor.type), type=tensor.type) for tensor in tensors]
        return InModel(code, [], results, around=around, values=values, **options)

    def model(self, shapes: Sequence[Shape] = ()) -> Model:
        return self.around

    def feeds(self) -> list[Array]:
        return list(self.values)


@dataclass(frozen=True)
class Twin(OneOp):
    """A case whose own kernel is broken in TFLite: `twin` works out the same numbers, which `back` brings home."""

    twin: OneOp | None = None
    back: Callable[[Array], Array] = lambda y: y

    def expected(self, release: str = "") -> list[Array]:
        assert self.twin is not None
        return [self.back(y) for y in self.twin.expected(release)]

    @property
    def against(self) -> str:
        assert self.twin is not None
        (y,) = self.twin.results
        return f"{self.twin.against}, {self.twin.code.name} of {np.dtype(y.dtype).name}"


_PACK = {TensorType.INT4: pack_int4, TensorType.UINT4: pack_uint4, TensorType.INT2: pack_int2}


def _add_blocks(model: Model, tensors: list[Tensor], tensor: Tensor, size: int, scales: Array) -> None:
    """Quantize a tensor block by block: its scales are a further tensor, which its details name."""
    details = BlockwiseQuantization(scales=len(tensors), zero_points=-1, block_size=size)
    tensor.quant = QuantParams(np.zeros(0, np.float32), np.zeros(0, np.int64), details=details)
    tensors.append(Tensor("scales", scales.shape, tensor_type(scales.dtype), model.add_buffer(scales)))


def stored(value: Array, type_: TensorType) -> Any:
    """What a buffer holds for a value: numbers of 4 and 2 bits packed, strings as TFLite lays them out."""
    if type_ in _PACK:
        return _PACK[type_](value)
    if type_ == TensorType.STRING:
        return _string_buffer([bytes(text) for text in value.reshape(-1)])
    return value


def _string_buffer(texts: list[bytes]) -> bytes:
    """TFLite's string buffer: the count, count + 1 offsets from the buffer's start, then the bytes."""
    ends = np.cumsum([4 * (len(texts) + 2), *map(len, texts)])
    return np.array([len(texts), *ends], "<i4").tobytes() + b"".join(texts)


class Compared(NamedTuple):
    """How many values were equal, and whether XNNPACK made them."""

    values: int
    delegated: bool


def check(case: OneOp, kernels: str = "reference") -> int:
    """Assert that our results equal those of TFLite's kernels of this set; the number of values compared.

    Integers and booleans must all be equal. Floats too, unless the case states a tolerance, or our interpreter that
    they are close only. A recorded run must give the same bits as a plain one, and trace declared steps only, in their
    declared order.
    """
    return compare(case, kernels).values


def compare(case: OneOp, kernels: str) -> Compared:
    """As `check`, saying also who made the values; kernels: "optimized", "xnnpack@litert-2.3", ..."""
    model = to_bytes(case.model())
    set_, at, release = kernels.partition("@")
    if set_ != "reference":  # XNNPACK takes a node by the shapes the file gives it
        model = to_bytes(case.model([y.shape for y in Interpreter(model).run(case.feeds())]))
    runner = Interpreter(model, kernels=kernels)
    runner.allocate_tensors()  # refuses before TFLite could crash
    ours = [runner.run(case.feeds()) for _ in range(case.invocations)][-1]
    delegated = set_ == "xnnpack" and any(node.refused is None for node in runner.executors())
    if set_ == "reference":
        theirs = case.expected(at + release)
    else:
        runtime = oracle.interpreter(model, kernels=kernels)
        theirs = oracle.answer(runtime, case.feeds(), case.invocations)
        assert delegated == oracle.delegated(runtime), f"delegated or not? {runner.executors()}"
    _check_recording(case, model, ours, kernels)
    close = kernels != "reference" and any(node.close for node in runner.executors())
    tolerance = max(case.tolerance, CLOSE if close else 0.0)
    compared = 0
    for position, (mine, reference) in enumerate(zip(ours, theirs, strict=True)):
        if case.results[position].type == TensorType.UINT4:
            mine = mine.astype(reference.dtype)  # 0 to 15; int8 in TensorFlow, uint8 in ai-edge-litert
        assert mine.dtype == reference.dtype, f"result {position}: dtype {mine.dtype}, TFLite {reference.dtype}"
        assert mine.shape == reference.shape, f"result {position}: shape {mine.shape}, TFLite {reference.shape}"
        if case.results[position].type == TensorType.BFLOAT16:
            mine, reference = from_bfloat16(mine), from_bfloat16(reference)
        wrong = ~oracle.same_bits(mine, reference)
        if tolerance and mine.dtype.kind in "fc":
            finite = np.isfinite(reference)
            span = float(np.ptp(np.abs(reference[finite]))) if finite.any() else 0.0
            span = max(span, float(np.abs(reference[finite]).max()) if finite.any() else 0.0)
            with np.errstate(invalid="ignore"):
                wrong &= ~(np.abs(mine - reference) <= tolerance * span)
        assert not wrong.any(), _difference(position, mine, reference, wrong)
        compared += mine.size
    return Compared(compared, delegated)


def _check_recording(case: OneOp, model: bytes, plain: Sequence[Array], kernels: str) -> None:
    runner = Interpreter(model, kernels=kernels)
    recording = runner.record()
    recorded = [runner.run(case.feeds()) for _ in range(case.invocations)][-1]
    for position, (mine, again) in enumerate(zip(plain, recorded, strict=True)):
        assert oracle.same_bits(mine, again).all(), f"result {position}: recording changes the result"
    declared = list(find(case.code, case.model().main.operators[0].custom_code).steps)
    traced = list(recording.steps(0))
    assert traced == [name for name in declared if name in traced], f"traced {traced}, declared {declared}"


def _difference(position: int, mine: Array, reference: Array, wrong: Array) -> str:
    where = tuple(int(i[0]) for i in np.nonzero(wrong)) if wrong.ndim else ()
    return (
        f"result {position}: {int(wrong.sum())} of {wrong.size} values differ; "
        f"first at {where}: ours {mine[where]}, TFLite {reference[where]}"
    )


def matches_reference(cases: Mapping[str, st.SearchStrategy[OneOp]]) -> Callable[..., None]:
    """The property test of an op file: every case drawn from every variant equals TFLite's reference kernels."""

    @pytest.mark.parametrize("variant", list(cases))
    @given(data=st.data())
    def test(variant: str, data: st.DataObject) -> None:
        check(data.draw(cases[variant], label=variant))

    return test
