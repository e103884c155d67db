"""Every operator and type that TensorFlow Lite knows: run by us, or absent for a reason its own interpreter confirms.

The table of what it knows lies in ../shared; the reasons in qcore/data/absent.json, {operator: {type: reason}}, with
the type "*" for a whole operator.
"""

from __future__ import annotations

import csv
import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qcore.errors import QCoreError, UnsupportedError
from qcore.interpreter import Interpreter
from qcore.ir import numpy_dtype, tensor_type
from qcore.op import Op, find
from qcore.tflite import to_bytes
from tests import oracle
from tests.one_op import OneOp, Operand, Result
from tflite_schema import BuiltinOperator, TensorType

TABLE = oracle.SHARED / "design" / "coverage.csv"
ABSENT: dict[str, dict[str, str]] = json.loads((files("qcore") / "data" / "absent.json").read_text(encoding="utf-8"))
QUANTIZED = (TensorType.INT8, TensorType.UINT8, TensorType.INT16, TensorType.INT32, TensorType.INT4)


def cells() -> list[tuple[str, str]]:
    """(operator, type) of the table: types named in a kernel's source, and types seen running."""
    if not TABLE.is_file():
        return []
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ("dtypes_in_kernel_source", "dtypes_seen_running")
    found = [(row["op"], sorted({kind for column in columns for kind in row[column].split()})) for row in rows]
    return [(name, kind) for name, kinds in found for kind in kinds or ["*"]]


def operator(name: str) -> Op | None:
    try:
        return find(BuiltinOperator[name])
    except UnsupportedError:
        return None


def cases_of(name: str) -> Mapping[str, st.SearchStrategy[OneOp]]:
    """The `CASES` of an operator."""
    return getattr(importlib.import_module(f"tests.ops.test_{name.lower()}"), "CASES", {})


def runs(name: str, kind: str) -> bool:
    """Whether we run this cell: a type, `from>to`, `activations x weights`, or "*" for a whole operator."""
    op = operator(name)
    if op is None or kind == "*":
        return op is not None
    if ">" in kind:
        return converts(name, *(TensorType[t.upper()] for t in kind.split(">")))
    activations, _, weights = kind.partition("x")
    if weights and activations in ("float32", "int8", "int16"):
        key = "hybrid" if activations == "float32" else activations
        label = f"{weights} weights" if activations == "int8" else f"{key} with {weights} weights"
        return key in op.kernels and (weights in ("int8", "uint8") or label in cases_of(name))
    return kind in op.kernels or any(re.fullmatch(rf"(\w+ to )?{kind}( weights)?", case) for case in cases_of(name))


def blank(type_: TensorType, shape: tuple[int, ...], constant: bool = False) -> Operand:
    """An operand of zeros."""
    scale = 0.5 if type_ in QUANTIZED else None
    texts = np.full(shape, b"", object)
    value = texts if type_ == TensorType.STRING else np.zeros(shape, numpy_dtype(type_))
    return Operand(value, scale, type=type_, constant=constant or type_ == TensorType.INT4)


def converts(name: str, source: TensorType, target: TensorType) -> bool:
    """Whether our CAST, QUANTIZE, DEQUANTIZE or BITCAST takes these two types."""
    x, y = blank(source, (2, 4)), blank(target, (2, 4))
    if name == "BITCAST":
        x = blank(source, (2, max(1, y.value.itemsize // x.value.itemsize)))
    case = OneOp(BuiltinOperator[name], [x], [Result(y.value.dtype, y.scale, type=target)])
    Interpreter(case.model()).allocate_tensors()
    return True


@pytest.mark.skipif(not TABLE.is_file(), reason="the folder ../shared with the table is not here")
@pytest.mark.parametrize("name", sorted({name for name, _ in cells()}))
def test_each_cell_runs_or_has_a_reason(name: str) -> None:
    for operator_name, kind in cells():
        if operator_name == name:
            has_reason = kind in ABSENT.get(name, {})
            assert runs(name, kind) != has_reason, f"{name} {kind}: " + ("runs" if has_reason else "has no reason")


def test_every_operator_of_the_schema_runs_or_has_a_reason() -> None:
    for code in BuiltinOperator:
        assert (operator(code.name) is None) == ("*" in ABSENT.get(code.name, {})), code.name


def test_reasons_are_sentences_about_something() -> None:
    for name, reasons in ABSENT.items():
        assert name in BuiltinOperator.__members__
        for kind, reason in reasons.items():
            known = [part.upper() in TensorType.__members__ for part in re.split(r"(?<=\d)x", kind)]
            assert kind == "*" or all(known), (name, kind)
            assert 20 < len(reason) <= 120, (name, kind)


def retyped(case: OneOp, position: int, type_: TensorType, only_input: bool) -> OneOp:
    """The case with zeros of another type in place of operand `position`, or of every operand of that one's type."""

    def kind(tensor: Operand | Result) -> TensorType:
        return tensor.type or tensor_type(tensor.value.dtype if isinstance(tensor, Operand) else tensor.dtype)

    first = case.operands[position]
    assert first is not None
    operands = [
        blank(type_, operand.value.shape, operand.constant)
        if operand is not None and (index == position or (not only_input and kind(operand) == kind(first)))
        else operand
        for index, operand in enumerate(case.operands)
    ]
    y = blank(type_, ())
    results = [Result(y.value.dtype, y.scale, type=type_) if kind(r) == kind(first) else r for r in case.results]
    return replace(case, operands=operands, results=results)


def refused_cells() -> list[Any]:
    """The absent cells of one type that operands can have; handles hold no numbers."""
    return [
        pytest.param(name, kind, id=f"{name}-{kind}")
        for name, reasons in ABSENT.items()
        for kind in reasons
        if kind not in ("*", "resource") and not re.search(r"\dx", kind)
    ]


UNCHECKED = ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM")
"""TFLite looks at the types of their weights only, and takes the bytes of any input for the type it expects."""


@pytest.mark.parametrize(("name", "kind"), refused_cells())
@settings(max_examples=3, suppress_health_check=[HealthCheck.nested_given])
@given(data=st.data())
def test_tflite_refuses_what_is_absent(name: str, kind: str, data: st.DataObject) -> None:
    op = operator(name)
    assert op is not None
    case = data.draw(next(iter(cases_of(name).values())))
    model = retyped(case, op.typed_by, TensorType[kind.upper()], name not in UNCHECKED and data.draw(st.booleans()))
    content = to_bytes(model.model())
    with pytest.raises((RuntimeError, ValueError)):
        oracle.outputs(content, model.feeds(), kernels="optimized" if case.optimized else "reference")
    with pytest.raises(QCoreError):
        Interpreter(content).run(model.feeds())


@pytest.mark.parametrize("name", sorted(name for name, reasons in ABSENT.items() if "*" in reasons))
def test_tflite_has_no_kernel_for_absent_operators(name: str) -> None:
    x = Operand(np.zeros((2, 2), np.float32))
    content = to_bytes(OneOp(BuiltinOperator[name], [x], [Result(np.float32)]).model())
    for kernels in ("reference", "optimized"):
        with pytest.raises((RuntimeError, ValueError)):
            oracle.outputs(content, [x.value], kernels=kernels)
    with pytest.raises(UnsupportedError):
        Interpreter(content).allocate_tensors()
