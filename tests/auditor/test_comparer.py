from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qcore.auditor.comparer import compare
from qcore.errors import ModelError
from qcore.tflite import load
from tests import oracle
from tests.auditor.cases import dense

RESNET = oracle.MODELS / "mlptiny_pretrainedResnet_quant.tflite"


def samples(count: int = 2) -> Any:
    rng = np.random.default_rng(0)
    return [rng.integers(-128, 128, (1, 32, 32, 3)).astype(np.int8) for _ in range(count)]


def test_the_first_difference_and_who_makes_it() -> None:
    case = dense(585)
    found = compare(case.model([(1, 1)]), None, [case.feeds()], kernels_b="xnnpack")
    assert found.first is not None
    (t,) = found.tensors
    assert (t.accumulated.values, t.accumulated.differing, t.accumulated.largest) == (1, 1, 1.0)
    assert t.local is not None
    assert t.local.differing == 1
    assert not found.equal


@oracle.needs_shared
def test_qcore_and_tensorflow_have_the_same_tensors() -> None:
    oracle.tensorflow()
    found = compare(RESNET, None, samples(), kernels_b="tensorflow/reference")
    assert found.equal
    assert sum(t.accumulated.values for t in found.tensors) == 2 * 114_836
    assert all(t.local and t.local.values == t.accumulated.values for t in found.tensors)


@oracle.needs_shared
def test_local_differences_are_seen_where_a_delegate_hides_its_tensors() -> None:
    oracle.tensorflow()
    found = compare(RESNET, None, samples(1), kernels="tensorflow/reference", kernels_b="tensorflow/xnnpack")
    assert len(found.unseen) == 15
    local = {t.operator: t.local.differing for t in found.tensors if t.local is not None}
    assert local[0] > 0
    assert local[12] == 0  # AVERAGE_POOL_2D is the same everywhere


@oracle.needs_shared
def test_two_models_are_matched_by_name() -> None:
    first, second = load(RESNET), load(RESNET)
    buffer = second.main.tensors[second.main.operators[0].inputs[2]].buffer
    bias = np.array(second.buffers[buffer])
    bias[:4] += 1
    second.buffers[buffer] = bias
    assert compare(first, load(RESNET), samples(1)).equal
    found = compare(first, second, samples(1))
    assert found.first is not None
    assert found.first.operator == 0
    assert all(t.local is None for t in found.tensors)
    for t in second.main.tensors:
        t.name += "!"
    with pytest.raises(ModelError, match="nothing to compare"):
        compare(first, second, samples(1))
