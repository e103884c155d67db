"""`fix`: a model in which everything is mended that can be mended without data.

Only findings that are `fixable` are touched; what stays is found again by the next `lint`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcore.auditor.finding import Finding
from qcore.auditor.lint import lint
from qcore.auditor.lint.bias import (
    BIAS_SCALE,
    BIAS_ZERO_POINT,
    NARROW_BIAS,
    biases,
    expected_scale,
    requantized,
    without_zero_point,
)
from qcore.auditor.lint.probe import scales_of
from qcore.auditor.lint.versions import OP_VERSION, RUNTIME_VERSION
from qcore.ir import Model, QuantParams, tensor_type
from qcore.op import Node, NodeTensor
from qcore.op_versions import renew_runtime_version
from qcore.rules import Bias

__all__ = ["MENDERS", "fix"]


def fix(model: Model) -> tuple[Model, list[Finding]]:
    """A mended copy of a model, and the findings that were mended; `model` itself is left as it is."""
    mended, done = model.copy(), []
    for code, mend in MENDERS.items():
        for finding in lint(mended):
            if finding.code == code and finding.fixable:
                mend(mended, finding)
                done.append(finding)
    return mended, done


def _bias_zero_point(model: Model, finding: Finding) -> None:
    n, bias, _ = _bias(model, finding)
    values = without_zero_point(bias)
    assert bias.quant is not None
    assert values is not None
    _replace_constant(model, n, bias, replace(bias.quant, zero_point=np.zeros_like(bias.quant.zero_point)), values)


def _bias_scale(model: Model, finding: Finding) -> None:
    n, bias, constraint = _bias(model, finding)
    expected = expected_scale(n, constraint)
    assert expected is not None
    values = requantized(bias, scales_of(bias), expected)
    assert values is not None
    _replace_constant(model, n, bias, QuantParams.of(expected), values)


def _narrow_bias(model: Model, finding: Finding) -> None:
    n, bias, _ = _bias(model, finding)
    assert bias.value is not None
    _replace_constant(model, n, bias, bias.quant, bias.value.astype(np.int64))


def _version(model: Model, finding: Finding) -> None:
    place = finding.place
    assert place.operator is not None
    model.subgraphs[place.subgraph].operators[place.operator].version = finding.evidence["needed"]
    model.extra.pop("operator_codes", None)  # the list is made anew of the codes still in use
    renew_runtime_version(model)


def _runtime_version(model: Model, finding: Finding) -> None:
    renew_runtime_version(model)


def _bias(model: Model, finding: Finding) -> tuple[Node, NodeTensor, Bias]:
    """The operator, bias and constraint that a finding is about."""
    place = finding.place
    assert place.operator is not None
    n = Node.of(model, place.subgraph, place.operator)
    return n, *next((bias, constraint) for bias, constraint in biases(n) if bias.index == place.tensor)


def _replace_constant(model: Model, n: Node, old: NodeTensor, quant: QuantParams | None, values: NDArray[Any]) -> None:
    """Give node n a constant of its own in place of `old`; the old one stays where something else reads it."""
    graph = model.subgraphs[n.subgraph]
    tensor = graph.tensors[old.index]
    new = replace(tensor, type=tensor_type(values.dtype), quant=quant, buffer=model.add_buffer(values))
    read = {operator for operator, _ in graph.consumers().get(old.index, [])}
    if read == {n.index} and old.index not in (*graph.inputs, *graph.outputs):
        graph.tensors[old.index] = new
    else:
        graph.tensors.append(new)
        operator = graph.operators[n.index]
        operator.inputs = tuple(len(graph.tensors) - 1 if index == old.index else index for index in operator.inputs)
    if not any(t.buffer == tensor.buffer for g in model.subgraphs for t in g.tensors):
        model.buffers[tensor.buffer] = None


MENDERS: Mapping[str, Callable[[Model, Finding], None]] = MappingProxyType(
    {
        NARROW_BIAS.code: _narrow_bias,
        BIAS_ZERO_POINT.code: _bias_zero_point,
        BIAS_SCALE.code: _bias_scale,
        OP_VERSION.code: _version,
        RUNTIME_VERSION.code: _runtime_version,
    }
)
"""How each code is mended, in place, in the order in which it has to be done."""
