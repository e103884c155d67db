"""Per-operator numbers as node data for Google's Model Explorer, drawn over the graph of the same `.tflite`.

    {graph: {"results": {node: {"value": number}}, "gradient": [...]}}

A graph is known by its subgraph's name ("main" where subgraph 0 has none), a node by its operator's index, as Model
Explorer's own reader of `.tflite` (0.1.34) names them; the format is that of its `node_data_builder`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from qcore.auditor.report.operator_view import OperatorView
from qcore.auditor.report.report import Report
from qcore.errors import QuantizationError
from qcore.ir import Model

__all__ = ["METRICS", "node_data"]

METRICS: dict[str, Callable[[OperatorView], float | None]] = {
    "sqnr": lambda view: None if view.noise is None else view.noise.local,
    "accumulated_sqnr": lambda view: None if view.noise is None else view.noise.accumulated,
    "headroom_bits": lambda view: None if view.headroom is None else view.headroom.least,
    "findings": lambda view: float(len(view.findings)),
}
"""What can be drawn: decibels of the operator's own noise, of all noise up to it, free bits, number of findings."""
_BAD, _MIDDLE, _GOOD = "#e0603f", "#f4d58d", "#8fc89a"


def node_data(report: Report, model: Model, metric: str = "sqnr") -> dict[str, Any]:
    """Node data of one metric; operators without a number, or with an infinite one, are left out.

    QuantizationError: there is no such metric, or the audit did not measure it.
    """
    if metric not in METRICS:
        raise QuantizationError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
    graphs: dict[str, Any] = {}
    names = [graph.name or ("main" if index == 0 else "") for index, graph in enumerate(model.subgraphs)]
    for view in report.operators:
        value, name = METRICS[metric](view), names[view.subgraph]
        # Of several graphs of one name, Model Explorer cannot be told which is meant: the first is.
        if value is None or not math.isfinite(value) or not name or names.index(name) != view.subgraph:
            continue
        graphs.setdefault(name, {})[str(view.index)] = {"value": value}
    if not graphs and any(METRICS[metric](view) is not None for view in report.operators):
        raise QuantizationError(f"no operator has a finite number for {metric!r}: there is no noise to draw")
    if not graphs and metric == "headroom_bits":
        raise QuantizationError("no operator has an accumulator of integers, so there is no headroom to draw")
    if not graphs:
        raise QuantizationError(f"{metric!r} was not measured; give the audit the float model and data")
    colors = (_GOOD, _MIDDLE, _BAD) if metric == "findings" else (_BAD, _MIDDLE, _GOOD)
    gradient = [{"stop": stop, "bgColor": color} for stop, color in zip((0, 0.5, 1), colors, strict=True)]
    return {name: {"name": metric, "results": results, "gradient": gradient} for name, results in graphs.items()}
