"""A diff on a terminal and in a pull request."""

import io

from dvx.cli.diff_text import change_lines, format_summary, markdown_lines
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


def test_markdown_is_a_heading_a_summary_and_a_table() -> None:
    assert list(markdown_lines(DiffReport("v1", "v2", CHANGES[:2]))) == [
        "### Data changes: v1 → v2",
        "",
        "**1 added, 1 modified; +2.00 MB**",
        "",
        "| | path | before | after |",
        "|---|---|---:|---:|",
        "| added | data/new.csv |  | 2.00 MB |",
        "| modified | data/x.csv | 1.00 kB | 2.00 kB |",
    ]


def test_markdown_table_ends_after_100_rows_and_counts_the_rest() -> None:
    changes = [Change(ChangeKind.ADDED, f"f{i}", None, 1) for i in range(1250)]
    lines = list(markdown_lines(DiffReport("v1", "v2", changes)))
    assert sum(line.startswith("| added") for line in lines) == 100
    assert lines[-1] == "and 1 150 more"


def test_markdown_in_a_name_stays_text() -> None:
    name = "a|b`c`<img src=x>[l](http://e) @user _i_"
    (row,) = list(markdown_lines(DiffReport("v1", "v2", [Change(ChangeKind.ADDED, name, None, 1)])))[6:]
    assert "a\\|b\\`c\\`\\<img src=x\\>\\[l\\]\\(http\\://e\\) \\@user \\_i\\_" in row


def test_markdown_without_changes_has_no_table() -> None:
    assert list(markdown_lines(DiffReport("v1", "v2")))[2:] == ["No changes."]
