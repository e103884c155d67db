from __future__ import annotations

import numpy as np

from qcore import Interpreter
from qcore.auditor.ledger import account
from qcore.auditor.ledger.alignment import align
from qcore.auditor.ledger.runtimes import Runtimes
from qcore.auditor.ledger.sample import Runners
from qcore.auditor.ledger.stepper import Stepper
from qcore.edit import extract
from qcore.ir import Model
from tests.auditor.cases import dense
from tests.auditor.ledger.models import pair, samples
from tests.graphs import GraphBuilder, empty_model
from tflite_schema import AddOptions, BuiltinOperator, FullyConnectedOptions


def test_flips_are_those_of_each_operator_alone() -> None:
    quantized, model = pair("int8")
    runners = Runners(Stepper(quantized), Stepper(model), align(quantized, model), [])
    runtimes = Runtimes(quantized)
    flipped = 0
    for x in samples(3):
        run = runners.run([x])
        runtimes.prepare(run)
        for index, operator in enumerate(quantized.main.operators):
            cut = extract(quantized, [index])
            operands = [run.values[t] for t in operator.inputs if not quantized.is_constant(quantized.main.tensors[t])]
            for name, count in runtimes.flips(run, index).items():
                (y,) = Interpreter(cut, kernels=name).run(operands)
                assert count == np.count_nonzero(y != run.values[operator.outputs[0]])
                flipped += count
    assert runtimes.refused == {}
    assert flipped > 0


def float_dense() -> Model:
    """What `dense` stands for."""
    quantized = dense(585).model(shapes=[(1, 1)])
    weights = quantized.main.tensors[1]
    assert weights.quant is not None
    model = empty_model()
    g = GraphBuilder(model, "main")
    x, y = g.tensor(np.float32, (1, 1)), g.tensor(np.float32, (1, 1))
    w = g.tensor(np.float32, value=5 * weights.quant.scale.reshape(1, 1))
    g.op(BuiltinOperator.FULLY_CONNECTED, (x, w, -1), (y,), FullyConnectedOptions())
    g.done((x,), (y,))
    return model


def test_the_tie_of_a_public_issue_is_near_and_flips() -> None:
    """tensorflow#102943: the reference kernels make -119 of the accumulator 585, XNNPACK -120."""
    case = dense(585)
    x = (case.feeds()[0].astype(np.float32) + 128) * np.float32(0.05296124517917633)
    entry = account(case.model(shapes=[(1, 1)]), float_dense(), [x]).entry(0)
    assert entry.flips == {"optimized": 0, "xnnpack": 1}
    assert (entry.near_ties, entry.probed) == (1, 1)


def test_a_kernel_set_that_cannot_run_the_model_says_why() -> None:
    model = empty_model()
    g = GraphBuilder(model, "main")
    x, y, z = (g.tensor(np.float32, (1, 4)) for _ in range(3))
    g.op(BuiltinOperator.ADD, (x, x), (y,), AddOptions())
    g.op(BuiltinOperator.ATAN2, (y, x), (z,))
    g.done((x,), (z,))
    runtimes = Runtimes(model)
    runners = Runners(Stepper(model), Stepper(model), align(model, model), [])
    run = runners.run([np.ones((1, 4), np.float32)])
    runtimes.prepare(run)
    assert set(runtimes.refused) | set(runtimes.steppers) == {"optimized", "xnnpack"}
    assert set(runtimes.flips(run, 0)) == set(runtimes.steppers)
    assert all("kernel" in why or "XNNPACK" in why for why in runtimes.refused.values())
