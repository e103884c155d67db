"""The house rules, proved: imports go down, every op file is what its name says, and the map in the README is true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qcore
from qcore.op import find, module_name
from tflite_schema import BuiltinOperator

ROOT = Path(__file__).resolve().parents[1]
OPS = sorted(path for path in (ROOT / "qcore" / "ops").glob("*.py") if not path.stem.startswith("_"))
CUSTOM = sorted(path for path in (ROOT / "qcore" / "ops" / "custom").glob("*.py") if not path.stem.startswith("_"))
SOURCES = sorted([*(ROOT / "qcore").rglob("*.py"), *(ROOT / "tflite_schema").rglob("*.py")])
BUILTINS = {module_name(code): code for code in BuiltinOperator}

# A module imports modules of lower rows, or earlier ones of its own row. A folder stands for all that is in it.
LAYERS = [
    ["tflite_schema"],
    ["qcore.errors", "qcore.files", "qcore.numerics"],
    ["qcore.ir", "qcore.tflite", "qcore.edit"],
    [
        "qcore.kernel_sets",
        "qcore.delegation",
        "qcore.delegated_floats",
        "qcore.rules",
        "qcore.op",
        "qcore.op_versions",
        "qcore.ops",
    ],
    [
        "qcore.recording",
        "qcore.wellformed",
        "qcore.allocation",
        "qcore.execution",
        "qcore.executors",
        "qcore.tensor_access",
        "qcore.interpreter",
        "qcore.dataset",
        "qcore.in_place",
        "qcore.intermediates",
        "qcore.fingerprint",
        "qcore.observers",
        "qcore.calibration",
        "qcore.calibrator",
    ],
    ["qcore.frontends", "qcore.quantizer", "qcore.auditor", "qcore.evaluator"],
    ["qcore"],
    ["qcore.cli", "qcore.__main__"],
]
RANK = {name: (row, column) for row, names in enumerate(LAYERS) for column, name in enumerate(names)}
# Modules of one row that know nothing of each other.
STRANGERS = [
    {"qcore.quantizer", "qcore.auditor"},
    {"qcore.frontends", "qcore.quantizer"},
    {"qcore.frontends", "qcore.auditor"},
    {"qcore.errors", "qcore.numerics"},
]
OP_IMPORTS = ("qcore.errors", "qcore.ir", "qcore.numerics", "qcore.op", "qcore.rules", "tflite_schema")


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Every module this file imports; `from package import module` counts as the module where that is one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (ROOT / inner.replace(".", "/")).with_suffix(".py").exists()
                yield inner if is_module else str(node.module), node


def place(module: str) -> str | None:
    """The longest name in LAYERS that holds this module; `qcore` itself only exactly."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in RANK and (name != "qcore" or module == "qcore"):
            return name
    return None


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_imports_go_down(path: Path) -> None:
    own = place(dotted(path))
    assert own is not None, f"{dotted(path)} has no place in LAYERS"
    for module, _ in imports(path):
        if not module.startswith(("qcore", "tflite_schema")):
            continue
        other = place(module)
        assert other is not None, f"{dotted(path)} imports {module}, which has no place in LAYERS"
        if other == own:
            continue
        assert RANK[other] < RANK[own], f"{dotted(path)} imports {module}, which lies above it"
        assert {own, other} not in STRANGERS, f"{dotted(path)} imports {module}: strangers by design"


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_imports_stand_at_the_top(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))):
        for node in ast.walk(function):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                line = path.read_text(encoding="utf-8").splitlines()[node.lineno - 1]
                assert "# deferred:" in line, f"{dotted(path)}:{node.lineno}: import inside {function.name}"


@pytest.mark.parametrize("path", [*OPS, *CUSTOM], ids=lambda path: path.stem)
def test_op_file_is_a_schema_name_with_op_and_test(path: Path) -> None:
    if path in OPS:
        assert path.stem in BUILTINS, f"{path.stem} is no builtin operator of the schema"
        op = find(BUILTINS[path.stem])
        test = ROOT / "tests" / "ops" / f"test_{path.stem.rstrip('_')}.py"
    else:
        op = find(BuiltinOperator.CUSTOM, path.stem)
        test = ROOT / "tests" / "ops" / "custom" / f"test_{path.stem}.py"
    assert op.kernels, "an operator without a kernel is no operator"
    assert test.exists(), f"{path.stem} has no {test.relative_to(ROOT)}"
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert doc.startswith(path.stem.rstrip("_").upper()) or path in CUSTOM, (
        "the docstring opens with the operator's name"
    )
    assert "TFLite" in doc, "the docstring names its source"


@pytest.mark.parametrize("path", sorted((ROOT / "qcore" / "ops").rglob("*.py")), ids=lambda path: path.stem)
def test_ops_know_only_what_they_may(path: Path) -> None:
    for module, _ in imports(path):
        allowed = module.startswith(OP_IMPORTS) or re.match(r"qcore\.ops\._\w+", module) or module == "qcore.ops"
        assert allowed or not module.startswith("qcore"), f"{path.stem} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=dotted)
def test_files_and_functions_are_small(path: Path) -> None:
    if path.stem in ("tables", "enums", "sigmoid_table"):
        return
    text = path.read_text(encoding="utf-8")
    limit = 250 if path.parent.name == "ops" and not path.stem.startswith("_") else 400
    assert len(text.splitlines()) <= limit, f"{dotted(path)} has {len(text.splitlines())} lines; the limit is {limit}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{dotted(path)}:{node.lineno}: {node.name} has {length} lines; the limit is 60"


def test_no_rooms_without_a_name() -> None:
    for path in SOURCES:
        assert not set(dotted(path).split(".")) & {"utils", "util", "helpers", "common", "manager", "misc"}, dotted(
            path
        )


def test_tests_mirror_the_source() -> None:
    """Every module has a test file of its name, in the same place under tests/."""
    missing = []
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        if path.stem.startswith("_") or path.stem in ("tables", "enums", "sigmoid_table", "trace"):
            continue
        inside = relative.parts[1:] if relative.parts[0] == "qcore" else relative.parts
        test = ROOT / "tests" / Path(*inside[:-1]) / f"test_{path.stem.rstrip('_')}.py"
        if not test.exists():
            missing.append(f"{relative} -> {test.relative_to(ROOT)}")
    assert not missing, "modules without a test file:\n" + "\n".join(missing)


def test_all_lists_what_the_readme_lists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `qcore\.(\w+)", readme, re.MULTILINE))
    assert listed == set(qcore.__all__)
    assert all(hasattr(qcore, name) for name in qcore.__all__)


def test_the_map_in_the_readme_is_true() -> None:
    """Every path the README's map names exists, and every folder of the packages is on it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"<!-- map -->\n```\n(.*?)```", readme, re.DOTALL)
    assert tree, "the README has no map"
    named = {line.split()[0] for line in tree.group(1).splitlines() if line[:1].strip()}
    for name in named:
        assert (ROOT / name).exists(), f"the map names {name}, which does not exist"
    for package in ("qcore", "tflite_schema"):
        for path in [ROOT / package, *(ROOT / package).rglob("*")]:
            if path.is_dir() and path.name != "__pycache__":
                assert f"{path.relative_to(ROOT).as_posix()}/" in named, f"{path.relative_to(ROOT)} is not on the map"


def test_import_is_light() -> None:
    """`import qcore`, and the use of all its names, bring in NumPy, flatbuffers and the standard library only."""
    code = (
        "import sys, qcore; [getattr(qcore, name) for name in qcore.__all__]; "
        "print(sorted({m.split('.')[0] for m in sys.modules} - set(sys.stdlib_module_names)))"
    )
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {name for name in ast.literal_eval(output) if not name.startswith(("_", "sitecustomize"))}
    assert found <= {"numpy", "flatbuffers", "qcore", "tflite_schema"}
