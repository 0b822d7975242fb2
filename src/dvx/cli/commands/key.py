"""`dvx key`."""

import click

from dvx.cli.completions import complete_revision
from dvx.cli.documents_verify import key_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation, targets_argument
from dvx.cli.render import format_document
from dvx.cli.targets import typed_paths


@click.command("key", cls=DvxCommand)
@targets_argument
@click.option(
    "--rev",
    metavar="REV",
    shell_complete=complete_revision,
    help="What REV names, not the pointers of the work tree.",
)
@click.option("--prefix", metavar="TEXT", default="dvx-", show_default=True, help="What the key starts with.")
@json_option
@pass_invocation
def key(
    invocation: Invocation, targets: tuple[str, ...], rev: str | None, prefix: str, as_json: bool
) -> None:
    """Print a name for exactly this data, to keep the local store under in the cache of a CI service.

    The same on every machine, whatever the paths of the data are. A restored store needs no exact match: `dvx pull`
    fetches what it lacks, so an older one, found by the part of the key before the last `-`, is of use too.

    \b
    Examples:
      dvx key
      dvx key data/train --prefix train-
      dvx key --rev v1.0
    """
    from dvx.ops.cache_key import cache_key

    with invocation.project() as project:
        found = cache_key(project, typed_paths(project, targets), rev=rev, prefix=prefix)
        store = project.store_path
    if as_json:
        invocation.output.result(format_document("dvx.key/1", key_fields(found, store=store)))
    else:
        invocation.output.result(found.key)
