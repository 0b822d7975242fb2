"""`dvx params show` and `dvx metrics show`: the values of one version as a list.

Owns the list. Must not compare.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.cells import format_value
from dvx.cli.comparisons import read_versions
from dvx.cli.documents_values import values_fields
from dvx.cli.invocation import Invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document
from dvx.cli.wide_table import WideColumn, fit_table

if TYPE_CHECKING:
    from dvx.ops.project import Project


def show_openmetrics(
    invocation: Invocation, project: "Project", revs: Sequence[str], *, paths: Sequence[str]
) -> None:
    """Print metrics, parameters, sizes and numbers of files of one version as OpenMetrics text."""
    from dvx.cli.openmetrics import pointer_samples, render_openmetrics, value_samples
    from dvx.ops.selection import workspace_pointers
    from dvx.repo.pointers import pointers_at

    rev = _revision(project, revs)
    found = read_versions(project, [rev], paths=paths, kinds=("metrics",))
    pointers = workspace_pointers(project) if rev is None else pointers_at(project.repository, rev)
    tracked = pointers.readable
    wanted = [item for item in tracked if not paths or any(_is_below(item.path, path) for path in paths)]
    samples = [sample for item in wanted for sample in pointer_samples(item.path, item.pointer)]
    known = {name for item in tracked for name in (item.path, item.pointer_path)}
    for row in found.rows:
        if row.source not in known:
            samples += value_samples({f"metrics.{row.name}": row.values[0]}, {"path": row.source})
    invocation.output.result(render_openmetrics(samples), end="")


def _revision(project: "Project", revs: Sequence[str]) -> str | None:
    return revs[0] if revs else "HEAD" if project.repository.is_bare else None


def _is_below(path: str, folder: str) -> bool:
    return (path + "/").startswith(folder.rstrip("/") + "/")


def show_values(
    invocation: Invocation,
    project: "Project",
    revs: Sequence[str],
    *,
    kind: str,
    paths: Sequence[str],
    as_json: bool,
) -> None:
    """Print path, name and value of everything of one kind; without a revision that of the work tree."""
    rev = _revision(project, revs)
    found = read_versions(project, [rev], paths=paths, kinds=(kind,))
    output = invocation.output
    if as_json:
        document = format_document(f"dvx.{kind}-show/1", values_fields(found, found.rows, rev=rev))
        output.result(document)
        return
    columns = [
        WideColumn("path", [escape(row.source) for row in found.rows], shrinks=True),
        WideColumn("name", [escape(row.name) for row in found.rows], shrinks=True),
        WideColumn("value", [format_value(row.values[0]) for row in found.rows], shrinks=True),
    ]
    if found.rows:
        lines, _ = fit_table(columns, width=output.width)
        for line in [output.paint(lines[0], "bold"), *lines[1:]]:
            output.result(line)
    else:
        output.summary(f"no {kind} were found")
