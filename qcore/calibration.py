"""`Calibration`: the observed range of every tensor of a model, and where it comes from."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from qcore.errors import CalibrationError
from qcore.files import replace_file
from qcore.fingerprint import fingerprint
from qcore.intermediates import with_intermediates
from qcore.ir import Model, Tensor
from qcore.observers import METHODS, MergeableStatistic, Range, make_method
from qcore.observers.histogram import Histogram
from tflite_schema import TensorType

__all__ = ["Calibration", "Key", "Range", "is_observable"]

Key = tuple[int, int]
"""(subgraph, tensor index)."""
_FORMAT, _VERSION = "qcore calibration", 1


@dataclass(frozen=True, repr=False)
class Calibration:
    """The range (min, max) of every tensor that was observed, keyed by (subgraph, tensor index).

    The indices are those of the model with the intermediate tensors of its fused LSTMs (`with_intermediates`).

    model: fingerprint of the model the ranges belong to; names: its tensors' names, for messages and files.
    samples: how many were run (0 for ranges given by hand or carried by a model). in_place_rule: whether TFLite's
    logging of overwritten inputs was reproduced; None where the ranges were not observed by `calibrate`.
    method, parameters: how ranges were chosen; observed: what they were read from (histograms, averages), where that is
    more than the range itself and may be merged or read again.
    """

    statistics: Mapping[Key, Range]
    model: str
    names: Mapping[Key, str]
    samples: int = 0
    in_place_rule: bool | None = None
    method: str = "min_max"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    observed: Mapping[Key, MergeableStatistic] = field(default_factory=dict)

    # Where it comes from ----------------------------------------------------------------------------------------------

    @staticmethod
    def of(model: Model, ranges: Mapping[Any, tuple[Any, Any]], subgraph: int = 0) -> Calibration:
        """Ranges given by hand: {tensor name or index: (min, max)}.

        Raises CalibrationError for a tensor that does not exist or is no float32 activation, and for a range that is
        not finite or whose min exceeds its max.
        """
        model = with_intermediates(model)
        statistics: dict[Key, Range] = {}
        for tensor, (low, high) in ranges.items():
            key = (subgraph, _find(model, subgraph, tensor))
            if key in statistics:
                raise CalibrationError(f"tensor {key[1]} is given twice; keep {tensor!r} or its other name")
            statistics[key] = _range(low, high, f"tensor {tensor!r}")
        return Calibration(statistics, fingerprint(model), _names(model, statistics))

    @staticmethod
    def from_model(model: Model) -> Calibration:
        """The ranges that a float model calibrated by TensorFlow carries in `QuantParams.min` and `.max`.

        CalibrationError if it carries none.
        """
        statistics: dict[Key, Range] = {}
        for subgraph, graph in enumerate(model.subgraphs):
            for index, tensor in enumerate(graph.tensors):
                if tensor.quant is None or tensor.type != TensorType.FLOAT32:
                    continue
                low, high = tensor.quant.min, tensor.quant.max
                if low is not None and high is not None and low.size == high.size == 1:
                    place = f"subgraph {subgraph}, tensor {index} {tensor.name!r}"
                    statistics[subgraph, index] = _range(low[0], high[0], place, finite=False)
        if not statistics:
            raise CalibrationError("no tensor of the model carries min and max; calibrate it with representative data")
        return Calibration(statistics, fingerprint(model), _names(model, statistics))

    # What is in it ----------------------------------------------------------------------------------------------------

    def ranges(self, subgraph: int = 0) -> Mapping[int, Range]:
        """Tensor index -> (min, max) of one subgraph, in index order."""
        return {
            tensor: self.statistics[graph, tensor] for graph, tensor in sorted(self.statistics) if graph == subgraph
        }

    def check(self, model: Model) -> None:
        """CalibrationError unless the ranges were made from this model: same tensors, operators, options, weights."""
        model = with_intermediates(model)
        for (subgraph, index), name in self.names.items():
            graphs = model.subgraphs
            tensors = graphs[subgraph].tensors if subgraph < len(graphs) else []
            if index >= len(tensors):
                raise CalibrationError(
                    f"the statistics are of another model: subgraph {subgraph} has no tensor {index} {name!r}; "
                    "calibrate this model"
                )
            if tensors[index].name != name:
                raise CalibrationError(
                    f"the statistics are of another model: subgraph {subgraph}, tensor {index} is "
                    f"{tensors[index].name!r}, there it is {name!r}; calibrate this model"
                )
        if fingerprint(model) != self.model:
            raise CalibrationError(
                "the statistics are of another model: its tensors have the same names, but its operators, options, "
                "shapes or weights differ; calibrate this model"
            )

    def __repr__(self) -> str:
        how = {True: ", in-place rule on", False: ", in-place rule off", None: ""}[self.in_place_rule]
        if self.method != "min_max":
            how = "".join(f", {name} {value}" for name, value in self.parameters.items())
        return f"Calibration({len(self.statistics)} tensors, {self.samples} samples, {self.method}{how})"

    # Changing it ------------------------------------------------------------------------------------------------------

    def merge(self, other: Calibration) -> Calibration:
        """These statistics and others of the same model and method: what one calibration over all samples would give.

        min_max: the union of both ranges. Histograms are added, exactly. moving_average: the other's samples come after
        these. Ranges given by hand are no samples: only those of min_max can be merged, nor can those of a second pass.
        """
        if self.model != other.model:
            raise CalibrationError("statistics of different models cannot be merged; calibrate the same model")
        ways = [(c.method, dict(c.parameters)) for c in (self, other)]
        if ways[0] != ways[1] or {self.in_place_rule, other.in_place_rule} == {True, False}:
            raise CalibrationError(f"statistics made in different ways cannot be merged: {self!r} and {other!r}")
        statistics, observed = dict(self.statistics), dict(self.observed)
        for key, (low, high) in other.statistics.items():
            if self.method != "min_max":
                observed[key], statistics[key] = self._merged(other, key)
                continue
            if key in statistics:
                low, high = min(low, statistics[key][0]), max(high, statistics[key][1])
            statistics[key] = (low, high)
        rule = self.in_place_rule if self.in_place_rule == other.in_place_rule else None
        return replace(
            self,
            statistics=statistics,
            observed=observed,
            names={**self.names, **other.names},
            samples=self.samples + other.samples,
            in_place_rule=rule,
        )

    def _merged(self, other: Calibration, key: Key) -> tuple[MergeableStatistic, Range]:
        """What both observed of a tensor, and its range."""
        parts = [c.observed.get(key) for c in (self, other) if key in c.statistics]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            raise CalibrationError(
                f"tensor {key[1]} {other.names[key]!r}: its range was given by hand or by a second pass, and cannot be "
                f"merged by {self.method}; merge statistics of one pass, then give ranges by hand"
            )
        statistic = found[0] if len(found) == 1 else found[0].merged(found[1])
        return statistic, make_method(self.method, self.parameters).range(statistic)

    def by(self, method: str, **parameters: Any) -> Calibration:
        """The ranges that another method, or other parameters, read from the same histograms; no model runs.

        CalibrationError unless all ranges were read from histograms, in one pass.
        """
        bins = self.parameters.get("bins")
        chosen = make_method(method, parameters if bins is None else {"bins": bins, **parameters})
        statistics = {}
        for key in self.statistics:
            statistic = self.observed.get(key)
            if not isinstance(statistic, Histogram) or chosen.parameters.get("passes") != 1:
                raise CalibrationError(
                    f"{method} cannot read what {self!r} keeps of tensor {key[1]} {self.names[key]!r}; calibrate anew"
                )
            statistics[key] = chosen.range(statistic)
        return replace(self, statistics=statistics, method=method, parameters=chosen.parameters)

    def with_range(self, tensor: str | int, low: Any, high: Any, subgraph: int = 0) -> Calibration:
        """These statistics with the range of one tensor, by name or index, replaced; it must have a range already."""
        names = {index: name for (graph, index), name in self.names.items() if graph == subgraph}
        key = (subgraph, _resolve(tensor, names))
        return replace(
            self,
            statistics={**self.statistics, key: _range(low, high, f"tensor {tensor!r}")},
            observed={other: statistic for other, statistic in self.observed.items() if other != key},
        )

    # Files ------------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file through a temporary one, then replace; every float is read back bit for bit."""
        rows = [
            {
                "subgraph": key[0],
                "tensor": key[1],
                "name": self.names[key],
                "min": _to_json(low),
                "max": _to_json(high),
                **({} if key not in self.observed else {"observed": self.observed[key].to_json()}),
            }
            for key, (low, high) in sorted(self.statistics.items(), key=lambda row: row[0])
        ]
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "model": self.model,
            "method": self.method,
            "parameters": dict(self.parameters),
            "samples": self.samples,
            "in_place_rule": self.in_place_rule,
            "ranges": rows,
        }
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        replace_file(path, text.encode())

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Calibration:
        """Read what `save` wrote; CalibrationError for a file that cannot be read or is something else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise CalibrationError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise CalibrationError(f"{path}: is no JSON file of statistics: {error}") from error
        try:
            return _from_json(content)
        except CalibrationError as error:
            raise CalibrationError(f"{path}: {error}") from None


def is_observable(model: Model, tensor: Tensor) -> bool:
    """Whether a tensor has a range to be observed: float32 and no constant."""
    return tensor.type == TensorType.FLOAT32 and not model.is_constant(tensor)


def _names(model: Model, keys: Iterable[Key]) -> dict[Key, str]:
    return {(subgraph, index): model.subgraphs[subgraph].tensors[index].name for subgraph, index in keys}


def _find(model: Model, subgraph: int, tensor: str | int) -> int:
    """The index of a float32 activation by name or index."""
    if not 0 <= subgraph < len(model.subgraphs):
        raise CalibrationError(f"subgraph {subgraph} does not exist; the model has {len(model.subgraphs)}")
    tensors = model.subgraphs[subgraph].tensors
    index = _resolve(tensor, {i: item.name for i, item in enumerate(tensors)})
    if not is_observable(model, tensors[index]):
        kind = "a constant, whose range is that of its values" if model.is_constant(tensors[index]) else "no activation"
        raise CalibrationError(
            f"tensor {index} {tensors[index].name!r} is {tensors[index].type.name} and {kind}; leave it out"
        )
    return index


def _resolve(tensor: str | int, names: Mapping[int, str]) -> int:
    """The index that a name or an index stands for, among tensors by index."""
    if isinstance(tensor, (int, np.integer)) and not isinstance(tensor, bool):
        if int(tensor) not in names:
            raise CalibrationError(f"tensor {tensor} does not exist or has no range; there are {len(names)} tensors")
        return int(tensor)
    found = [index for index, name in names.items() if name == tensor]
    if len(found) == 1:
        return found[0]
    if found:
        raise CalibrationError(f"tensors {found} are all named {tensor!r}; use an index")
    close = difflib.get_close_matches(str(tensor), names.values(), n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "use an index or a name that exists"
    raise CalibrationError(f"no tensor named {tensor!r}; {hint}")


def _range(low: Any, high: Any, place: str, *, finite: bool = True) -> Range:
    """A checked range in float32; `finite=False` lets infinities pass, as TFLite's calibrator does."""
    for bound in (low, high):
        if not isinstance(bound, (int, float, np.integer, np.floating)) or isinstance(bound, bool):
            raise CalibrationError(f"{place}: a range is two numbers, got {low!r} and {high!r}")
    try:
        with np.errstate(over="ignore"):
            low, high = np.float32(low), np.float32(high)
    except OverflowError as error:
        raise CalibrationError(f"{place}: {error}; a range has finite float32 values") from error
    if not low <= high or (finite and not np.isfinite([low, high]).all()):
        raise CalibrationError(f"{place}: the range {low} to {high} is not min <= max with finite float32 values")
    return low, high


# JSON has no infinity, which a range may contain where a model computes one.
_INFINITIES = {"inf": np.inf, "-inf": -np.inf}


def _to_json(value: np.float32) -> float | str:
    return float(value) if np.isfinite(value) else str(value)


def _from_json(content: Any) -> Calibration:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise CalibrationError("is no file of statistics; `qcore calibrate` writes one")
    if content.get("version") != _VERSION:
        raise CalibrationError(f"has version {content.get('version')!r}; this qcore reads version {_VERSION}")
    method = _field(content, "method", str)
    parameters = make_method(method, _field({"parameters": {}, **content}, "parameters", dict)).parameters
    statistics: dict[Key, Range] = {}
    names: dict[Key, str] = {}
    observed: dict[Key, MergeableStatistic] = {}
    rows = _field(content, "ranges", list)
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise CalibrationError(f"ranges[{number}] is no object")
        key = (_count(row, "subgraph"), _count(row, "tensor"))
        if key in statistics:
            raise CalibrationError(f"ranges[{number}]: tensor {key[1]} of subgraph {key[0]} occurs twice")
        low, high = (_INFINITIES.get(v, v) if isinstance(v, str) else v for v in (row.get("min"), row.get("max")))
        statistics[key] = _range(low, high, f"ranges[{number}]", finite=False)
        names[key] = _field(row, "name", str)
        if "observed" in row:
            observed[key] = _observed(method, _field(row, "observed", dict), f"ranges[{number}]")
    rule = content.get("in_place_rule")
    if not (rule is None or isinstance(rule, bool)):
        raise CalibrationError(f"in_place_rule is {rule!r}, expected true, false or null")
    return Calibration(
        statistics,
        _field(content, "model", str),
        names,
        _count(content, "samples"),
        rule,
        method,
        parameters,
        observed,
    )


def _observed(method: str, content: Mapping[str, Any], place: str) -> MergeableStatistic:
    statistic = METHODS[method].statistic
    if not issubclass(statistic, MergeableStatistic):
        raise CalibrationError(f"{place}: {method} keeps nothing beside the range")
    try:
        return statistic.from_json(content)
    except CalibrationError as error:
        raise CalibrationError(f"{place}: {error}") from None


def _field(content: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    value = content.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CalibrationError(f"{name} is {value!r}, expected {kind.__name__}")
    return value


def _count(content: Mapping[str, Any], name: str) -> int:
    value: int = _field(content, name, int)
    if value < 0:
        raise CalibrationError(f"{name} is {value}, expected 0 or more")
    return value
