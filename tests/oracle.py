"""TensorFlow's own interpreter as the oracle: what TFLite's kernels answer, tensor by tensor."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qcore.kernel_sets import KernelSet

SHARED = Path(__file__).resolve().parents[2] / "shared"
MODELS = SHARED / "models"
DATA = SHARED / "data"

needs_shared = pytest.mark.skipif(not MODELS.is_dir(), reason="the folder ../shared with real models is not here")


@functools.cache
def tensorflow() -> ModuleType:
    """TensorFlow, quiet; the test is skipped where it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorflow", reason="TensorFlow, the oracle, is not installed")


@functools.cache
def litert() -> ModuleType:
    """ai-edge-litert's interpreter, the second oracle; the test is skipped where it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert, the second oracle, is missing")


RESOLVERS = {"reference": "BUILTIN_REF", "optimized": "BUILTIN_WITHOUT_DEFAULT_DELEGATES", "xnnpack": "AUTO"}
"""Kernel set -> the op resolver of tf.lite.Interpreter that runs it."""


def interpreter(model: bytes, *, every_tensor: bool = False, threads: int = 1, kernels: str = "reference") -> Any:
    """An interpreter on one of TFLite's kernel sets, not yet allocated: "optimized", "xnnpack@litert-2.3", ..."""
    chosen = KernelSet.of(kernels)
    if chosen.version == "litert-2.3":
        make, resolvers = litert().Interpreter, litert().OpResolverType
    else:
        assert chosen == KernelSet(chosen.name), f"no installed runtime has the kernels {kernels}"
        make, resolvers = tensorflow().lite.Interpreter, tensorflow().lite.experimental.OpResolverType
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(
            model_content=model,
            num_threads=threads,
            experimental_op_resolver_type=getattr(resolvers, RESOLVERS[chosen.name]),
            experimental_preserve_all_tensors=every_tensor,
        )


def runtime(kernels: str) -> str:
    """The installed runtime that `interpreter` asks about these kernels, as "TensorFlow 2.21.0 BUILTIN_REF"."""
    chosen = KernelSet.of(kernels)
    package, name = (
        ("ai-edge-litert", "ai-edge-litert") if chosen.version == "litert-2.3" else ("tensorflow", "TensorFlow")
    )
    return f"{name} {importlib.metadata.version(package)} {RESOLVERS[chosen.name]}"


def processor() -> str:
    """The processor that measures, as far as kernels may depend on it: "x86-64, AVX-512 VNNI"."""
    machine = {"x86_64": "x86-64", "AMD64": "x86-64"}.get(platform.machine(), platform.machine())
    about = Path("/proc/cpuinfo")
    flags = set(about.read_text(encoding="utf-8").split()) if about.exists() else set()
    known = {"avx512_vnni": "AVX-512 VNNI", "avx512f": "AVX-512", "avx2": "AVX2", "asimddp": "dot products"}
    return ", ".join([machine, *[name for flag, name in known.items() if flag in flags][:1]])


def outputs(
    model: bytes, inputs: Sequence[NDArray[Any]], invocations: int = 1, *, kernels: str = "reference"
) -> list[NDArray[Any]]:
    """The outputs of TFLite's kernels for inputs in input order; inputs are resized to the arrays given.

    The model is invoked `invocations` times with these inputs; the outputs are those of the last time.
    bfloat16 goes in and comes out as uint16.
    """
    return answer(interpreter(model, kernels=kernels), inputs, invocations)


def answer(runner: Any, inputs: Sequence[NDArray[Any]], invocations: int = 1) -> list[NDArray[Any]]:
    """The outputs of an interpreter that is not yet allocated; see `outputs`."""
    details = runner.get_input_details()
    for detail, value in zip(details, inputs, strict=True):
        if tuple(detail["shape"]) != value.shape:
            runner.resize_tensor_input(detail["index"], value.shape)
    runner.allocate_tensors()
    for detail, value in zip(details, inputs, strict=True):
        runner.set_tensor(detail["index"], value.view(detail["dtype"]) if _is_bfloat16(detail["dtype"]) else value)
    for _ in range(invocations):
        runner.invoke()
    results = [runner.get_tensor(detail["index"]) for detail in runner.get_output_details()]
    return [y.view(np.uint16) if _is_bfloat16(y.dtype) else y for y in results]


def _is_bfloat16(dtype: Any) -> bool:
    """TensorFlow brings a NumPy type of its own for bfloat16, which qcore holds as the 16 bits."""
    return np.dtype(dtype).name == "bfloat16"


def delegated(runner: Any) -> bool:
    """Whether a delegate runs any node of an allocated interpreter."""
    return any(details["op_name"] == "DELEGATE" for details in runner._get_ops_details())


def same_bits(ours: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.bool_]:
    """Elementwise: equal values, NaN equal to NaN; -0.0 equals 0.0."""
    with np.errstate(invalid="ignore"):
        equal: NDArray[np.bool_] = ours == theirs
    if ours.dtype.kind in "fc":
        equal |= np.isnan(ours) & np.isnan(theirs)
    return equal
