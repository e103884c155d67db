"""The proof of whole models: what it leaves out and why, and files that are damaged."""

from __future__ import annotations

import contextlib
import zlib

import numpy as np
import pytest

from qcore import load
from qcore.auditor.differ import diff
from qcore.auditor.proof import prove
from qcore.auditor.proof.findings import proof_findings
from qcore.errors import QCoreError
from qcore.tflite import to_bytes
from tests.auditor.proof.cases import DRAWN, chain, dense
from tests.mutation import mutated, mutated_bytes
from tests.oracle import MODELS, needs_shared
from tests.test_robustness import drawn


def test_a_layer_behind_an_unknown_shape_is_left_out_with_a_reason() -> None:
    model = dense([[1, 2]]).model()
    model.main.operators[0].inputs = (0, 0)
    proof = prove(model)
    assert not proof.layers
    assert proof.unproved[0].place.operator == 0


def test_the_proof_holds_for_every_layer_and_every_graph() -> None:
    model = chain(dense([[1]], [0]), dense([[2]], [0]))
    assert [layer.place.operator for layer in prove(model).layers] == [0, 1]
    model.subgraphs.append(model.main)
    assert [(layer.place.subgraph, layer.place.operator) for layer in prove(to_bytes(model)).layers] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]


def test_a_graph_that_refers_to_nothing() -> None:
    model = dense([[1]]).model()
    model.main.operators[0].inputs = (0, 99)
    proof = prove(model)
    assert (proof.layers, len(proof.unproved)) == ((), 1)
    assert "99" in proof.unproved[0].reason


def look(name: str, content: bytes, times: int) -> None:
    """Audit damaged copies: nothing but a QCoreError comes out."""
    whole = load(content)
    for number in range(times):
        rng = np.random.default_rng([zlib.crc32(name.encode()), number])
        damaged = content
        with contextlib.suppress(Exception):  # what cannot be written is no file
            damaged = mutated_bytes(content, rng) if number % 4 == 3 else to_bytes(mutated(whole, rng))
        try:
            model = load(damaged)
            proof_findings(model, prove(model, 12))
            diff(whole, model)
        except QCoreError:
            continue
        except Exception as error:
            raise AssertionError(f"{name}, seed {number}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("variant", DRAWN)
def test_damaged_products(variant: str) -> None:
    operator, _, kind = variant.partition(" ")
    look(variant, to_bytes(drawn(f"test_{operator}", kind, 1)[0].model()), 6)


@needs_shared
@pytest.mark.parametrize("name", ["tflm_micro_speech_quantized", "coral_keras_lstm_mnist_ptq", "mlptiny_kws_ref_model"])
def test_damaged_real_models(name: str) -> None:
    look(name, (MODELS / f"{name}.tflite").read_bytes(), 12)
