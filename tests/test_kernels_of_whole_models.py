"""Real models, run whole under the optimized kernels and XNNPACK: every result of every operator equals TFLite's.

XNNPACK keeps what lies between its nodes to itself, so the model is cut behind each operator: what comes before stays
as it is, and who runs it. Each operator is compared alone, on TFLite's own operands, and in the run of the whole model.
No operator refuses: an UnsupportedError, which names it, fails the test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.edit import extract
from qcore.executors import CLOSE
from qcore.interpreter import Interpreter
from qcore.ir import Model
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.test_models import INTEGER, KINDS, content_of, feeds

Array = NDArray[Any]

SETS = ["optimized", "xnnpack", "reference@litert-2.3", "optimized@litert-2.3", "xnnpack@litert-2.3"]
SMALL = [
    "mlptiny_pretrainedResnet_quant",
    "mlptiny_ad01_int8",
    "mlptiny_kws_ref_model",
    "tflm_micro_speech_quantized",
    "coral_mobilenet_v1_0.25_128_quant",
]


def piece_inputs(piece: Model, model: Model, values: dict[int, Array]) -> list[Array]:
    """The inputs of a piece of a model, out of the values of the model's tensors."""
    numbers = {tensor.name: index for index, tensor in enumerate(model.main.tensors)}
    return [values[numbers[piece.main.tensors[index].name]] for index in piece.main.inputs]


def results_of_tflite(model: Model, inputs: list[Array], kernels: str) -> dict[int, Array]:
    """The inputs, and what each operator of the model makes in TFLite."""
    values = dict(zip(model.main.inputs, inputs, strict=True))
    if not kernels.startswith("xnnpack"):
        runner = oracle.interpreter(to_bytes(model), every_tensor=True, kernels=kernels)
        oracle.answer(runner, inputs)
        made = [tensor for operator in model.main.operators for tensor in operator.outputs]
        return values | {tensor: runner.get_tensor(tensor) for tensor in made}
    for index, operator in enumerate(model.main.operators):
        piece = extract(model, range(index + 1), outputs=operator.outputs)
        found = oracle.outputs(to_bytes(piece), piece_inputs(piece, model, values), kernels=kernels)
        values.update(zip(operator.outputs, found, strict=True))
    whole = oracle.outputs(to_bytes(model), inputs, kernels=kernels)
    for tensor, value in zip(model.main.outputs, whole, strict=True):
        assert np.array_equal(values[tensor], value), f"cutting the model changes tensor {tensor}"
    return values


def result_of_ours(model: Model, index: int, theirs: dict[int, Array], kernels: str) -> list[Array]:
    """What one operator makes of TFLite's operands. Who runs it is compared too."""
    piece = extract(model, [index])
    ours = Interpreter(piece, kernels=kernels)
    results = ours.run(piece_inputs(piece, model, theirs))
    runtime = oracle.interpreter(to_bytes(piece), kernels=kernels)
    runtime.allocate_tensors()
    delegated = kernels.startswith("xnnpack") and ours.executors()[0].refused is None
    assert delegated == oracle.delegated(runtime), f"operator {index}: {ours.executors()[0]}"
    return results


def compare(name: str, kernels: str, kind: str) -> None:
    """Compare a model, all values of every operator's results, alone and in the whole model."""
    model = load(content_of(name))
    inputs = feeds(Interpreter(model), kind)
    theirs = results_of_tflite(model, inputs, kernels)
    compared = 0
    for index, operator in enumerate(model.main.operators):
        results = result_of_ours(model, index, theirs, kernels)
        for ours, tensor in zip(results, operator.outputs, strict=True):
            require_equal(ours, theirs[tensor], f"operator {index} {operator.name}, alone")
            compared += ours.size
    whole = Interpreter(model, kernels=kernels)
    whole.run(inputs)
    for tensor, value in theirs.items():
        require_equal(whole.get_tensor(tensor), value, f"tensor {tensor} of the whole model")
    assert compared > 0
    print(f"{name} {kernels} {kind}: {compared} values")


def require_equal(ours: Array, theirs: Array, place: str) -> None:
    assert ours.dtype == theirs.dtype, place
    assert ours.shape == theirs.shape, place
    wrong = ~oracle.same_bits(ours, theirs)
    assert not wrong.any(), f"{place}: {wrong.sum()} of {wrong.size} values differ"


@pytest.mark.parametrize("kind", ["uniform", "real"])
@pytest.mark.parametrize("kernels", SETS)
@pytest.mark.parametrize("name", SMALL)
def test_small_models(name: str, kernels: str, kind: str) -> None:
    compare(name, kernels, kind)


@oracle.needs_shared
@pytest.mark.parametrize("kernels", ["optimized", "xnnpack", "xnnpack@litert-2.3"])
@pytest.mark.parametrize(
    "name", ["mlptiny_kws_ref_model_float32", "mlptiny_pretrainedResnet", "tflm_hello_world_float"]
)
def test_float_models_one_operator_at_a_time(name: str, kernels: str) -> None:
    """Each operator on our operands: equal, or close where it says so. The first model has int8 weights."""
    model = load((oracle.MODELS / f"{name}.tflite").read_bytes())
    ours = Interpreter(model, kernels=kernels)
    details, rng = ours.get_input_details(), np.random.default_rng(6)
    inputs = [rng.normal(0, 1, detail["shape"]).astype(np.float32) for detail in details]
    ours.run(inputs)
    values = {index: ours.get_tensor(index) for index in range(len(model.main.tensors))}
    for executor in ours.executors():
        piece = extract(model, [executor.operator])
        (theirs,) = oracle.outputs(to_bytes(piece), piece_inputs(piece, model, values), kernels=kernels)
        (made,) = model.main.operators[executor.operator].outputs
        place = f"operator {executor.operator} {executor.name}, {executor.reason}"
        if executor.close:
            assert np.abs(values[made] - theirs).max() <= CLOSE * np.abs(theirs).max(), place
        else:
            require_equal(values[made], theirs, place)


@pytest.mark.conformance
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kernels", SETS)
@pytest.mark.parametrize("name", INTEGER)
def test_every_model(name: str, kernels: str, kind: str) -> None:
    compare(name, kernels, kind)
