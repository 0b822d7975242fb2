"""`dvx config`: get, set, unset, list."""

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_setting
from dvx.cli.documents_setup import setting_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxGroup, dry_run_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, format_table, without_password
from dvx.core.errors import DvxError, NotARepository, NotFound, PathRefused, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dvx.repo.config import Config


class _ConfigGroup(DvxGroup):
    """A key, a key with a value, and `-l` mean what they mean in Git, in place of a subcommand."""

    def rewrite(self, args: list[str]) -> list[str]:
        """Name the command that is meant."""
        for flag, name in (("-l", "list"), ("--list", "list"), ("--get", "get"), ("--unset", "unset")):
            if flag in args:
                return [name, *(arg for arg in args if arg != flag)]
        words = [arg for arg in args if not arg.startswith("-")]
        if not words or "." not in words[0] or not self.commands.keys().isdisjoint(args) or "-C" in args:
            return args
        return ["set" if len(words) > 1 else "get", *args]


@click.group("config", cls=_ConfigGroup)
def config() -> None:
    """Read and change settings.

    A flag wins over the environment (DVX_*), then the local file of this clone, the committed file
    .dvx/config.toml, and the file of the user.

    \b
    Examples:
      dvx config list --show-origin
      dvx config core.jobs                 the same as `dvx config get core.jobs`
      dvx config core.remote origin        the same as `dvx config set core.remote origin`
    """


@config.command("get")
@click.argument("key", shell_complete=complete_setting)
@json_option
@pass_invocation
def get(invocation: Invocation, key: str, as_json: bool) -> None:
    """Print the value in force.

    \b
    Examples:
      dvx config get core.remote
      dvx config get remote.origin.url
    """
    found = _load(invocation)
    value = found.get(key)
    if value is None:
        raise NotFound(f"`{key}` is not set", hints=[f"set it: `dvx config set {key} VALUE`"], kind="not-set")
    if as_json:
        fields = setting_fields(key=key, value=value, origin=found.origin(key))
        invocation.output.result(format_document("dvx.config-get/1", fields))
    else:
        invocation.output.result(escape(_text(value)))


@config.command("set")
@click.argument("key", shell_complete=complete_setting)
@click.argument("value")
@click.option("--local", is_flag=True, help="For this clone only, not committed.")
@click.option("--user", is_flag=True, help="For all repositories of this user.")
@dry_run_option
@json_option
@pass_invocation
def set_(invocation: Invocation, key: str, value: str, local: bool, user: bool, as_json: bool) -> None:
    """Set a value, in the committed file unless told otherwise.

    \b
    Examples:
      dvx config set core.remote origin
      dvx config set --local store.path /fast-disk/dvx-store
      dvx config set --user core.jobs 8
    """
    from dvx.repo.config_edit import set_value, with_value

    path = _file(invocation, local=local, user=user)
    _check_address(invocation, key, value)
    if user:
        with _foretelling(invocation) as foretold:
            set_value(path, key, value, committed=False, foretold=foretold)
    else:
        _change(
            invocation,
            lambda data: with_value(data, key, value, path=path, committed=not local),
            ["config", "set", key, value],
            local_path=path if local else None,
        )
    if as_json:
        fields = setting_fields(key=key, value=value, origin=path)
        invocation.output.result(format_document("dvx.config-set/1", fields))
    invocation.output.summary(f"set `{escape(key)}` in {escape(path)}")


@config.command("unset")
@click.argument("key", shell_complete=complete_setting)
@click.option("--local", is_flag=True, help="In the file of this clone.")
@click.option("--user", is_flag=True, help="In the file of this user.")
@dry_run_option
@json_option
@pass_invocation
def unset(invocation: Invocation, key: str, local: bool, user: bool, as_json: bool) -> None:
    """Remove a value, from the committed file unless told otherwise.

    \b
    Examples:
      dvx config unset core.remote
      dvx config unset --user core.jobs
    """
    from dvx.repo.config_edit import unset_value, without_value

    path = _file(invocation, local=local, user=user)
    if user:
        with _foretelling(invocation) as foretold:
            unset_value(path, key, foretold=foretold)
    else:
        command = ["config", "unset", key]
        local_path = path if local else None
        _change(invocation, lambda data: without_value(data, key, path=path), command, local_path=local_path)
    if as_json:
        fields = setting_fields(key=key, value=None, origin=path)
        invocation.output.result(format_document("dvx.config-unset/1", fields))
    invocation.output.summary(f"removed `{escape(key)}` from {escape(path)}")


@config.command("list")
@click.option("--show-origin", is_flag=True, help="Say where each value comes from.")
@json_option
@pass_invocation
def list_(invocation: Invocation, show_origin: bool, as_json: bool) -> None:
    """List all settings in force.

    \b
    Examples:
      dvx config list
      dvx config list --show-origin
    """
    from dvx.repo.settings import SETTINGS

    found = _load(invocation)
    keys = sorted({*found.values, *(setting.name for setting in SETTINGS)})
    for text in [*found.unknown, *(problem.what for problem in found.problems.values())]:
        invocation.output.warning(text)
    rows = [(key, found.get(key), found.origin(key)) for key in keys if key not in found.problems]
    if as_json:
        settings = [
            {
                "key": key,
                "value": without_password(value) if isinstance(value, str) else value,
                "origin": origin,
            }
            for key, value, origin in rows
        ]
        invocation.output.result(format_document("dvx.config-list/1", {"settings": settings}))
        return
    cells = [[key, "(not set)" if value is None else _text(value), origin] for key, value, origin in rows]
    for line in format_table([row if show_origin else row[:2] for row in cells]):
        invocation.output.result(line)


def _check_address(invocation: Invocation, key: str, value: str) -> None:
    """Refuse an address of a remote that is none, or a folder that no remote can be."""
    if not (key.startswith("remote.") and key.endswith(".url")):
        return
    from dvx.backends.location import parse_location
    from dvx.ops.remotes import check_setting

    parse_location(value, base_dir=invocation.folder)
    try:
        with invocation.project() as project:
            check_setting(project, key, value)
    except PathRefused:
        raise
    except DvxError:
        return  # no repository, or settings that cannot be read: this one may be what mends them


def _load(invocation: Invocation) -> "Config":
    from dvx.repo.config import load_config

    try:
        repository = invocation.repository()
    except NotARepository:
        repository = None
    return load_config(repository, env=invocation.env)


def _text(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return without_password(str(value))


def _file(invocation: Invocation, *, local: bool, user: bool) -> str:
    """The file that a change goes to."""
    if local and user:
        raise UsageError("`--local` and `--user` exclude each other", hints=["leave one of them out"])
    if user:
        return _user_file(invocation)
    from dvx.repo.committed_files import writable_place
    from dvx.repo.config import COMMITTED

    repository = invocation.repository()
    if local:
        return repository.local_config_path
    repository.require_initialised()
    return writable_place(repository, COMMITTED)


def _user_file(invocation: Invocation) -> str:
    from dvx.repo.config import user_config_path

    path = user_config_path(invocation.env)
    if path is None:
        variable = "APPDATA" if os.name == "nt" else "HOME"
        raise UsageError(
            "there is no home folder for settings of the user", hints=[f"set the variable {variable}"]
        )
    return path


@contextmanager
def _foretelling(invocation: Invocation) -> "Iterator[list[str] | None]":
    """What collects the changes of a rehearsal, which ends with it; None where they are made."""
    foretold: list[str] | None = [] if invocation.rehearses else None
    yield foretold
    if foretold is not None:
        from dvx.ops.rehearsal import Rehearsed

        raise Rehearsed(foretold)


def _change(
    invocation: Invocation,
    edit: "Callable[[bytes], bytes]",
    command: "Sequence[str]",
    *,
    local_path: str | None,
) -> None:
    """Change a file of this clone, or the committed one, which is staged unless its other content is still invalid."""
    from dvx.core.progress import NullReporter
    from dvx.ops.config_changes import change_committed, change_local
    from dvx.ops.project import Project
    from dvx.ops.rehearsal import tell_foretold

    repository = invocation.repository()
    # Not as other commands open a project: a bad setting may be what is being corrected.
    with (
        invocation.rehearsal() as scratch,
        Project(repository, env=invocation.env, overrides={}, reporter=NullReporter()) as project,
    ):
        project.rehearsal = scratch
        project.finished += invocation.finished
        if local_path is not None:
            change_local(project, local_path, edit, command=command)
            tell_foretold(project)
        else:
            change_committed(project, edit, command=command, is_patient=True)
