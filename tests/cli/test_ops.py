from __future__ import annotations

import json

from tests.cli.conftest import Cli


def test_every_operator_with_a_file_is_listed(cli: Cli) -> None:
    assert "ADD" in cli("ops").out
    table = json.loads(cli("ops", "--json").out)
    assert {"float32", "int8", "uint8"} <= set(table["ADD"])
