"""`dvx add`."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dvx.cli.documents import add_fields, push_fields
from dvx.cli.failure_text import failure_fields
from dvx.cli.invocation import Invocation
from dvx.cli.metadata_options import TypedMetadata, metadata_options
from dvx.cli.options import (
    DvxCommand,
    dry_run_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
)
from dvx.cli.output import escape
from dvx.cli.push_text import push_summary
from dvx.cli.render import format_document, format_duration, format_saved, plural, without_password
from dvx.cli.targets import say_nothing_tracked, shown_path, typed_paths
from dvx.core.errors import DvxError, UsageError
from dvx.core.shell_words import quote_all
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.add import AddResult
    from dvx.ops.add_targets import AddPlan
    from dvx.ops.project import Project
    from dvx.ops.push import PushResult


@click.command("add", cls=DvxCommand)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option("-u", "--update", is_flag=True, help="Everything that is tracked and in the workspace.")
@click.option(
    "-f",
    "--force",
    is_flag=True,
    help="Also where the pointer is newer than the workspace, or in a merge conflict.",
)
@click.option(
    "--remove",
    "leaves_out",
    is_flag=True,
    help="Leave out of the new version what is named and not here, even if it was never checked out.",
)
@click.option("--push", "pushes", is_flag=True, help="Also push what is added, while it is being stored.")
@remote_option
@jobs_option
@dry_run_option
@json_option
@metadata_options
@pass_invocation
def add(
    invocation: Invocation,
    paths: tuple[str, ...],
    update: bool,
    force: bool,
    leaves_out: bool,
    pushes: bool,
    remote_name: str | None,
    as_json: bool,
    typed: TypedMetadata,
) -> None:
    """Store files and folders, and write a pointer for each.

    The data goes to the local store, compressed and deduplicated. `data/train` gets the pointer
    `data/train.dvx` for Git to commit, and a line in .gitignore. Inside a tracked folder, only what is named
    is read again. With --push the remote has everything in the end, as after `dvx push` of the same paths; if
    that fails, what was added stays added.

    Where only a part of a folder was checked out, the rest stays in the dataset: a file goes if it was here and
    was deleted, or if it is named with --remove.

    --params and --metrics record what files say (YAML, TOML, JSON, CSV, .env and more), --param, --metric and
    --meta single values, --from and --command what the data was made from. They go into the pointer of each PATH.

    \b
    Examples:
      dvx add data/train             a folder, as one unit
      dvx add model.safetensors      a file
      dvx add data/train/part-7.csv  one changed file of a tracked folder
      dvx add --update               whatever changed
      dvx add data/train --push      and send it to the remote
      dvx add --remove data/train/old  take out what is not checked out here
      dvx add model.pt --params params.yaml:train --metrics metrics.json --from data/train
    """
    _check(paths, update)
    if remote_name is not None and not pushes:
        raise UsageError("`--remote` says where to push", hints=["add `--push`, or leave out `--remote`"])
    if update and leaves_out:
        raise UsageError(
            "`--remove` takes out what is named", hints=["name the paths: `dvx add --remove PATH`"]
        )
    if update and not typed.is_empty:
        raise UsageError(
            "`--update` records nothing beside the data", hints=["name the paths that it belongs to"]
        )
    done = _add(invocation, _Request(paths, update, force, leaves_out, pushes, remote_name, typed))
    for warning in done.result.warnings:
        invocation.output.warning(warning)
    if as_json:
        invocation.output.result(format_document("dvx.add/1", _fields(invocation, done)))
    if update and not done.result.added:
        say_nothing_tracked(invocation)
        return
    _summarise(invocation, done)
    if done.failure is not None:
        raise done.failure


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked for."""

    paths: tuple[str, ...]
    update: bool
    force: bool
    leaves_out: bool
    pushes: bool
    remote_name: str | None
    typed: TypedMetadata


@dataclass(slots=True)
class _Done:
    """What was done. `pushed` is None where nothing was pushed, `failure` then says why if it should have been;
    `add_seconds` is the time of the add alone."""

    result: "AddResult"
    stages: bool
    add_seconds: float
    place: str = ""
    pushed: "PushResult | None" = None
    failure: DvxError | None = None


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


def _add(invocation: Invocation, request: _Request) -> _Done:
    from dvx.ops.add import run_add

    with invocation.project(needs_init=True, remote=request.remote_name) as project:
        if request.pushes:
            return _add_and_push(invocation, project, request)
        with project.workspace_lock():
            result = run_add(project, _plan(project, request), metadata=request.typed.read(project))
        return _Done(result, project.config.flag("core.autostage"), invocation.elapsed_s)


def _plan(project: "Project", request: _Request) -> "AddPlan":
    from dvx.ops.add_targets import plan_add, plan_update

    if request.update:
        return plan_update(project, force=request.force)
    paths = typed_paths(project, request.paths)
    return plan_add(project, paths, force=request.force, leaves_out=request.leaves_out)


def _add_and_push(invocation: Invocation, project: "Project", request: _Request) -> _Done:
    from dvx.ops.add import run_add
    from dvx.ops.push_ahead import pushing_ahead

    with pushing_ahead(project, remote_name=request.remote_name) as ahead:
        with project.workspace_lock():
            plan = _plan(project, request)
            asked = request.typed.read(project)
            result = run_add(project, plan, on_sealed=ahead.start(plan), metadata=asked)
        done = _Done(result, project.config.flag("core.autostage"), invocation.elapsed_s)
        done.place = project.remote_config(request.remote_name).url
        try:
            done.pushed = ahead.finish(result) if result.added else None
        except DvxError as error:
            done.failure = error
            _explain(error, _push_line(project, request, result))
    return done


def _push_line(project: "Project", request: _Request, result: "AddResult") -> str:
    paths = [shown_path(project.repository, added.path) for added in result.added]
    remote = ["-r", request.remote_name] if request.remote_name is not None else []
    return shlex.join(["dvx", "push", *([] if request.update else paths), *remote])


def _explain(error: DvxError, push_line: str) -> None:
    """Say of a failed push that the add is done."""
    done = "the data is stored here and its pointers are written; only the push failed"
    error.affected = f"{error.affected}; {done}" if error.affected else done
    error.hints = (*error.hints, f"push what was added: `{push_line}`")


def _fields(invocation: Invocation, done: _Done) -> dict[str, Any]:
    seconds = invocation.elapsed_s
    fields = add_fields(done.result, seconds=done.add_seconds)
    pushed = push_fields(done.pushed, remote=done.place, seconds=seconds) if done.pushed else None
    failure = None
    if done.failure is not None:
        from dvx.cli.documents_error import error_fields

        failure = error_fields(done.failure, causes=[], placed=invocation.output.placed)
    return {**fields, "push": pushed, "push_error": failure, **failure_fields(invocation)}


def _summarise(invocation: Invocation, done: _Done) -> None:
    output, result = invocation.output, done.result
    if invocation.verbosity:
        for added in result.added:
            output.message(f"{'added' if added.is_changed else 'unchanged'}: {escape(added.path)}")
    if invocation.verbosity and result.again_bytes:
        output.message(f"{format_size(result.again_bytes)} were stored again, to keep the data quick to read")
    output.summary(_summary(result, seconds=done.add_seconds))
    for added in result.added:
        if added.absent:
            output.summary(
                f"kept {plural(added.absent, 'file')} of {escape(added.path)}, not here but in the dataset"
            )
    if done.pushed is not None:
        place = escape(without_password(done.place))
        output.summary(push_summary(done.pushed, place=place, seconds=invocation.elapsed_s))
    if result.changed_git_files and not done.stages and any(added.is_changed for added in result.added):
        output.hint(f"stage it: `git add {escape(quote_all(result.changed_git_files))}`")


def _summary(result: "AddResult", *, seconds: float) -> str:
    size = f"{plural(result.files, 'file')}, {format_size(result.plain_bytes)}"
    duration = format_duration(seconds)
    if not any(added.is_changed for added in result.added):
        return f"nothing changed: {size} checked in {duration}"
    stored = f"{format_size(result.new_bytes)} new, {format_size(result.stored_bytes)} stored"
    saved = format_saved(stored_bytes=result.stored_bytes, plain_bytes=result.plain_bytes)
    return f"added {size} in {duration}: {stored}{f', {saved} saved' if saved else ''}"
