"""Kernel sets: whose arithmetic is reproduced. One file gives different integers under TFLite's different kernels.

    reference   the C++ reference kernels (BUILTIN_REF)
    optimized   the optimized kernels without delegates (BUILTIN_WITHOUT_DEFAULT_DELEGATES): ruy, vector code
    xnnpack     the default: nodes that the XNNPACK delegate takes run there, the others in the optimized kernels

A few numbers also depend on the release or the processor: `reference@2.19`, `xnnpack@litert-2.3`, `optimized-arm`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from qcore.errors import UnsupportedError

__all__ = ["REFERENCE", "KernelSet"]

NAMES = ("reference", "optimized", "xnnpack")
VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "2.21": "measured with TensorFlow 2.21",
        "litert-2.3": "measured with ai-edge-litert 2.3",
        "2.19": "read from the source of TensorFlow 2.19",
    }
)
PROCESSORS: Mapping[str, str] = MappingProxyType({"x86": "measured on x86-64", "arm": "read from the source for ARM"})


@dataclass(frozen=True, slots=True)
class KernelSet:
    """name: "reference", "optimized" or "xnnpack"; version: a key of VERSIONS; processor: a key of PROCESSORS."""

    name: str = "reference"
    version: str = "2.21"
    processor: str = "x86"

    @classmethod
    def of(cls, text: str | KernelSet) -> KernelSet:
        """The set that `name[-processor][@version]` names; UnsupportedError, with the choices, if there is none."""
        if isinstance(text, KernelSet):
            return text
        base, _, version = str(text).partition("@")
        name, _, processor = base.partition("-")
        chosen = cls(name, version or "2.21", processor or "x86")
        for part, known in ((chosen.name, NAMES), (chosen.version, VERSIONS), (chosen.processor, PROCESSORS)):
            if part not in known:
                raise UnsupportedError(f"kernels={text!r}: no {part!r}; choose one of {', '.join(known)}")
        if chosen.name == "reference" and chosen.processor != "x86":
            raise UnsupportedError(f"kernels={text!r}: reference kernels do not depend on the processor; leave it out")
        return chosen

    @property
    def basis(self) -> str:
        """How its rules are known: measured, or read from source."""
        if self.name == "reference":
            return VERSIONS[self.version]
        return f"{VERSIONS[self.version]}, {PROCESSORS[self.processor]}"

    @property
    def rounds_half_even(self) -> bool:
        """How XNNPACK's plain C++ code (tables, MEAN, SUM) rounds a float32 tie; before LiteRT 2.3 away from zero."""
        return self.version == "litert-2.3"

    @property
    def without_delegate(self) -> KernelSet:
        """The set that runs a node which XNNPACK refuses: the optimized kernels; any other set is itself."""
        return KernelSet("optimized", self.version, self.processor) if self.name == "xnnpack" else self

    def __str__(self) -> str:
        processor = "" if self.processor == "x86" else f"-{self.processor}"
        version = "" if self.version == "2.21" else f"@{self.version}"
        return f"{self.name}{processor}{version}"


REFERENCE = KernelSet()
