"""`dvx ls`."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_path, complete_revision
from dvx.cli.documents import listed_fields
from dvx.cli.failure_text import failure_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation, remote_option
from dvx.cli.output import escape
from dvx.cli.render import format_count
from dvx.cli.targets import say_nothing_tracked, shown_path
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.listing import ListedPath
    from dvx.ops.project import Project


@click.command("ls", cls=DvxCommand)
@click.argument("path", required=False, type=click.Path(), shell_complete=complete_path)
@click.option(
    "--rev", metavar="REV", shell_complete=complete_revision, help="List what REV names, not the work tree."
)
@click.option("-R", "--recursive", is_flag=True, help="List every file.")
@remote_option
@json_option
@pass_invocation
def ls(
    invocation: Invocation,
    path: str | None,
    rev: str | None,
    recursive: bool,
    remote_name: str | None,
    as_json: bool,
) -> None:
    """List tracked data, without needing the data itself.

    Each line has the size, the number of files and the path. Listings that are not here are read from the
    remote.

    \b
    Examples:
      dvx ls                       what is tracked
      dvx ls data/train            what is in a tracked folder
      dvx ls -R --rev v1.0         every file of an older version
    """
    from dvx.ops.listing import list_paths

    with invocation.project(allows_bare=True, remote=remote_name) as project:
        if project.repository.is_bare:
            rev = rev or "HEAD"
        wanted = project.repository.relative(path) if path is not None else None
        found = list_paths(project, wanted or None, rev=rev, recursive=recursive, remote_name=remote_name)
        if as_json:
            _print_json(invocation, _started(found), rev)
        else:
            _print_text(invocation, project, found)
    if as_json:
        invocation.output.result(f"\n], {json.dumps(failure_fields(invocation))[1:]}")


def _started(found: "Iterator[ListedPath]") -> "Iterator[ListedPath]":
    """Raise now what the listing would raise at once, before anything is printed."""
    first = next(found, None)
    return chain([first] if first is not None else [], found)


def _print_json(invocation: Invocation, found: "Iterator[ListedPath]", rev: str | None) -> None:
    """The document without its end, written entry by entry: a listing may have millions."""
    output = invocation.output
    output.result(f'{{"schema": "dvx.ls/1", "rev": {json.dumps(rev)}, "entries": [', end="")
    separator = "\n  "
    for listed in found:
        output.result(separator + json.dumps(listed_fields(listed)), end="")
        separator = ",\n  "


def _print_text(invocation: Invocation, project: "Project", found: "Iterator[ListedPath]") -> None:
    is_empty = True
    for listed in found:
        is_empty = False
        slash = "/" if listed.kind == "directory" else ""
        files = f"{format_count(listed.files)} files" if listed.kind == "directory" else ""
        name = escape(shown_path(project.repository, listed.path))
        invocation.output.result(f"{format_size(listed.size):>8}  {files:>16}  {name}{slash}")
    if is_empty and not project.failures.found:
        say_nothing_tracked(invocation)
