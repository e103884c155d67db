"""A small report with something of everything in it, and names that would break a careless page."""

from __future__ import annotations

import numpy as np

from qcore.auditor.finding import Check, Finding, Place, Severity, worst_first
from qcore.auditor.ledger.distribution import Distribution
from qcore.auditor.ledger.sample import Grid
from qcore.auditor.report.operator_view import Headroom, Noise, Parts, operator_views
from qcore.auditor.report.report import Report, Table
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from tflite_schema import AddOptions, BuiltinOperator, FullyConnectedOptions, TensorType

HOSTILE = "</script><script>alert(1)</script>"
BAD = Check("QL901", Severity.ERROR, "A bad thing")
MILD = Check("QL902", Severity.NOTE, "A mild thing")


def model() -> Model:
    """FULLY_CONNECTED with two channels, then ADD; the first result has a hostile name."""
    quant = QuantParams.of(0.5, 0)
    tensors = [
        Tensor("x", (1, 3), TensorType.INT8, 0, quant),
        Tensor("w", (2, 3), TensorType.INT8, 1, QuantParams.of([0.5, 0.25], 0, 0)),
        Tensor(HOSTILE, (1, 2), TensorType.INT8, 0, quant),
        Tensor("y", (1, 2), TensorType.INT8, 0, quant),
    ]
    operators = [
        Operator(BuiltinOperator.FULLY_CONNECTED, (0, 1, -1), (2,), FullyConnectedOptions()),
        Operator(BuiltinOperator.ADD, (2, 2), (3,), AddOptions()),
    ]
    weights = np.array([[1, -2, 3], [4, 5, -128]], np.int8)
    built = Model([Subgraph(None, tensors, operators, (0,), (3,))])
    assert built.add_buffer(weights) == 1
    return built


def findings(of: Model) -> list[Finding]:
    """One of the operator in the middle, one of a tensor, one of the model."""
    return worst_first(
        [
            Finding.of(MILD, Place(), "something about | the file", "nothing"),
            Finding.of(
                BAD, Place.of(of, operator=0, tensor=2), "a scale of 3 <ulp> off", "run it with --fix", fixable=True
            ),
            Finding.of(MILD, Place.of(of, tensor=0), "an input", "look"),
        ]
    )


def report() -> Report:
    """The report of `model()`."""
    built = model()
    found = tuple(findings(built))
    rng = np.random.default_rng(0)
    distributions = {}
    for index, tensor in ((0, 2), (1, 3)):
        distributions[0, index] = Distribution(Grid(built.main.tensors[tensor]))
        exact = rng.normal(size=500).astype(np.float32) * 20
        distributions[0, index].add(exact, np.clip(np.rint(exact / 0.5), -128, 127).astype(np.int8))
    parts = Parts(
        headroom={(0, 0): Headroom(32, (17.5, 16.25))},
        noise={
            (0, 0): Noise(30.0, 29.0, {"weight rounding": 3e-4, "requantization": 1e-4}),
            (0, 1): Noise(float("inf"), 28.0, {"requantization": 0.0}),
        },
        distributions=distributions,
    )
    return Report(
        f"{HOSTILE}.tflite",
        [("File", "1,234 bytes")],
        found,
        operator_views(built, found, parts),
        [Table("A table", ("a", "b"), [("1", "<2>")])],
    )
