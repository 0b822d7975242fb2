"""What `dvx push` does once its command line has been read.

Owns what is said about a push. Imports no click, so that a plain `dvx push` does without it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.invocation import Invocation
from dvx.cli.output import escape
from dvx.cli.push_text import push_summary
from dvx.cli.render import format_document, without_password
from dvx.cli.targets import choose_for_transfer, explaining_names, say_nothing_tracked

if TYPE_CHECKING:
    from dvx.repo.targets import Target


def run_push(
    invocation: Invocation,
    targets: Sequence[str],
    *,
    remote_name: str | None = None,
    revs: Sequence[str] = (),
    all_refs: bool = False,
    as_json: bool = False,
) -> None:
    """Push everything, or the targets, of the work tree or of revisions, and say what was sent."""
    from dvx.ops.push import outgoing_versions, push_each

    with invocation.project(allows_bare=True, remote=remote_name) as project:
        with explaining_names(project, targets, verb="push"):
            chosen = choose_for_transfer(project, targets, revs=revs, all_refs=all_refs)
        tracked = [target.tracked for target in chosen]
        if not (targets or revs or all_refs or project.repository.is_bare):
            tracked += outgoing_versions(project, tracked)
        if not tracked and not as_json:
            say_nothing_tracked(invocation)
            return
        _say_whole(invocation, chosen)
        result = push_each(project, tracked, remote_name=remote_name)
        place = project.remote_config(remote_name).url
    if as_json:
        from dvx.cli.documents import push_fields  # not for those who read the text
        from dvx.cli.failure_text import failure_fields

        document = push_fields(result, remote=place, seconds=invocation.elapsed_s) | failure_fields(
            invocation
        )
        invocation.output.result(format_document("dvx.push/1", document))
    invocation.output.summary(
        push_summary(
            result,
            place=escape(without_password(place)),
            seconds=invocation.elapsed_s,
            has_failures=invocation.has_failures,
        )
    )


def _say_whole(invocation: Invocation, chosen: "Sequence[Target]") -> None:
    for target in chosen:
        if target.inside and invocation.verbosity:
            invocation.output.message(f"`{escape(target.tracked.path)}` is pushed whole")
