"""`dvx compare`."""

import click

from dvx.cli.invocation import Invocation
from dvx.cli.options import json_option, pass_invocation
from dvx.cli.revisions import SeparatedCommand, only_revisions, separated_paths

_MOST = 20


@click.command("compare", cls=SeparatedCommand, options_metavar="[OPTIONS]")
@click.argument("revs", nargs=-1, required=True, metavar="REV... [-- PATH...]")
@click.option("--all", "shows_all", is_flag=True, help="Also what is the same.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown for a pull request.")
@json_option
@click.pass_context
@pass_invocation
def compare(
    invocation: Invocation,
    context: click.Context,
    revs: tuple[str, ...],
    shows_all: bool,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Set data, parameters and metrics of versions side by side, with what changed from the first.

    With one REV: that and the workspace. `A..B` is A and B, `A...B` is B and where it branched off from A. Whether a
    metric got better comes from `[metrics.direction]` in `.dvx/config.toml`, or from its name.

    \b
    Examples:
      dvx compare v1 v2
      dvx compare --md origin/main...HEAD
      dvx compare try-1 try-2 try-3 -- models/net.bin
    """
    from dvx.cli.comparisons import check_forms, print_comparison, read_versions, with_workspace

    check_forms(as_json=as_json, as_markdown=as_markdown)
    with invocation.project(allows_bare=True) as project:
        chosen = with_workspace(project, only_revisions(project, revs, most=_MOST))
        paths = separated_paths(context) or ()
        found = read_versions(project, chosen, paths=paths, kinds=("data", "params", "metrics"))
    print_comparison(
        invocation, found, chosen, command="compare", title="Comparison", as_json=as_json,
        as_markdown=as_markdown, shows_all=shows_all,
    )  # fmt: skip
