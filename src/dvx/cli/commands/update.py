"""`dvx update`."""

from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_path
from dvx.cli.documents_sources import imported_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    dry_run_option,
    force_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
)
from dvx.cli.output import escape
from dvx.cli.render import format_count, format_document, format_duration, format_size_change, plural
from dvx.cli.sources import may_prompt
from dvx.cli.targets import typed_paths
from dvx.core.ids import short_git_id

if TYPE_CHECKING:
    from dvx.ops.imports import Imported


@click.command("update", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(), shell_complete=complete_path)
@click.option("--rev", metavar="REV", help="Follow another branch, tag or commit from now on.")
@remote_option
@force_option("Overwrite and remove work that is not stored.")
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def update(
    invocation: Invocation,
    paths: tuple[str, ...],
    rev: str | None,
    remote_name: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Bring imported data up to date with its source.

    Asks the repository that each import came from for its revision: a branch may have moved. Where the data
    changed, it is fetched and checked out, and the pointer is rewritten for you to commit. Without PATH, all
    imports. -r names a remote of the source.

    \b
    Examples:
      dvx update
      dvx update data/cats --rev v2.0
    """
    from dvx.ops.imports import update as run

    with invocation.project(needs_init=True) as project:
        done = run(
            project,
            typed_paths(project, paths),
            rev=rev,
            remote_name=remote_name,
            force=force,
            may_ask=may_prompt(invocation),
        )
    if as_json:
        document = {
            "paths": [imported_fields(item) for item in done],
            "seconds": round(invocation.elapsed_s, 3),
        }
        invocation.output.result(format_document("dvx.update/1", document))
    _summarise(invocation, done)


def _summarise(invocation: Invocation, done: "list[Imported]") -> None:
    output = invocation.output
    if not done:
        output.summary("nothing is imported; `dvx import REPO PATH` starts it")
        return
    changed = [item for item in done if item.is_changed]
    for item in changed:
        output.summary(_change(item))
    if not changed:
        output.summary(f"nothing changed: {plural(len(done), 'import')} up to date")
        return
    output.summary(
        f"updated {format_count(len(changed))} of {plural(len(done), 'import')} in "
        f"{format_duration(invocation.elapsed_s)}"
    )
    output.hint("commit the pointers: `git commit`")


def _change(item: "Imported") -> str:
    size = format_size_change(item.tracked.pointer.size - item.old_size)
    counts = ""
    if item.added is not None:
        counts = f"{item.added} added, {item.modified} modified, {item.removed} removed, "
    old = short_git_id(item.old_commit or "")
    return f"{escape(item.tracked.path)}: {old} to {short_git_id(item.source.commit)}: {counts}{size}"
