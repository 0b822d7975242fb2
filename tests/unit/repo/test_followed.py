"""The record of the pointers that the workspace was brought to."""

import os
import sys
from pathlib import Path

import pytest

from dvx.repo.followed import (
    StagedEntry,
    followed_path,
    is_followed,
    is_staged,
    list_staged_pointers,
    mark_moved,
    parse_listing,
    quick_id,
    quick_root,
    read_followed,
    write_followed,
)
from dvx.repo.repository import Repository
from dvx.testing.shell import run
from dvx.testing.workspace import Workspace, make_repo

NAMES = ["plain", "with space", "tab\there", 'quo"te', "back\\slash", "Gewürz-数据", "new\nline"]


def test_every_name_that_git_quotes_is_read_back() -> None:
    line = (
        b'100644 aa 0\t"tab\\there \\303\\274 \\"q\\" \\\\ \\n.dvx"\n'
        b"100755 bb 2\tx y.dvx\nmoved\n100644 c 0\t.dvx/z.dvx\n"
    )
    found = parse_listing(line)
    assert list(found) == ['tab\there ü "q" \\ \n.dvx', "x y.dvx"]
    assert [(entry.mode, entry.object_id, entry.is_merged) for entry in found.values()] == [
        ("100644", "aa", True),
        ("100755", "bb", False),
    ]


@pytest.mark.parametrize("quotes", ["true", "false"])
def test_listing_of_git_is_read_whatever_it_quotes(tmp_path: Path, quotes: str) -> None:
    repo = make_repo(tmp_path / "repo")
    repo.git("config", "core.quotepath", quotes)
    for name in NAMES:
        repo.write({f"{name}.dvx": b"x"})
    repo.git("add", ".")
    with repo.open() as project:
        listing = list_staged_pointers(project.git)
    assert sorted(parse_listing(listing)) == sorted(f"{name}.dvx" for name in NAMES)


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    workspace = make_repo(tmp_path / "repo")
    workspace.write({"model": b"1"})
    workspace.add("model")
    with workspace.open() as project:
        write_followed(project.repository, list_staged_pointers(project.git))
    return workspace


def followed(repo: Workspace) -> bool:
    with repo.open() as project:
        return is_followed(project.repository, project.git)


def test_record_is_what_git_prints(repo: Workspace) -> None:
    with repo.open() as project:
        assert read_followed(project.repository) == repo.git("ls-files", "-s", "--", "*.dvx").encode()
    assert followed(repo)


def test_add_marks_the_record_so_that_a_way_back_is_not_missed(repo: Workspace) -> None:
    before = repo.git("ls-files", "-s", "--", "*.dvx").encode()
    repo.write({"model": b"2"})
    repo.add("model")
    with repo.open() as project:
        assert read_followed(project.repository) == before + b"moved\n"
        mark_moved(project.repository)
        assert read_followed(project.repository) == before + b"moved\n"
    assert not followed(repo)


def test_pointer_in_the_work_tree_that_names_something_else_is_seen(repo: Workspace) -> None:
    text = repo.read("model.dvx")
    repo.write({"model.dvx": text.replace(text.split(b"blake3:")[1][:64], b"ab" * 32)})
    assert not followed(repo)
    repo.write({"model.dvx": text.replace(b"\n", b"\r\n")})
    assert followed(repo)
    os.unlink(repo.path("model.dvx"))
    assert not followed(repo)


def test_no_record_is_made_by_a_mark(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    with repo.open() as project:
        mark_moved(project.repository)
        assert not os.path.exists(followed_path(project.repository))


def test_record_that_cannot_be_written_is_no_failure(repo: Workspace) -> None:
    with repo.open() as project:
        os.unlink(followed_path(project.repository))
        os.mkdir(followed_path(project.repository))
        write_followed(project.repository, b"x")
        assert read_followed(project.repository) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'id = "blake3:zz"\n',
        b'<<<<<<< a\nid = "blake3:' + b"ab" * 32 + b'"\n',
        (b'id = "blake3:' + b"ab" * 32 + b'"\n') * 2,
    ],
)
def test_quick_look_gives_up_where_it_is_not_sure(data: bytes) -> None:
    assert quick_id(data) is None


def test_quick_look_at_a_pointer(repo: Workspace) -> None:
    assert quick_id(repo.read("model.dvx")) == repo.pointer("model").id


def test_nothing_to_follow_imports_no_store(repo: Workspace) -> None:
    code = (
        "import sys; from dvx.cli.invocation import Invocation; from dvx.cli.hook_actions import follow\n"
        "import os; follow(Invocation.of_process(os.environ), 'post-checkout', ['a', 'b', '0'])\n"
        "print([name for name in sys.modules if name.startswith(('dvx.store', 'dvx.ops', 'dvx.backends', 'boto',"
        " 'zstandard', 'numpy', 'click', 'tomli', 'git.'))])"
    )
    ran = run([sys.executable, "-c", code], repo.root)
    assert (ran.code, ran.out, ran.err) == (0, "[]\n", "")


def test_pipe_in_the_place_of_a_pointer_is_not_waited_for(tmp_path: Path) -> None:
    repo = Repository(root=str(tmp_path), git_dir="", common_dir="")
    os.mkfifo(repo.absolute("a.dvx"))
    assert quick_root(repo, "a.dvx") is None
    assert is_staged(repo, "a.dvx", StagedEntry("100644", "0" * 40, True, b""))
