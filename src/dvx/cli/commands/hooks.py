"""`dvx hooks`: install, uninstall, status, run."""

import os
import sys
from typing import TYPE_CHECKING

import click

from dvx.cli.commands.hook_checks import check, large_files
from dvx.cli.completions import complete_hook
from dvx.cli.documents_hook_setup import change_fields, status_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxGroup, dry_run_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, format_table

if TYPE_CHECKING:
    from dvx.ops.hooks import HooksChange, HooksReport
    from dvx.repo.hook_files import FoundHook


@click.group("hooks", cls=DvxGroup)
def hooks() -> None:
    """Let Git run dvx: data follows the commit, and mistakes are stopped before they are pushed.

    \b
    Examples:
      dvx hooks install
      dvx hooks status
      dvx hooks uninstall
    """


hooks.add_command(check)
hooks.add_command(large_files)


@hooks.command("install")
@click.option(
    "--files",
    "as_files",
    is_flag=True,
    help="Write hook files also where Git can do without (2.54 and newer).",
)
@dry_run_option
@json_option
@pass_invocation
def install(invocation: Invocation, as_files: bool, as_json: bool) -> None:
    """Install the Git hooks of dvx in this repository, for all its work trees.

    Hooks that are there stay and run first. Running it again brings the hooks up to date, after dvx was
    updated or moved.

    \b
    Examples:
      dvx hooks install
      dvx hooks install --files
    """
    from dvx.ops.hook_setup import rehearse_hooks, set_up_hooks

    repository = invocation.repository()
    if invocation.rehearses:
        rehearse_hooks(repository, interpreter=sys.executable, as_files=as_files)
    change = set_up_hooks(repository, interpreter=sys.executable, as_files=as_files, env=invocation.env)
    if as_json:
        invocation.output.result(format_document("dvx.hooks-install/1", change_fields(change)))
        return
    _tell_notes(invocation, change)
    done = "installed the hooks" if change.changed else "the hooks are installed already"
    invocation.output.summary(f"{done}{_how(change.report)}")
    for hook in change.report.hooks:
        if hook.chained is not None:
            invocation.output.summary(f"  {hook.name} runs after that of {hook.chained_by}")
    if not change.report.is_working:
        invocation.output.hint("look at what is not in force: `dvx hooks status`")


@hooks.command("uninstall")
@dry_run_option
@json_option
@pass_invocation
def uninstall(invocation: Invocation, as_json: bool) -> None:
    """Take the hooks of dvx out and put back what was there before.

    A hook that was edited or replaced since stays, and is named.

    \b
    Examples:
      dvx hooks uninstall
    """
    from dvx.ops.hook_setup import rehearse_hooks, set_up_hooks

    repository = invocation.repository()
    if invocation.rehearses:
        rehearse_hooks(repository, interpreter="")
    change = set_up_hooks(repository, interpreter="", env=invocation.env)
    if as_json:
        invocation.output.result(format_document("dvx.hooks-uninstall/1", change_fields(change)))
        return
    _tell_notes(invocation, change)
    invocation.output.summary("took the hooks out" if change.changed else "no hook of dvx is installed")


@hooks.command("status")
@json_option
@pass_invocation
def status(invocation: Invocation, as_json: bool) -> None:
    """Show how each hook stands, and what runs before it.

    \b
    Examples:
      dvx hooks status
      dvx hooks status --json
    """
    from dvx.ops.hooks import read_hooks

    report = read_hooks(invocation.repository())
    output = invocation.output
    if as_json:
        output.result(format_document("dvx.hooks-status/1", status_fields(report)))
        return
    for line in format_table([[hook.name, _state(hook), _about(hook)] for hook in report.hooks]):
        output.result(line.rstrip())
    output.result("merge and diff of pointers: " + ("with dvx" if report.has_drivers else "as text"))
    for problem in report.problems:
        output.warning(problem)
    if report.mode is None:
        output.hint("install them: `dvx hooks install`")
    elif report.problems:
        output.hint("bring them up to date: `dvx hooks install`")


@hooks.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("name", shell_complete=complete_hook)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@pass_invocation
def run(invocation: Invocation, name: str, args: tuple[str, ...]) -> int:
    """Do the work of the Git hook NAME. Hook scripts call this.

    Without a global option before it, it is dispatched before this module is imported.

    \b
    Examples:
      dvx hooks run pre-commit
      dvx hooks run pre-push "$@"
    """
    from dvx.cli.hook_runs import run_hook

    return run_hook(invocation, name, args, sys.stdin.buffer)


def _tell_notes(invocation: Invocation, change: "HooksChange") -> None:
    for note in change.notes:
        invocation.output.warning(note)


def _how(report: "HooksReport") -> str:
    from dvx.ops.hooks import HookMode

    if report.mode is HookMode.CONFIG:
        return " in Git's configuration"
    if report.mode is HookMode.REDIRECT:
        return f" in front of those in {escape(_shown(report.folder))}"
    return f" in {escape(_shown(report.folder))}"


def _state(hook: "FoundHook") -> str:
    from dvx.repo.hook_files import HookState

    return "not installed" if hook.state is HookState.MISSING else hook.state.value


def _about(hook: "FoundHook") -> str:
    from dvx.repo.hook_files import HookState

    if hook.state is HookState.CALLED:
        return f"run by {hook.by}: {_shown(hook.path)}"
    if hook.state is HookState.REPLACED:
        return f"by {hook.by}" if hook.by else ""
    if hook.state is HookState.MISSING:
        return f"{hook.by}: {_shown(hook.path)}" if hook.by else ""
    return "" if hook.chained is None else f"after {hook.chained_by}: {_shown(hook.chained)}"


def _shown(path: str) -> str:
    """A path as it is shortest: from the current folder, where that is above it."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive, or the folder is gone
        return path
    return path if relative.startswith("..") else relative
