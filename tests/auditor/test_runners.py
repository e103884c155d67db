from __future__ import annotations

import pytest

from qcore.auditor.runners import runner
from qcore.errors import UnsupportedError
from tests import oracle
from tests.auditor.cases import dense


@pytest.mark.parametrize(
    "name", ["reference", "xnnpack", "tensorflow/reference", "tensorflow/xnnpack", "litert/xnnpack"]
)
def test_who_runs_a_layer(name: str) -> None:
    oracle.tensorflow()
    if name.startswith("litert"):
        pytest.importorskip("ai_edge_litert")
    case = dense(585)
    run = runner(case.model([(1, 1)]), name)
    run.run(case.feeds())
    y = run.tensor(case.model().main.outputs[0])
    assert y is not None
    assert y.tolist() == [[-119 if name.endswith("reference") else -120]]
    weights = run.tensor(case.model().main.operators[0].inputs[1])
    assert (weights is None) == (name in ("tensorflow/xnnpack", "litert/xnnpack"))


@pytest.mark.parametrize("name", ["fast", "tensorflow/fast", "onnx/reference", ""])
def test_runtimes_that_do_not_exist(name: str) -> None:
    with pytest.raises(UnsupportedError, match="choose"):
        runner(dense(5).model(), name)


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(UnsupportedError, match="pip install"):
        runner(dense(5).model(), "litert/reference")


def test_a_model_that_the_runtime_refuses() -> None:
    oracle.tensorflow()
    model = dense(5).model()
    model.main.operators[0].inputs = model.main.operators[0].inputs[:1]
    with pytest.raises(UnsupportedError, match="tensorflow/reference refuses the model"):
        runner(model, "tensorflow/reference")
