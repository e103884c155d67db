from __future__ import annotations

import numpy as np

from qcore import Interpreter
from qcore.auditor.ledger.alignment import align
from qcore.auditor.ledger.sample import Accumulator, Grid, Runners, plain_numbers
from qcore.auditor.ledger.stepper import Stepper
from qcore.ir import QuantParams, Tensor
from tests.auditor.ledger.models import pair, samples
from tflite_schema import TensorType


def test_a_grid_is_what_the_integers_stand_for() -> None:
    grid = Grid(Tensor("y", (2,), TensorType.INT8, 0, QuantParams.of(0.5, 28)))
    assert (grid.low, grid.high) == (-78.0, 49.5)
    np.testing.assert_array_equal(grid.real(np.array([-128, 28, 127], np.int8)), [-78.0, 0.0, 49.5])
    np.testing.assert_array_equal(grid.clip(np.array([-100.0, 0.3, 60.0])), [-78.0, 0.3, 49.5])
    assert grid.holds(np.array([-78.0, 49.5]))
    assert not grid.holds(np.array([0.0, 49.6]))
    assert not grid.holds(np.array([0.0, np.nan]))
    np.testing.assert_array_equal(grid.round(np.array([0.24, 0.25, -0.25, 60.1])), [0.0, 0.5, -0.5, 60.0])


def test_only_integers_with_one_scale_have_a_grid() -> None:
    assert Grid.of(Tensor("y", (2,), TensorType.FLOAT32, 0, QuantParams.of(0.5))) is None
    assert Grid.of(Tensor("y", (2,), TensorType.INT8)) is None
    assert Grid.of(Tensor("y", (2,), TensorType.INT8, 0, QuantParams.of([0.5, 1.0]))) is None
    unsigned = Grid.of(Tensor("y", (2,), TensorType.UINT8, 0, QuantParams.of(1.0, 10)))
    assert unsigned is not None
    assert (unsigned.low, unsigned.high) == (-10.0, 245.0)


def test_complex_numbers_are_pairs() -> None:
    values = np.array([[1 + 2j, 3 - 4j]], np.complex64)
    np.testing.assert_array_equal(plain_numbers(values), [[1, 2, 3, -4]])
    np.testing.assert_array_equal(plain_numbers(values[0, 0]), [1, 2])
    np.testing.assert_array_equal(plain_numbers(values.real), [[1, 3]])


def test_an_accumulator_is_kept_and_nothing_else() -> None:
    trace = Accumulator()
    value = np.array([1, 2])
    recording = [trace.recording]
    assert trace("accumulate", value) is value
    assert [*recording, trace.recording] == [True, False]
    trace("clamp", np.array([3]))
    assert trace.value is value


def test_a_run_is_that_of_both_interpreters() -> None:
    quantized, model = pair("int8", inference_input_type="int8", inference_output_type="int8")
    runners = Runners(Stepper(quantized), Stepper(model), align(quantized, model), [0, 1])
    integers, exact = Interpreter(quantized), Interpreter(model)
    recording = integers.record([0, 1])
    for x in samples(2):
        run = runners.run([x])
        integers.run(run.values[quantized.main.inputs[0]])
        exact.run(x)
        for operator in quantized.main.operators:
            np.testing.assert_array_equal(run.values[operator.outputs[0]], integers.get_tensor(operator.outputs[0]))
        for operator in model.main.operators:
            np.testing.assert_array_equal(run.exact[operator.outputs[0]], exact.get_tensor(operator.outputs[0]))
        for index in (0, 1):
            np.testing.assert_array_equal(run.accumulators[index], recording.steps(index)["accumulate"])
        y = quantized.main.outputs[0]
        np.testing.assert_allclose(run.real(y), (run.values[y] + 128.0) / 256)
