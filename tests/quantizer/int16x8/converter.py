"""TensorFlow's old quantizer as the oracle of int16x8.

It reads the ranges from the float file where the calibrator has seen no sample, so hand-made models can be asked about.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from qcore import Interpreter
from qcore.errors import QuantizationError
from qcore.ir import Model, Operator
from qcore.op_versions import LOWEST_VERSIONS
from qcore.quantizer import quantize
from qcore.quantizer.int16x8.prepare import separate_buffers
from qcore.tflite import load, to_bytes
from tests import oracle
from tests.quantizer.comparison import differences
from tflite_schema import AddOptions, BuiltinOperator, Conv2DOptions, TensorType

__all__ = ["Refused", "check", "converted", "is_broken", "run_equal"]

Array = NDArray[Any]
Refused = (RuntimeError, ValueError)
"""What TensorFlow raises for a file or a model it does not take."""


def converted(
    model: Model,
    *,
    inference_input_type: str = "float32",
    inference_output_type: str = "float32",
    bias_type: str = "int64",
    per_channel: bool = True,
    per_channel_dense: bool = True,
    strict: bool = False,
    denylisted_ops: Sequence[str] = (),
) -> Model:
    """What the converter makes of a float model that carries ranges; RuntimeError where it refuses.

    It takes no names of operators to deny. Those are given the code of an operator that cannot be quantized, on the
    way; what the quantizer does for the sake of the code itself is then put right.
    """
    oracle.tensorflow()
    calibrator = importlib.import_module("tensorflow.lite.python.optimize.calibrator")
    convert = importlib.import_module("tensorflow.lite.python.convert")
    source = model.copy()
    separate_buffers(source)  # the converter shares buffers after it has quantized, and not before
    for operator in source.main.operators:
        if operator.name in denylisted_ops:
            operator.code, operator.version = BuiltinOperator.ATAN2, 1
    # A new list of codes: TensorFlow looks for options only where codes are not in the field of before 2020.
    del source.extra["operator_codes"]
    types = [np.dtype(name).num for name in (inference_input_type, inference_output_type, "int16", bias_type)]
    owner = calibrator.Calibrator(to_bytes(source))  # it keeps the bytes alive, the wrapper in it does not
    flags = (not per_channel, not per_channel_dense)
    content = owner._calibrator.QuantizeModel(types[0], types[1], not strict, types[2], types[3], *flags)
    answer = load(bytes(convert.deduplicate_readonly_buffers(content)))
    makers = {operator.outputs[0]: operator for operator in model.main.operators if operator.outputs}
    _restore(answer, makers, denylisted_ops, bias_type)
    return answer


def _restore(answer: Model, makers: dict[int, Operator], denylisted_ops: Sequence[str], bias_type: str) -> None:
    """Give operators their codes back, their versions, and what the quantizer writes into the options for a code."""
    for operator in answer.main.operators:
        original = makers.get(operator.outputs[0]) if operator.outputs else None
        if original is None or original.name not in denylisted_ops:
            continue
        operator.code = original.code
        operator.version = max(original.version, LOWEST_VERSIONS.get(original.name, 1))
        if isinstance(operator.options, Conv2DOptions):
            operator.options = operator.options.replace(quantized_bias_type=TensorType[bias_type.upper()])
        elif isinstance(operator.options, AddOptions):
            operator.options = operator.options.replace(pot_scale_int16=False)


def check(model: Model, **recipe: Any) -> Model | None:
    """Assert that our quantized model says what the converter's says, and return it.

    None where we refuse: the files are compared nevertheless. Where an operator in float reads a tensor that became
    integers later on, the converter writes a file that is wrong; ours then differs, and has a DEQUANTIZE there.
    """
    theirs = converted(model, **recipe)
    refusal = None
    try:
        ours = quantize(model, "int16x8", **recipe)
    except QuantizationError as error:
        refusal = str(error)
        with (
            mock.patch("qcore.quantizer.int16x8.require_scales"),
            mock.patch("qcore.quantizer.int16x8.require_kernels"),
        ):
            ours = quantize(model, "int16x8", **recipe)
    ours = load(to_bytes(ours))
    if is_broken(theirs):
        assert not is_broken(ours)
    else:
        for model_ in (ours, theirs) if recipe.get("denylisted_ops") else ():
            _forget_ranges_of_constants(model_)
        found = differences(ours, theirs)
        assert not found, f"{len(found)} differences:\n" + "\n".join(found[:20])
    return None if refusal else ours


def _forget_ranges_of_constants(model: Model) -> None:
    """The quantizer writes those of operators it does not quantize if it knows their codes."""
    for tensor in model.main.tensors:
        if tensor.type == TensorType.FLOAT32 and model.is_constant(tensor):
            tensor.quant = None


def is_broken(model: Model) -> bool:
    """Whether an operator with a float result reads int16, though it does not convert."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            types = [[graph.tensors[t] for t in side if t >= 0] for side in (operator.inputs, operator.outputs)]
            reads = any(t.type == TensorType.INT16 and t.quant is not None and t.quant.is_quantized for t in types[0])
            makes = any(t.type == TensorType.INT16 for t in types[1])
            if reads and not makes and operator.name not in ("DEQUANTIZE", "SHAPE", "ASSIGN_VARIABLE"):
                return True
    return False


def run_equal(model: Model, seed: int = 0, *, positive: bool = False) -> int:
    """Run a model here and on TFLite's reference kernels; assert all integers equal, and return how many.

    Where operators compute in float, their results may differ by a rounding, and what follows is not compared; nor is
    SUM, whose reference kernel is wrong. A model with an operator that the reference kernels lack must run on the
    optimized ones, and 0 is returned: those round some integers differently.
    """
    runner, optimized = _runner(to_bytes(model))
    rng = np.random.default_rng(seed)
    feeds = []
    for detail in runner.get_input_details():
        feed = _random(rng, tuple(detail["shape"]), np.dtype(detail["dtype"]))
        feeds.append(abs(feed) + feed.dtype.type(1) if positive else feed)
        runner.set_tensor(detail["index"], feeds[-1])
    runner.invoke()
    if optimized:
        return 0
    ours = Interpreter(model)
    ours.run(feeds)
    compared, inexact = 0, set[int]()
    for operator in model.main.operators:
        float_results = any(model.main.tensors[t].type == TensorType.FLOAT32 for t in operator.outputs)
        starts = operator.name == "SUM" or (float_results and operator.name != "DEQUANTIZE")
        if starts or inexact.intersection(operator.inputs):
            inexact.update(operator.outputs)
            continue
        for tensor in operator.outputs if operator.name != "VAR_HANDLE" else ():
            mine, other = ours.get_tensor(tensor), runner.get_tensor(tensor)
            equal = oracle.same_bits(mine, other)
            assert mine.dtype == other.dtype
            assert equal.all(), f"{operator.name}: {int((~equal).sum())} of {equal.size} differ"
            compared += equal.size
    return compared


def _runner(content: bytes) -> tuple[Any, bool]:
    refusals = []
    for kernels in ("reference", "optimized"):
        try:
            runner = oracle.interpreter(content, every_tensor=True, kernels=kernels)
            runner.allocate_tensors()
        except Refused as error:
            refusals.append(error)
        else:
            return runner, kernels == "optimized"
    raise refusals[0]


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return (rng.normal(size=shape) * 10 ** rng.uniform(-2, 1)).astype(dtype)
    if dtype == np.int16:
        return rng.integers(-32767, 32767, shape).astype(dtype)
    return rng.integers(0, 2, shape).astype(dtype)
