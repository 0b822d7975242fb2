"""The three things that Git hooks ask of dvx: check before a commit, guard a push, follow a checkout.

Owns their exit codes and where their input comes from. What they find is worded in dvx.cli.hook_text; importing
this module stays cheap, because hooks run with every Git command.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dvx.cli.invocation import Invocation
from dvx.core.errors import (
    BackendError,
    DataMissing,
    DvxError,
    ExitCode,
    NotARepository,
    NotFound,
    UsageError,
)

if TYPE_CHECKING:
    from dvx.ops.project import Project
    from dvx.repo.introduced import RefUpdate
    from dvx.repo.repository import Repository

# The pre-commit framework sets this while it puts unstaged changes away and brings them back: the pointers of the
# work tree are not what the person has then.
_FRAMEWORK_STASHES: Final = "_PRE_COMMIT_SKIP_POST_CHECKOUT"
_NOTHING: Final = "0" * 40


def pre_commit(invocation: Invocation, args: Sequence[str] = ()) -> int:  # noqa: ARG001 - Git gives none
    """Check what is staged. FAILED where something should not be committed, which stops the commit.

    Settings that cannot be used stop no commit that is about neither pointers nor settings.
    """
    from dvx.repo.config import CONFIG_KINDS

    try:
        return run_check(invocation, (), fix=False, looks_at_data=True, as_json=False)
    except UsageError as error:
        if error.kind not in CONFIG_KINDS or _concerns_dvx(invocation.repository()):
            raise
        from dvx.cli.hook_text import say_error

        say_error(invocation, error)
        return ExitCode.DONE


def _concerns_dvx(repository: "Repository") -> bool:
    """Whether the next commit changes a pointer, or a file of settings."""
    from dvx.repo.pointers import is_pointer_path
    from dvx.repo.repository import CONFIG_FOLDER
    from dvx.repo.staged import staged_changes

    changed = [file.path for file in staged_changes(repository.git())]
    return any(is_pointer_path(path) or path.startswith(CONFIG_FOLDER + "/") for path in changed)


def run_check(
    invocation: Invocation, files: Sequence[str], *, fix: bool, looks_at_data: bool, as_json: bool
) -> int:
    """Run the check and print what it found; returns the exit code."""
    from dvx.cli.hook_text import say_check
    from dvx.ops.staged_check import check_staged

    with invocation.project() as project:
        paths = [project.repository.relative(path) for path in files]
        report = check_staged(project, paths, fix=fix, looks_at_data=looks_at_data)
    if as_json:
        from dvx.cli.documents_hooks import check_fields
        from dvx.cli.render import format_document

        invocation.output.result(format_document("dvx.hooks-check/1", check_fields(report)))
    else:
        say_check(invocation, report)
    return ExitCode.DONE if report.is_clean else ExitCode.FAILED


def pre_push(invocation: Invocation, args: Sequence[str], stdin_lines: Sequence[str]) -> int:
    """Check that the remote has the data of the commits being pushed. Anything but DONE stops the push.

    `args` are the name and the address of the Git remote; `stdin_lines` are what Git writes to the hook. Without
    them, the variables of the pre-commit framework say what is pushed.
    """
    from dvx.cli.hook_text import say_error, say_guard
    from dvx.ops.push_guard import guard_push
    from dvx.repo.introduced import parse_updates

    env = invocation.env
    with invocation.project() as project:
        updates = parse_updates(stdin_lines) or _framework_updates(project, env)
        git_remote = args[0] if args else env.get("PRE_COMMIT_REMOTE_NAME", "")
        try:
            result = guard_push(project, updates, git_remote=git_remote)
        except (NotFound, UsageError, BackendError, DataMissing) as error:
            if project.config.text("hooks.push") != "warn":
                raise
            say_error(invocation, error)
            return ExitCode.DONE
    say_guard(invocation, result)
    return ExitCode.FAILED if result.is_blocked else ExitCode.DONE


def _framework_updates(project: "Project", env: Mapping[str, str]) -> "list[RefUpdate]":
    """What the pre-commit framework says of a push: one branch with its new and, unless all is new, its old tip.

    Run by hand (`pre-commit run --hook-stage pre-push`), it says nothing: then it is HEAD that would be pushed.
    """
    from dvx.repo.introduced import RefUpdate

    if not env.get("PRE_COMMIT"):
        return []
    local = env.get("PRE_COMMIT_TO_REF") or env.get("PRE_COMMIT_LOCAL_BRANCH") or "HEAD"
    if not local.strip("0"):
        return []
    tip = project.git.head() if local == "HEAD" else project.git.rev_parse(local)
    if tip is None:
        return []
    before = env.get("PRE_COMMIT_FROM_REF", "")
    known = project.git.rev_parse(before) if before.strip("0") else _NOTHING
    remote_branch = env.get("PRE_COMMIT_REMOTE_BRANCH", "")
    return [RefUpdate(env.get("PRE_COMMIT_LOCAL_BRANCH", local), tip, remote_branch, known)]


def follow(invocation: Invocation, name: str, args: Sequence[str] = ()) -> int:
    """Bring the workspace to the pointers. Always DONE: a hook must not make `git switch` fail.

    `name` is the hook that Git runs, `args` what Git gives it.
    """
    from dvx.cli.boundary import run_guarded

    run_guarded(lambda: _follow(invocation), invocation, args=["hooks", "run", name, *args])
    return ExitCode.DONE


def _follow(invocation: Invocation) -> int:
    if invocation.env.get(_FRAMEWORK_STASHES):
        return ExitCode.DONE
    # `git stash` and partial commits work on a staging area of their own for a while; the real one counts.
    os.environ.pop("GIT_INDEX_FILE", None)
    from dvx.repo.followed import is_followed

    try:
        repository = invocation.repository()
        if is_followed(repository, repository.git()):
            return ExitCode.DONE
    except NotARepository:
        return ExitCode.DONE  # a bare repository has no workspace
    from dvx.cli.hook_text import say_error, say_follow
    from dvx.ops.follow import follow_pointers

    try:
        with invocation.project() as project:
            result = follow_pointers(project)
    except DvxError as error:  # a setting that is not valid, for one
        say_error(invocation, error)
        return ExitCode.DONE
    say_follow(invocation, result)
    return ExitCode.DONE
