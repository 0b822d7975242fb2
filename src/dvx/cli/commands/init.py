"""`dvx init`."""

from typing import Any

import click

from dvx.cli.documents_setup import init_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, dry_run_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.remote_options import given_options, store_options
from dvx.cli.render import format_document, without_password
from dvx.cli.targets import typed_address
from dvx.core.errors import UsageError
from dvx.core.shell_words import quote_all


@click.command("init", cls=DvxCommand)
@click.option(
    "--remote", "url", metavar="URL", help="Add a remote called origin: s3://BUCKET/PREFIX or a folder."
)
@store_options
@dry_run_option
@json_option
@pass_invocation
def init(invocation: Invocation, /, url: str | None, as_json: bool, **options: Any) -> None:
    """Set up dvx in a Git repository.

    Writes .dvx/config.toml and a line for pointers in .gitattributes, and stages both. Running it again
    changes nothing that is there.

    \b
    Examples:
      dvx init
      dvx init --remote s3://bucket/prefix
      dvx init --remote s3://bucket --endpoint https://minio.example.com
      dvx init --remote /mnt/shared/store
    """
    from dvx.ops.init import initialise

    given = given_options(options)
    if given and url is None:
        raise UsageError(
            f"`--{next(iter(given)).replace('_', '-')}` is about a remote, and none is named",
            affected="nothing was written",
            hints=["name it: `--remote URL`", "see how it is used: `dvx init --help`"],
        )

    with invocation.project() as project:
        address = typed_address(project.repository, url) if url is not None else None
        result = initialise(project, remote_url=address, remote_options=given)
        root = project.repository.root
    output = invocation.output
    if as_json:
        output.result(format_document("dvx.init/1", init_fields(result, root=root)))
    if not result.changed:
        output.summary(f"dvx is set up already in {escape(root)}")
        return
    output.summary(f"{'updated' if result.was_initialised else 'set up'} dvx in {escape(root)}")
    if result.remote is not None and url is not None:
        output.summary(f"remote `{result.remote}` is {escape(without_password(url))}")
    output.hint(f"commit the setup: `git commit -m 'set up dvx' {quote_all(result.changed)}`")
    output.hint("let data follow Git by itself: `dvx hooks install`")
