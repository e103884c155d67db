"""How one number came about, as a page to teach from: HTML that needs no network, and Markdown.

Both show the same: the equation of every step, the products, each rounding with the exact product before it, digit for
digit, what separates the number from the exact one, and, of a comparison, all kernel sets side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from qcore.auditor.explanation import Explanation, Step
from qcore.auditor.kernel_comparison import KernelComparison
from qcore.auditor.report.markdown import escaped
from qcore.auditor.report.page import environment

__all__ = ["Lesson", "exact_decimal", "lesson_markdown", "lesson_page"]

SHOWN = 24
_MOST_DIGITS = 200


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a page shows: explanations by kernel set, the sets that cannot explain it, and why the sets part.

    shown: how many products are listed, the largest; the others are added up.
    """

    explanations: Mapping[str, Explanation]
    refused: Mapping[str, str]
    cause: str
    shown: int

    @staticmethod
    def of(explained: Explanation | KernelComparison, shown: int = SHOWN) -> Lesson:
        """The lesson of one explanation, or of all kernel sets; shown: products listed, -1 for all."""
        if isinstance(explained, KernelComparison):
            return Lesson(explained.explanations, explained.refused, explained.cause, shown)
        return Lesson({str(explained.kernels): explained}, {}, "", shown)

    @property
    def title(self) -> str:
        """The operator and the element."""
        first = next(iter(self.explanations.values()))
        return f"Operator {first.operator} {first.name}, element {list(first.at)}"

    @property
    def comparison(self) -> list[list[str]]:
        """A row for each step that any set has, its value under each set; who runs it and the result come last."""
        sets = list(self.explanations.values())
        names = dict.fromkeys(step.name for e in sets for step in e.steps)
        rows = [[name, *[_value_of(e.steps, name) for e in sets]] for name in names]
        rules = [next((s.rounding.rule for s in e.steps if s.rounding), "") for e in sets]
        rows.append(["rounding", *rules])
        rows.append(["run by", *[str(e.executor) for e in sets]])
        return [*rows, ["result", *[number(e.value) for e in sets]]]

    def products(self, e: Explanation) -> list[list[str]]:
        """A row for each listed product: where x and w stand, x - zx, w - zw, and their product."""
        listed = () if e.taps is None else e.taps.products[: None if self.shown < 0 else self.shown]
        return [
            [str(list(tap.x_at)), number(tap.x), str(list(tap.w_at)), number(tap.w), number(tap.product)]
            for tap in listed
        ]

    def rest(self, e: Explanation) -> str:
        """What is not listed: the smaller products, added up, and those on padding."""
        if e.taps is None:
            return ""
        left = e.taps.products[len(self.products(e)) :]
        said = f"and {len(left)} smaller products, together {number(sum(t.product for t in left))}; " if left else ""
        if e.taps.padded:
            said += f"{e.taps.padded} products fall on padding and are 0; "
        return f"{said}in all {number(e.taps.total)}"


def lesson_page(explained: Explanation | KernelComparison, shown: int = SHOWN) -> str:
    """The HTML page. UnsupportedError where jinja2 is not installed: `pip install 'qcore[report]'`."""
    return (
        environment("jinja2")
        .get_template("lesson.html.j2")
        .render(
            lesson=Lesson.of(explained, shown),
            number=number,
            exact_decimal=exact_decimal,
            tensors=tensors,
            roundings=roundings,
            equation=equation,
        )
    )


def lesson_markdown(explained: Explanation | KernelComparison, shown: int = SHOWN) -> str:
    """The same as Markdown, without any library."""
    lesson = Lesson.of(explained, shown)
    lines = [f"# {escaped(lesson.title)}", ""]
    if lesson.cause:
        lines += [*_table(["step", *lesson.explanations], lesson.comparison), "", escaped(lesson.cause), ""]
    lines += [f"- {escaped(name)}: {escaped(why)}" for name, why in lesson.refused.items()]
    for name, e in lesson.explanations.items():
        lines += ["", f"## {escaped(name)} kernels: {number(e.value)}, which stands for {number(e.real)}"]
        if e.refused is not None:
            lines += ["", f"Run by {escaped(str(e.executor))}: {escaped(e.refused)}"]
        if e.scales:
            lines += ["", *_table(["tensor", "scale", "zero point"], tensors(e))]
        if lesson.products(e):
            lines += ["", *_table(["x at", "x - zx", "w at", "w - zw", "product"], lesson.products(e))]
            lines += ["", escaped(lesson.rest(e))]
        steps = [[step.name, number(step.value), equation(step)] for step in e.steps]
        lines += ["", *_table(["step", "value", "equation"], steps)]
        for step in e.steps:
            lines += (
                [] if step.rounding is None else ["", *[f"- {escaped(a)}: {escaped(b)}" for a, b in roundings(step)]]
            )
        if e.errors:
            errors = [[cause, f"{error:+.6g}"] for cause, error in e.errors.items()]
            lines += ["", *_table(["cause of error", "in steps of the result's scale"], errors)]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """An integer with all its digits, a float with nine."""
    return f"{value:d}" if isinstance(value, int) else f"{value:.9g}"


def equation(step: Step) -> str:
    """The step's equation, without what is said about it behind a semicolon."""
    return step.equation.partition(";")[0]


def tensors(e: Explanation) -> list[list[str]]:
    """A row for each quantized tensor: name, scale of the element, zero point."""
    return [[name, number(scale), number(e.zero_points[name])] for name, scale in e.scales.items()]


def roundings(step: Step) -> list[tuple[str, str]]:
    """What is to be said about a step that rounds, as (name, text)."""
    r = step.rounding
    if r is None:
        return []
    held = [("held as", f"{r.multiplier} * 2^({r.shift} - 31)")] if r.multiplier else []
    return [
        ("rule", f"{r.rule}: {r.equation}"),
        ("M", repr(r.real_multiplier)),
        *held,
        ("the exact product", exact_decimal(r.exact)),
        ("what the last rounding sees", exact_decimal(r.seen) + (", a tie" if r.is_tie else "")),
        ("it becomes", number(step.value)),
    ]


def exact_decimal(value: Fraction) -> str:
    """All digits of a fraction whose denominator is a power of two; of any other, the fraction."""
    places = value.denominator.bit_length() - 1
    if value.denominator != 1 << places or places > _MOST_DIGITS:
        return str(value)
    whole = abs(value.numerator) * 5**places
    digits = str(whole).rjust(places + 1, "0")
    sign, point = "-" if value < 0 else "", len(digits) - places
    return sign + digits[:point] + (f".{digits[point:]}" if places else "")


def _value_of(steps: Sequence[Step], name: str) -> str:
    return next((number(step.value) for step in steps if step.name == name), "")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [
        f"| {' | '.join(cell if index == 1 else escaped(cell) for cell in row)} |" for index, row in enumerate(lines)
    ]
