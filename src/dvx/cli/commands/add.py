"""`dvx add`."""

from typing import TYPE_CHECKING

import click

from dvx.cli.documents import add_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, jobs_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, format_duration, format_saved, plural
from dvx.cli.targets import say_nothing_tracked, typed_paths
from dvx.core.errors import UsageError
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.add import AddResult


@click.command("add", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("-u", "--update", is_flag=True, help="Everything that is tracked and in the workspace.")
@click.option("--force", is_flag=True, help="Also where the pointer is newer than the workspace.")
@jobs_option
@json_option
@pass_invocation
def add(invocation: Invocation, paths: tuple[str, ...], update: bool, force: bool, as_json: bool) -> None:
    """Store files and folders, and write a pointer for each.

    The data goes to the local store, compressed and deduplicated. `data/train` gets the pointer
    `data/train.dvx` for Git to commit, and a line in .gitignore. Inside a tracked folder, only what is named
    is read again.

    \b
    Examples:
      dvx add data/train             a folder, as one unit
      dvx add model.safetensors      a file
      dvx add data/train/part-7.csv  one changed file of a tracked folder
      dvx add --update               whatever changed
    """
    _check(paths, update)
    result, stages = _add(invocation, paths, update=update, force=force)
    for warning in result.warnings:
        invocation.output.warning(warning)
    if as_json:
        invocation.output.result(
            format_document("dvx.add/1", add_fields(result, seconds=invocation.elapsed_s))
        )
    if update and not result.added:
        say_nothing_tracked(invocation)
        return
    _summarise(invocation, result)
    if result.changed_git_files and not stages and any(added.is_changed for added in result.added):
        invocation.output.hint(f"stage it: `git add {escape(' '.join(result.changed_git_files))}`")


def _check(paths: tuple[str, ...], update: bool) -> None:
    if update and paths:
        raise UsageError(
            "`--update` means everything that is tracked", hints=["leave out the paths, or `--update`"]
        )
    if not update and not paths:
        raise UsageError(
            "nothing to add was named",
            hints=["name files or folders: `dvx add data`", "or add what changed: `dvx add --update`"],
        )


def _add(
    invocation: Invocation, paths: tuple[str, ...], *, update: bool, force: bool
) -> "tuple[AddResult, bool]":
    from dvx.ops.add import run_add
    from dvx.ops.add_targets import plan_add, plan_update

    with invocation.project(needs_init=True) as project, project.workspace_lock():
        if update:
            plan = plan_update(project, force=force)
        else:
            plan = plan_add(project, typed_paths(project, paths), force=force)
        return run_add(project, plan), project.config.flag("core.autostage")


def _summarise(invocation: Invocation, result: "AddResult") -> None:
    output = invocation.output
    if invocation.verbosity:
        for added in result.added:
            output.message(f"{'added' if added.is_changed else 'unchanged'}: {escape(added.path)}")
    if invocation.verbosity and result.again_bytes:
        output.message(f"{format_size(result.again_bytes)} were stored again, to keep the data quick to read")
    size = f"{plural(result.files, 'file')}, {format_size(result.plain_bytes)}"
    duration = format_duration(invocation.elapsed_s)
    if not any(added.is_changed for added in result.added):
        output.summary(f"nothing changed: {size} checked in {duration}")
        return
    stored = f"{format_size(result.new_bytes)} new, {format_size(result.stored_bytes)} stored"
    saved = format_saved(stored_bytes=result.stored_bytes, plain_bytes=result.plain_bytes)
    output.summary(f"added {size} in {duration}: {stored}{f', {saved} saved' if saved else ''}")
