"""`dvx compare`, `dvx params diff` and `dvx metrics diff`, which are one command for different values.

Owns its options. What is compared and printed is dvx.cli.comparisons.
"""

from collections.abc import Sequence

import click

from dvx.cli.completions import complete_revision_or_path
from dvx.cli.invocation import Invocation
from dvx.cli.options import json_option, pass_invocation
from dvx.cli.revisions import SeparatedCommand, only_revisions, separated_paths

_DIFF_HELP = """Show which {title} differ between two versions.

Without REV: HEAD and the workspace. With one REV: that and the workspace.

\b
Examples:
  dvx {kind} diff
  dvx {kind} diff v1 v2 -- {file}
"""


def diff_command(kind: str, *, title: str, file: str) -> click.Command:
    """The command for values of a `kind`, "params" or "metrics"; `title` and `file` are for its help."""
    return comparison_command(
        "diff", kinds=[kind], most=2, document=f"{kind}-diff", title=title.capitalize(),
        help_text=_DIFF_HELP.format(title=title, kind=kind, file=file),
    )  # fmt: skip


def comparison_command(
    name: str,
    *,
    kinds: Sequence[str],
    most: int,
    document: str,
    title: str,
    help_text: str,
    needs_revision: bool = False,
) -> click.Command:
    """A command that sets values of some `kinds` ("data", "params", "metrics") of at most `most` revisions
    side by side.

    `document` names what `--json` prints, `title` heads the table. With `needs_revision` one has to be named.
    """
    metavar = "REV..." if needs_revision else "[REV [REV]]"

    @click.command(name, cls=SeparatedCommand, options_metavar="[OPTIONS]", help=help_text)
    @click.argument(
        "revs",
        nargs=-1,
        required=needs_revision,
        metavar=f"{metavar} [-- PATH...]",
        shell_complete=complete_revision_or_path,
    )
    @click.option("--all", "shows_all", is_flag=True, help="Also what is the same.")
    @click.option("--md", "as_markdown", is_flag=True, help="Print Markdown for a pull request.")
    @json_option
    @click.pass_context
    @pass_invocation
    def command(
        invocation: Invocation,
        context: click.Context,
        revs: tuple[str, ...],
        shows_all: bool,
        as_markdown: bool,
        as_json: bool,
    ) -> None:
        from dvx.cli.comparisons import check_forms, print_comparison, read_versions, with_workspace

        check_forms(as_json=as_json, as_markdown=as_markdown)
        with invocation.project(allows_bare=True) as project:
            chosen = with_workspace(project, only_revisions(project, revs, most=most))
            found = read_versions(project, chosen, paths=separated_paths(context) or (), kinds=kinds)
        print_comparison(
            invocation, found, chosen, command=document, title=title, as_json=as_json,
            as_markdown=as_markdown, shows_all=shows_all,
        )  # fmt: skip

    return command
