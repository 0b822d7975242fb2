"""`dvx verify`."""

import os
import re
from typing import TYPE_CHECKING

import click

from dvx.cli.completions import complete_remote, complete_revision
from dvx.cli.documents_verify import receipt_fields, verify_fields
from dvx.cli.failure_text import failure_fields
from dvx.cli.invocation import Invocation
from dvx.cli.options import (
    RemoteFlagCommand,
    jobs_option,
    json_option,
    pass_invocation,
    targets_argument,
)
from dvx.cli.render import format_document, format_duration
from dvx.cli.targets import explaining_names, say_nothing_tracked, typed_paths
from dvx.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dvx.ops.verify import VerifyReport
    from dvx.store.sampling import Sample

_SAMPLE = re.compile(r"([0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]{1,6})?)%")


@click.command("verify", cls=RemoteFlagCommand)
@targets_argument
@click.option(
    "--rev",
    metavar="REV",
    shell_complete=complete_revision,
    help="What REV names, not the pointers of the work tree.",
)
@click.option("--workspace", is_flag=True, help="Hash the files in the workspace (default without --rev).")
@click.option("--remote", is_flag=True, help="Ask the remote for every object (default with --rev).")
@click.option("--all", "everything", is_flag=True, help="Both.")
@click.option(
    "-r", "remote_name", metavar="NAME", shell_complete=complete_remote,
    help="The remote to ask, in place of the default remote.",
)  # fmt: skip
@click.option(
    "--sample", "sample_text", metavar="N|P%",
    help="Also read N chunks of each tracked path from the remote, or P percent of them.",
)  # fmt: skip
@click.option("--seed", type=int, metavar="N", help="Take the same chunks as another run with this number.")
@click.option(
    "--receipt", metavar="FILE", type=click.Path(), help="Write what was verified to FILE, as JSON."
)
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown for the summary of a CI job.")
@jobs_option
@json_option
@pass_invocation
def verify(
    invocation: Invocation,
    targets: tuple[str, ...],
    rev: str | None,
    workspace: bool,
    remote: bool,
    everything: bool,
    remote_name: str | None,
    sample_text: str | None,
    seed: int | None,
    receipt: str | None,
    as_markdown: bool,
    as_json: bool,
) -> int:
    """Check that the data of a commit is really there, byte for byte.

    In the workspace every file is read and hashed, whatever was noted of it before. On a remote every object is looked
    for, with its size; data is read only with --sample. -r and --sample mean the remote where neither part is named.

    Exits with 7 if something on the remote is damaged, else with 6 if data is missing there, else with 5 if the
    workspace differs, else with 3 if a path could not be verified, else with 0.

    \b
    Examples:
      dvx verify
      dvx verify --all --receipt receipt.json
      dvx verify --rev v1.0                     does the remote have all of v1.0?
      dvx verify --remote --sample 1%
    """
    from dvx.ops.verify import Scope
    from dvx.ops.verify import verify as run

    if as_json and as_markdown:
        raise UsageError("`--json` and `--md` exclude each other", hints=["choose one of them"])
    sample = _parse_sample(sample_text, seed)
    is_remote_meant = remote or (not workspace and bool(rev or remote_name or sample))
    with invocation.project(remote=remote_name) as project:
        scope = Scope(
            targets=typed_paths(project, targets),
            rev=rev,
            workspace=everything or workspace or not is_remote_meant,
            remote=everything or is_remote_meant,
            remote_name=remote_name,
            sample=sample,
        )
        with explaining_names(project, targets, verb="verify"):
            report = run(project, scope)
    if receipt is not None:
        _write_receipt(invocation, report, receipt)
    _print(invocation, report, as_json=as_json, as_markdown=as_markdown)
    return _exit_code(report)


def _parse_sample(text: str | None, seed: int | None) -> "Sample | None":
    """`20` is a number of chunks, `0.5%` a share of them."""
    if text is None:
        if seed is not None:
            raise UsageError("`--seed` is for `--sample`", hints=["say how much: `dvx verify --sample 20`"])
        return None
    match = _SAMPLE.fullmatch(text)
    share = float(match[2]) / 100 if match is not None and match[2] else 0.0
    if match is None or share > 1 or not (share or int(match[1] or 0)):
        raise UsageError(
            f"`--sample {text[:40]}` is neither a number of chunks nor a percentage up to 100",
            hints=["for example `dvx verify --sample 20` or `dvx verify --sample 1%`"],
        )
    from dvx.store.sampling import Sample

    chosen = seed if seed is not None else int.from_bytes(os.urandom(4), "big")
    return Sample(int(match[1]) if match[1] else None, share, chosen)


def _write_receipt(invocation: Invocation, report: "VerifyReport", path: str) -> None:
    from dvx.ops.receipt import receipt_time, write_receipt

    fields = receipt_fields(report, time=receipt_time(invocation.env))
    write_receipt(os.path.join(invocation.folder, path), fields)


def _print(invocation: Invocation, report: "VerifyReport", *, as_json: bool, as_markdown: bool) -> None:
    from dvx.cli.verify_text import verify_hints, verify_lines, verify_markdown

    output = invocation.output
    if as_json:
        fields = verify_fields(report, seconds=invocation.elapsed_s) | failure_fields(invocation)
        output.result(format_document("dvx.verify/1", fields))
        return
    if not report.targets and not as_markdown:
        say_nothing_tracked(invocation)
        return
    for line in verify_markdown(report) if as_markdown else verify_lines(report):
        output.result(line)
    for hint in verify_hints(report):
        output.hint(hint)
    if not as_markdown:
        output.summary(f"{report.outcome.value} in {format_duration(invocation.elapsed_s)}")


def _exit_code(report: "VerifyReport") -> ExitCode:
    from dvx.ops.verify import Outcome

    return {
        Outcome.VERIFIED: ExitCode.DONE,
        Outcome.PARTLY: ExitCode.PARTIAL,
        Outcome.DIFFERS: ExitCode.DIFFERENCES,
        Outcome.MISSING: ExitCode.DATA_MISSING,
        Outcome.DAMAGED: ExitCode.INTEGRITY,
    }[report.outcome]
