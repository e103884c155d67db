from __future__ import annotations

from qcore.quantizer.hoisting import hoisted


def test_hoisting() -> None:
    """What stands at the front, or right behind a constant that stays, stays; the rest moves, and turns around."""
    once = hoisted("ab-c-d", str.isalpha)
    assert "".join(once) == "dcab--"
    assert hoisted(once, str.isalpha) == once
    assert "".join(hoisted("-ab", str.isalpha)) == "ba-"
