"""`qcore explain MODEL --op 7 --at 0,3,3,5 -i x.npy`: how one number of a result came about, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qcore.auditor.explainer import explain
from qcore.auditor.explanation import Explanation
from qcore.auditor.kernel_comparison import KernelComparison, explain_all
from qcore.auditor.report.lesson import lesson_markdown, lesson_page
from qcore.cli.console import errors, fail, guard, guard_distinct, out, print_json, print_table
from qcore.cli.feeds import InputOption, RandomOption, feeds
from qcore.cli.kernels import KernelsOption
from qcore.cli.source import HELP, read_model
from qcore.files import replace_file
from qcore.interpreter import Interpreter

_SHOWN = 8


def command(
    model: Annotated[Path, typer.Argument(help=HELP, show_default=False)],
    operator: Annotated[int, typer.Option("--op", help="Index of the operator, as `qcore show` counts.")],
    at: Annotated[str | None, typer.Option("--at", help="Element of its result: 0,3,3,5. Default: the first.")] = None,
    inputs: InputOption = None,
    random: RandomOption = None,
    kernels: KernelsOption = "reference",
    every: Annotated[bool, typer.Option("--all-kernels", help="Under every kernel set, and why they part.")] = False,
    taps: Annotated[int, typer.Option("--taps", help="How many products to list; -1: all.")] = _SHOWN,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page to teach from, which opens offline.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write the same as Markdown; - prints it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show how one number of a result came about, integer by integer."""
    for path in (html, markdown):
        if path is not None and str(path) != "-":
            guard(path, force)
    guard_distinct((html, markdown), (model, *(inputs or [])))
    source = read_model(model)
    place = None if at is None else _place(at)
    values = feeds(Interpreter(source), inputs, random)
    if every:
        comparison = explain_all(source, values, operator, place)
        if _written(comparison, html, markdown, taps):
            pass
        elif json:
            tables = {name: e.as_json() for name, e in comparison.explanations.items()}
            print_json({"kernels": tables, "refused": dict(comparison.refused), "cause": comparison.cause})
        else:
            _print_comparison(comparison)
        raise typer.Exit(0 if comparison.agree else 1)
    explanation = explain(source, values, operator, place, kernels=kernels)
    if _written(explanation, html, markdown, taps):
        return
    if json:
        print_json(explanation.as_json())
    else:
        print_explanation(explanation, taps)


def _written(explained: Explanation | KernelComparison, html: Path | None, markdown: Path | None, taps: int) -> bool:
    """Write the pages that were asked for; whether any was."""
    if html is not None:
        _write(html, lesson_page(explained, taps))
    if markdown is not None:
        _write(markdown, lesson_markdown(explained, taps))
    return html is not None or markdown is not None


def _write(path: Path, text: str) -> None:
    if str(path) == "-":
        print(text, end="")
        return
    replace_file(path, text.encode())
    errors.print(f"written: {path}", markup=False)


def _place(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise fail(f"--at {text!r} is no element; give its index, as in 0,3,3,5") from None


def print_explanation(e: Explanation, taps: int = _SHOWN) -> None:
    """The products, the steps, the rounding and the real number, as text."""
    out.print(
        f"operator {e.operator} {e.name}, element {list(e.at)}, {e.executor} kernels", markup=False, soft_wrap=True
    )
    if e.taps is not None:
        shown = e.taps.products if taps < 0 else e.taps.products[:taps]
        for tap in shown:
            out.print(
                f"  (x - zx) * (w - zw)  {tap.x:6d} * {tap.w:5d} = {tap.product:10d}", markup=False, soft_wrap=True
            )
        rest = e.taps.products[len(shown) :]
        if rest:
            total = sum(tap.product for tap in rest)
            out.print(f"  and {len(rest)} smaller products, together {total:13d}", markup=False, soft_wrap=True)
        if e.taps.padded:
            out.print(f"  {e.taps.padded} products fall on padding and are 0")
    for step in e.steps:
        value = f"{step.value:15d}" if isinstance(step.value, int) else f"{step.value:15.9g}"
        equation = step.equation.partition(";")[0]
        out.print(f"  {step.name:<20} {value}   {equation}", markup=False, soft_wrap=True)
        r = step.rounding
        if r is not None:
            tie = ", a tie" if r.is_tie else ""
            held = f", held as {r.multiplier} * 2^({r.shift} - 31)" if r.multiplier else ""
            product, seen = f"the product {float(r.exact):.12g}", f"rounded from {float(r.seen):.12g}{tie}"
            for line in (f"{product}, {seen}", f"M = {r.real_multiplier:.12g}{held}; {r.rule}"):
                out.print(f"  {'':<36}   {line}", markup=False, soft_wrap=True)
    out.print(f"  the result is {e.value}, which stands for {e.real:.9g}", markup=False, soft_wrap=True)
    if e.errors:
        causes = ", ".join(f"{cause} {error:+.3g}" for cause, error in e.errors.items())
        out.print(f"  off the exact sum by, in steps of the result's scale: {causes}", markup=False, soft_wrap=True)


def _print_comparison(comparison: KernelComparison) -> None:
    names = list(dict.fromkeys(step.name for e in comparison.explanations.values() for step in e.steps))
    rows = []
    for name in names:
        values = {k: {s.name: s for s in e.steps}.get(name) for k, e in comparison.explanations.items()}
        rows.append([name, *["" if s is None else s.value for s in values.values()]])
    rounding = [next((s.rounding.rule for s in e.steps if s.rounding), "") for e in comparison.explanations.values()]
    rows.append(["rounding", *rounding])
    rows.append(["run by", *[str(e.executor) for e in comparison.explanations.values()]])
    rows.append(["result", *[e.value for e in comparison.explanations.values()]])
    print_table(None, ["step", *comparison.explanations], rows, ",".join(comparison.explanations))
    for name, why in comparison.refused.items():
        out.print(f"{name}: {why}", markup=False, soft_wrap=True)
    out.print(comparison.cause, markup=False, soft_wrap=True)
