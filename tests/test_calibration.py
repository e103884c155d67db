"""Statistics: made by hand or carried by a model, merged, changed, saved bit for bit, refused for another model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcore.calibration import Calibration
from qcore.calibrator import calibrate
from qcore.errors import CalibrationError
from qcore.ir import Model, QuantParams
from qcore.tflite import load, to_bytes
from tests.graphs import chain_of_adds, int8_add
from tflite_schema import ActivationFunctionType, AddOptions

MODEL = chain_of_adds()
FLOATS = st.floats(width=32, allow_nan=False, allow_subnormal=True)


def ranged(**ranges: Any) -> Calibration:
    return Calibration.of(chain_of_adds(), ranges)


def plain(calibration: Calibration, subgraph: int = 0) -> dict[int, tuple[float, float]]:
    """The ranges as Python floats."""
    return {index: (float(low), float(high)) for index, (low, high) in calibration.ranges(subgraph).items()}


def test_ranges_given_by_hand() -> None:
    calibration = Calibration.of(
        MODEL, {"x": (-1, 2.5), 2: (np.float32(0), 3), np.int64(3): (np.float64(0.1), np.int8(1))}
    )
    assert plain(calibration) == {0: (-1, 2.5), 2: (0, 3), 3: (float(np.float32(0.1)), 1)}
    assert list(calibration.ranges()) == [0, 2, 3]
    assert all(type(bound) is np.float32 for bounds in calibration.ranges().values() for bound in bounds)
    assert Calibration.of(MODEL, {}).ranges(5) == {}


@pytest.mark.parametrize(
    ("model", "ranges", "message"),
    [
        (MODEL, {"midle": (0, 1)}, "no tensor named 'midle'; did you mean 'middle'"),
        (MODEL, {"elsewhere": (0, 1)}, "use an index or a name that exists"),
        (MODEL, {4: (0, 1)}, "tensor 4 does not exist"),
        (MODEL, {-1: (0, 1)}, "tensor -1 does not exist"),
        (MODEL, {True: (0, 1)}, "no tensor named True"),
        (MODEL, {"one": (0, 1)}, "tensor 1 'one' is FLOAT32 and a constant"),
        (int8_add(), {"a": (0, 1)}, "tensor 0 'a' is INT8 and no activation"),
        (MODEL, {"x": (0, 1), 0: (0, 1)}, "tensor 0 is given twice"),
        (MODEL, {"x": (1, 0)}, "tensor 'x': the range 1.0 to 0.0 is not min <= max"),
        (MODEL, {"x": (np.nan, 0)}, "range nan to 0.0"),
        (MODEL, {"x": (0, np.inf)}, "finite float32"),
        (MODEL, {"x": (0, 1e39)}, "finite float32"),
        (MODEL, {"x": (0, 10**400)}, "finite float32"),
        (MODEL, {"x": (0, "1")}, "a range is two numbers"),
        (MODEL, {"x": (0, True)}, "a range is two numbers"),
        (MODEL, {"x": (None, [1, 2])}, "a range is two numbers"),
    ],
)
def test_ranges_that_are_refused(model: Model, ranges: Any, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        Calibration.of(model, ranges)


def test_a_subgraph_that_does_not_exist() -> None:
    with pytest.raises(CalibrationError, match="subgraph 1 does not exist; the model has 1"):
        Calibration.of(MODEL, {"x": (0, 1)}, subgraph=1)


def test_a_name_that_occurs_twice_needs_an_index() -> None:
    model = chain_of_adds()
    model.main.tensors[2].name = "x"
    with pytest.raises(CalibrationError, match=r"tensors \[0, 2\] are all named 'x'; use an index"):
        Calibration.of(model, {"x": (0, 1)})
    assert list(Calibration.of(model, {2: (0, 1)}).ranges()) == [2]


def test_ranges_a_model_carries() -> None:
    model = chain_of_adds()
    none = np.zeros(0, np.float32)
    model.main.tensors[0].quant = QuantParams(
        none, np.zeros(0, np.int64), min=np.array([-1], np.float32), max=np.array([np.inf], np.float32)
    )
    model.main.tensors[2].quant = QuantParams.of(0.5)
    calibration = Calibration.from_model(load(to_bytes(model)))
    assert plain(calibration) == {0: (-1, np.inf)}
    assert (calibration.samples, calibration.in_place_rule) == (0, None)
    calibration.check(chain_of_adds())
    with pytest.raises(CalibrationError, match="no tensor of the model carries min and max"):
        Calibration.from_model(MODEL)


def test_it_prints_in_a_line() -> None:
    calibration = ranged(x=(0, 1))
    assert repr(calibration) == "Calibration(1 tensors, 0 samples, min_max)"
    observed = Calibration(calibration.statistics, "", calibration.names, 7, in_place_rule=True)
    assert repr(observed) == "Calibration(1 tensors, 7 samples, min_max, in-place rule on)"


# Which model ----------------------------------------------------------------------------------------------------------


def weights(model: Model) -> None:
    model.buffers[1] = np.full(4, 7, np.uint8)


def options(model: Model) -> None:
    model.main.operators[0].options = AddOptions(fused_activation_function=ActivationFunctionType.RELU)


def wiring(model: Model) -> None:
    model.main.operators[1].inputs = (0, 2)


def shape(model: Model) -> None:
    model.main.tensors[3].shape = (1, 4)


def version_of_a_renamed_tensor(model: Model) -> None:
    model.main.tensors[0].name = "z"


def fewer_tensors(model: Model) -> None:
    del model.main.tensors[3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (weights, "its operators, options, shapes or weights differ"),
        (options, "differ"),
        (wiring, "differ"),
        (shape, "differ"),
        (version_of_a_renamed_tensor, "tensor 0 is 'z', there it is 'x'"),
        (fewer_tensors, "subgraph 0 has no tensor 3 'y'"),
    ],
)
def test_statistics_of_another_model_are_refused(change: Callable[[Model], None], message: str) -> None:
    calibration = ranged(x=(0, 1), y=(0, 1))
    calibration.check(MODEL)
    other = chain_of_adds()
    change(other)
    with pytest.raises(CalibrationError, match=message):
        calibration.check(other)


# Changing it ----------------------------------------------------------------------------------------------------------


def test_merging_takes_the_union() -> None:
    a, b = ranged(x=(-1, 1), y=(0, 5)), ranged(x=(-0.5, 4), middle=(2, 3))
    merged = a.merge(b)
    assert plain(merged) == {0: (-1, 4), 2: (2, 3), 3: (0, 5)}
    assert merged.names == {(0, 0): "x", (0, 2): "middle", (0, 3): "y"}
    assert plain(a) == {0: (-1, 1), 3: (0, 5)}


@pytest.mark.parametrize(("mine", "other", "result"), [(True, True, True), (True, None, None), (None, None, None)])
def test_merging_adds_samples_and_keeps_the_rule(mine: Any, other: Any, result: Any) -> None:
    base = ranged(x=(0, 1))
    a, b = (Calibration(base.statistics, base.model, base.names, n, rule) for n, rule in ((2, mine), (3, other)))
    assert (a.merge(b).samples, a.merge(b).in_place_rule) == (5, result)


def test_merging_what_does_not_belong_together() -> None:
    other = chain_of_adds()
    weights(other)
    with pytest.raises(CalibrationError, match="statistics of different models"):
        ranged().merge(Calibration.of(other, {}))
    a, b = (Calibration({}, "", {}, 1, rule) for rule in (True, False))
    with pytest.raises(CalibrationError, match=r"made in different ways .* rule on\) and .* rule off\)"):
        a.merge(b)


def test_one_range_replaced() -> None:
    calibration = ranged(x=(0, 1), y=(0, 5))
    assert plain(calibration.with_range("y", -1, 1)) == {0: (0, 1), 3: (-1, 1)}
    assert plain(calibration.with_range(0, -1, 1).with_range(0, 2, 3))[0] == (2, 3)
    assert plain(calibration)[3] == (0, 5)
    with pytest.raises(CalibrationError, match="no tensor named 'middle'"):
        calibration.with_range("middle", 0, 1)
    with pytest.raises(CalibrationError, match="tensor 2 does not exist or has no range"):
        calibration.with_range(2, 0, 1)
    with pytest.raises(CalibrationError, match="finite"):
        calibration.with_range("x", 0, np.inf)


# Files ----------------------------------------------------------------------------------------------------------------


@given(bounds=st.lists(st.tuples(FLOATS, FLOATS).map(sorted), min_size=3, max_size=3), samples=st.integers(0, 10**9))
def test_a_file_gives_back_every_bit(tmp_path_factory: pytest.TempPathFactory, bounds: Any, samples: int) -> None:
    keys = [(0, 0), (0, 2), (1, 3)]
    statistics = {key: (np.float32(low), np.float32(high)) for key, (low, high) in zip(keys, bounds, strict=True)}
    names = dict(zip(keys, ["x", 'é\u2028"', ""], strict=True))
    calibration = Calibration(statistics, "model", names, samples, in_place_rule=False)
    path = tmp_path_factory.mktemp("statistics") / "c.json"
    calibration.save(path)
    again = Calibration.load(path)
    assert again == calibration
    for key, pair in statistics.items():
        assert np.array(again.statistics[key]).tobytes() == np.array(pair).tobytes()
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_saving_replaces_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    ranged(x=(0, 1)).save(path)
    before = path.read_bytes()
    broken = Calibration({(0, 0): (np.float32(0), np.float32(1))}, "", {(0, 0): object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        broken.save(path)
    assert path.read_bytes() == before
    ranged(x=(0, 2)).save(str(path))
    assert plain(Calibration.load(str(path))) == {0: (0, 2)}
    assert [file.name for file in tmp_path.iterdir()] == ["c.json"]


def changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(values)


def row(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["ranges"][0].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(format="other"), "is no file of statistics"),
        (changed(version=2), "has version 2; this qcore reads version 1"),
        (changed(samples=-1), "samples is -1"),
        (changed(samples=1.5), "samples is 1.5, expected int"),
        (changed(samples=True), "samples is True"),
        (changed(model=None), "model is None, expected str"),
        (changed(method=3), "method is 3"),
        (changed(method="median"), "no range method 'median'"),
        (changed(parameters=[]), r"parameters is \[\]"),
        (changed(parameters={"bins": 16}), "min_max has no bins"),
        (row(observed={}), r"ranges\[0\]: min_max keeps nothing beside the range"),
        (changed(in_place_rule="yes"), "in_place_rule is 'yes'"),
        (changed(in_place_rule=1), "in_place_rule is 1"),
        (changed(in_place_rule=[]), "in_place_rule is"),
        (changed(ranges={}), "ranges is {}, expected list"),
        (changed(ranges=[3]), r"ranges\[0\] is no object"),
        (lambda content: content["ranges"].append(content["ranges"][0]), "tensor 0 of subgraph 0 occurs twice"),
        (row(tensor="0"), "tensor is '0', expected int"),
        (row(subgraph=-1), "subgraph is -1"),
        (row(name=None), "name is None"),
        (row(min=None), r"ranges\[0\]: a range is two numbers"),
        (row(min="nan"), "a range is two numbers"),
        (row(min=float("nan")), "is not min <= max"),
        (row(max=10**400), "finite float32"),
        (row(min=[1, 2]), "a range is two numbers"),
        (row(min=5, max=4), "the range 5.0 to 4.0 is not min <= max"),
    ],
)
def test_files_that_are_no_statistics(tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    path = tmp_path / "c.json"
    ranged(x=(0, 1)).save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CalibrationError, match=message) as caught:
        Calibration.load(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b"7", b'"text"'])
def test_bytes_that_are_no_statistics(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match="is no"):
        Calibration.load(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        Calibration.load(tmp_path / "gone.json")


# Histograms and averages ----------------------------------------------------------------------------------------------

SAMPLES = [np.random.default_rng(seed).normal(size=(1, 3)).astype(np.float32) for seed in range(9)]
METHODS: list[dict[str, Any]] = [
    {"method": "moving_average"},
    {"method": "percentile", "percentile": 90.0, "bins": 64},
    {"method": "mse", "bits": 4, "bins": 128},
    {"method": "entropy", "bins": 256},
]


def observed(samples: Any, **how: Any) -> Calibration:
    return calibrate(chain_of_adds(), samples, **how)


@pytest.mark.parametrize("how", METHODS)
def test_merged_is_what_one_calibration_over_all_samples_says(how: dict[str, Any], tmp_path: Path) -> None:
    parts = [observed(SAMPLES[:4], **how), observed(SAMPLES[4:], **how)]
    for number, part in enumerate(parts):
        part.save(tmp_path / f"{number}.json")
    merged = Calibration.load(tmp_path / "0.json").merge(Calibration.load(tmp_path / "1.json"))
    whole = observed(SAMPLES, **how)
    assert (merged.samples, merged.method, merged.parameters) == (9, whole.method, whole.parameters)
    for key, bounds in whole.statistics.items():
        if how["method"] == "moving_average":
            np.testing.assert_allclose(merged.statistics[key], bounds, rtol=0, atol=1e-6)
        else:
            assert merged.statistics[key] == bounds
            assert merged.observed[key].to_json() == whole.observed[key].to_json()


@pytest.mark.parametrize("how", METHODS)
def test_saved_whole(how: dict[str, Any], tmp_path: Path) -> None:
    calibration = observed(SAMPLES, **how)
    calibration.save(tmp_path / "a.json")
    again = Calibration.load(tmp_path / "a.json")
    assert repr(again) == repr(calibration)
    again.save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_it_prints_its_method_and_parameters() -> None:
    calibration = observed(SAMPLES, method="percentile", percentile=99.5)
    assert repr(calibration) == "Calibration(3 tensors, 9 samples, percentile, bins 2048, passes 1, percentile 99.5)"


def test_what_cannot_be_merged() -> None:
    percentile = observed(SAMPLES, method="percentile")
    for other in (observed(SAMPLES, method="percentile", percentile=99), observed(SAMPLES, method="mse")):
        with pytest.raises(CalibrationError, match="made in different ways"):
            percentile.merge(other)
    with pytest.raises(CalibrationError, match="tensor 0 'x': its range was given by hand or by a second pass"):
        percentile.merge(percentile.with_range("x", 0, 1))
    twice = observed(SAMPLES, method="percentile", passes=2)
    with pytest.raises(CalibrationError, match="by a second pass"):
        twice.merge(twice)
    assert percentile.with_range("x", 0, 1).ranges()[0] == (np.float32(0), np.float32(1))


def test_the_same_histograms_read_by_another_method() -> None:
    percentile = observed(SAMPLES, method="percentile", bins=64)
    assert percentile.by("mse").statistics == observed(SAMPLES, method="mse", bins=64).statistics
    assert percentile.by("mse").by("percentile").statistics == percentile.statistics
    for calibration, how in (
        (percentile, {"method": "mse", "passes": 2}),
        (observed(SAMPLES, method="moving_average"), {"method": "mse"}),
        (observed(SAMPLES), {"method": "mse"}),
        (percentile.with_range("x", 0, 1), {"method": "mse"}),
    ):
        with pytest.raises(CalibrationError, match=r"mse cannot read what .* keeps of tensor 0 'x'; calibrate anew"):
            calibration.by(**how)
    with pytest.raises(CalibrationError, match="min_max has no bins"):
        percentile.by("min_max")


def test_damaged_histograms_name_their_place(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    observed(SAMPLES, method="percentile").save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["ranges"][1]["observed"]["counts"][0] = -1
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CalibrationError, match=r"c.json: ranges\[1\]: counts are no counts"):
        Calibration.load(path)
