"""`dvx metrics`: show, diff."""

import click

from dvx.cli.comparison_command import diff_command
from dvx.cli.completions import complete_revision_or_path
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxGroup, json_option, pass_invocation
from dvx.cli.revisions import SeparatedCommand, only_revisions, separated_paths
from dvx.core.errors import UsageError

_KIND = "metrics"


@click.group("metrics", cls=DvxGroup)
def metrics() -> None:
    """Show metrics of any version, from pointers and from files such as `metrics.json`.

    \b
    Examples:
      dvx metrics show
      dvx metrics diff main
    """


@metrics.command("show", cls=SeparatedCommand, options_metavar="[OPTIONS]")
@click.argument("revs", nargs=-1, metavar="[REV] [-- PATH...]", shell_complete=complete_revision_or_path)
@click.option(
    "--openmetrics",
    "as_openmetrics",
    is_flag=True,
    help="Print OpenMetrics text, for Prometheus and GitLab, with sizes and numbers of files.",
)
@json_option
@click.pass_context
@pass_invocation
def show(
    invocation: Invocation, context: click.Context, revs: tuple[str, ...], as_openmetrics: bool, as_json: bool
) -> None:
    """Show the metrics of one version; without REV those of the workspace.

    \b
    Examples:
      dvx metrics show
      dvx metrics show v1.0 -- metrics.json
      dvx metrics show --openmetrics > dvx.prom
    """
    from dvx.cli.value_listing import show_openmetrics, show_values

    if as_json and as_openmetrics:
        raise UsageError("`--json` and `--openmetrics` exclude each other", hints=["choose one of them"])
    with invocation.project(allows_bare=True) as project:
        chosen = only_revisions(project, revs, most=1)
        paths = separated_paths(context) or ()
        if as_openmetrics:
            show_openmetrics(invocation, project, chosen, paths=paths)
            return
        show_values(invocation, project, chosen, kind=_KIND, paths=paths, as_json=as_json)


metrics.add_command(diff_command(_KIND, title="metrics", file="metrics.json"))
