"""What the pre-push hook does: nobody pulls a commit whose data is not on the remote.

Owns the decision: which pointer versions are asked for, and what happens when the remote lacks some. The scan of the
commits is dvx.repo.introduced; without a changed pointer no store is opened and nothing is sent anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dvx.core.errors import BackendError, DataMissing, DvxError, NotFound, UsageError
from dvx.core.ids import short_git_id
from dvx.core.shell_words import quote_all
from dvx.ops.project import Project
from dvx.repo.introduced import Introduced, RefUpdate, introduced_pointers, outgoing_pointers
from dvx.repo.pointers import TrackedPointer, read_pointer

if TYPE_CHECKING:
    from dvx.ops.push import PushResult

SKIP_HINT: Final = "to push the commits without this check: `git push --no-verify`"
# More revisions than this on one command line help nobody.
_MOST_REVISIONS: Final = 5


@dataclass(slots=True)
class GuardResult:
    """What the guard found: pointer versions whose data the remote lacks, and what to do about it.

    `checked` counts pointer versions, `place` is the remote. `pushed` is set where data was pushed just now.
    """

    checked: int = 0
    place: str = ""
    missing: list[TrackedPointer] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    is_blocked: bool = False
    pushed: "PushResult | None" = None


def guard_push(project: Project, updates: Sequence[RefUpdate], *, git_remote: str) -> GuardResult:
    """Check that the remote has every object of every pointer version that the pushed commits introduce.

    `git_remote` is the name of the Git remote; the data belongs on the default remote of dvx. With `hooks.push` set
    to "push", what is missing is pushed first. Raises NotFound without a remote, BackendError where it cannot be
    asked (both with the way round in their hints), DataMissing for data that cannot be pushed from here.
    """
    introduced = introduced_pointers(project.git, updates, remote_name=git_remote)
    # Imported data is in its source's remote, from where `dvx pull` gets it.
    wanted = [each for each in introduced if "import" not in each.tracked.pointer.extra]
    result = GuardResult(checked=len(wanted))
    if not wanted:
        return result
    policy = project.config.text("hooks.push")
    try:
        result.place = project.remote_config(None).url
        if policy == "push":
            _push(project, wanted, result)
        else:
            _ask(project, wanted, result)
    except (NotFound, UsageError, BackendError, DataMissing) as error:
        error.affected = error.affected or "the commits were not pushed"
        error.hints = (*error.hints, SKIP_HINT)
        raise
    result.is_blocked = bool(result.missing) and policy != "warn"
    if result.is_blocked:
        result.hints.append(SKIP_HINT)
    return result


def _push(project: Project, wanted: Sequence[Introduced], result: GuardResult) -> None:
    """Push what is missing; the push itself asks the remote for every object, before and after."""
    from dvx.ops.push import push  # the store and its formats, only when a pointer changed

    result.pushed = push(project, [each.tracked for each in wanted], remote_name=None)


def _ask(project: Project, wanted: Sequence[Introduced], result: GuardResult) -> None:
    present = _complete_on_remote(project, wanted)
    missing = [each for each in wanted if each.tracked.pointer.id not in present]
    result.missing = [each.tracked for each in missing]
    if missing:
        result.hints = list(_hints(project, missing))


def _complete_on_remote(project: Project, wanted: Sequence[Introduced]) -> set[bytes]:
    from dvx.ops.sources import check_fits, expect_roots  # as above

    roots = list(dict.fromkeys(each.tracked.pointer.id for each in wanted))
    try:
        remote = project.remote(None, roots=roots)
    except DataMissing as error:
        if error.kind != "empty-remote":
            raise
        return set()
    expect_roots(remote, (each.tracked for each in wanted))
    found = remote.complete_placements(roots, jobs=project.transfers)
    for each in wanted:
        if each.tracked.pointer.id in found:
            check_fits(found[each.tracked.pointer.id], each.tracked)
    return set(found)


def _hints(project: Project, missing: Sequence[Introduced]) -> list[str]:
    """The command that pushes what is in the local store, and what to do about the rest."""
    from dvx.ops.far_packs import known_elsewhere  # as above

    roots = list(dict.fromkeys(each.tracked.pointer.id for each in missing))
    stored = project.local.complete_placements(roots, jobs=project.jobs)
    ready = {*stored, *known_elsewhere(project, [root for root in roots if root not in stored])}
    here = [each for each in missing if each.tracked.pointer.id in ready]
    elsewhere = list(
        dict.fromkeys(each.tracked.path for each in missing if each.tracked.pointer.id not in ready)
    )
    hints = [f"push the data first: `{_push_command(project, here)}`"] if here else []
    if elsewhere:
        names = quote_all(elsewhere[:_MOST_REVISIONS])
        more = f" and {len(elsewhere) - _MOST_REVISIONS} more" if len(elsewhere) > _MOST_REVISIONS else ""
        hints.append(
            f"not in the local store either, push from the clone that added it: `dvx push {names}`{more}"
        )
    return hints


def _push_command(project: Project, here: Sequence[Introduced]) -> str:
    """`dvx push` where the work tree or the commits of HEAD name all of it, else with the commits that do."""
    outgoing = {each.tracked.pointer.id for each in outgoing_pointers(project.git)}
    if all(each.tracked.pointer.id in outgoing or _is_in_work_tree(project, each.tracked) for each in here):
        return "dvx push"
    commits = list(dict.fromkeys(each.commit for each in here))
    if len(commits) > _MOST_REVISIONS:
        return "dvx push --all"
    return "dvx push " + " ".join(f"--rev {short_git_id(commit)}" for commit in commits)


def _is_in_work_tree(project: Project, tracked: TrackedPointer) -> bool:
    try:
        return read_pointer(project.repository, tracked.pointer_path).pointer.id == tracked.pointer.id
    except DvxError:
        return False
