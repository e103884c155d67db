"""The numbers of an operator for those who build it in hardware: constants as the kernel holds them, and test vectors.

Constants come from two places: the file (weights, biases, scales, zero points) and the record that the kernel computes
from (multipliers, shifts, activation range, tables), whose fields keep their names. Test vectors are the operands and
results of a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from qcore.errors import ShapeError, UnsupportedError
from qcore.interpreter import Interpreter
from qcore.numerics.gemm import DepthwiseWeights, Weights
from qcore.numerics.requantize import RULES, Requantization
from qcore.op import Array, find
from qcore.ops._lanes import Lanes
from qcore.ops._pairs import PairTable
from qcore.ops._unary import ByteTable
from qcore.rules import Bias, Weight

__all__ = ["Exported", "as_c", "as_hex", "export"]

_DERIVED = (Weights, DepthwiseWeights, PairTable, Lanes)
"""Forms in which NumPy is faster; they say nothing that is not said elsewhere."""
_C_TYPES = {"f4": "float", "f8": "double", "b1": "uint8_t"}
_PER_LINE = 12


@dataclass(frozen=True, slots=True)
class Exported:
    """An array: `name` is a C identifier, `comment` says what it is."""

    name: str
    value: Array
    comment: str


def export(
    interpreter: Interpreter, operators: Sequence[int] | None = None, *, vectors: bool = False
) -> list[Exported]:
    """The arrays of some operators of the main graph, None: of all, named `op7_weights`, `op7_multiplier`, ...

    vectors: also `op7_input0`, `op7_output0`, ... of the run before. Left out: what is neither a number nor an array of
    numbers. ShapeError: there is no such operator. UnsupportedError: vectors of text, or of an operator that overwrites
    a variable tensor.
    """
    count = len(interpreter.model.main.operators)
    found: list[Exported] = []
    for index in range(count) if operators is None else operators:
        if not 0 <= index < count:
            raise ShapeError(f"there is no operator {index}; the main graph has operators 0 to {count - 1}")
        found += _constants(interpreter, index)
        if vectors:
            found += _vectors(interpreter, index)
    return found


def _roles(interpreter: Interpreter, index: int) -> list[str]:
    """What each operand is called: weights, bias, or by its position; a name for each, never twice the same."""
    operator = interpreter.model.main.operators[index]
    rules = find(operator.code, operator.custom_code).rules.inputs
    names: list[str] = []
    for position in range(len(operator.inputs)):
        rule = rules[position] if position < len(rules) else None
        name = "weights" if isinstance(rule, Weight) else "bias" if isinstance(rule, Bias) else f"input{position}"
        names.append(name if sum(isinstance(r, type(rule)) for r in rules) == 1 else f"input{position}")
    return names


def _constants(interpreter: Interpreter, index: int) -> Iterator[Exported]:
    model, operator = interpreter.model, interpreter.model.main.operators[index]
    roles = [*_roles(interpreter, index), *(f"output{i}" for i in range(len(operator.outputs)))]
    for role, number in zip(roles, (*operator.inputs, *operator.outputs), strict=True):
        if number < 0:
            continue
        tensor = model.main.tensors[number]
        value, name, what = model.constant(tensor), f"op{index}_{role}", f"tensor {number} {tensor.name!r}"
        if value is not None and value.dtype.kind in "iufb":
            yield Exported(name, value, f"{operator.name}: {what}, {tensor.type.name.lower()} {list(value.shape)}")
        if tensor.quant is not None and tensor.quant.is_quantized:
            yield Exported(f"{name}_scale", np.asarray(tensor.quant.scale), f"{operator.name}: scale of {what}")
            zero_points = np.asarray(tensor.quant.zero_point)
            yield Exported(f"{name}_zero_point", zero_points, f"{operator.name}: zero point of {what}")
    for path, value, what in _numbers(interpreter.params(index)):
        yield Exported(f"op{index}_params_{path}", value, f"{operator.name}: {what}")


def _numbers(record: Any, path: str = "") -> Iterator[tuple[str, Array, str]]:
    """Path, value and meaning of every number in a record of constants."""
    if isinstance(record, ByteTable):
        yield path, np.asarray(record.entries), "the result at each raw byte of the operand (0 to 255)"
    elif isinstance(record, Requantization):
        what = f"rule {record.rule}: {RULES[record.rule]}"
        yield f"{path}_real_multiplier", record.real_multiplier, f"M, {what}"
        if not record.rule.startswith("float"):
            yield f"{path}_multiplier", record.multiplier, f"q, {what}"
            yield f"{path}_shift", record.shift, f"s, {what}"
    elif isinstance(record, _DERIVED) or record is None:
        return
    elif is_dataclass(record):
        for item in fields(record):
            yield from _numbers(getattr(record, item.name), f"{path}_{item.name}" if path else item.name)
    elif isinstance(record, slice):
        if record.start is not None and record.stop is not None:  # open ends are no numbers
            ends = [record.start, record.stop] + ([] if record.step is None else [record.step])
            yield path, np.array(ends, np.int32), "first, the one after the last, and the step where there is one"
    elif isinstance(record, tuple) and not all(isinstance(item, int) for item in record):
        for i, item in enumerate(record):
            yield from _numbers(item, f"{path}_{i}" if path else str(i))
    elif isinstance(record, bool | int | float | np.generic | np.ndarray | tuple):
        value = np.asarray(record)
        if value.dtype == np.int64 and value.size and -(2**31) <= value.min() <= value.max() < 2**31:
            value = value.astype(np.int32)
        if value.dtype.kind in "iufb":
            yield path, value, path


def _vectors(interpreter: Interpreter, index: int) -> Iterator[Exported]:
    graph = interpreter.model.main
    operator = graph.operators[index]
    place = interpreter.model.place(0, index)
    roles = _roles(interpreter, index)
    for side, tensors in (("input", operator.inputs), ("output", operator.outputs)):
        for position, number in enumerate(tensors):
            if number < 0 or interpreter.model.is_constant(graph.tensors[number]):
                continue
            tensor = graph.tensors[number]
            if tensor.is_variable:
                raise UnsupportedError(
                    f"{place}: it overwrites variable tensor {number}; leave the inputs of a run out"
                )
            value = np.asarray(interpreter.get_tensor(number))
            if value.dtype.kind not in "iufb":
                raise UnsupportedError(
                    f"{place}: {tensor.name!r} holds {value.dtype}, no numbers; choose other operators"
                )
            role = roles[position] if side == "input" else f"output{position}"
            what = f"{operator.name}: test vector, tensor {number} {tensor.name!r}, {list(value.shape)}"
            yield Exported(f"op{index}_{role}", value, what)


# --- text ---


def as_c(arrays: Sequence[Exported]) -> str:
    """A C99 header: a comment and a flat `static const` array for each; one without elements is a comment alone."""
    blocks = ["#ifndef QCORE_EXPORT_H\n#define QCORE_EXPORT_H\n\n#include <math.h>\n#include <stdint.h>\n"]
    for array in arrays:
        kind = array.value.dtype.str[1:]
        flat = (array.value.view(np.uint16) if kind == "f2" else array.value).reshape(-1)
        c_type = _C_TYPES.get(kind) or f"{'u' if flat.dtype.kind == 'u' else ''}int{8 * flat.dtype.itemsize}_t"
        text = [_single(v) if kind == "f4" else _literal(v) for v in flat.tolist()]
        lines = [", ".join(text[i : i + _PER_LINE]) for i in range(0, len(text), _PER_LINE)]
        bits = " (the bits of 16-bit floats)" if kind == "f2" else ""
        comment = f"/* {_commentable(array.comment)}{bits} */"
        body = "\n".join(f"  {line}," for line in lines)
        code = f"static const {c_type} {array.name}[{flat.size}] = {{\n{body}\n}};"
        blocks.append(f"{comment}\n{code}\n" if flat.size else f"{comment}\n/* {array.name} has no elements */\n")
    return "\n".join([*blocks, "#endif\n"])


def _commentable(text: str) -> str:
    """Plain ASCII in one line that cannot end a comment, for names in a file may be anything."""
    plain = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def _literal(value: float | int) -> str:
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "NAN" if math.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
    if value == -(2**63):
        return "INT64_MIN"
    return f"{int(value)}{'U' if value >= 2**63 else ''}"


def _single(value: float) -> str:
    """Nine digits find a float32 again."""
    if not math.isfinite(value):
        return _literal(value)
    short = f"{value:.9g}"
    return short + ("f" if set(short) & set(".e") else ".0f")


def as_hex(value: Array) -> str:
    """One element a line in row-major order, two's complement in the digits of its type; floats as their bits."""
    contiguous = np.ascontiguousarray(value).reshape(-1)
    size = contiguous.dtype.itemsize
    unsigned = contiguous.view(np.dtype(f"u{size}"))
    return "".join(f"{v:0{2 * size}x}\n" for v in unsigned.tolist())
