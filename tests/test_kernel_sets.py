from __future__ import annotations

import pytest

from qcore.errors import UnsupportedError
from qcore.kernel_sets import REFERENCE, KernelSet


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reference", KernelSet()),
        ("reference@2.19", KernelSet("reference", "2.19")),
        ("optimized", KernelSet("optimized")),
        ("optimized-arm", KernelSet("optimized", processor="arm")),
        ("xnnpack@litert-2.3", KernelSet("xnnpack", "litert-2.3")),
        ("xnnpack-arm@litert-2.3", KernelSet("xnnpack", "litert-2.3", "arm")),
    ],
)
def test_a_name_and_back(text: str, expected: KernelSet) -> None:
    assert KernelSet.of(text) == expected
    assert str(expected) == text
    assert KernelSet.of(expected) is expected


@pytest.mark.parametrize("text", ["fast", "reference@1.0", "optimized-mips", "reference-arm", "", "@2.21"])
def test_names_of_nothing_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedError, match="kernels="):
        KernelSet.of(text)


def test_what_xnnpack_refuses_runs_in_the_optimized_kernels() -> None:
    assert KernelSet.of("xnnpack@litert-2.3").without_delegate == KernelSet.of("optimized@litert-2.3")
    assert REFERENCE.without_delegate == REFERENCE


def test_the_basis_says_what_was_measured() -> None:
    assert KernelSet.of("optimized").basis == "measured with TensorFlow 2.21, measured on x86-64"
    assert "read from the source" in KernelSet.of("optimized-arm").basis
    assert "read from the source" in KernelSet.of("reference@2.19").basis
