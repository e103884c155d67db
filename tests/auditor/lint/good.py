"""Good models, which lint has nothing to say against, and faults that are planted in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qcore import Calibration, calibrate, load, quantize
from qcore.auditor.finding import Finding
from qcore.auditor.lint import lint
from qcore.auditor.lint.probe import rules_of
from qcore.ir import Model, Operator, QuantParams
from qcore.op import Node, NodeTensor

SHARED = Path(__file__).resolve().parents[4] / "shared" / "models"
Rng = np.random.Generator
Plant = Callable[[Model, Rng], object]
"""Puts a fault into a model, in place."""
Plants = dict[str, list[tuple[str, Plant]]]
"""By code: recipes of `digits`, and what to plant in them for that code to be found."""

RECIPES = ("int8", "int16x8", "dynamic_range", "float16")


@cache
def float_digits() -> tuple[Model, Calibration]:
    """The bundled CNN in float, and its ranges."""
    folder = files("qcore") / "data"
    model = load((folder / "digits_float.tflite").read_bytes())
    with (folder / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        samples = [image[None].astype(np.float32) / np.float32(16) for image in archive["calibration"][:20]]
    return model, calibrate(model, samples)


@cache
def _digits(recipe: str) -> Model:
    model, ranges = float_digits()
    return quantize(model, recipe, None if recipe in ("dynamic_range", "float16") else ranges)


def digits(recipe: str = "int8") -> Model:
    """The bundled CNN, quantized here: what a fresh converter would make of it."""
    return _digits(recipe).copy()


def real(name: str) -> Model:
    """A real model; the test is skipped where it is not there."""
    path = SHARED / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"../shared/models/{name}.tflite is not here")
    return load(path)


def planted(plant: Plant, model: Model, seed: int) -> Model:
    """A copy of a model with a fault."""
    faulty = model.copy()
    plant(faulty, np.random.default_rng(seed))
    return faulty


def found(model: Model, code: str, *targets: str) -> list[Finding]:
    """The findings of one code."""
    return [finding for finding in lint(model, targets) if finding.code == code]


def finds(plants: Plants) -> Callable[..., None]:
    """A test that every fault is found, with five seeds, and is not there before."""

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("code", plants)
    def test(code: str, seed: int) -> None:
        for recipe, plant in plants[code]:
            good = digits(recipe)
            assert not found(good, code)
            assert found(planted(plant, good, seed), code)

    return test


def operator(model: Model, name: str) -> Operator:
    """The first operator of a name."""
    return next(op for op in model.main.operators if op.name == name)


def result(model: Model, name: str) -> int:
    """The tensor that the first operator of a name makes."""
    return operator(model, name).outputs[0]


def operands(model: Model, kind: type) -> Iterator[tuple[Node, NodeTensor]]:
    """The integer operands whose constraint is of a kind: Bias, Weight."""
    for subgraph, index, _ in model.walk():
        n = Node.of(model, subgraph, index)
        for position, tensor in enumerate(n.inputs):
            constraint = rules_of(n).input(position)
            if tensor is not None and isinstance(constraint, kind) and tensor.dtype.kind in "iu":
                yield n, tensor


def pick(items: Any, rng: Rng) -> Any:
    """One of the items."""
    chosen = list(items)
    return chosen[int(rng.integers(len(chosen)))]


def change(model: Model, tensor: NodeTensor | int, **fields: Any) -> None:
    """Change the quantization of a tensor of the main graph."""
    index = tensor if isinstance(tensor, int) else tensor.index
    old = model.main.tensors[index].quant
    assert old is not None
    model.main.tensors[index].quant = replace(old, **fields)


def quantized(model: Model, *types: str) -> list[int]:
    """The tensors of the main graph that have parameters, of some types or any."""
    return [
        index
        for index, tensor in enumerate(model.main.tensors)
        if tensor.quant is not None and tensor.quant.is_quantized and (not types or tensor.type.name in types)
    ]


def quant_of(model: Model, index: int) -> QuantParams:
    """The parameters of a tensor of the main graph."""
    quant = model.main.tensors[index].quant
    assert quant is not None
    return quant
