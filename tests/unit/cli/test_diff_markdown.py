"""A diff in a pull request."""

import re

from dvx.cli.diff_markdown import MAX_CHARACTERS, SECTION_ROWS, markdown_lines
from dvx.ops.diff import Change, ChangeKind, DiffReport


def added(path, size=1):
    return Change(ChangeKind.ADDED, path, None, size)


def test_one_directory_is_an_open_section_with_paths_inside_it():
    changes = [added("data/new.csv", 2_000_000), Change(ChangeKind.MODIFIED, "data/x.csv", 1000, 2000)]
    assert list(markdown_lines(DiffReport("v1", "v2", changes, ("data",)))) == [
        "### Data changes: <code>v1</code> → <code>v2</code>",
        "",
        "**1 added, 1 modified; +2.00 MB**",
        "",
        "<details open><summary><code>data</code>: 1 added, 1 modified; +2.00 MB</summary>",
        "",
        "| | path | before | after |",
        "|---|---|---:|---:|",
        "| added | <code>new.csv</code> |  | 2.00 MB |",
        "| modified | <code>x.csv</code> | 1.00 kB | 2.00 kB |",
        "",
        "</details>",
    ]


def test_tracked_files_come_first_and_several_directories_are_folded():
    changes = [added("a/x"), added("b/c/y"), added("model.bin")]
    lines = list(markdown_lines(DiffReport("v1", "v2", changes, ("a", "b/c"))))
    assert lines[4:6] == ["| | path | before | after |", "|---|---|---:|---:|"]
    assert lines[6] == "| added | <code>model.bin</code> |  | 1 B |"
    assert [line for line in lines if line.startswith("<details")] == [
        "<details><summary><code>a</code>: 1 added; +1 B</summary>",
        "<details><summary><code>b/c</code>: 1 added; +1 B</summary>",
    ]


def test_rename_within_a_directory_shows_both_names():
    change = Change(ChangeKind.RENAMED, "data/b", 5, 5, "data/a")
    lines = list(markdown_lines(DiffReport("v1", "v2", [change], ("data",))))
    assert "| renamed | <code>a</code> → <code>b</code> | 5 B | 5 B |" in lines


def test_section_ends_after_100_rows_and_counts_the_rest():
    lines = list(markdown_lines(DiffReport("v1", "v2", [added(f"d/f{i}") for i in range(1250)], ("d",))))
    assert sum(line.startswith("| added") for line in lines) == SECTION_ROWS
    assert lines[-3:] == ["and 1 150 more", "", "</details>"]


def test_comment_stays_within_the_limit_whatever_the_names_are():
    roots = tuple(f"{'@' * 2000}{i}" for i in range(40))
    changes = [added(f"{root}/{'<' * 3000}{i}") for root in roots for i in range(50)]
    text = "\n".join(markdown_lines(DiffReport("v1", "v2", changes, roots)))
    assert 40_000 < len(text) <= MAX_CHARACTERS
    assert re.search(r"\nand [\d ]+ changes in \d+ more tracked paths$", text)
    assert text.count("<details>") == text.count("</details>")


def test_many_small_sections_stay_within_the_limit():
    roots = tuple(f"d{i}" for i in range(5000))
    text = "\n".join(markdown_lines(DiffReport("v1", "v2", [added(f"{root}/x") for root in roots], roots)))
    assert len(text) <= MAX_CHARACTERS
    assert text.count("<details>") == text.count("</details>")


def test_hostile_name_is_only_text():
    name = "a|b`c`<img src=x>[l](http://e) @user _i_ #1 &amp; www.e.com\n# x\x1b[31m"
    (row,) = (line for line in markdown_lines(DiffReport("v1", "v2", [added(name)])) if "added |" in line)
    cell = row.split(" | ")[1].removeprefix("<code>").removesuffix("</code>")
    assert not set(cell.replace("&#", "").replace(";", "")) & set("|`<>[]()@_#&\\\x1b\n")
    assert "www.e" not in cell
    assert row.count("|") == 5


def test_no_changes_is_one_line():
    assert list(markdown_lines(DiffReport("v1", "v2")))[2:] == ["No changes."]
