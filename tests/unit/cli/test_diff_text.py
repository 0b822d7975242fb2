"""A diff on a terminal."""

import io

from dvx.cli.diff_text import change_lines, format_summary, stat_lines, status_lines
from dvx.cli.output import Output
from dvx.ops.diff import Change, ChangeKind, DiffReport

CHANGES = [
    Change(ChangeKind.ADDED, "data/new.csv", None, 2_000_000),
    Change(ChangeKind.MODIFIED, "data/x.csv", 1000, 2000),
    Change(ChangeKind.REMOVED, "old\x1b[31m", 800_000, None),
    Change(ChangeKind.RENAMED, "b.bin", 5, 5, "a.bin"),
]


def _output() -> Output:
    return Output(io.StringIO(), io.StringIO(), uses_colour=False)


def test_lines_have_letter_path_and_sizes() -> None:
    assert list(change_lines(DiffReport("HEAD", "v2", CHANGES), _output())) == [
        "A  data/new.csv  2.00 MB",
        "M  data/x.csv  1.00 kB -> 2.00 kB",
        "D  old\\x1b[31m  800 kB",
        "R  a.bin -> b.bin",
    ]


def test_summary_counts_each_kind_and_the_bytes() -> None:
    text = format_summary(DiffReport("HEAD", "v2", CHANGES))
    assert text == "1 added, 1 modified, 1 removed, 1 renamed; +1.20 MB"


def test_summary_without_changes_says_what_was_compared() -> None:
    assert format_summary(DiffReport("HEAD", "the workspace")) == "no changes between HEAD and the workspace"


def test_short_forms_have_what_git_has() -> None:
    report = DiffReport("HEAD", "v2", CHANGES)
    assert list(status_lines(report)) == [
        "A\tdata/new.csv",
        "M\tdata/x.csv",
        "D\told\\x1b[31m",
        "R\ta.bin\tb.bin",
    ]
    assert list(stat_lines(report)) == [
        " data/new.csv   | A +2.00 MB",
        " data/x.csv     | M +1.00 kB",
        " old\\x1b[31m    | D -800 kB",
        " a.bin -> b.bin | R +0 B",
        " 1 added, 1 modified, 1 removed, 1 renamed; +1.20 MB",
    ]
