from __future__ import annotations

import pkgutil

import pytest

import qcore.ops
from qcore.op import find, module_name
from qcore.rules import FLOAT_ONLY, Rules, SameAs, activation, bias, fixed, same_as, untouched, weight
from tflite_schema import BuiltinOperator

CODES = {module_name(code): code for code in BuiltinOperator}
MODULES = pkgutil.iter_modules(qcore.ops.__path__)
NAMES = [module.name for module in MODULES if module.name in CODES and not module.ispkg]


def test_the_last_constraint_repeats() -> None:
    rules = Rules(inputs=(activation(), same_as(0)), outputs=(same_as(0),))
    assert rules.input(7) == same_as(0)
    assert rules.output(3) == same_as(0)
    assert rules.same_scale


def test_operands_with_a_role_are_found() -> None:
    rules = Rules(inputs=(activation(), weight(axis=0), bias(of=(0, 1))))
    assert rules.weight_operand == (1, weight(axis=0))
    assert rules.bias_operand == (2, bias(of=(0, 1)))
    assert not rules.same_scale
    assert FLOAT_ONLY.bias_operand is None
    assert FLOAT_ONLY.quantizable == frozenset()


def test_fixed_parameters_by_type() -> None:
    assert fixed(int8=(1 / 256, -128)).by_type["int8"] == (1 / 256, -128)


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_of_an_operator_make_sense(name: str) -> None:
    rules = find(CODES[name]).rules
    assert rules.quantizable <= {"int8", "int16x8"}
    assert rules.inputs
    assert rules.outputs
    for constraint in (*rules.inputs, *rules.outputs):
        if isinstance(constraint, SameAs):
            assert rules.input(constraint.operand) not in (untouched(),), "same_as must point at a quantized operand"
