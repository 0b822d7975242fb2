"""`dvx rm`."""

import click

from dvx.cli.completions import complete_path
from dvx.cli.documents_setup import rm_fields
from dvx.cli.failure_text import failure_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import DvxCommand, dry_run_option, force_option, json_option, pass_invocation
from dvx.cli.output import escape
from dvx.cli.render import format_document, plural
from dvx.cli.targets import typed_paths
from dvx.core.errors import name_some


@click.command("rm", cls=DvxCommand)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(), shell_complete=complete_path
)
@click.option("--keep", is_flag=True, help="Keep the files in the workspace.")
@force_option("Remove files even if their content is not stored.")
@dry_run_option
@json_option
@pass_invocation
def rm(invocation: Invocation, paths: tuple[str, ...], keep: bool, force: bool, as_json: bool) -> None:
    """Stop tracking data: remove its pointer, its line in .gitignore, and the files.

    What is stored, here and on remotes, is not removed: older commits still name it.

    \b
    Examples:
      dvx rm data/old
      dvx rm --keep data/train      files stay, Git and dvx forget them
    """
    from dvx.ops.move import remove_paths

    with invocation.project() as project:
        result = remove_paths(project, typed_paths(project, paths), keep=keep, force=force)
    if as_json:
        invocation.output.result(
            format_document("dvx.rm/1", rm_fields(result, keep=keep) | failure_fields(invocation))
        )
    files = "the files were kept" if keep else f"{plural(result.files, 'file')} removed from the workspace"
    if result.paths:
        invocation.output.summary(f"stopped tracking {escape(name_some(result.paths))}; {files}")
