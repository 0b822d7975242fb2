"""repo.gitignore: one line, everything else as it was."""

import os

import pytest

from dvx.core.errors import PathRefused
from dvx.repo.gitignore import add_ignore, has_ignore, ignore_line, remove_ignore


def content(repo, path=".gitignore"):
    with open(repo.absolute(path), "rb") as file:
        return file.read()


def write(repo, data, path=".gitignore"):
    os.makedirs(os.path.dirname(repo.absolute(path)), exist_ok=True)
    with open(repo.absolute(path), "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("data", (".gitignore", "/data")),
        ("a/b/set", ("a/b/.gitignore", "/set")),
        ("#x", (".gitignore", "/#x")),
        ("!x", (".gitignore", "/!x")),
        ("a*b?[c]", (".gitignore", "/a\\*b\\?\\[c]")),
        ("two  ", (".gitignore", "/two\\ \\ ")),
        (" lead", (".gitignore", "/ lead")),
        ("é", (".gitignore", "/é")),
    ],
)
def test_line_is_anchored_and_escaped(data, expected):
    assert ignore_line(data) == expected


@pytest.mark.parametrize("name", ["data", "#x", "!x", "a*b", "q?", "[ab]", "end ", "end  ", " x", "é", "a b"])
def test_git_ignores_exactly_the_tracked_name(repo, git, name):
    for each in (name, "axb", "qq", "a", "b", "end", "other"):
        os.makedirs(repo.absolute(f"sub/{each}"), exist_ok=True)
    add_ignore(repo, ignore_line(f"sub/{name}"))
    paths = [f"sub/{each}" for each in {name, "axb", "qq", "a", "b", "end", "other"}]
    assert repo.git().check_ignored(paths) == {f"sub/{name}"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"/data\n"),
        (b"x\n", b"x\n/data\n"),
        (b"x", b"x\n/data\n"),
        (b"x\r\ny\r\n", b"x\r\ny\r\n/data\r\n"),
        (b"x\r\ny", b"x\r\ny\r\n/data\r\n"),
        (b"\xff\n", b"\xff\n/data\n"),
    ],
)
def test_add_keeps_every_byte_and_remove_brings_them_back(repo, before, after):
    write(repo, before)
    assert add_ignore(repo, ignore_line("data")) is True
    assert content(repo) == after
    assert add_ignore(repo, ignore_line("data")) is False
    assert content(repo) == after
    assert remove_ignore(repo, ignore_line("data")) is True
    if before:
        assert content(repo).rstrip(b"\r\n") == before.rstrip(b"\r\n")
    else:
        assert not os.path.exists(repo.absolute(".gitignore"))


def test_add_makes_the_file_and_remove_deletes_it(repo):
    os.mkdir(repo.absolute("d"))
    assert add_ignore(repo, ignore_line("d/a")) is True
    assert add_ignore(repo, ignore_line("d/b")) is True
    assert content(repo, "d/.gitignore") == b"/a\n/b\n"
    assert remove_ignore(repo, ignore_line("d/a")) is True
    assert content(repo, "d/.gitignore") == b"/b\n"
    assert remove_ignore(repo, ignore_line("d/b")) is True
    assert not os.path.exists(repo.absolute("d/.gitignore"))
    assert remove_ignore(repo, ignore_line("d/b")) is False


def test_remove_takes_the_line_from_the_middle(repo):
    write(repo, b"# mine\r\n/data\r\nx\r\n")
    assert remove_ignore(repo, ignore_line("data")) is True
    assert content(repo) == b"# mine\r\nx\r\n"


def test_line_that_only_looks_alike_is_kept(repo):
    write(repo, b"data\n/data/\n#/data\n")
    assert remove_ignore(repo, ignore_line("data")) is False
    assert add_ignore(repo, ignore_line("data")) is True
    assert content(repo) == b"data\n/data/\n#/data\n/data\n"


def test_symlinked_gitignore_is_refused(repo, tmp_path):
    (tmp_path / "precious").write_bytes(b"mine")
    os.symlink(tmp_path / "precious", repo.absolute(".gitignore"))
    for change in (add_ignore, remove_ignore):
        with pytest.raises(PathRefused):
            change(repo, ignore_line("data"))
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_byte_order_mark_stays_and_does_not_hide_the_first_line(repo):
    place = repo.absolute(".gitignore")
    with open(place, "wb") as file:
        file.write(b"\xef\xbb\xbf/model\r\n")
    line = ignore_line("model")
    assert has_ignore(repo, line)
    assert add_ignore(repo, ignore_line("data"))
    assert remove_ignore(repo, line)
    with open(place, "rb") as file:
        assert file.read() == b"\xef\xbb\xbf/data\r\n"


def test_utf16_file_is_refused_as_git_reads_no_rules_from_it(repo):
    with open(repo.absolute(".gitignore"), "wb") as file:
        file.write("/model\n".encode("utf-16"))
    with pytest.raises(PathRefused) as caught:
        add_ignore(repo, ignore_line("data"))
    assert caught.value.kind == "bad-gitignore"
