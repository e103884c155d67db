"""Exported constants compute the operator's result, and a C compiler reads the arrays as they are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qcore.auditor.exporter import Exported, as_c, as_hex, export
from qcore.errors import ShapeError
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.numerics.fixedpoint import multiply_by_quantized_multiplier
from qcore.tflite import load
from tests.one_op import OneOp, Operand, Result
from tests.ops.test_conv_2d import tiny
from tflite_schema import BuiltinOperator, StridedSliceOptions

DIGITS = Path(__file__).resolve().parents[2] / "qcore" / "data" / "digits_float.tflite"


def exported(model: Model, operators: list[int] | None = None, kernels: str = "reference") -> dict[str, np.ndarray]:
    interpreter = Interpreter(model, kernels=kernels)
    details = interpreter.get_input_details()
    rng = np.random.default_rng(1)
    interpreter.run([rng.integers(-100, 100, d["shape"]).astype(d["dtype"]) for d in details])
    return {a.name: a.value for a in export(interpreter, operators, vectors=True)}


def test_the_constants_give_the_test_vector() -> None:
    found = exported(tiny().model())
    x, w = found["op0_input0"].astype(np.int64), found["op0_weights"].astype(np.int64)
    acc = np.array([np.sum((x - found["op0_params_input_zero_point"]) * w) + found["op0_bias"][0]])
    multiplier, shift = found["op0_params_tail_parts_0_1_multiplier"], found["op0_params_tail_parts_0_1_shift"]
    y = multiply_by_quantized_multiplier(acc, multiplier, shift) + found["op0_params_tail_zero_point"]
    np.testing.assert_array_equal(
        np.clip(y, *found["op0_params_tail_activation_range"]), found["op0_output0"].reshape(-1)
    )
    assert found["op0_output0_scale"].dtype == np.float32


def test_a_table_gives_the_result_at_each_raw_byte() -> None:
    x = Operand(np.arange(-128, 128, dtype=np.int8), 0.05, 3)
    case = OneOp(BuiltinOperator.LOGISTIC, [x], [Result(np.int8, 1 / 256, -128)], None, 2)
    interpreter = Interpreter(case.model())
    interpreter.run(case.feeds())
    found = {a.name: a.value for a in export(interpreter, vectors=True)}
    table = found["op0_params_table"]
    assert (table.shape, table.dtype) == ((256,), np.dtype(np.int8))
    np.testing.assert_array_equal(table[found["op0_input0"].view(np.uint8)], found["op0_output0"])


def test_open_ends_of_a_slice_are_no_numbers() -> None:
    """STRIDED_SLICE backwards: its record has slice(3, None, -1); begin, end and strides are operands in the file."""
    begin, end, strides = (Operand(np.array([v], np.int32), constant=True) for v in (3, -9, -1))
    x = Operand(np.arange(4, dtype=np.int8), 0.5)
    case = OneOp(
        BuiltinOperator.STRIDED_SLICE, [x, begin, end, strides], [Result(np.int8, 0.5)], StridedSliceOptions(), 2
    )
    interpreter = Interpreter(case.model())
    interpreter.run(case.feeds())
    found = {a.name: a.value.tolist() for a in export(interpreter, vectors=True)}
    assert (found["op0_input1"], found["op0_input2"], found["op0_input3"]) == ([3], [-9], [-1])
    assert found["op0_output0"] == [3, 2, 1, 0]


def test_all_operators_of_a_float_model_and_places_that_do_not_exist() -> None:
    model = load(DIGITS)
    found = exported(model)
    count = len(model.main.operators)
    assert {name.split("_")[0] for name in found} == {f"op{i}" for i in range(count)}
    assert len(found) == len(export(Interpreter(model))) + sum(
        sum(not model.is_constant(model.main.tensors[t]) for t in (*op.inputs, *op.outputs))
        for op in model.main.operators
    )
    with pytest.raises(ShapeError, match="no operator 99"):
        export(Interpreter(model), [99])


ARRAYS = [
    Exported("a", np.array([-128, 127], np.int8), "ends with */ int x; \\"),
    Exported("b", np.array([[-(2**31), 2**31 - 1]], np.int32), "öç\n"),
    Exported("c", np.array([-(2**63), 2**63 - 1], np.int64), "c"),
    Exported("d", np.array([1e-5, 1, 0.1, 1e20, np.inf, -np.inf, -0.0], np.float32), "d"),
    Exported("e", np.array([0.1, 1e300], np.float64), "e"),
    Exported("f", np.zeros(0, np.int8), "none"),
    Exported("g", np.array([True, False]), "g"),
    Exported("h", np.array([2**64 - 1], np.uint64), "h"),
    Exported("i", np.array([1.5], np.float16), "i"),
    Exported("j", np.array(-7, np.int16), "j"),
]


def test_c_says_the_same_numbers() -> None:
    text = as_c(ARRAYS)
    assert text.isascii()
    parsed = dict(re.findall(r"^static const \w+ (\w+)\[\d+\] = \{(.*?)\};$", text, re.MULTILINE | re.DOTALL))
    assert parsed.keys() == {a.name for a in ARRAYS if a.value.size}
    for array in (ARRAYS[0], ARRAYS[1], ARRAYS[9]):
        assert [int(v) for v in parsed[array.name].split(",")[:-1]] == array.value.reshape(-1).tolist()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_compiler_reads_the_bytes_of_the_arrays(tmp_path: Path) -> None:
    (tmp_path / "e.h").write_text(as_c(ARRAYS), encoding="ascii")
    names = [a.name for a in ARRAYS if a.value.size]
    writes = "".join(f"fwrite({n}, 1, sizeof {n}, stdout);" for n in names)
    source = f'#include <stdio.h>\n#include "e.h"\nint main(void) {{ {writes} return 0; }}\n'
    (tmp_path / "e.c").write_text(source, encoding="ascii")
    command = ["cc", "-std=c99", "-Wall", "-Werror", "-pedantic", "-o", "e", "e.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run([str(tmp_path / "e")], capture_output=True, check=True).stdout
    assert printed == b"".join(a.value.tobytes() for a in ARRAYS)


def test_hex_is_two_s_complement() -> None:
    assert as_hex(np.array([[-1, 2], [-128, 127]], np.int8)) == "ff\n02\n80\n7f\n"
    assert as_hex(np.array([-2], np.int32)) == "fffffffe\n"
    assert as_hex(np.array([1.0], np.float32)) == "3f800000\n"
    assert as_hex(np.array(True)) == "01\n"
