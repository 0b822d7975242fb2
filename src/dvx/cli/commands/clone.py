"""`dvx clone`."""

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

from dvx.cli.checkout_text import say_checkout
from dvx.cli.documents_sources import clone_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    DvxOption,
    dry_run_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
)
from dvx.cli.output import escape
from dvx.cli.render import format_document
from dvx.cli.sources import foreign_repository, may_prompt, typed_repository
from dvx.core.errors import DvxError
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.clone import CloneRequest
    from dvx.ops.pull import PullResult


@click.command("clone", cls=DvxCommand)
@click.argument("repository", metavar="REPO")
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path())
@click.argument("targets", nargs=-1, metavar="[TARGET]...", type=click.Path())
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Only the N newest commits.")
@click.option(
    "-b", "--branch", cls=DvxOption, also=["--rev"], metavar="BRANCH", help="The branch or tag to check out."
)
@remote_option
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def clone(
    invocation: Invocation,
    repository: str,
    directory: str | None,
    targets: tuple[str, ...],
    depth: int | None,
    branch: str | None,
    remote_name: str | None,
    as_json: bool,
) -> None:
    """Clone a repository and pull its data.

    Runs `git clone`, installs the hooks of dvx in the clone (`dvx hooks uninstall` takes them out), sees whether the
    remote with the data can be read, and pulls the targets (paths from the top of the repository), or everything. If
    the data cannot be pulled, the clone stays.

    \b
    Examples:
      dvx clone https://example.com/team/project.git
      dvx clone git@example.com:team/project.git project data/validation
      dvx clone --depth 1 --branch v1.0 ../project here
    """
    from dvx.ops.clone import CloneRequest, clone_repository
    from dvx.repo.git import REPOSITORY_VARIABLES

    # A hook's Git names the repository of the hook to every Git that is started, and this is about another one.
    for name in REPOSITORY_VARIABLES:
        os.environ.pop(name, None)
    request = CloneRequest(typed_repository(invocation, repository), branch, depth)
    if invocation.rehearses:
        _rehearse(invocation, repository, request, directory, targets, remote_name=remote_name)
    place = clone_repository(
        request,
        directory,
        folder=invocation.folder,
        env=invocation.env,
        is_quiet=invocation.output.is_quiet,
        may_ask=may_prompt(invocation),
    )
    shown = os.path.relpath(place, invocation.folder)
    inner = replace(invocation, folder=place)
    try:
        result = _pull(inner, targets, remote_name)
    except DvxError as error:
        _explain(error, shown, targets, remote_name)
    if as_json:
        fields = clone_fields(result, folder=place, seconds=invocation.elapsed_s)
        invocation.output.result(format_document("dvx.clone/1", fields))
    if result is None:
        invocation.output.summary(f"cloned into `{escape(shown)}`; it tracks no data")
        return
    received = f"; {format_size(result.fetched.size_bytes)} received" if result.fetched is not None else ""
    say_checkout(
        invocation, result.checkout, verb=f"cloned into `{escape(shown)}` and pulled", received=received
    )


def _rehearse(
    invocation: Invocation,
    repository: str,
    request: "CloneRequest",
    directory: str | None,
    targets: tuple[str, ...],
    *,
    remote_name: str | None,
) -> NoReturn:
    """Read the commit into a temporary folder, and tell from it what would be done."""
    from dvx.ops.clone import rehearse_clone
    from dvx.ops.rehearsal import Rehearsed

    with foreign_repository(invocation, repository, request.branch, "", remote=None) as foreign:
        steps = rehearse_clone(
            request, directory, targets, folder=invocation.folder, foreign=foreign, remote_name=remote_name
        )
        raise Rehearsed(steps)


def _pull(invocation: Invocation, targets: tuple[str, ...], remote_name: str | None) -> "PullResult | None":
    from dvx.ops.clone import check_access
    from dvx.ops.hooks import install_hooks
    from dvx.ops.pull import pull
    from dvx.ops.selection import select_targets
    from dvx.repo.imports import IMPORT_TABLE

    with invocation.project(remote=remote_name) as project:
        install_hooks(project.repository)
        chosen = select_targets(project, [target.rstrip("/") for target in targets])
        if not chosen:
            return None
        if not all(IMPORT_TABLE in target.tracked.pointer.extra for target in chosen):
            check_access(project, remote_name)
        return pull(project, chosen, remote_name=remote_name, no_store=invocation.is_ci, force=False)


def _explain(error: DvxError, folder: str, targets: tuple[str, ...], remote_name: str | None) -> NoReturn:
    """Raise the error again, with what is there and the command that goes on."""
    words = ["dvx", "-C", folder, "pull", *(["-r", remote_name] if remote_name else []), *targets]
    error.affected = f"the clone in `{folder}` is complete, its data is not"
    error.hints = (*error.hints, f"then get the data: `{shlex.join(words)}`")
    raise error
