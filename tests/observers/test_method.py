from __future__ import annotations

from typing import Any

import pytest

from qcore.errors import CalibrationError
from qcore.observers import METHODS, make_method
from qcore.observers.method import field_of


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_made_with_its_defaults(name: str) -> None:
    method = make_method(name, {})
    assert method.name == name
    assert make_method(name, method.parameters) == method
    assert method.start().is_empty
    assert isinstance(method.start(), METHODS[name].statistic)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("median", {}, "no range method 'median'; there are min_max, moving_average, percentile, mse, entropy"),
        ("min_max", {"bins": 3}, "the range method min_max has no bins; it has no parameters"),
        ("percentile", {"percent": 3}, "percentile has no percent; it has bins, passes, percentile"),
        ("percentile", {"percentile": "99"}, "percentile is '99', expected a number"),
        ("percentile", {"percentile": True}, "percentile is True, expected a number"),
        ("percentile", {"percentile": 50}, "goes from above 50 to 100"),
        ("percentile", {"percentile": float("nan")}, "percentile is nan"),
        ("percentile", {"bins": 15}, "bins is 15; it is a whole number from 16 to 65536"),
        ("percentile", {"bins": 99.5}, "bins is 99.5"),
        ("percentile", {"passes": 3}, "passes is 3; it is a whole number from 1 to 2"),
        ("percentile", {"passes": 1.0}, "passes is 1.0"),
        ("moving_average", {"smoothing": 1}, "smoothing is 1; it goes from 0 to below 1"),
        ("mse", {"bits": 9}, "bits is 9; it is a whole number from 2 to 8"),
        ("entropy", {"bits": 1}, "bits is 1"),
        ("entropy", {"bits": 4.0}, "bits is 4.0"),
    ],
)
def test_methods_that_there_are_not(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        make_method(name, parameters)


@pytest.mark.parametrize(
    ("value", "kind"), [(None, int), (True, int), (1.5, int), ("1", float), (float("inf"), float), (10**400, float)]
)
def test_fields_of_a_file_are_checked(value: Any, kind: type[Any]) -> None:
    assert field_of({"x": 3}, "x", kind) == 3
    with pytest.raises(CalibrationError, match="x is "):
        field_of({"x": value}, "x", kind)
