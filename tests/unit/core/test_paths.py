"""Which paths are refused everywhere, which only on Windows, and which collide without case."""

import pytest

from dvx.core.errors import PathRefused
from dvx.core.paths import case_collisions, check_stored_path, unportable_reason


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "train/img 0001.jpg",
        ".hidden/x",
        "a/.gitignore",
        ".gitattributes",
        ".github/x",
        "git~2",
        "..a",
        "...",
        "a/b..c",
        "größe/日本語.txt",
        "emoji-\U0001f600",
        "x" * 255,
        "/".join(["y" * 255] * 16),
        "a:b",
        "-rf",
        "line\u2028separator",
    ],
)
def test_check_stored_path_with_safe_path_does_not_raise(path: str) -> None:
    check_stored_path(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("a//b", "empty component"),
        ("a/", "empty component"),
        (".", "component `.`"),
        ("a/./b", "component `.`"),
        ("..", "component `..`"),
        ("a/../b", "component `..`"),
        (".git", "`.git`"),
        (".GIT/config", "`.git`"),
        ("a/.Git/hooks/x", "`.git`"),
        ("GIT~1", "`.git`"),
        ("git~1/x", "`.git`"),
        (".git ", "`.git`"),
        (".git. .", "`.git`"),
        (".git::$INDEX_ALLOCATION", "`.git`"),
        ("git~1 .:x", "`.git`"),
        (".g\u200cit", "`.git`"),
        ("\ufeff.git", "`.git`"),
        (".gi\u206ft", "`.git`"),
        ("a\nb", "control"),
        ("a\x00b", "control"),
        ("a\x7f", "control"),
        ("a\\b", "backslash"),
        ("x" * 256, "longer than 255"),
        ("é" * 128, "longer than 255"),
        ("/".join(["y" * 200] * 21), "longer than 4096"),
        ("a\udc80", "Unicode"),
    ],
)
def test_check_stored_path_with_unsafe_path_says_why(path: str, reason: str) -> None:
    with pytest.raises(PathRefused) as caught:
        check_stored_path(path)
    assert caught.value.kind == "unsafe-path"
    assert reason in caught.value.what
    caught.value.what.encode("utf-8")  # printable even when the path is not


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("C:", "drive"),
        ("c:/x", "drive"),
        ("a/b?c", "`?`"),
        ("a|b", "`|`"),
        ("ab:stream", "`:`"),
        ('say "x"', '`"`'),
        ("a./b", "dot or space"),
        ("a ", "dot or space"),
        ("con", "device"),
        ("a/NUL.txt", "device"),
        ("com1.tar.gz", "device"),
        ("LPT9", "device"),
        ("com²", "device"),
        ("aux .c", "device"),
    ],
)
def test_unportable_reason_with_windows_name_says_why(path: str, reason: str) -> None:
    assert reason in (unportable_reason(path) or "")


@pytest.mark.parametrize(
    "path", ["a/b.txt", "console", "com10", "com0", "nul1", ".hidden", "null.txt", "a.con"]
)
def test_unportable_reason_with_portable_name_is_none(path: str) -> None:
    assert unportable_reason(path) is None


def test_case_collisions_with_same_spelling_finds_none() -> None:
    assert case_collisions(["a/x", "a/y", "b", "b-1"]) == []


def test_case_collisions_with_other_case_names_both_paths() -> None:
    assert case_collisions(["A", "a", "b"]) == [("A", "a")]
    assert case_collisions(["Dir/a", "Dir/b", "dir/a", "dir/b"]) == [("Dir/a", "dir/a"), ("Dir/b", "dir/b")]


def test_case_collisions_with_other_case_of_a_directory_is_reported_once() -> None:
    assert case_collisions(["Data/x", "data/y", "data/z"]) == [("Data/x", "data/y")]


def test_case_collisions_with_file_and_directory_are_found() -> None:
    assert case_collisions(["readme", "README/a"]) == [("readme", "README/a")]


def test_case_collisions_with_composed_and_decomposed_letters_are_found() -> None:
    assert case_collisions(["e\u0301", "\u00c9", "straße", "STRASSE"]) == [
        ("e\u0301", "\u00c9"),
        ("straße", "STRASSE"),
    ]
