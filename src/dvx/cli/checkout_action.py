"""What `dvx checkout` does once its command line has been read.

Owns what is said about a checkout. Imports no click, so that a plain `dvx checkout` does without it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dvx.cli.checkout_text import say_checkout
from dvx.cli.invocation import Invocation
from dvx.cli.targets import choose_targets, explaining_names, say_nothing_tracked, typed_paths

if TYPE_CHECKING:
    from dvx.ops.checkout import CheckoutResult


def run_checkout(
    invocation: Invocation,
    targets: Sequence[str],
    *,
    rev: str | None = None,
    force: bool = False,
    as_json: bool = False,
) -> None:
    """Check out everything, or the targets, of the pointers here or of `rev`, and say what was written."""
    with invocation.project() as project:
        if rev is not None:
            from dvx.ops.checkout_revision import checkout_revision  # what it stages, only for `--rev`

            result, git_files = checkout_revision(
                project, typed_paths(project, targets), rev=rev, force=force
            )
            _report(invocation, result, git_files, as_json=as_json)
            return
        with explaining_names(project, targets, verb="checkout"):
            chosen = choose_targets(project, targets)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        from dvx.ops.pull import checkout_each

        result = checkout_each(project, chosen, force=force, keeps_parts=not targets)
    _report(invocation, result, [], as_json=as_json)


def _report(invocation: Invocation, result: "CheckoutResult", git_files: list[str], *, as_json: bool) -> None:
    if as_json:
        from dvx.cli.documents import checkout_fields  # not for those who read the text
        from dvx.cli.failure_text import failure_fields
        from dvx.cli.render import format_document

        document = {
            **checkout_fields(result),
            "git_files": git_files,
            **failure_fields(invocation),
            "seconds": round(invocation.elapsed_s, 3),
        }
        invocation.output.result(format_document("dvx.checkout/1", document))
    say_checkout(invocation, result, verb="checked out")
    if git_files:
        invocation.output.hint("`git diff --cached` shows the pointers; `git commit` keeps this version")
