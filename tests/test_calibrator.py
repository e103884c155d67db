"""Our ranges are TFLite's: on real models, on models made here, and for every odd value exactly."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcore.calibration import Calibration, Range
from qcore.calibrator import CalibrationWarning, calibrate
from qcore.errors import CalibrationError, UnsupportedError
from qcore.ir import Model, Operator, QuantParams, Subgraph, Tensor
from qcore.op import Op
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.graphs import chain_of_adds, int8_add
from tflite_schema import AddOptions, BuiltinOperator, SignatureDef, TensorMap, TensorType

Array = NDArray[Any]
Ranges = dict[tuple[int, int], Range]
F32 = TensorType.FLOAT32
FLT_MIN = np.float32(1.1754944e-38)
INF, NAN = float("inf"), float("nan")
RELATIVE = 1e-6  # of a tensor's range: the order in which a convolution sums is not the same


def theirs(content: bytes, samples: Sequence[Any]) -> Ranges:
    """The ranges that TFLite's calibrator writes into the model."""
    oracle.tensorflow()
    from tensorflow.lite.python.optimize import calibrator

    prepared = calibrator.add_intermediate_tensors(content)
    calibrated = calibrator.Calibrator(prepared).calibrate(lambda: iter(samples))
    return dict(Calibration.from_model(load(bytes(calibrated))).statistics)


def assert_equal(model: Model, ours: Ranges, reference: Ranges, relative: float = 0.0) -> None:
    """The same tensors, and ranges equal within `relative` of each tensor's range."""
    assert sorted(ours) == sorted(reference)
    for key, (low, high) in reference.items():
        span = float(high) - float(low)
        name = model.subgraphs[key[0]].tensors[key[1]].name
        for mine, bound in zip(ours[key], (low, high), strict=True):
            wrong = mine != bound and not abs(float(mine) - float(bound)) <= relative * span
            assert not wrong, f"{key} {name!r}: ours {ours[key]}, TFLite {(low, high)}"


def plain(calibration: Calibration, subgraph: int = 0) -> dict[int, tuple[float, float]]:
    """The ranges as Python floats."""
    return {index: (float(low), float(high)) for index, (low, high) in calibration.ranges(subgraph).items()}


def row(*values: float) -> Array:
    return np.array([values], np.float32)


# Real models ----------------------------------------------------------------------------------------------------------


def photos(count: int, size: int, scale: float) -> list[list[Array]]:
    with np.load(oracle.DATA / "photos_96.npz", allow_pickle=False) as archive:
        images = archive["images"][:count, :size, :size]
    return [[image[None].astype(np.float32) * np.float32(scale)] for image in images]


def toycar(count: int) -> list[list[Array]]:
    with np.load(oracle.DATA / "toycar_frames.npz", allow_pickle=False) as archive:
        return [[frame[None]] for frame in archive["frames"][:count]]


def drawn(count: int, shape: tuple[int, ...], low: float, high: float) -> list[list[Array]]:
    rng = np.random.default_rng(7)
    return [[rng.uniform(low, high, shape).astype(np.float32)] for _ in range(count)]


REAL: dict[str, Callable[[], list[list[Array]]]] = {
    "mlptiny_pretrainedResnet": lambda: photos(4, 32, 1.0),
    "mlptiny_ad01_fp32": lambda: toycar(8),
    "aeq_conv_fc_mnist": lambda: drawn(4, (1, 28, 28, 1), 0, 1),
    "tflm_hello_world_float": lambda: drawn(20, (1, 1), 0, 6.3),
}


@oracle.needs_shared
@pytest.mark.parametrize("name", REAL)
def test_real_models(name: str) -> None:
    content = (oracle.MODELS / f"{name}.tflite").read_bytes()
    samples = REAL[name]()
    model = load(content)
    assert_equal(model, dict(calibrate(model, samples).statistics), theirs(content, samples), RELATIVE)


@oracle.needs_shared
def test_a_model_with_quantized_weights_is_refused_whatever_its_name() -> None:
    """This one calls itself float32 and has int8 weights: a dynamic-range model."""
    model = load(oracle.MODELS / "mlptiny_kws_ref_model_float32.tflite")
    with pytest.raises(CalibrationError, match=r"already quantized: .*conv2d/Conv2D' is INT8 with a scale"):
        calibrate(model, drawn(1, (1, 49, 10, 1), -80, 40))


@oracle.needs_shared
def test_the_residual_additions_of_a_real_model_need_the_rule() -> None:
    content = (oracle.MODELS / "mlptiny_pretrainedResnet.tflite").read_bytes()
    model, samples = load(content), photos(2, 32, 1.0)
    plain = dict(calibrate(model, samples, in_place_rule=False).statistics)
    reference = theirs(content, samples)
    wrong = [key for key in reference if abs(plain[key][1] - reference[key][1]) > 1e-3 * reference[key][1]]
    assert wrong, "without the rule some range must differ, or the rule is not tested here"


# Models made here -----------------------------------------------------------------------------------------------------


def residual(keras: Any) -> Any:
    """Convolutions with residual additions, one of them of a tensor that is read again."""
    x = inputs = keras.Input((8, 8, 3), batch_size=1)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    for _ in range(2):
        y = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
        y = keras.layers.Conv2D(8, 3, padding="same")(y)
        x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))


def depthwise(keras: Any) -> Any:
    """An inverted residual with a linear bottleneck, as in MobileNetV2."""
    x = inputs = keras.Input((8, 8, 4), batch_size=1)
    y = keras.layers.Conv2D(12, 1, activation="relu6")(x)
    y = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6")(y)
    y = keras.layers.Conv2D(4, 1)(y)
    x = keras.layers.MaxPooling2D()(keras.layers.Add()([x, y]))
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


def gated(keras: Any) -> Any:
    """Softmax over its own operand, a product with it, a residual addition: three operators that overwrite."""
    x = inputs = keras.Input((6, 8), batch_size=1)
    gate = keras.layers.Softmax()(keras.layers.Dense(8)(x))
    y = keras.layers.Multiply()([keras.layers.Dense(8)(x), gate])
    y = keras.layers.Add()([keras.layers.Dense(8)(x), y])
    return keras.Model(inputs, keras.layers.Dense(2)(y))


@functools.cache
def converted(build: Callable[[Any], Any]) -> bytes:
    """The float .tflite of a Keras model with fixed random weights."""
    tf = oracle.tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.keras.utils.set_random_seed(3)
        return bytes(tf.lite.TFLiteConverter.from_keras_model(build(tf.keras)).convert())


@pytest.mark.parametrize("build", [residual, depthwise, gated], ids=lambda build: build.__name__)
def test_keras_models(build: Callable[[Any], Any]) -> None:
    content = converted(build)
    model = load(content)
    samples = drawn(5, model.main.tensors[model.main.inputs[0]].shape, -3, 3)
    reference = theirs(content, samples)
    assert_equal(model, dict(calibrate(model, samples).statistics), reference, RELATIVE)
    plain = dict(calibrate(model, samples, in_place_rule=False).statistics)
    with pytest.raises(AssertionError, match="ours"):
        assert_equal(model, plain, reference, RELATIVE)


# Odd values, exactly --------------------------------------------------------------------------------------------------


def additions() -> Model:
    """Three additions: c = a + 1, d = c + a, e = d + 1; TFLite stores d over c."""
    model = Model(subgraphs=[], buffers=[None])
    one = model.add_buffer(np.ones(1, np.float32))
    tensors = [Tensor(name, (1, 3), F32) for name in "acde"]
    tensors.append(Tensor("one", (1,), F32, one))
    wires = [((0, 4), 1), ((1, 0), 2), ((2, 4), 3)]
    operators = [Operator(BuiltinOperator.ADD, inputs, (y,), AddOptions()) for inputs, y in wires]
    model.subgraphs = [Subgraph("main", tensors, operators, (0,), (3,))]
    return model


# No subnormal numbers: TFLite's thread compares them as zero, so that of 1e-42 and 0 the first is the minimum.
ODD = {
    "all negative": [row(-5, -7, -9)],
    "all zero": [row(0, 0, 0), row(0, 0, 0)],
    "negative zero": [row(-0.0, -0.0, -0.0)],
    "one value": [row(2, 2, 2)],
    "overflow to infinity in the sums": [row(3e38, 1, 2)],
    "infinite": [row(1, INF, -1), row(-INF, 0, 0)],
    "only infinite": [row(INF, INF, INF)],
    "NaN beside numbers": [row(NAN, 2, -3), row(1, NAN, NAN)],
    "NaN from infinities": [row(INF, 1, 2), row(-INF, 1, 2)],
    "NaN in one sample": [row(NAN, NAN, NAN), row(-1, -2, -3)],
}


@pytest.mark.parametrize("samples", ODD.values(), ids=ODD)
def test_odd_values_exactly(samples: list[Array]) -> None:
    model = additions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        ours = calibrate(model, samples)
    assert_equal(model, dict(ours.statistics), theirs(to_bytes(model), [[sample] for sample in samples]))


VALUES = st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=False)
SAMPLES = st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=3)


@given(SAMPLES)
def test_any_values_exactly(rows: list[list[float]]) -> None:
    model, samples = additions(), [row(*values) for values in rows]
    reference = theirs_or_none(model, samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        if reference is None or len(reference) < 4:
            with pytest.raises(CalibrationError, match="only NaN in all"):
                calibrate(model, samples)
        else:
            assert_equal(model, dict(calibrate(model, samples).statistics), reference)


def theirs_or_none(model: Model, samples: list[Array]) -> Ranges | None:
    try:
        return theirs(to_bytes(model), [[sample] for sample in samples])
    except CalibrationError:  # no tensor has a range at all
        return None


def test_the_start_of_min_and_max() -> None:
    negative = calibrate(additions(), [row(-5, -7, -9)], in_place_rule=False)
    top = float(FLT_MIN)
    assert plain(negative) == {0: (-9, top), 1: (-8, top), 2: (-17, top), 3: (-16, top)}
    assert all(type(bound) is np.float32 for pair in negative.ranges().values() for bound in pair)
    assert plain(calibrate(additions(), [row(5, 7, 9)]))[0] == (5, 9)


def test_the_rule_can_be_turned_off() -> None:
    on, off = (calibrate(additions(), [row(1, 2, 3)], in_place_rule=rule) for rule in (True, False))
    assert (plain(on)[1], plain(off)[1]) == ((2, 7), (2, 4))
    assert (on.in_place_rule, off.in_place_rule) == (True, False)
    with pytest.raises(CalibrationError, match="made in different ways"):
        on.merge(off)


def test_nan_is_warned_of_and_skipped() -> None:
    message = "tensor 0 'a'; .*: were NaN in some elements .*operator 0 ADD, sample 1.; they were skipped"
    with pytest.warns(CalibrationWarning, match=message):
        calibration = calibrate(additions(), [row(1, 2, 3), row(NAN, 2, 4)])
    assert plain(calibration)[0] == (1, 4)


def test_nothing_but_nan_is_refused() -> None:
    with pytest.raises(CalibrationError, match=r"tensor 0 'a'.* only NaN in all 2 samples .*operator 0 ADD, sample 0"):
        calibrate(additions(), [row(NAN, NAN, NAN)] * 2)


def test_infinity_is_warned_of_and_recorded() -> None:
    with pytest.warns(CalibrationWarning, match=r"tensor 0 'a': was infinite; .*no scale can be made of it"):
        calibration = calibrate(additions(), [row(1, INF, 3)])
    assert plain(calibration)[0] == (1, INF)
    assert plain(calibration)[1] == (2, float(np.finfo(np.float32).max)), "an addition clamps to the finite range"


def test_what_tflite_loses_is_warned_of() -> None:
    """TFLite stores `product` over x, whose reshaped view b is read afterwards."""
    model = Model(subgraphs=[], buffers=[None])
    one = model.add_buffer(np.ones(1, np.float32))
    shape = model.add_buffer(np.array([3, 1], np.int32))
    tensors = [Tensor("a", (1, 3), F32), Tensor("x", (1, 3), F32)]
    tensors += [Tensor(name, (3, 1), F32) for name in ("b", "c", "product", "y", "z")]
    tensors += [Tensor("one", (1,), F32, one), Tensor("shape", (2,), TensorType.INT32, shape)]
    add, reshape = BuiltinOperator.ADD, BuiltinOperator.RESHAPE
    wires = [(add, (0, 7), 1), (reshape, (1, 8), 2), (reshape, (2, 8), 3), (add, (3, 7), 4), (add, (2, 7), 5)]
    wires.append((add, (4, 7), 6))
    operators = [Operator(code, inputs, (y,), AddOptions() if code == add else None) for code, inputs, y in wires]
    model.subgraphs = [Subgraph("main", tensors, operators, (0,), (5, 6))]
    with pytest.warns(CalibrationWarning, match="operator 3 ADD overwrites tensor 2 'b', which operator 4 still reads"):
        calibration = calibrate(model, [row(1, 2, 3)])
    assert plain(calibration)[5] == (3, 5)
    low, high = theirs(to_bytes(model), [[row(1, 2, 3)]])[0, 5]
    assert (float(low), float(high)) == (4, 6), "TFLite adds one to the wrong values"


# Shapes, subgraphs, state ---------------------------------------------------------------------------------------------


def test_open_dimensions_follow_the_samples() -> None:
    """The rule is decided with the first sample's shapes: four bytes are never shared, twelve are."""
    for first in (1, 3):
        model = additions()
        for tensor in model.main.tensors[:4]:
            tensor.shape, tensor.shape_signature = (1, 1), (-1, 1)
        samples = [np.arange(n, dtype=np.float32)[:, None] for n in (first, 3, 2)]
        ours = calibrate(model, samples)
        assert_equal(model, dict(ours.statistics), theirs(to_bytes(model), [[sample] for sample in samples]))


def test_samples_of_another_signature_run_its_subgraph() -> None:
    model, second = additions(), additions()
    model.subgraphs.append(second.main)
    for subgraph, key in enumerate(("one", "two")):
        inputs, outputs = [TensorMap(name="in", tensor_index=0)], [TensorMap(name="out", tensor_index=3)]
        model.signatures.append(
            SignatureDef(signature_key=key, inputs=inputs, outputs=outputs, subgraph_index=subgraph)
        )
    samples = [("one", {"in": row(1, 2, 3)}), ("two", {"in": row(-1, -2, -3)})]
    calibration = calibrate(model, samples)
    assert plain(calibration, 1)[0] == (-3, float(FLT_MIN))
    assert_equal(model, dict(calibration.statistics), theirs(to_bytes(model), samples))


def test_an_input_that_nothing_reads_has_no_range() -> None:
    model = additions()
    model.main.tensors.append(Tensor("unused", (2,), F32))
    model.main.inputs = (0, 5)
    samples = [[row(1, 2, 3), np.ones(2, np.float32)]]
    calibration = calibrate(model, samples)
    assert sorted(calibration.ranges()) == [0, 1, 2, 3]
    assert_equal(model, dict(calibration.statistics), theirs(to_bytes(model), samples))


def test_a_variable_starts_from_zero_and_keeps_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """state += x, y = state. TFLite looks at the state before the first run too, when it is zero."""

    def accumulate(p: Any, inputs: list[Any], ctx: Any) -> list[Array]:
        inputs[1] += inputs[0]
        return [inputs[1].copy()]

    op = Op(infer=lambda n: [n.input(0).shape], kernels={"float32": accumulate})
    monkeypatch.setattr("qcore.allocation.find", lambda code, custom_code=None: op)
    tensors = [Tensor("x", (1, 2), F32), Tensor("state", (1, 2), F32, is_variable=True), Tensor("y", (1, 2), F32)]
    model = Model([Subgraph("main", tensors, [Operator(BuiltinOperator.RNN, (0, 1), (2,))], (0,), (2,))])
    calibration = calibrate(model, [row(1, 2), row(3, 4)])
    assert plain(calibration) == {0: (1, 4), 1: (0, 6), 2: (1, 6)}


# The call -------------------------------------------------------------------------------------------------------------


def test_what_is_recorded() -> None:
    model = additions()
    done: list[tuple[int, int | None]] = []
    calibration = calibrate(model, [row(1, 2, 3)] * 3, progress=lambda *at: done.append(at))
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert (calibration.samples, calibration.method, calibration.in_place_rule) == (3, "min_max", True)
    assert calibration.names == {(0, 0): "a", (0, 1): "c", (0, 2): "d", (0, 3): "e"}
    calibration.check(model)
    done.clear()
    calibrate(model, lambda: iter([row(1, 2, 3)]), progress=lambda *at: done.append(at))
    assert done == [(1, None)]


def test_halves_merge_to_the_whole() -> None:
    samples = [sample[0] for sample in drawn(6, (1, 3), -1, 1)]
    model = additions()
    whole = calibrate(model, samples)
    assert calibrate(model, samples[:2]).merge(calibrate(model, samples[2:])) == whole


def test_samples_are_left_alone() -> None:
    sample = row(1, 2, 3)
    sample.flags.writeable = False
    calibrate(additions(), [sample])


@pytest.mark.parametrize(
    ("model", "samples", "message"),
    [
        (additions(), [], "the dataset is empty"),
        (additions(), iter(()), "the dataset is empty"),
        (int8_add(), [], "already quantized: subgraph 0, tensor 0 'a' is INT8 with a scale"),
        (additions(), [row(1, 2)], "sample 0, input 0 'a'"),
    ],
)
def test_refusals(model: Model, samples: Any, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        calibrate(model, samples)


def test_a_model_without_inputs_is_refused() -> None:
    model = chain_of_adds()
    model.main.inputs = ()
    with pytest.raises(CalibrationError, match="takes no inputs"):
        calibrate(model, [[]])


def test_quantized_weights_are_refused() -> None:
    model = chain_of_adds()
    model.main.tensors[1].type = TensorType.INT8
    model.main.tensors[1].quant = QuantParams.of(0.5)
    with pytest.raises(CalibrationError, match="tensor 1 'one' is INT8 with a scale"):
        calibrate(model, [row(1, 2, 3)])


def test_operators_without_a_kernel_are_named() -> None:
    model = additions()
    model.main.operators[1].code = BuiltinOperator.CUSTOM
    model.main.operators[1].custom_code = "Mystery"
    with pytest.raises(UnsupportedError, match=r"operator 1 Mystery.*'Mystery'"):
        calibrate(model, [row(1, 2, 3)])


# Other methods --------------------------------------------------------------------------------------------------------

BATCHES = [np.random.default_rng(seed).normal(size=(1, 3)).astype(np.float32) for seed in range(8)]


def test_moving_average_smooths_the_extremes_of_every_tensor() -> None:
    """AI Edge Quantizer's update over the values of x, middle = x + 1 and y = middle + x."""
    calibration = calibrate(chain_of_adds(), BATCHES, method="moving_average")
    tensors: dict[int, Callable[[Array], Array]] = {
        0: lambda x: x,
        2: lambda x: x + np.float32(1),
        3: lambda x: x + np.float32(1) + x,
    }
    for index, value in tensors.items():
        low, high = value(BATCHES[0]).min(), value(BATCHES[0]).max()
        for x in BATCHES[1:]:
            low = np.float32(0.95) * low + np.float32(0.05) * value(x).min()
            high = np.float32(0.95) * high + np.float32(0.05) * value(x).max()
        assert calibration.ranges()[index] == (low, high)


@pytest.mark.parametrize("method", ["percentile", "mse", "entropy"])
def test_a_histogram_has_every_value_of_every_sample(method: str) -> None:
    calibration = calibrate(chain_of_adds(), BATCHES, method=method)
    for key, low_high in calibration.statistics.items():
        content = calibration.observed[key].to_json()
        assert sum(content["counts"]) == 3 * len(BATCHES)
        assert content["low"] <= low_high[0] <= low_high[1] <= content["high"]
    shuffled = calibrate(chain_of_adds(), BATCHES[::-1], method=method)
    assert shuffled.statistics == calibration.statistics


def test_the_second_pass_looks_closer() -> None:
    """With 16 bins and an outlier, percentiles are coarse; the second pass finds them almost exactly."""
    samples = [np.random.default_rng(seed).normal(size=(1, 300)).astype(np.float32) for seed in range(10)]
    samples[3][0, 5] = 1000
    exact = np.sort(np.ravel(samples))[[30, -31]]
    model = chain_of_adds((1, 300))
    seen: list[tuple[int, int | None]] = []
    how: dict[str, Any] = {"method": "percentile", "percentile": 99.0, "bins": 64}
    once = calibrate(model, samples, **how)
    twice = calibrate(model, samples, **how, passes=2, progress=lambda done, total: seen.append((done, total)))
    assert abs(float(once.ranges()[0][1]) - exact[1]) > 3
    np.testing.assert_allclose(twice.ranges()[0], exact, atol=1)
    assert seen == [(done, 20) for done in range(1, 21)]
    assert (twice.samples, dict(twice.observed)) == (10, {})


def test_a_second_pass_needs_samples_that_can_be_read_twice() -> None:
    with pytest.raises(CalibrationError, match=r"passes=2 reads the samples twice, .* only once; give a list"):
        calibrate(chain_of_adds(), iter(BATCHES), method="percentile", passes=2)
    seen: list[int | None] = []
    twice = calibrate(
        chain_of_adds(),
        lambda: iter(BATCHES),
        method="percentile",
        passes=2,
        progress=lambda _, total: seen.append(total),
    )
    assert seen == [None] * 8 + [16] * 8
    assert twice.statistics == calibrate(chain_of_adds(), BATCHES, method="percentile", passes=2).statistics
    used_up = iter(BATCHES)
    with pytest.raises(CalibrationError, match="the dataset is empty"):
        calibrate(chain_of_adds(), lambda: used_up, method="percentile", passes=2)
    shorter = iter([BATCHES, BATCHES[:3]])
    with pytest.raises(CalibrationError, match=r"unlike the first: 8 samples, then 3; give the same samples"):
        calibrate(chain_of_adds(), lambda: next(shorter), method="percentile", passes=2)
    other = iter([BATCHES, [x + 100 for x in BATCHES]])
    with pytest.raises(CalibrationError, match=r"8 samples, then 8, of other values"):
        calibrate(chain_of_adds(), lambda: next(other), method="percentile", passes=2)


def test_nan_and_infinity_in_histograms() -> None:
    with pytest.warns(CalibrationWarning) as caught:
        calibration = calibrate(chain_of_adds(), [row(NAN, 1, INF), row(2, -INF, 3)], method="percentile")
    assert plain(calibration)[0] == (1, 3)
    messages = [str(warning.message) for warning in caught]
    assert any("NaN in some elements" in message for message in messages)
    assert any("infinite in some elements, which percentile left out" in message for message in messages)
    with pytest.raises(CalibrationError, match="without a finite value in all 1 samples; mse can make no range"):
        calibrate(chain_of_adds(), [row(INF, INF, -INF)], method="mse")


def test_the_in_place_rule_is_of_min_max() -> None:
    with pytest.raises(CalibrationError, match="the in-place rule is of TFLite's min_max"):
        calibrate(chain_of_adds(), BATCHES, method="mse", in_place_rule=True)
    assert calibrate(chain_of_adds(), BATCHES, method="mse").in_place_rule is False
    assert calibrate(chain_of_adds(), BATCHES).in_place_rule is True


def test_methods_and_parameters_that_there_are_not() -> None:
    with pytest.raises(CalibrationError, match="no range method 'median'"):
        calibrate(chain_of_adds(), BATCHES, method="median")
    with pytest.raises(CalibrationError, match="min_max has no percentile; it has no parameters"):
        calibrate(chain_of_adds(), BATCHES, percentile=99)
