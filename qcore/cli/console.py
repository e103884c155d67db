"""What the commands share with the terminal: tables and progress on a terminal, JSON for machines, guarded writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

__all__ = ["fail", "guard", "guard_distinct", "out", "print_json", "print_table", "progress_bar", "short_name"]

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_CONTROLS |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def _visible(text: str) -> str:
    """Control characters, which a name in a file may hold to fool a terminal, as escapes."""
    return text.translate(_CONTROLS)


class _Console(Console):
    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(_visible(o) if isinstance(o, str) else o for o in objects), **options)


out = _Console(highlight=False, soft_wrap=False)
errors = _Console(stderr=True, highlight=False, soft_wrap=True)

OK, FINDING, USAGE, BAD_MODEL = 0, 1, 2, 3
"""Exit codes: done; a finding or a mismatch; a wrong call or wrong data; an unreadable or unsupported model."""


def fail(message: str, code: int = USAGE) -> typer.Exit:
    """Print an error and return the exit to raise."""
    errors.print(Text.assemble(("error:", "bold red"), " ", _visible(message)))
    return typer.Exit(code)


def guard(path: Path, force: bool) -> None:
    """Refuse to overwrite a file unless forced; nothing is ever asked."""
    if path.is_dir():
        raise fail(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise fail(f"{path} exists; give another name, or --force to overwrite it")
    if not path.parent.is_dir():
        raise fail(f"the folder {path.parent} does not exist; create it first")


def guard_distinct(written: Iterable[Path | None], read: Iterable[Path | None] = ()) -> None:
    """Refuse to write two things into one file, or a report over what is read, forced or not."""
    taken = {path.resolve() for path in read if path is not None}
    for path in written:
        if path is None:
            continue
        if path.resolve() in taken:
            raise fail(f"{path} is given for two things; give each a file of its own")
        taken.add(path.resolve())


def print_table(title: str | None, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: str = "") -> None:
    """A table; columns named in `right` (comma-separated) are aligned to the right."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    numeric = set(right.split(","))
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(_visible("" if cell is None else str(cell))) for cell in row])
    out.print(table)


def short_name(name: str) -> str:
    """The end of a tensor's name: the converter joins the names of what it fused; the last one is the result's own."""
    return name.rpartition(";")[2][-40:]


def print_json(value: Any) -> None:
    """`value` as JSON on stdout: arrays become lists, infinities and NaN the strings "inf", "-inf", "nan"."""
    print(json.dumps(_plain(value), indent=2))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr, shown on terminals only; yields report(done, total)."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(label, total=None)

        def report(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield report
