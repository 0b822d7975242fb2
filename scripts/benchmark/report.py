"""The results as tables, in plain text for a terminal and in Markdown for the documentation.

Owns the layout. Must not compute more than medians.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmark.results import Results, Sample, spread
from benchmark.targets import MB, MIB, Target, compute_targets
from benchmark.tool import PUSHES, STEPS
from benchmark.tools import NOTES
from benchmark.workloads import KINDS

LABELS: Final = {"pull": "clone+pull", "pull direct": "pull --no-store"}


@dataclass(frozen=True, slots=True)
class Table:
    """A title and rows of text; the first row is the heading."""

    title: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _Figure:
    """One kind of figure: its title and how a cell of it is written; None leaves the cell empty."""

    title: str
    steps: Sequence[str]
    cell: Callable[[Sequence[Sample]], str | None]


def make_tables(results: Results) -> list[Table]:
    """All tables of a run, the targets last."""
    tables = [
        table
        for workload in results.parameters["workloads"]
        for remote in results.parameters["remotes"]
        for figure in _FIGURES
        if (table := _figure_table(results, workload, remote, figure)) is not None
    ]
    return [*tables, targets_table(compute_targets(results), results.scale)]


def targets_table(targets: Sequence[Target], scale: float) -> Table:
    """The rows of what dvx must reach."""
    heading = ("workload", "target", "dvx", "limit", "outcome")
    rows = [
        (target.workload, target.title, _number(target.value, target.unit), _number(target.limit, target.unit),
         _outcome(target))
        for target in targets
    ]  # fmt: skip
    note = "" if scale == 1 else f" (at scale {scale:g}; they are meant for scale 1)"
    return Table(f"Targets{note}", (heading, *rows))


def format_text(tables: Sequence[Table]) -> str:
    """Tables with aligned columns."""
    return "\n".join(f"{table.title}\n{_aligned(table.rows)}\n" for table in tables)


def format_markdown(results: Results, tables: Sequence[Table]) -> str:
    """Tables, and before them what was measured on what."""
    parts = [describe_run(results)]
    for table in tables:
        rows = [f"| {' | '.join(row)} |" for row in table.rows]
        rows.insert(1, "|" + "---|" * len(table.rows[0]))
        parts.append(f"### {table.title}\n\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def describe_run(results: Results) -> str:
    """The machine, the versions and the parameters, and what is not there, as sentences in lines."""
    machine = results.machine
    memory = int(machine.get("MemTotal_bytes", 0)) // (1 << 30)
    lines = [
        f"Scale {results.scale:g}, repetitions: {results.parameters['repetitions']}; medians (least to greatest).",
        f"{machine['processor']}, {machine['cores']} cores, {memory} GiB of memory, {machine['file_system']}, "
        f"{machine['system']}, Python {machine['python']}, Git {machine['git']}.",
        "Versions: "
        + ", ".join(f"{name} {version}".strip() for name, version in results.versions.items())
        + ".",
    ]
    lines += [f"{tool}: {NOTES[tool]}." for tool in results.versions if tool in NOTES]
    for absence in results.absences:
        where = " ".join(filter(None, (absence.workload, absence.remote)))
        reason = absence.reason.replace("\n", " ")[:300]
        lines.append(f"Skipped: {absence.tool}{f' ({where})' if where else ''}: {reason}.")
    lines += [
        f"WRONG: {sample.tool} on {sample.workload} after {sample.step} ({sample.remote}): {'; '.join(sample.wrong)}."
        for sample in results.wrong()
    ]
    return "\n".join(lines)


def _figure_table(results: Results, workload: str, remote: str, figure: _Figure) -> Table | None:
    rows = []
    for tool in results.versions:
        cells = []
        for step in figure.steps:
            samples = results.pick(workload, tool, step, remote=remote)
            cells.append((figure.cell(samples) if samples else None) or "-")
        if any(cell != "-" for cell in cells):
            rows.append((tool, *cells))
    if not rows:
        return None
    heading = ("tool", *(LABELS.get(step, step) for step in figure.steps))
    where = "S3" if remote == "s3" else "a folder"
    title = f"{workload}, remote in {where}: {figure.title}"
    if figure is _FIGURES[0]:
        title = f"{title} - {KINDS[workload].title}"
    return Table(title, (heading, *rows))


def _seconds_cell(samples: Sequence[Sample]) -> str | None:
    found = spread(samples, lambda sample: sample.cost.seconds)
    if found is None:
        return None
    text = f"{found.median:.2f}"
    if len(samples) > 1:
        text += f" ({found.least:.2f}-{found.greatest:.2f})"
    return f"{text} WRONG" if any(sample.wrong for sample in samples) else text


def _cpu_cell(samples: Sequence[Sample]) -> str | None:
    found = spread(samples, lambda sample: sample.cost.cpu_s)
    return f"{found.median:.2f}" if found else None


def _memory_cell(samples: Sequence[Sample]) -> str | None:
    found = spread(samples, lambda sample: sample.cost.peak_bytes / MIB)
    return f"{found.greatest:.0f}" if found else None


def _remote_cell(samples: Sequence[Sample]) -> str | None:
    sizes = [sample.added for sample in samples if sample.added is not None]
    if not sizes:
        return None
    middle = sorted(sizes, key=lambda size: size.size_bytes)[len(sizes) // 2]
    return f"{middle.size_bytes / MB:.2f} MB in {middle.objects}"


_FIGURES: Final = (
    _Figure("seconds", STEPS, _seconds_cell),
    _Figure("CPU seconds of the client", STEPS, _cpu_cell),
    _Figure("greatest peak memory of the client in MiB", STEPS, _memory_cell),
    _Figure("new on the remote, and in how many objects", PUSHES, _remote_cell),
)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return (
        f"{value:.3f} s" if unit == "s" else f"{value:.2f} {unit}" if unit == "MB" else f"{value:.0f} {unit}"
    )


def _outcome(target: Target) -> str:
    if target.is_met is None:
        return f"not measured ({target.missing})"
    return "met" if target.is_met else "missed"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
