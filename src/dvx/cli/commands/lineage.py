"""`dvx lineage`."""

import click

from dvx.cli.completions import complete_path, complete_revision
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, json_option, pass_invocation
from dvx.cli.render import format_document
from dvx.core.errors import UsageError


@click.command("lineage", cls=DvxCommand)
@click.argument("path", type=click.Path(), shell_complete=complete_path)
@click.option(
    "--rev",
    metavar="REV",
    shell_complete=complete_revision,
    help="The version that REV names, not that of the work tree.",
)
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print a flowchart for Markdown.")
@click.option("--dot", "as_dot", is_flag=True, help="Print a graph for Graphviz.")
@json_option
@pass_invocation
def lineage(
    invocation: Invocation, path: str, rev: str | None, as_mermaid: bool, as_dot: bool, as_json: bool
) -> None:
    """Show what data was made from and what was made from it, over all branches and tags.

    Pointers name their inputs by id (`dvx add --from`); each is looked up in the history. Data is not needed.

    \b
    Examples:
      dvx lineage models/net.bin
      dvx lineage data/train --rev v1.0
      dvx lineage models/net.bin --dot | dot -Tsvg > lineage.svg
    """
    from dvx.cli.documents_lineage import lineage_fields
    from dvx.cli.lineage_text import dot_lines, mermaid_lines, tree_lines
    from dvx.ops.lineage import read_lineage

    if as_json + as_mermaid + as_dot > 1:
        raise UsageError("`--json`, `--mermaid` and `--dot` exclude each other", hints=["choose one of them"])
    with invocation.project(allows_bare=True) as project:
        wanted = project.repository.relative(path).removesuffix(".dvx")
        found = read_lineage(project, wanted, rev=rev)
    if as_json:
        invocation.output.result(format_document("dvx.lineage/1", lineage_fields(found, rev=rev)))
        return
    lines = mermaid_lines(found) if as_mermaid else dot_lines(found) if as_dot else None
    for line in lines if lines is not None else tree_lines(found, invocation.output):
        invocation.output.result(line)
