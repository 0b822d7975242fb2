"""What a scale scenario found, and how that is printed: plain text, Markdown, JSON.

Owns the tables and the verdict on each target. Must not run anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmark.measure import Cost

MIB: Final = 1 << 20
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to reach: `value` in `unit`, at most `limit`.

    `is_judged` is false where the limit was set for a larger input than the one that was measured.
    """

    what: str
    value: float
    limit: float
    unit: str
    is_judged: bool = True

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or `not judged`."""
        if not self.is_judged:
            return "not judged at this size"
        return "met" if self.value <= self.limit else "missed"

    @property
    def cells(self) -> Row:
        """The row of the table of targets."""
        return self.what, with_unit(self.value, self.unit), with_unit(self.limit, self.unit), self.verdict


@dataclass(slots=True)
class Section:
    """The findings of one scenario: a table, targets, remarks, and the raw figures for JSON.

    `wrong` names results that were not what they had to be; any makes the run a failure.
    """

    name: str
    title: str
    columns: Row = ()
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything, with the verdict on each target."""
        targets = [
            {"what": t.what, "value": t.value, "limit": t.limit, "unit": t.unit, "verdict": t.verdict}
            for t in self.targets
        ]
        return {
            "title": self.title,
            "targets": targets,
            "notes": self.notes,
            "wrong": self.wrong,
            "raw": self.raw,
        }


def cost_json(cost: Cost) -> dict[str, float]:
    """A cost for JSON: seconds, CPU seconds, peak bytes."""
    return {"seconds": round(cost.seconds, 4), "cpu_s": round(cost.cpu_s, 4), "peak_bytes": cost.peak_bytes}


def number(value: float) -> str:
    """A number with three significant digits, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    digits = 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.3f}"


def with_unit(value: float, unit: str) -> str:
    """A number and its unit."""
    return f"{number(value)} {unit}" if unit else number(value)


def format_text(section: Section) -> str:
    """The section for a terminal."""
    parts = [f"{section.name}: {section.title}", ""]
    if section.rows:
        parts += [*_aligned([section.columns, *section.rows]), ""]
    if section.targets:
        parts += [*_aligned([_TARGET_COLUMNS, *(target.cells for target in section.targets)]), ""]
    parts += [f"note: {note}" for note in section.notes]
    parts += [f"WRONG: {problem}" for problem in section.wrong]
    return "\n".join(parts).rstrip() + "\n"


def format_markdown(section: Section) -> str:
    """The section for a document."""
    parts = [f"## {section.name}: {section.title}", ""]
    if section.rows:
        parts += [markdown_table(section.columns, section.rows), ""]
    if section.targets:
        parts += [markdown_table(_TARGET_COLUMNS, [target.cells for target in section.targets]), ""]
    parts += [f"- {note}" for note in section.notes]
    parts += [f"- **WRONG**: {problem}" for problem in section.wrong]
    return "\n".join(parts).rstrip() + "\n"


def markdown_table(columns: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_TARGET_COLUMNS: Final = ("target", "value", "at most", "verdict")


def _aligned(rows: Sequence[Row]) -> list[str]:
    """Rows as text, the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
