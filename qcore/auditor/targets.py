"""What a model ought to answer, and how far it is from it: labels to top-1 and top-5, numbers to MAE and RMSE.

    top-k   the share of labels among the k largest values of their row; of equal values the first counts as larger
    MAE     mean(|y - t|)
    RMSE    sqrt(mean((y - t)^2))

A row is the last axis of the output: one of an image classifier, one per pixel of a segmentation. A row with NaN in it
answers nothing, so its label counts as missed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qcore.errors import ShapeError

__all__ = ["Score", "Targets", "ranks"]

Array = NDArray[Any]
_FEW = 5


@dataclass(frozen=True)
class Targets:
    """Targets that fit an output: class labels, or numbers, one entry of the first axis for each of the output's."""

    kind: Literal["labels", "numbers"]
    values: Array

    @staticmethod
    def of(targets: Any, shape: tuple[int, ...], place: str = "labels") -> Targets:
        """Targets for an output of this shape at one run, (batch, ..., classes).

        Integers of shape (n, ...) or (n, ..., 1), or one-hot rows (n, ..., classes) of any type, are labels; floats of
        shape (n, ..., classes) are numbers. ShapeError for anything else and for a label that is no class.
        """
        values = np.asarray(targets)
        rest = shape[1:]
        classes = rest[-1] if rest else 1
        if values.dtype.kind not in "iubf" or values.ndim == 0:
            raise ShapeError(f"{place}: expected integers or floats along a first axis, got {values.dtype}")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ShapeError(f"{place}: some are NaN or infinite; leave these samples out")
        if classes > 1 and values.shape[1:] == rest and _is_one_hot(values):
            return Targets("labels", values.argmax(-1))
        if values.dtype.kind == "f":
            if values.shape[1:] == rest or (classes == 1 and values.shape[1:] == rest[:-1]):
                return Targets("numbers", values.reshape(-1, *rest))
        elif classes > 1 and values.shape[1:] in (rest[:-1], (*rest[:-1], 1)):
            labels = values.reshape(-1, *rest[:-1]).astype(np.int64)
            if labels.size and not 0 <= labels.min() <= labels.max() < classes:
                raise ShapeError(
                    f"{place}: from {labels.min()} to {labels.max()}, but the output has the classes 0 to {classes - 1}"
                )
            return Targets("labels", labels)
        wanted = " or ".join(
            ([f"integers of shape {_shape(rest[:-1])}"] if classes > 1 else []) + [f"floats of shape {_shape(rest)}"]
        )
        given = f"{values.dtype} of shape {values.shape}"
        raise ShapeError(f"{place}: {given} does not fit an output of shape {shape}; expected {wanted}")


def _is_one_hot(values: Array) -> bool:
    return bool(((values == 0) | (values == 1)).all() and (values.sum(-1) == 1).all())


def _shape(rest: tuple[int, ...]) -> str:
    return f"({', '.join(['n', *map(str, rest)])}{'' if rest else ','})"


def ranks(values: Array, labels: Array) -> NDArray[np.int64]:
    """How many values of its row stand before each label's: larger ones, and equal ones of a smaller index.

    values: (rows, classes); labels: int (rows,). 0 is what argmax finds. In a row with NaN every class stands before.
    """
    own = np.take_along_axis(values, labels[:, None], 1)
    earlier = np.arange(values.shape[1]) < labels[:, None]
    before = (values > own) | ((values == own) & earlier)
    return np.where(np.isnan(values).any(1), values.shape[1], before.sum(1))


@dataclass
class Score:
    """The sums over samples from which accuracy and error follow; None where they do not apply."""

    rows: int = 0
    first: int = 0
    few: int = 0
    classes: int = 0
    numbers: int = 0
    absolute: float = 0.0
    squared: float = 0.0

    def add(self, targets: Targets, output: Array, start: int) -> None:
        """Take in one run: its output (real numbers) against as many targets from `start` on."""
        wanted = targets.values[start : start + len(output)]
        if targets.kind == "numbers":
            error = output.astype(np.float64) - wanted
            self.numbers += error.size
            self.absolute += float(np.abs(error).sum())
            self.squared += float((error**2).sum())
            return
        self.classes = output.shape[-1]
        found = ranks(output.reshape(-1, self.classes).astype(np.float64), wanted.reshape(-1))
        self.rows += found.size
        self.first += int((found == 0).sum())
        self.few += int((found < _FEW).sum())

    @property
    def top1(self) -> float | None:
        """The share of labels that are the largest value of their row."""
        return self.first / self.rows if self.rows else None

    @property
    def top5(self) -> float | None:
        """The share of labels among the five largest values; None where there are no more than five classes."""
        return self.few / self.rows if self.rows and self.classes > _FEW else None

    @property
    def mae(self) -> float | None:
        """The mean absolute error."""
        return self.absolute / self.numbers if self.numbers else None

    @property
    def rmse(self) -> float | None:
        """The root of the mean squared error."""
        return math.sqrt(self.squared / self.numbers) if self.numbers else None
