"""The operator protocol: what an op file declares (`Op`), what it may see (`Node`), and what a run offers (`Context`).

An op file holds, in this order: docstring with the equation, `Params`, `infer`, `prepare`, kernels, `OP`. `infer` works
out result shapes, `prepare` every integer constant, and a kernel computes from these alone.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from qcore.delegation import refused_by_type
from qcore.errors import ModelError, ShapeError, UnsupportedError
from qcore.ir import Model, Operator, QuantParams, Shape, Subgraph, Tensor, numpy_dtype
from qcore.kernel_sets import REFERENCE, KernelSet
from qcore.numerics.trace import NO_TRACE, Trace
from qcore.rules import FLOAT_ONLY, Rules
from tflite_schema import BuiltinOperator, SparsityParameters, TensorType

__all__ = [
    "Context",
    "KernelSet",
    "Node",
    "NodeTensor",
    "Op",
    "Shape",
    "by_type",
    "find",
    "module_name",
    "register_custom",
]

Array = NDArray[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NodeTensor:
    """One operand or result of a node. `value` is set where it is known: constants, and everything at run time.

    `sparsity`: how the file stores a sparse constant, whose `value` is dense. `block_scales`: the scales of a tensor
    quantized block by block (BlockwiseQuantization), as the file stores them.
    """

    index: int
    name: str
    shape: Shape
    type: TensorType
    quant: QuantParams | None = None
    value: Array | None = None
    is_variable: bool = False
    sparsity: SparsityParameters | None = None
    block_scales: Array | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype that holds the tensor."""
        return numpy_dtype(self.type)

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def scales(self) -> NDArray[np.float32]:
        """float32[n] scales, n = 1 or channels; ModelError where the tensor has none, or one that is no number."""
        if self.quant is None or not self.quant.is_quantized:
            raise ModelError(f"tensor {self.index} {self.name!r} of type {self.type.name} has no quantization scale")
        if not np.isfinite(self.quant.scale).all():
            raise ModelError(f"tensor {self.index} {self.name!r} has scale {self.quant.scale}")
        return self.quant.scale

    @property
    def scale(self) -> np.float32:
        """The per-tensor scale, TFLite's `params.scale`: 0 where there are several (GetLegacyQuantization)."""
        scales = self.scales
        return np.float32(scales[0] if scales.size == 1 else 0)

    @property
    def zero_point(self) -> int:
        """The per-tensor zero point; 0 unless there is one scale (see `scale`); ModelError beyond 32 bits."""
        if self.quant is None or self.quant.scale.size != 1 or not self.quant.zero_point.size:
            return 0
        zero_point = int(self.quant.zero_point[0])
        if not -(1 << 31) <= zero_point < 1 << 31:
            raise ModelError(f"tensor {self.index} {self.name!r} has zero point {zero_point}, beyond 32 bits")
        return zero_point


@dataclass(frozen=True, slots=True)
class Node:
    """An operator with its tensors: all that `infer` and `prepare` may see. Omitted optional operands are None."""

    subgraph: int
    index: int
    operator: Operator
    inputs: tuple[NodeTensor | None, ...]
    outputs: tuple[NodeTensor, ...]
    intermediates: tuple[NodeTensor, ...] = ()
    kernels: KernelSet = REFERENCE
    graphs: Sequence[Subgraph] = ()

    @property
    def name(self) -> str:
        """The operator's schema name."""
        return self.operator.name

    @property
    def place(self) -> str:
        """How messages name this node: `subgraph 0, operator 7 CONV_2D`."""
        return f"subgraph {self.subgraph}, operator {self.index} {self.name}"

    @property
    def types(self) -> str:
        """The operand and result types as messages print them: `int8, int8, int32 -> int8`."""
        operands = ", ".join("none" if t is None else t.type.name.lower() for t in self.inputs)
        return f"{operands} -> {', '.join(t.type.name.lower() for t in self.outputs)}"

    def input(self, position: int) -> NodeTensor:
        """Operand `position`; ModelError if the file omits it."""
        tensor = self.optional_input(position)
        if tensor is None:
            raise ModelError(f"{self.place}: operand {position} is missing")
        return tensor

    def optional_input(self, position: int) -> NodeTensor | None:
        """Operand `position`, or None where the file omits it."""
        return self.inputs[position] if position < len(self.inputs) else None

    def output(self, position: int = 0) -> NodeTensor:
        """Result `position`; ModelError if the file has fewer."""
        if position >= len(self.outputs):
            raise ModelError(f"{self.place}: result {position} is missing")
        return self.outputs[position]

    def graph(self, index: int) -> Subgraph:
        """Graph `index` of the model, for operators that own one; ModelError if there is none."""
        count = len(self.graphs)
        self.require(0 <= index < count, f"subgraph {index} does not exist; the model has {count}")
        return self.graphs[index]

    def options(self, table: type[T]) -> T:
        """The builtin options as `table`; its schema defaults where the file stores none; ModelError if another."""
        options = self.operator.options
        if options is None:
            return table()
        if not isinstance(options, table):
            raise ModelError(f"{self.place}: options are {type(options).__name__}, expected {table.__name__}")
        return options

    def integers(self, position: int) -> list[int] | None:
        """The integer values of operand `position` as a flat list, or None while they are not known."""
        value = self.input(position).value
        return None if value is None else [int(v) for v in value.reshape(-1)]

    def require(self, condition: bool, message: str) -> None:
        """Raise ModelError with the place unless `condition` holds (the graph contradicts the operator)."""
        if not condition:
            raise ModelError(f"{self.place}: {message}")

    def require_shapes(self, condition: bool, message: str) -> None:
        """Raise ShapeError with the place unless `condition` holds."""
        if not condition:
            raise ShapeError(f"{self.place}: {message}")

    def unsupported(self, message: str) -> UnsupportedError:
        """An UnsupportedError with the place, the dtypes and the message, to be raised by the caller."""
        return UnsupportedError(f"{self.place} ({self.types}): {message}")

    @staticmethod
    def of(
        model: Model,
        subgraph: int,
        index: int,
        *,
        shapes: Mapping[int, Shape] | None = None,
        values: Mapping[int, Array] | None = None,
        kernels: KernelSet = REFERENCE,
    ) -> Node:
        """The node of an operator: constants from the file, other values and actual shapes where given."""
        graph = model.subgraphs[subgraph]
        operator = graph.operators[index]

        def view(tensor_index: int) -> NodeTensor:
            if not 0 <= tensor_index < len(graph.tensors):
                raise ModelError(f"{model.place(subgraph, index)}: tensor {tensor_index} does not exist")
            tensor: Tensor = graph.tensors[tensor_index]
            value = values.get(tensor_index) if values else None
            if value is None:
                value = model.constant(tensor)
            shape = value.shape if value is not None else (shapes or {}).get(tensor_index, tensor.shape)
            return NodeTensor(
                tensor_index,
                tensor.name,
                shape,
                tensor.type,
                tensor.quant,
                value,
                tensor.is_variable,
                tensor.extra.get("sparsity"),
                model.block_scales(graph, tensor),
            )

        return Node(
            subgraph,
            index,
            operator,
            tuple(None if t < 0 else view(t) for t in operator.inputs),
            tuple(view(t) for t in operator.outputs),
            tuple(view(t) for t in operator.intermediates if t >= 0),
            kernels,
            model.subgraphs,
        )


@dataclass(slots=True)
class Context:
    """What a kernel may use besides its operands.

    trace(name, value) returns value and shows it to whoever records; invoke(subgraph, inputs) runs another graph of the
    model (IF, WHILE); resources holds what lives between runs under a name (resource variables, hash tables). `state`
    is the node's own: it lives from run to run until the node is prepared anew (where a random sequence stands).
    Variable tensors need nothing here: they are writable operands.
    """

    trace: Trace = NO_TRACE
    invoke: Callable[[int, list[Array]], list[Array]] = field(default=lambda subgraph, inputs: _no_subgraphs(subgraph))
    resources: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


def _no_subgraphs(subgraph: int) -> NoReturn:
    raise UnsupportedError(f"subgraph {subgraph} cannot be invoked outside an interpreter; use qcore.Interpreter")


Kernel = Callable[[Any, list[Any], Context], list[Array]]


def by_type(**versions: int) -> Callable[[Node], int]:
    """A version rule that looks at the type of operand 0 alone: by_type(float32=1, int8=2); 1 for types not named."""

    def version(n: Node) -> int:
        tensor = n.optional_input(0)
        return versions.get(tensor.type.name.lower(), 1) if tensor is not None else 1

    return version


@dataclass(frozen=True, slots=True)
class Op:
    """An operator as its file declares it.

    infer(n) -> result shapes, None for a shape that depends on operand values not known yet.
    prepare(n) -> Params. kernels: variant -> kernel(params, operands, context) -> results. A kernel's variant is the
    type of the operand `typed_by`, "hybrid" for float activations with integer weights, or "any" (pure data movement).
    steps: what the kernel traces, in order, with its equation. version(n): the operator version TFLite's converter
    writes (tools/versioning/op_version.cc). `shape_only`: results depend on operand shapes alone (SHAPE, RANK).
    `stateful`: results change from run to run, though operands do not (MULTINOMIAL). `sparse`: TFLite reads constants
    that are stored sparse; elsewhere it takes their bytes for dense ones. calls(n): the graphs of the model that the
    kernel may invoke (IF, WHILE).

    Kernel sets: `prepare` chooses constants by `n.kernels`, the set that runs the node. refused(n): why XNNPACK does
    not take the node, None if it does; left out where that is not known. It is asked about nodes whose operator and
    type XNNPACK has at all (qcore/delegation.py). `reference_only`: variants whose
    arithmetic in the optimized kernels is not known.
    """

    infer: Callable[[Node], list[Shape | None]] | Callable[[Node], list[Shape]]
    kernels: Mapping[str, Kernel]
    prepare: Callable[[Node], Any] = lambda n: None
    rules: Rules = FLOAT_ONLY
    steps: Mapping[str, str] = field(default_factory=dict)
    version: Callable[[Node], int] = lambda n: 1
    typed_by: int = 0
    shape_only: bool = False
    stateful: bool = False
    sparse: bool = False
    calls: Callable[[Node], Sequence[int]] = lambda n: ()
    refused: Callable[[Node], str | None] | None = None
    reference_only: frozenset[str] = frozenset()

    def executor(self, n: Node) -> tuple[KernelSet, str | None]:
        """The kernel set that runs node n, given the one asked for, and why if it is another one.

        n: the node as XNNPACK sees it, with the shapes and constants of the file: see qcore/delegation.py.
        """
        if n.kernels.name != "xnnpack":
            return n.kernels, None
        tensor = n.optional_input(self.typed_by)
        reason = refused_by_type(n.name, None if tensor is None else tensor.type)
        if reason is None:
            if self.refused is None:
                raise n.unsupported("whether XNNPACK takes this operator is not known; use kernels='reference'")
            reason = self.refused(n)
        return (n.kernels if reason is None else n.kernels.without_delegate), reason

    def variant(self, n: Node) -> str:
        """The kernel key that runs node n; UnsupportedError naming place, dtypes and remedy where there is none."""
        if not self.sparse and any(t is not None and t.sparsity is not None for t in n.inputs):
            raise n.unsupported("a constant is stored sparse; TFLite reads such in DENSIFY and FULLY_CONNECTED only")
        tensor = n.optional_input(self.typed_by)
        key = "any" if tensor is None else tensor.type.name.lower()
        if key == "float32" and "hybrid" in self.kernels and any(t and t.type in _INTEGER_WEIGHTS for t in n.inputs):
            key = "hybrid"
        if key not in self.kernels and "any" in self.kernels:
            key = "any"
        if key in self.reference_only and n.kernels.name == "optimized":
            raise n.unsupported(f"the {key} arithmetic of {n.kernels} kernels is not known; use kernels='reference'")
        if key in self.kernels:
            return key
        raise n.unsupported(
            f"no {key} kernel; there are kernels for {', '.join(self.kernels)}. Convert the model so that this "
            "operator has one of these types, or keep it in float"
        )


_INTEGER_WEIGHTS = (TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2)
_KEYWORDS = {"if": "if_", "while": "while_"}


def module_name(code: BuiltinOperator) -> str:
    """The op file of a builtin: its schema name in lower case (`if_` and `while_`: Python keywords)."""
    name = code.name.lower()
    return _KEYWORDS.get(name, name)


_REGISTERED: dict[str, Op] = {}


def register_custom(code: str, op: Op | None) -> None:
    """Run custom operators of this code with a kernel of your own, in every model loaded; None takes it back.

    The code is compared letter by letter; a kernel registered goes before one that qcore brings along. For an operator
    `Twice` that doubles its only operand, of any type:

        def double(params, inputs, ctx):
            return [ctx.trace("doubled", inputs[0] * 2)]

        qcore.register_custom("Twice", Op(infer=lambda n: [n.input(0).shape], kernels={"any": double}))

    The operator's own options are `n.operator.custom_options`, bytes as a uint8 array, to be read in `prepare`; use
    `n.require` and `n.unsupported` to refuse what the kernel cannot do. Raises UnsupportedError for an empty code.
    """
    if not code:
        raise UnsupportedError("a custom operator needs a code")
    if op is None:
        _REGISTERED.pop(code, None)
    else:
        _REGISTERED[code] = op


def find(code: BuiltinOperator, custom_code: str | None = None) -> Op:
    """The `OP` of a builtin operator, or of a custom code; imports its file on first use.

    Raises UnsupportedError where there is neither a file nor, for a custom code, a registered operator.
    """
    if code == BuiltinOperator.CUSTOM and custom_code in _REGISTERED:
        return _REGISTERED[custom_code]
    return _find_file(code, custom_code)


@cache
def _find_file(code: BuiltinOperator, custom_code: str | None) -> Op:
    if code == BuiltinOperator.CUSTOM:
        label, module = f"custom operator {custom_code!r}", f"qcore.ops.custom.{(custom_code or '').lower()}"
    elif isinstance(code, BuiltinOperator):
        label, module = f"builtin operator {code.name}", f"qcore.ops.{module_name(code)}"
    else:
        raise UnsupportedError(f"builtin operator code {int(code)} is not in this version of the schema")
    parent = module.rpartition(".")[0]
    try:
        if code == BuiltinOperator.CUSTOM and not re.fullmatch("[a-zA-Z][a-zA-Z0-9_]*", custom_code or ""):
            raise ModuleNotFoundError(name=module)
        op = importlib.import_module(module).OP
    except ModuleNotFoundError as error:
        if error.name not in (module, parent):
            raise
        own = "; register one of your own with qcore.register_custom" if code == BuiltinOperator.CUSTOM else ""
        raise UnsupportedError(
            f"{label} has no kernel in this version of qcore; `qcore ops` lists those there are{own}"
        ) from None
    assert isinstance(op, Op)
    return op
