"""What `dvx params`, `dvx metrics` and `dvx compare` share: reading versions and printing them side by side.

Owns which versions are compared where few are named. Must not know a single command.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.cli.render import format_document, plural
from dvx.cli.targets import typed_paths
from dvx.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dvx.ops.project import Project
    from dvx.ops.value_changes import Comparison


def read_versions(
    project: "Project", revs: Sequence[str | None], *, paths: Sequence[str], kinds: Sequence[str]
) -> "Comparison":
    """Read the versions. Raises NotFound where paths were named, and no version has values there."""
    from dvx.ops.value_changes import compare_revisions

    found = compare_revisions(project, revs, paths=typed_paths(project, paths), kinds=kinds)
    if paths and not found.rows and not found.problems:
        raise NotFound(
            f"there is nothing of {' or '.join(kinds)} at `{paths[0]}`",
            hints=["see what there is: `dvx params show`, `dvx metrics show`"],
            kind="no-values",
        )
    return found


def with_workspace(project: "Project", revs: Sequence[str]) -> list[str | None]:
    """The versions that are meant: HEAD and the work tree where none is named, with one that and the work tree."""
    chosen: list[str | None] = [*revs]
    if len(revs) >= 2:
        return chosen
    if project.repository.is_bare:
        raise UsageError(
            "without a work tree, two revisions are compared", hints=["name both: `HEAD~1 HEAD`"]
        )
    return [*(chosen or ["HEAD"]), None]


def print_comparison(
    invocation: Invocation,
    comparison: "Comparison",
    revs: Sequence[str | None],
    *,
    command: str,
    title: str,
    as_json: bool,
    as_markdown: bool,
    shows_all: bool,
) -> None:
    """Print the rows that differ, or all, and say how many are equal."""
    from dvx.cli.comparison_text import comparison_lines, comparison_markdown

    rows = [row for row in comparison.rows if shows_all or row.differs]
    output = invocation.output
    if as_json:
        from dvx.cli.documents_values import comparison_fields

        output.result(format_document(f"dvx.{command}/1", comparison_fields(comparison, rows, revs=revs)))
        return
    if as_markdown:
        for line in comparison_markdown(comparison, rows, title=title):
            output.result(line)
    elif rows:
        for line in comparison_lines(comparison, rows, output, with_kind=command == "compare"):
            output.result(line)
    equal = len(comparison.rows) - sum(row.differs for row in comparison.rows)
    if not comparison.rows:
        output.summary("no values were found")
    elif equal and not shows_all:
        output.summary(f"{plural(equal, 'value')} the same")


def check_forms(*, as_json: bool, as_markdown: bool) -> None:
    """Refuse two forms at once."""
    if as_json and as_markdown:
        raise UsageError("`--json` and `--md` exclude each other", hints=["choose one of them"])
