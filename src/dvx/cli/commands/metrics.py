"""`dvx metrics`: show, diff."""

import click

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
@click.argument("revs", nargs=-1, metavar="[REV] [-- PATH...]")
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


@metrics.command("diff", cls=SeparatedCommand, options_metavar="[OPTIONS]")
@click.argument("revs", nargs=-1, metavar="[REV [REV]] [-- PATH...]")
@click.option("--all", "shows_all", is_flag=True, help="Also what is the same.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown for a pull request.")
@json_option
@click.pass_context
@pass_invocation
def diff(
    invocation: Invocation,
    context: click.Context,
    revs: tuple[str, ...],
    shows_all: bool,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Show which metrics differ between two versions.

    Without REV: HEAD and the workspace. With one REV: that and the workspace.

    \b
    Examples:
      dvx metrics diff
      dvx metrics diff v1 v2 -- metrics.json
    """
    from dvx.cli.comparisons import check_forms, print_comparison, read_versions, with_workspace

    check_forms(as_json=as_json, as_markdown=as_markdown)
    with invocation.project(allows_bare=True) as project:
        chosen = with_workspace(project, only_revisions(project, revs, most=2))
        found = read_versions(project, chosen, paths=separated_paths(context) or (), kinds=(_KIND,))
    print_comparison(
        invocation, found, chosen, command="metrics-diff", title="Metrics", as_json=as_json,
        as_markdown=as_markdown, shows_all=shows_all,
    )  # fmt: skip
