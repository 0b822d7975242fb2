"""`dvx remote`: add, list, remove, default, check."""

from typing import Any

import click

from dvx.cli.completions import complete_remote
from dvx.cli.documents import check_fields, remote_fields
from dvx.cli.documents_setup import remote_change_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxGroup, dry_run_option, force_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.remote_options import given_options, store_options
from dvx.cli.render import format_document, format_table, without_password
from dvx.cli.targets import typed_address
from dvx.core.errors import ExitCode, NotFound, UsageError


class _RemoteGroup(DvxGroup):
    """`dvx remote` and `dvx remote -v` are `dvx remote list`, as in Git."""

    def rewrite(self, args: list[str]) -> list[str]:
        """Name the command that is meant."""
        is_bare = all(arg in ("-v", "--verbose", "-q", "--quiet", "--json") for arg in args)
        return ["list", *args] if is_bare else args


@click.group("remote", cls=_RemoteGroup)
def remote() -> None:
    """Add, list, remove and check remotes: the places that data is pushed to.

    \b
    Examples:
      dvx remote add origin s3://bucket/prefix
      dvx remote                                  the same as `dvx remote list`
      dvx remote check
    """


@remote.command("add")
@click.argument("name")
@click.argument("url")
@store_options
@click.option(
    "--default", "make_default", is_flag=True, help="Make it the default; the first remote always is."
)
@click.option("--local", is_flag=True, help="For this clone only, not committed.")
@force_option("Replace the remote of this name.")
@dry_run_option
@json_option
@pass_invocation
def add(
    invocation: Invocation,
    /,
    name: str,
    url: str,
    make_default: bool,
    local: bool,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Add a remote: a bucket or a folder.

    The address goes to .dvx/config.toml and is committed, so that everybody has it. Credentials never are:
    they come from the environment, the AWS configuration files, or the machine.

    \b
    Examples:
      dvx remote add origin s3://bucket/prefix
      dvx remote add minio s3://bucket --endpoint https://minio.example.com
      dvx remote add backup /mnt/backup/store --local
    """
    from dvx.ops.remotes import add_remote

    with invocation.project(needs_init=not local) as project:
        address = add_remote(
            project,
            name,
            typed_address(project.repository, url),
            options=given_options(options),
            force=force,
            local=local,
            make_default=make_default,
        )
    if as_json:
        fields = remote_change_fields(name=name, url=address)
        invocation.output.result(format_document("dvx.remote-add/1", fields))
    invocation.output.summary(f"added remote `{name}`: {escape(without_password(address))}")
    invocation.output.hint(f"try it: `dvx remote check {name}`")


@remote.command("list")
@json_option
@pass_invocation
def list_(invocation: Invocation, as_json: bool) -> None:
    """List the remotes; `*` marks the default.

    \b
    Examples:
      dvx remote list
      dvx remote list --json
    """
    from dvx.repo.remotes import default_remote, remote_names

    with invocation.project() as project:
        known = []
        for name in remote_names(project.config):
            try:
                known.append(project.remote_config(name))
            except UsageError as error:  # one that cannot be used does not hide the others
                invocation.output.warning(error.what)
        try:
            chosen = default_remote(project.config, project.repository).name
        except (NotFound, UsageError):
            chosen = None
    fields = [remote_fields(item, is_default=item.name == chosen) for item in known]
    if as_json:
        invocation.output.result(format_document("dvx.remote-list/1", {"remotes": fields}))
    elif not known:
        invocation.output.summary("no remote is configured; `dvx remote add origin URL` adds one")
    else:
        for line in format_table([[_marked(item), item["url"], _listed_options(item)] for item in fields]):
            invocation.output.result(line.rstrip())


def _marked(item: dict[str, Any]) -> str:
    return f"{'*' if item['default'] else ' '} {item['name']}"


def _listed_options(item: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in item["options"].items())


@remote.command("remove")
@click.argument("name", shell_complete=complete_remote)
@dry_run_option
@json_option
@pass_invocation
def remove(invocation: Invocation, name: str, as_json: bool) -> None:
    """Remove a remote from the settings; the data there stays.

    \b
    Examples:
      dvx remote remove backup
    """
    from dvx.ops.remotes import remove_remote

    with invocation.project() as project:
        remove_remote(project, name)
    if as_json:
        fields = remote_change_fields(name=name, url=None)
        invocation.output.result(format_document("dvx.remote-remove/1", fields))
    invocation.output.summary(f"removed remote `{name}` from the settings; the data there was not touched")


@remote.command("default")
@click.argument("name", required=False, shell_complete=complete_remote)
@click.option("--local", is_flag=True, help="For this clone only, not committed.")
@dry_run_option
@json_option
@pass_invocation
def default(invocation: Invocation, name: str | None, local: bool, as_json: bool) -> None:
    """Print the default remote, or choose it.

    \b
    Examples:
      dvx remote default
      dvx remote default backup
    """
    from dvx.ops.remotes import choose_remote

    with invocation.project(needs_init=name is not None and not local) as project:
        if name is not None:
            choose_remote(project, name, local=local)
        chosen = project.remote_config(name)
    if as_json:
        fields = remote_change_fields(name=chosen.name, url=chosen.url)
        invocation.output.result(format_document("dvx.remote-default/1", fields))
    elif name is None:
        invocation.output.result(chosen.name)
    if name is not None:
        invocation.output.summary(f"the default remote is `{name}`")


@remote.command("check")
@click.argument("name", required=False, shell_complete=complete_remote)
@click.option("--repair", "repairs", is_flag=True, help="Write the marker again if it is missing or damaged.")
@json_option
@pass_invocation
def check(invocation: Invocation, name: str | None, repairs: bool, as_json: bool) -> int:
    """Try everything that dvx does with a remote on small objects, and remove them.

    Exits with 1 if something that dvx needs does not work. With --repair, the marker dvx-store.json, which makes a
    place a store, is written again where it was lost; packs and records stay as they are.

    \b
    Examples:
      dvx remote check
      dvx remote check backup --json
      dvx remote check --repair backup
    """
    from dvx.ops.remotes import check_remote

    with invocation.project() as project:
        report = check_remote(project, name, repairs=repairs)
    output = invocation.output
    if as_json:
        output.result(format_document("dvx.remote-check/1", check_fields(report)))
    else:
        for finding in report.findings:
            mark = "ok  " if finding.ok else "FAIL" if finding.required else "no  "
            painted = output.paint(mark, "green" if finding.ok else "red" if finding.required else "yellow")
            output.result(f"{painted}  {finding.name}: {escape(finding.detail)}")
    place = escape(without_password(report.location))
    if report.is_usable:
        output.summary(f"remote `{report.name}` ({place}) is usable")
        if report.is_renewed:
            output.hint(f"send what it lacks: `dvx push -r {report.name}`")
        return ExitCode.DONE
    output.message(f"remote `{report.name}` ({place}) is not usable")
    return ExitCode.FAILED
