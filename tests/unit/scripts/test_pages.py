"""The runner of pages: what it takes for a command, what may differ, and that a wrong page is found."""

from pathlib import Path

import pytest
from pages.blocks import PageError, parse_page
from pages.compare import is_as_shown, same_line
from pages.judge import complaints, rewritten
from pages.run import find_bash, run_page

needs_bash = pytest.mark.skipif(find_bash() is None, reason="pages are written for a POSIX shell")


def kinds(text: str) -> list[str]:
    return [block.kind for block in parse_page(text).blocks]


def texts(text: str) -> list[str]:
    return [command.text for block in parse_page(text).blocks for command in block.commands]


def check(text: str, tmp_path: Path) -> list[str]:
    page = parse_page(text)
    return list(complaints(page, run_page(page, tmp_path / "page")))


def test_block_without_a_prompt_holds_commands_and_one_with_a_prompt_a_session() -> None:
    text = "Text:\n\n    one \\\n      more\n    two\n\n```console\n$ three\nits output\n\n$ four\n```\n"
    assert kinds(text) == ["commands", "session"]
    assert texts(text) == ["one \\\n  more", "two", "three", "four"]
    assert [command.shown for command in parse_page(text).blocks[1].commands] == [("its output",), ()]


def test_directives_say_what_a_block_is() -> None:
    text = (
        "<!-- page: needs s3 -->\n<!-- page: ids differ -->\n<!-- page: setup\ncd x\n-->\n"
        "<!-- page: file a/b.toml -->\n```toml\nx = 1\n```\n"
        "<!-- page: append c -->\n\n    y\n\n"
        "<!-- page: output of cat c -->\n\n    y\n\n"
        "<!-- page: not run: because -->\n```yaml\nx: 1\n```\n```mermaid\nx\n```\n"
        "<!-- page: exit 5 -->\n\n    false\n"
    )
    page = parse_page(text)
    assert kinds(text) == ["setup", "file", "append", "output", "not run", "not run", "commands"]
    assert page.needs == {"s3"}
    assert page.ids_differ
    assert [block.argument for block in page.blocks][1:3] == ["a/b.toml", "c"]
    assert page.blocks[1].content == "x = 1\n"
    assert page.blocks[4].argument == "because"
    assert page.blocks[6].exit_code == 5


def test_page_that_is_left_out_has_a_reason_for_each_block() -> None:
    text = "<!-- page: not run, page: it takes hours -->\n\n    one\n\nText\n\n    two\n"
    assert [(block.kind, block.argument) for block in parse_page(text).blocks] == [
        ("not run", "it takes hours")
    ] * 2


@pytest.mark.parametrize(
    "text",
    [
        "```toml\nx = 1\n```\n",
        "<!-- page: fiel x -->\n\n    x\n",
        "<!-- page: file x -->\n",
        "<!-- page: file x -->\n<!-- page: file y -->\n\n    x\n",
        "    output before\n    $ command\n",
    ],
)
def test_block_that_says_nothing_of_itself_is_an_error(text: str) -> None:
    with pytest.raises(PageError):
        parse_page(text)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("3 files in 0.6 s: 26 B new, 8 B stored, 66 % saved", "3 files in 12.0 s: 26 B new, 9 B stored, 6 % saved"),
        ("at 1ca9b14; base 0.93", "at 7654321; base 0.93"),
        ("x/packs/a4/" + "0" * 32, "x/packs/b5/" + "1" * 32),
        ("8ac9b146 2026-11-21 Try", "05c73bd1 2027-01-02 Try"),
        ("loss = 0.25296151461510424", "loss = 0.25296151461510999"),
        ("  1 file      2 B", "  1 file  2 B   "),
    ],
)  # fmt: skip
def test_times_ids_and_last_digits_may_differ(shown: str, printed: str) -> None:
    assert same_line(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("added 3 files, 26 B in 0.6 s", "added 4 files, 26 B in 0.6 s"),
        ("added 3 files, 26 B in 0.6 s", "added 3 files, 27 B in 0.6 s"),
        ("size = 26595508", "size = 26595509"),
        ("id = blake3:" + "a" * 64, "id = blake3:" + "b" * 64),
        ("loss = 0.25", "loss = 0.26"),
        ("hint: run it", "hint: run it again"),
    ],
)
def test_counts_sizes_content_ids_and_words_may_not(shown: str, printed: str) -> None:
    assert not same_line(shown, printed)


def test_gap_stands_for_any_lines_and_lines_may_not_be_missing() -> None:
    assert is_as_shown(["a", "…", "c"], ["a", "b", "b", "c"])
    assert is_as_shown(["a", "…"], ["a"])
    assert not is_as_shown(["a", "…", "c"], ["a", "b"])
    assert not is_as_shown(["a"], ["a", "b"])
    assert not is_as_shown(["a", "b"], ["a"])
    assert not is_as_shown(["b", "a"], ["a", "b"])


def test_order_and_content_ids_may_differ_where_data_is_computed() -> None:
    shown, printed = ["m " + "a" * 64 + " x", "y"], ["y", "m " + "b" * 64 + " x"]
    assert is_as_shown(shown, printed, ids_differ=True)
    assert not is_as_shown(shown, ["y", "z"], ids_differ=True)


@needs_bash
def test_right_page_has_no_complaint(tmp_path: Path) -> None:
    text = (
        "<!-- page: setup\nmkdir folder\n-->\n<!-- page: file folder/x -->\n```text\none\n```\n"
        "    cd folder\n\n<!-- page: exit 3 -->\n\n    $ cat x\n    one\n    $ pwd; (exit 3)\n    /home/you/folder\n"
    )
    assert check(text, tmp_path) == []


@needs_bash
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("    $ echo one\n    two\n", "printed:\n  one"),
        ("    $ echo one\n", "printed:\n  one"),
        ("    (exit 4)\n    echo after\n", "exit code 4: (exit 4)"),
        ("<!-- page: exit 5 -->\n\n    true\n", "no command ended with 5"),
        ("<!-- page: exit 5 -->\n\n    (exit 4)\n", "exit code 4"),
        ("<!-- page: setup\nfalse\ntrue\n-->\n", "exit code None"),
        ("    echo 'open\n", "exit code None"),
    ],
)
def test_wrong_page_is_found(text: str, words: str, tmp_path: Path) -> None:
    assert words in "\n".join(check(text, tmp_path))


@needs_bash
def test_reader_has_no_settings_of_this_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVX_JOBS", "7")
    monkeypatch.setenv("CI", "true")
    ask = "env | grep -c -E '^(DVX_JOBS|CI|GIT_CONFIG_GLOBAL)='; git config user.name; echo done"
    text = f"    $ {ask}\n    0\n    done\n"
    assert check(text, tmp_path) == []


@needs_bash
def test_rewritten_page_is_right_and_keeps_what_only_differs_in_time(tmp_path: Path) -> None:
    text = "Text\n\n    $ echo one; echo two\n    wrong\n    $ echo in 0.3 s\n    in 9.0 s\n    $ echo new\n\nEnd\n"
    page = parse_page(text)
    ran = run_page(page, tmp_path / "page")
    right = text.replace("wrong", "one\n    two").replace("new\n", "new\n    new\n")
    assert rewritten(text, page, ran) == right
    assert "in 0.3 s\n    in 0.3 s" in rewritten(text, page, ran, is_fresh=True)
