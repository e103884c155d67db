"""Representative datasets: every accepted form gives the same samples; whatever does not fit is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.dataset import Dataset, open_dataset
from qcore.errors import CalibrationError
from qcore.ir import Model, Operator, Subgraph, Tensor
from tests.graphs import chain_of_adds
from tflite_schema import AddOptions, BuiltinOperator, SignatureDef, TensorMap, TensorType

Array = NDArray[Any]
F32 = TensorType.FLOAT32
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def two_inputs() -> Model:
    """y = x + b, x of (1, 3), b of (3,); signature names `left` and `right`, the latter first."""
    tensors = [Tensor("x", (1, 3), F32), Tensor("b", (3,), F32), Tensor("y", (1, 3), F32)]
    model = Model(
        [Subgraph("main", tensors, [Operator(BuiltinOperator.ADD, (0, 1), (2,), AddOptions())], (0, 1), (2,))]
    )
    inputs = [TensorMap(name="right", tensor_index=1), TensorMap(name="left", tensor_index=0)]
    model.signatures = [SignatureDef(signature_key="add", inputs=inputs, outputs=[])]
    return model


def read(dataset: Dataset) -> list[list[Array]]:
    samples = list(dataset)
    assert all(sample.subgraph == 0 for sample in samples)
    return [sample.inputs for sample in samples]


def same(found: list[list[Array]], expected: list[list[Array]]) -> bool:
    return len(found) == len(expected) and all(
        len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(found, expected, strict=True)
    )


FOUR = [[row[None]] for row in ROWS]


def generator() -> Iterator[list[Array]]:
    yield from FOUR


class Unsized:
    """As a tf.data.Dataset of unknown length: it has a length to ask for, and none to give."""

    def __iter__(self) -> Iterator[Array]:
        return (row[None] for row in ROWS)

    def __len__(self) -> int:
        raise TypeError("The dataset length is unknown.")


@pytest.mark.parametrize(
    ("samples", "total"),
    [
        (FOUR, 4),
        ([row[None] for row in ROWS], 4),
        ([(row[None],) for row in ROWS], 4),
        ([{"x": row[None]} for row in ROWS], 4),
        ([{"a": row[None]} for row in ROWS], 4),
        ([("serving_default", {"a": row[None]}) for row in ROWS], 4),
        (generator, None),
        (generator(), None),
        (lambda: FOUR, None),
        (Unsized(), None),
        (ROWS, 4),
        (ROWS[:, None], 4),
        ({"x": ROWS}, 4),
        ({"a": ROWS[:, None]}, 4),
    ],
)
def test_every_form_gives_the_same_samples(samples: Any, total: int | None) -> None:
    dataset = open_dataset(samples, chain_of_adds())
    assert dataset.total == total
    assert same(read(dataset), FOUR)
    assert open_dataset(dataset, chain_of_adds()) is dataset


def test_a_function_is_called_again_for_each_reading() -> None:
    dataset = open_dataset(generator, chain_of_adds())
    assert same(read(dataset), FOUR)
    assert same(read(dataset), FOUR)


B = np.array([7, 8, 9], np.float32)


@pytest.mark.parametrize(
    "sample",
    [
        [ROWS[:1], B],
        (ROWS[:1], B),
        {"b": B, "x": ROWS[:1]},
        {"right": B, "left": ROWS[:1]},
        {"right": B, "x": ROWS[:1]},
        ("add", {"right": B, "left": ROWS[:1]}),
    ],
)
def test_two_inputs_by_order_or_by_name(sample: Any) -> None:
    assert same(read(open_dataset([sample], two_inputs())), [[ROWS[:1], B]])


def test_stacked_arrays_are_cut_by_the_shape_of_each_input() -> None:
    """(n, 3) is n runs of (1, 3) joined, but n runs of (3,) stacked; (2 * n, 3) feeds batches of two."""
    stacked = {"x": ROWS, "b": ROWS + 1}
    assert same(read(open_dataset(stacked, two_inputs())), [[r[None], r + 1] for r in ROWS])
    pairs = read(open_dataset(ROWS, chain_of_adds((2, 3))))
    assert same(pairs, [[ROWS[:2]], [ROWS[2:]]])
    with pytest.raises(CalibrationError, match="first axis has 3 entries, which do not make whole batches of 2"):
        open_dataset(ROWS[:3], chain_of_adds((2, 3)))


def test_a_dimension_the_signature_leaves_open_may_differ_from_sample_to_sample() -> None:
    model = chain_of_adds(signature=(-1, 3))
    assert same(read(open_dataset([ROWS[:1], ROWS], model)), [[ROWS[:1]], [ROWS]])
    with pytest.raises(CalibrationError, match=r"sample 1, input 0 'x': expected float32 of shape \(any, 3\)"):
        read(open_dataset([ROWS[:1], ROWS[:, :2]], model))


def test_a_text_input_takes_text() -> None:
    model = chain_of_adds()
    model.main.tensors[0].type = TensorType.STRING
    assert read(open_dataset([np.array([["a", "b", "c"]])], model))[0][0].dtype == object


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (
            ROWS[:1].astype(np.float64),
            r"input 0 'x': expected float32 .* got float64 .*; convert the values to float32",
        ),
        (ROWS[:1].astype(">f4"), "got >f4"),
        (ROWS[:1].astype(np.uint8), "as the model's preprocessing does"),
        (ROWS[0], r"expected float32 of shape \(1, 3\), got float32 of shape \(3,\); add the batch axis"),
        (ROWS[:2], "give the array the shape of one run"),
        ([ROWS[:1], ROWS[:1]], "takes 1 inputs .'x'., got 2"),
        ([], "got 0"),
        ([[1.0, 2.0, 3.0]], "got float64"),
        ([[[1.0, 2.0], [3.0]]], "list is no array"),
        ({"z": ROWS[:1]}, "no input named 'z'; the names are 'x', 'a'"),
        ({"x": ROWS[:1], "a": ROWS[:1]}, "'a' names an input that is given twice"),
        ({}, "no value for 'x', 'a'"),
        (("nothing", {"a": ROWS[:1]}), "no signature 'nothing'; the model has 'serving_default'"),
        (("serving_default", ROWS[:1]), "must come with a dict, got ndarray"),
        (None, "expected float32"),
    ],
)
def test_a_sample_that_does_not_fit_is_named(sample: Any, message: str) -> None:
    with pytest.raises(CalibrationError, match=message) as caught:
        read(open_dataset([[ROWS[:1]], sample], chain_of_adds()))
    assert str(caught.value).startswith("sample 1")


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (7, "cannot be read from int"),
        (lambda: 7, "the dataset function returned int"),
        (ROWS[0], r"stacked along the first axis, as shape \(n, 1, 3\).*got shape \(3,\)"),
        (ROWS[:, :2], r"got shape \(4, 2\)"),
        (np.float32(1), "cannot be read from float32"),
        ({"x": ROWS.astype(np.int32)}, "the dict, sample 0, input 0 'x': expected float32 .* got int32"),
    ],
)
def test_a_dataset_that_does_not_fit(samples: Any, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        read(open_dataset(samples, chain_of_adds()))


def test_arrays_of_several_inputs_must_agree() -> None:
    with pytest.raises(CalibrationError, match="different numbers of samples: 'x' 4, 'b' 2"):
        open_dataset({"x": ROWS, "b": ROWS[:2]}, two_inputs())
    with pytest.raises(CalibrationError, match=r"one array cannot feed 2 inputs \('x', 'b'\)"):
        open_dataset(ROWS, two_inputs())
    with pytest.raises(CalibrationError, match="no value for 'b', 'right'"):
        open_dataset({"x": ROWS}, two_inputs())


def test_inputs_that_share_a_name_are_given_in_order() -> None:
    model = two_inputs()
    model.signatures = []
    model.main.tensors[1].name = "x"
    assert same(read(open_dataset([[ROWS[:1], B]], model)), [[ROWS[:1], B]])
    with pytest.raises(CalibrationError, match="share a name; give a list in input order"):
        read(open_dataset([{"x": B}], model))


def test_a_model_without_inputs_has_no_dataset() -> None:
    model = chain_of_adds()
    model.main.inputs = ()
    with pytest.raises(CalibrationError, match="takes no inputs"):
        open_dataset(FOUR, model)


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arrays",
    [{"x": ROWS}, {"a": ROWS[:, None]}, {"arr_0": ROWS}, {"frames": ROWS}],
    ids=lambda arrays: next(iter(arrays)),
)
def test_npz(tmp_path: Path, arrays: dict[str, Any]) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    for source in (path, str(path), tmp_path):
        dataset = open_dataset(source, chain_of_adds())
        assert dataset.total == (None if source == tmp_path else 4)
        assert same(read(dataset), FOUR)


def test_npz_of_two_inputs_by_name_or_position(tmp_path: Path) -> None:
    expected = [[r[None], r + 1] for r in ROWS]
    np.savez(tmp_path / "a.npz", right=ROWS + 1, left=ROWS)
    np.savez(tmp_path / "b.npz", ROWS, ROWS + 1)
    assert same(read(open_dataset(tmp_path, two_inputs())), expected + expected)
    np.savez(tmp_path / "c.npz", left=ROWS, right=ROWS, labels=ROWS)
    with pytest.raises(CalibrationError, match=r"c\.npz: no input named 'labels'"):
        read(open_dataset(tmp_path / "c.npz", two_inputs()))


def test_npy_and_a_folder_of_them_in_name_order(tmp_path: Path) -> None:
    for number, row in reversed(list(enumerate(ROWS))):
        np.save(tmp_path / f"{number}.npy", row[None])
    (tmp_path / "labels.txt").write_text("not a sample")
    np.save(tmp_path / ".hidden.npy", ROWS[:, :1])
    dataset = open_dataset(tmp_path, chain_of_adds())
    assert dataset.total == 4
    assert same(read(dataset), FOUR)
    np.save(tmp_path / "0.npy", ROWS)
    assert same(read(open_dataset(tmp_path / "0.npy", chain_of_adds())), FOUR)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.npy", None, "cannot be read as .npy"),
        ("text.txt", b"1 2 3", "a dataset is read from .npz or .npy files"),
        ("bad.npy", b"\x93NUMPY\x01\x00", "cannot be read as .npy"),
        ("bad.npz", b"PK\x03\x04 no archive", "cannot be read as .npz"),
        ("huge.npy", b"huge", "cannot be read as .npy"),
    ],
)
def test_files_that_are_no_dataset(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if name == "huge.npy":
        np.save(path, ROWS)
        content = path.read_bytes().replace(b"(4, 3)", b"(9**9,)")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CalibrationError, match=message) as caught:
        open_dataset(path, chain_of_adds())
    assert str(path) in str(caught.value)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    objects = np.array([{"x": 1}], object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=objects)
    for name in ("a.npy", "b.npz"):
        with pytest.raises(CalibrationError, match=r"cannot be read as .*(pickle|object)"):
            open_dataset(tmp_path / name, chain_of_adds())


def test_misnamed_and_empty(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"there is no .npz or .npy file in this folder"):
        open_dataset(tmp_path, chain_of_adds())
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, x=ROWS)
    with pytest.raises(CalibrationError, match=r"this is a .npz archive; rename it"):
        open_dataset(tmp_path / "a.npy", chain_of_adds())
    with (tmp_path / "b.npz").open("wb") as file:
        np.save(file, ROWS)
    with pytest.raises(CalibrationError, match=r"cannot be read as .npz"):
        open_dataset(tmp_path / "b.npz", chain_of_adds())
