from __future__ import annotations

import pytest

from qcore import errors


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "QCoreError"])
def test_one_family_that_tf_lite_callers_can_catch(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, errors.QCoreError)
    assert issubclass(error, (ValueError, RuntimeError))
    assert name in (errors.__doc__ or "")
