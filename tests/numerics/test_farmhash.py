from __future__ import annotations

import numpy as np
import pytest

from qcore.numerics.farmhash import fingerprint64
from tests import oracle

LARGEST = 2**63 - 1


def test_of_no_bytes() -> None:
    assert fingerprint64(np.zeros((2, 0), np.uint8)).tolist() == [0x9AE16A3B2F90404F] * 2


@pytest.mark.parametrize("length", [*range(1, 70), 95, 127, 128, 129, 191, 192, 193, 300])
def test_equals_tensorflows_fingerprint(length: int) -> None:
    keys = np.random.default_rng(length).integers(0, 256, (50, length), np.uint8)
    tf = oracle.tensorflow()
    theirs = tf.strings.to_hash_bucket_fast([row.tobytes() for row in keys], LARGEST).numpy()
    assert [int(value) % LARGEST for value in fingerprint64(keys)] == theirs.tolist()
