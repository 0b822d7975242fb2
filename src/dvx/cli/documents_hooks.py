"""The JSON documents of `dvx hooks check` and `dvx hooks large-files`.

Owns their fields. They only ever grow; a change of meaning takes a new schema number.
"""

from typing import TYPE_CHECKING

from dvx.cli.documents import Fields

if TYPE_CHECKING:
    from dvx.ops.large_files import LargeFilesReport
    from dvx.ops.staged_check import StagedReport


def check_fields(report: "StagedReport") -> Fields:
    """The fields of `dvx.hooks-check/1`."""
    return {
        "clean": report.is_clean,
        "pointers": report.pointers,
        "problems": [
            {
                "kind": problem.finding.value,
                "level": "error" if problem.is_error else "warning",
                "path": problem.path,
                "what": problem.what,
                "command": problem.command or None,
            }
            for problem in report.problems
        ],
        "fixed": report.fixed,
    }


def large_files_fields(report: "LargeFilesReport") -> Fields:
    """The fields of `dvx.hooks-large-files/1`. Sizes are in KiB, rounded up, as the limit is."""
    return {
        "max_kb": report.max_kb,
        "files": [{"path": file.path, "kb": file.size_kb, "staged": file.is_staged} for file in report.files],
        "commands": report.commands,
    }
