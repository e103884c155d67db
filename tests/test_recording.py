from __future__ import annotations

import numpy as np

from qcore.recording import Recording


def test_steps_are_kept_in_order_and_returned_unchanged() -> None:
    recording = Recording()
    trace = recording.at(0, 2)
    value = np.arange(3)
    assert trace("second", trace("first", value)) is value
    assert trace.recording
    assert list(recording.steps(2)) == ["first", "second"]
    assert recording.steps(5) == {}


def test_only_the_chosen_operators() -> None:
    recording = Recording(only={(0, 1), (2, 0)})
    assert [recording.wants(*key) for key in ((0, 1), (2, 0), (0, 0), (1, 1))] == [True, True, False, False]


def test_a_new_run_starts_afresh() -> None:
    recording = Recording()
    recording.at(0, 0)("old", np.zeros(1))
    recording.at(0, 0)("new", np.zeros(1))
    assert list(recording.steps(0)) == ["new"]
