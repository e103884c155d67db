"""How the range of a tensor follows from its values: one file per method.

method          what a range method is
min_max         the extremes, as TFLite's calibrator records them (the default)
moving_average  the extremes of each sample, smoothed, as in AI Edge Quantizer
histogram       counts in bins that grow with the data; what the next three read
percentile      leaves out the same share of the values at both ends
mse             loses least when the values are quantized
entropy         keeps most of the distribution (KL divergence)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from qcore.errors import CalibrationError
from qcore.observers.entropy import Entropy
from qcore.observers.method import MergeableStatistic, Method, Range, Statistic
from qcore.observers.min_max import MinMax
from qcore.observers.moving_average import MovingAverage
from qcore.observers.mse import MeanSquaredError
from qcore.observers.percentile import Percentile

__all__ = ["METHODS", "MergeableStatistic", "Method", "Range", "Statistic", "make_method"]

METHODS: Mapping[str, type[Method[Any]]] = {
    method.name: method for method in (MinMax, MovingAverage, Percentile, MeanSquaredError, Entropy)
}
"""The methods by name."""


def make_method(name: str, parameters: Mapping[str, Any]) -> Method[Any]:
    """The method of that name with those parameters; CalibrationError for a name or a parameter there is none of."""
    if name not in METHODS:
        raise CalibrationError(f"no range method {name!r}; there are {', '.join(METHODS)}")
    known = [field.name for field in fields(METHODS[name])]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise CalibrationError(
            f"the range method {name} has no {', '.join(unknown)}; it has {', '.join(known) or 'no parameters'}"
        )
    for parameter, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise CalibrationError(f"{parameter} is {value!r}, expected a number")
    return METHODS[name](**parameters)
