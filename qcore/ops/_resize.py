"""What RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR share: the wanted size and the two ways to place pixel centres.

Operand 1 holds [height, width], int32. TFLite: kernels/resize_bilinear.cc, kernels/resize_nearest_neighbor.cc
"""

from __future__ import annotations

from qcore.op import Node, Shape
from qcore.ops._movement import require_counts, require_types
from tflite_schema import ResizeBilinearOptions, ResizeNearestNeighborOptions, TensorType

__all__ = ["infer", "version"]

_LONGEST = 1 << 21  # with 10 fraction bits


def infer(n: Node) -> list[Shape | None]:
    """[batch, height, width, channels] with the height and width of operand 1."""
    require_counts(n, 2)
    x, size = n.input(0), require_types(n, 1, (TensorType.INT32,), "a size")
    n.require_shapes(x.rank == 4, f"operand has shape {x.shape}, expected [batch, height, width, channels]")
    n.require_shapes(size.shape == (2,), f"the size has shape {size.shape}, expected [height, width]")
    wanted = n.integers(1)
    if wanted is None:
        return [None]
    height, width = wanted
    n.require_shapes(height > 0 and width > 0, f"the wanted size is {height} x {width}")
    n.require_shapes(x.shape[1] > 0 and x.shape[2] > 0, f"an image of {x.shape[1]} x {x.shape[2]} has no pixels")
    longest = max(x.shape[1], x.shape[2], height, width)
    n.require_shapes(longest < _LONGEST, f"an axis of {longest} pixels: its coordinates leave TFLite's 32 bits")
    return [(x.shape[0], height, width, x.shape[3])]


def version(n: Node, options: ResizeBilinearOptions | ResizeNearestNeighborOptions, centres: bool) -> int:
    """The operator version the converter writes; `centres`: an option of version 3 is set."""
    type_ = n.input(0).type
    return 4 if type_ == TensorType.INT16 else 3 if centres else 2 if type_ == TensorType.INT8 else 1
