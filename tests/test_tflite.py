from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tflite_schema as schema
from qcore import ModelError, load, save
from qcore.ir import Model, Operator, Subgraph, Tensor
from qcore.tflite import MODELLED, from_tables, to_bytes, to_tables
from tests import oracle
from tests.graphs import chain_of_adds
from tflite_schema import BuiltinOperator, TensorType

FILES = sorted(oracle.MODELS.glob("*.tflite"))


@oracle.needs_shared
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_real_files_survive_the_ir(path: Path) -> None:
    tables = schema.read(path)
    assert to_tables(from_tables(tables)) == tables
    once = to_bytes(load(path))
    assert to_bytes(load(once)) == once


@oracle.needs_shared
@pytest.mark.parametrize("path", sorted((oracle.MODELS / "damaged").glob("*.tflite")), ids=lambda path: path.stem)
def test_damaged_files_are_refused(path: Path) -> None:
    with pytest.raises(ModelError, match=path.stem):
        load(path)


def test_each_schema_field_is_modelled_or_rides_along() -> None:
    """Schema growth is noticed: a modelled name must exist, and extra fields must survive a round trip."""
    for table, names in MODELLED.items():
        assert set(names) <= {field.name for field in table.FIELDS}
    model = chain_of_adds()
    model.main.tensors[0].extra["has_rank"] = True
    model.main.operators[0].extra["debug_metadata_index"] = 7
    again = load(to_bytes(model))
    assert again.main.tensors[0].extra["has_rank"] is True
    assert again.main.operators[0].extra["debug_metadata_index"] == 7


def test_save_is_atomic_and_leaves_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.tflite"
    size = save(chain_of_adds(), target)
    assert target.stat().st_size == size
    before = target.read_bytes()

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("qcore.tflite.os.replace", broken)
    with pytest.raises(OSError, match="disk full"):
        save(chain_of_adds((9, 9)), target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]


def test_equal_models_give_equal_bytes() -> None:
    assert to_bytes(chain_of_adds()) == to_bytes(chain_of_adds())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: setattr(m.main.operators[0], "inputs", (0, 77)), "tensor 77 does not exist"),
        (lambda m: setattr(m.main, "outputs", (-1,)), "tensor -1 does not exist"),
        (lambda m: setattr(m.main.tensors[0], "buffer", 12), "buffer 12 does not exist"),
        (lambda m: setattr(m.main.tensors[0], "shape", (-2, 3)), "negative dimension"),
    ],
)
def test_references_outside_are_refused(damage: object, message: str) -> None:
    model = chain_of_adds()
    damage(model)  # type: ignore[operator]
    with pytest.raises(ModelError, match=message):
        load(to_bytes(model))


def test_a_constant_of_the_wrong_size_is_refused() -> None:
    model = chain_of_adds()
    model.main.tensors[1].shape = (5,)
    with pytest.raises(ModelError, match="needs 20 bytes, buffer 1 has 4"):
        model.constant(model.main.tensors[1])


def test_int4_and_string_constants() -> None:
    model = Model([], [None])
    packed = model.add_buffer(np.array([0x2F, 0x08], np.uint8))
    text = model.add_buffer(np.array([2, 16, 18, 21], "<i4").tobytes() + b"abcde")
    nibbles = Tensor("w", (3,), TensorType.INT4, packed)
    words = Tensor("s", (2,), TensorType.STRING, text)
    model.subgraphs = [Subgraph(None, [nibbles, words], [], (), ())]
    np.testing.assert_array_equal(model.constant(nibbles), np.array([-1, 2, -8], np.int8))
    assert list(model.constant(words)) == [b"ab", b"cde"]  # type: ignore[arg-type]


def test_operator_codes_are_shared_and_versioned() -> None:
    model = chain_of_adds()
    model.main.operators[1].version = 2
    model.main.operators.append(Operator(BuiltinOperator.CUSTOM, (3,), (3,), custom_code="Mine"))
    tables = to_tables(model)
    assert [(c.builtin_code, c.version, c.custom_code) for c in tables.operator_codes or []] == [
        (BuiltinOperator.ADD, 1, None),
        (BuiltinOperator.ADD, 2, None),
        (BuiltinOperator.CUSTOM, 1, "Mine"),
    ]
