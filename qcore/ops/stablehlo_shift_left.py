"""STABLEHLO_SHIFT_LEFT: the bits of a moved up by b places, element by element; those beyond the type are lost.

    y = a * 2^b  in the type of a, 0 <= b <= 31

Other distances have no defined result in TFLite (it depends on the element's place), so they are refused. TFLite
registers the operator with the optimized kernels only.

TFLite: kernels/stablehlo_shift_left.cc
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qcore.errors import ModelError
from qcore.op import Array, Context, Node, Op
from qcore.ops import _stablehlo_binary


@dataclass(frozen=True, slots=True)
class Params:
    """The place for messages about a distance."""

    place: str


def prepare(n: Node) -> Params:
    _stablehlo_binary.prepare(n)
    return Params(n.place)


def eval_integer(p: Params, inputs: list[Array], ctx: Context) -> list[Array]:
    a, b = inputs
    if b.size and not 0 <= int(b.min()) <= int(b.max()) <= 31:
        raise ModelError(f"{p.place}: shifts by {int(b.min())} to {int(b.max())} places, expected 0 to 31")
    shifted = np.left_shift(a.astype(np.int32), b.astype(np.int32))
    return [np.asarray(shifted).astype(a.dtype)]


OP = Op(infer=_stablehlo_binary.infer, prepare=prepare, kernels=dict.fromkeys(("int8", "int16", "int32"), eval_integer))
