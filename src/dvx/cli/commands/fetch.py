"""`dvx fetch`."""

import click

from dvx.cli.documents import fetch_fields
from dvx.cli.failure_text import failure_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    DvxCommand,
    dry_run_option,
    jobs_option,
    json_option,
    pass_invocation,
    remote_option,
    revisions_options,
    targets_argument,
)
from dvx.cli.render import format_document, format_duration, plural
from dvx.cli.targets import choose_for_transfer, explaining_names, say_nothing_tracked
from dvx.core.sizes import format_size


@click.command("fetch", cls=DvxCommand)
@targets_argument
@remote_option
@revisions_options
@jobs_option
@dry_run_option
@json_option
@pass_invocation
def fetch(
    invocation: Invocation,
    targets: tuple[str, ...],
    remote_name: str | None,
    revs: tuple[str, ...],
    all_refs: bool,
    as_json: bool,
) -> None:
    """Copy data from a remote to the local store.

    The workspace is not touched; `dvx checkout` brings the data there, without the network.

    \b
    Examples:
      dvx fetch
      dvx fetch data/train/part-7.csv
      dvx fetch --rev main --rev experiment
    """
    from dvx.ops.fetch import fetch_each as run

    with invocation.project(allows_bare=True, remote=remote_name) as project:
        with explaining_names(project, targets, verb="fetch"):
            chosen = choose_for_transfer(project, targets, revs=revs, all_refs=all_refs)
        if not chosen and not as_json:
            say_nothing_tracked(invocation)
            return
        result = run(project, chosen, remote_name=remote_name)
    if as_json:
        document = {
            **fetch_fields(result),
            **failure_fields(invocation),
            "seconds": round(invocation.elapsed_s, 3),
        }
        invocation.output.result(format_document("dvx.fetch/1", document))
    if not result.roots:
        invocation.output.summary(
            f"nothing to fetch: {plural(result.present, 'root')} in the local store already"
        )
        return
    invocation.output.summary(
        f"fetched {plural(result.roots, 'root')} in {format_duration(invocation.elapsed_s)}: "
        f"{format_size(result.size_bytes)} in {plural(result.packs, 'pack')} received"
    )
