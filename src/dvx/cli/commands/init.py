"""`dvx init`."""

import click

from dvx.cli.documents_setup import init_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, without_password
from dvx.cli.targets import typed_address
from dvx.core.shell_words import quote_all


@click.command("init", cls=DvxCommand)
@click.option(
    "--remote", "url", metavar="URL", help="Add a remote called origin: s3://BUCKET/PREFIX or a folder."
)
@json_option
@pass_invocation
def init(invocation: Invocation, url: str | None, as_json: bool) -> None:
    """Set up dvx in a Git repository.

    Writes .dvx/config.toml and a line for pointers in .gitattributes, and stages both. Running it again
    changes nothing that is there.

    \b
    Examples:
      dvx init
      dvx init --remote s3://bucket/prefix
      dvx init --remote /mnt/shared/store
    """
    from dvx.ops.init import initialise

    with invocation.project() as project:
        address = typed_address(project.repository, url) if url is not None else None
        result = initialise(project, remote_url=address)
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
