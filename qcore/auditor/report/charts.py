"""The charts of the report, as Plotly's own JSON: {"data": [...], "layout": {...}}.

Colours that depend on light or dark are left to the page; those of the causes are Okabe and Ito's, which colour-blind
readers tell apart too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qcore.auditor.ledger.causes import CAUSES
from qcore.auditor.report.operator_view import OperatorView

__all__ = [
    "Chart",
    "channel_headroom_chart",
    "histogram_chart",
    "noise_chart",
    "operator_headroom_chart",
    "weight_chart",
]

Chart = dict[str, Any]
_CAUSES = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442", "#999999")
_BLUE, _ORANGE, _GREEN = _CAUSES[5], _CAUSES[0], _CAUSES[2]
_CEILING = 100.0
"""Decibels at which a result without noise is drawn."""


def noise_chart(views: Sequence[OperatorView]) -> Chart | None:
    """In graph order: SQNR above, and below how the operator's own noise divides among its causes."""
    seen = [view for view in views if view.noise is not None]
    if not seen:
        return None
    labels = [_label(view) for view in seen]
    present = {cause for view in seen if view.noise for cause in view.noise.parts}
    order = [cause.replace("_", " ") for cause in CAUSES]  # a cause has the same colour in every report
    data: list[Chart] = [
        _line(labels, [_drawn(v.noise.accumulated) for v in seen if v.noise], "accumulated", _BLUE, "y2"),
        _line(labels, [_drawn(v.noise.local) for v in seen if v.noise], "own", _ORANGE, "y2", dash="dot"),
    ]
    for number, cause in enumerate(order):
        if cause not in present:
            continue
        shares = [_share(view.noise.parts, cause) for view in seen if view.noise]
        data.append(
            {
                "type": "bar",
                "name": cause,
                "x": labels,
                "y": shares,
                "marker": {"color": _CAUSES[number % len(_CAUSES)]},
                "hovertemplate": f"%{{x}}<br>{cause}: %{{y:.1f}} %<extra></extra>",
            }
        )
    return {
        "data": data,
        "layout": {
            "barmode": "stack",
            "height": 520,
            "xaxis": {"tickangle": -60, "automargin": True, "type": "category"},
            "yaxis": {"title": {"text": "own noise, %"}, "domain": [0, 0.44], "range": [0, 100]},
            "yaxis2": {"title": {"text": "SQNR, dB"}, "domain": [0.54, 1], "rangemode": "tozero"},
            "legend": {"orientation": "h", "y": 1.12},
            "margin": {"l": 55, "r": 10, "t": 30, "b": 20},
        },
    }


def operator_headroom_chart(views: Sequence[OperatorView]) -> Chart | None:
    """In graph order: bits that the worst channel's worst accumulator leaves free."""
    seen = [view for view in views if view.headroom is not None]
    if not seen:
        return None
    bits = [view.headroom.least for view in seen if view.headroom]
    return {
        "data": [_bars([_label(view) for view in seen], bits, _BLUE, "%{x}<br>%{y:.2f} bits free<extra></extra>")],
        "layout": {
            "height": 320,
            "xaxis": {"tickangle": -60, "automargin": True, "type": "category"},
            "yaxis": {"title": {"text": "bits free, worst channel"}},
            "margin": {"l": 55, "r": 10, "t": 10, "b": 20},
        },
    }


def channel_headroom_chart(view: OperatorView) -> Chart | None:
    """By channel: bits that the worst-case accumulator leaves free."""
    if view.headroom is None or len(view.headroom.bits) < 2:
        return None
    channels = list(range(len(view.headroom.bits)))
    return {
        "data": [_bars(channels, list(view.headroom.bits), _BLUE, "channel %{x}<br>%{y:.2f} bits free<extra></extra>")],
        "layout": _small("output channel", "bits free"),
    }


def histogram_chart(view: OperatorView) -> Chart | None:
    """Float values of the result in bins, the levels that the integers took, and the ends of the grid."""
    distribution = view.distribution
    if distribution is None or distribution.exact.is_empty:
        return None
    centres, counts, width = distribution.bars()
    total = sum(counts)
    data = [
        {
            "type": "bar",
            "name": "float values",
            "x": centres,
            "y": [100 * count / total for count in counts],
            "width": [width] * len(centres),
            "marker": {"color": _BLUE},
            "opacity": 0.65,
            "hovertemplate": "%{x:.4g}: %{y:.3g} %<extra>float</extra>",
        }
    ]
    layout = _small("value", "% of values")
    layout["yaxis"] |= {"type": "log"}  # a RELU's zeros would flatten all else
    grid = distribution.grid
    if grid is not None:
        layout["shapes"] = [_edge(grid.low), _edge(grid.high)]
    if grid is not None and distribution.levels is not None and distribution.levels.sum():
        levels = distribution.levels
        taken = [int(number) + grid.lowest for number in levels.nonzero()[0]]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "integers, by level",
                "x": [grid.scale * (q - grid.zero_point) for q in taken],
                "y": [100 * int(levels[q - grid.lowest]) / int(levels.sum()) for q in taken],
                "customdata": taken,
                "marker": {"color": _ORANGE, "size": 4},
                "hovertemplate": "q = %{customdata}, real %{x:.4g}: %{y:.3g} %<extra>integer</extra>",
            }
        )
    layout |= {"legend": {"orientation": "h", "y": 1.2}, "barmode": "overlay"}
    return {"data": data, "layout": layout}


def weight_chart(view: OperatorView) -> Chart | None:
    """By channel: from the smallest to the largest weight, within what its scale can hold."""
    weights = view.weights
    if weights is None:
        return None
    channels = list(range(len(weights.low)))
    spans = [high - low for low, high in zip(weights.low, weights.high, strict=True)]
    room = [high - low for low, high in zip(weights.lowest, weights.highest, strict=True)]
    return {
        "data": [
            _bars(channels, room, "#999999", "channel %{x}: holds from %{base:.4g}<extra>grid</extra>")
            | {"base": list(weights.lowest), "name": "grid", "opacity": 0.35},
            _bars(channels, spans, _GREEN, "channel %{x}: from %{base:.4g}<extra>weights</extra>")
            | {"base": list(weights.low), "name": "weights"},
        ],
        "layout": _small("channel", "weight") | {"barmode": "overlay", "legend": {"orientation": "h", "y": 1.2}},
    }


def _label(view: OperatorView) -> str:
    inner = "" if view.subgraph == 0 else f"{view.subgraph}:"
    return f"{inner}{view.index} {view.name}"


def _drawn(decibels: float) -> float | None:
    if math.isnan(decibels) or decibels == -math.inf:
        return None
    return min(decibels, _CEILING)


def _share(parts: Any, cause: str) -> float:
    total = sum(abs(power) for power in parts.values())
    return 100 * abs(parts.get(cause, 0.0)) / total if total > 0 else 0.0


def _line(x: list[str], y: list[float | None], name: str, color: str, axis: str, dash: str = "solid") -> Chart:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"SQNR, {name}",
        "x": x,
        "y": y,
        "yaxis": axis,
        "line": {"color": color, "dash": dash},
        "marker": {"size": 5},
        "hovertemplate": f"%{{x}}<br>{name}: %{{y:.1f}} dB<extra></extra>",
    }


def _bars(x: Sequence[Any], y: Sequence[float], color: str, hover: str) -> Chart:
    return {"type": "bar", "x": list(x), "y": list(y), "marker": {"color": color}, "hovertemplate": hover}


def _edge(x: float) -> Chart:
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": "#D55E00", "width": 1.5, "dash": "dash"},
    }


def _small(x: str, y: str) -> Chart:
    return {
        "height": 260,
        "xaxis": {"title": {"text": x}},
        "yaxis": {"title": {"text": y}},
        "margin": {"l": 55, "r": 10, "t": 10, "b": 40},
    }
