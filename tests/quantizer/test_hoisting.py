from __future__ import annotations

from qcore.quantizer.hoisting import OTHER, Statement, hoisted


def test_hoisting() -> None:
    """What stands at the front, or right behind a constant that stays, stays; the rest moves, and turns around."""
    a, b, c, d = (Statement("constant", tensor) for tensor in range(4))
    assert hoisted([a, b, OTHER, c, OTHER, d]) == [d, c, a, b, OTHER, OTHER]
    assert hoisted([OTHER, a, b]) == [b, a, OTHER]
    assert hoisted(hoisted([OTHER, a, b])) == [b, a, OTHER]
