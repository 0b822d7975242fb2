"""`dvx params`: show, diff."""

import click

from dvx.cli.comparison_command import diff_command
from dvx.cli.completions import complete_revision_or_path
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxGroup, json_option, pass_invocation
from dvx.cli.revisions import SeparatedCommand, only_revisions, separated_paths

_KIND = "params"


@click.group("params", cls=DvxGroup)
def params() -> None:
    """Show parameters of any version, from pointers and from files such as `params.yaml`.

    \b
    Examples:
      dvx params show
      dvx params diff main
    """


@params.command("show", cls=SeparatedCommand, options_metavar="[OPTIONS]")
@click.argument("revs", nargs=-1, metavar="[REV] [-- PATH...]", shell_complete=complete_revision_or_path)
@json_option
@click.pass_context
@pass_invocation
def show(invocation: Invocation, context: click.Context, revs: tuple[str, ...], as_json: bool) -> None:
    """Show the parameters of one version; without REV those of the workspace.

    \b
    Examples:
      dvx params show
      dvx params show v1.0 -- params.yaml
    """
    from dvx.cli.value_listing import show_values

    with invocation.project(allows_bare=True) as project:
        chosen = only_revisions(project, revs, most=1)
        show_values(
            invocation, project, chosen, kind=_KIND, paths=separated_paths(context) or (), as_json=as_json
        )


params.add_command(diff_command(_KIND, title="parameters", file="params.yaml"))
