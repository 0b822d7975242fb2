"""`dvx meta`: show, set and unset what a pointer says beside the data."""

from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_path
from dvx.cli.documents_meta import change_fields, show_fields
from dvx.cli.invocation import Invocation
from dvx.cli.metadata_options import pairs
from dvx.cli.metadata_text import metadata_lines
from dvx.cli.options import DvxGroup, dry_run_option, json_option, pass_invocation, targets_argument
from dvx.cli.output import escape
from dvx.cli.render import format_document
from dvx.cli.targets import say_nothing_tracked, shown_path, typed_paths

if TYPE_CHECKING:
    from dvx.ops.metadata_edit import MetadataChange


@click.group("meta", cls=DvxGroup)
def meta() -> None:
    """Show and change what a pointer says beside the data: parameters, metrics, labels, and its source.

    Names start with the table: params.lr, metrics.acc, meta.licence, source.command. Data is never read.

    \b
    Examples:
      dvx meta show model.pt
      dvx meta set model.pt meta.licence=MIT params.lr=0.001
      dvx meta unset model.pt params.train
    """


@meta.command("show")
@targets_argument
@json_option
@pass_invocation
def show(invocation: Invocation, targets: tuple[str, ...], as_json: bool) -> None:
    """Print everything that pointers say beside the data.

    \b
    Examples:
      dvx meta show
      dvx meta show model.pt --json
    """
    from dvx.ops.selection import select_targets

    with invocation.project() as project:
        selected = select_targets(project, typed_paths(project, targets))
        tracked = list({target.tracked.path: target.tracked for target in selected}.values())
        repository = project.repository
    if as_json:
        invocation.output.result(format_document("dvx.meta-show/1", show_fields(tracked)))
        return
    if not tracked:
        say_nothing_tracked(invocation)
    for item in tracked:
        lines = list(metadata_lines(item.pointer))
        if lines or targets:
            invocation.output.result(escape(shown_path(repository, item.path)))
        for line in lines:
            invocation.output.result(f"    {line}")


@meta.command("set")
@click.argument("path", type=click.Path(), shell_complete=complete_path)
@click.argument("values", nargs=-1, required=True, metavar="NAME=VALUE...")
@dry_run_option
@json_option
@pass_invocation
def set_(invocation: Invocation, path: str, values: tuple[str, ...], as_json: bool) -> None:
    """Set values in a pointer, and stage it.

    A value is a number, true, false, a date or a list where TOML reads it as that, else text.

    \b
    Examples:
      dvx meta set model.pt meta.licence=MIT
      dvx meta set model.pt params.lr=1e-3 metrics.acc=0.91
    """
    from dvx.ops.metadata_edit import set_metadata

    typed = pairs(values)
    with invocation.project(needs_init=True) as project, project.workspace_lock():
        change = set_metadata(project, project.repository.relative(path), typed)
    _say(invocation, change, "dvx.meta-set/1", as_json=as_json)


@meta.command("unset")
@click.argument("path", type=click.Path(), shell_complete=complete_path)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@dry_run_option
@json_option
@pass_invocation
def unset(invocation: Invocation, path: str, names: tuple[str, ...], as_json: bool) -> None:
    """Remove values, everything below a name, or a whole table from a pointer, and stage it.

    \b
    Examples:
      dvx meta unset model.pt meta.licence
      dvx meta unset model.pt params
    """
    from dvx.ops.metadata_edit import unset_metadata

    with invocation.project(needs_init=True) as project, project.workspace_lock():
        change = unset_metadata(project, project.repository.relative(path), names)
    _say(invocation, change, "dvx.meta-unset/1", as_json=as_json)


def _say(invocation: Invocation, change: "MetadataChange", schema: str, *, as_json: bool) -> None:
    if as_json:
        invocation.output.result(format_document(schema, change_fields(change)))
    done = "changed" if change.is_changed else "nothing to change in"
    invocation.output.summary(f"{done} `{escape(change.tracked.pointer_path)}`")
