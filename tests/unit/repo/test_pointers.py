"""repo.pointers: pointers now and in history."""

import os

import pytest

from dvx.core.errors import FormatError, GitError, NotFound, PathRefused, UnsupportedVersion
from dvx.formats.pointer import MAX_POINTER_BYTES, format_pointer
from dvx.repo.pointers import (
    TrackedPointer,
    all_ref_pointers,
    find_pointers,
    is_pointer_path,
    pointer_path_of,
    pointers_at,
    read_pointer,
    write_pointer,
)


def put(repo, path, data=b""):
    os.makedirs(os.path.dirname(repo.absolute(path)), exist_ok=True)
    with open(repo.absolute(path), "wb") as file:
        file.write(data)


@pytest.fixture
def commit(repo, git):
    def run():
        git("add", "-A")
        git("commit", "-q", "-m", "x")
        return git("rev-parse", "HEAD").strip()

    return run


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.dvx", True),
        ("d/a.b.dvx", True),
        (".dvx", False),
        ("d/.dvx", False),
        (".dvx/x.dvx", False),
        ("a", False),
    ],
)
def test_which_paths_are_pointers(path, expected):
    assert is_pointer_path(path) is expected
    assert pointer_path_of("d/a") == "d/a.dvx"


def test_find_sees_staged_and_new_but_not_ignored_or_deleted(repo, git):
    for path in ("staged.dvx", "d/é new.dvx", "hidden/x.dvx", "gone.dvx", ".dvx/x.dvx", "d/.dvx", "other"):
        put(repo, path)
    put(repo, ".gitignore", b"/hidden\n")
    git("add", "staged.dvx", "gone.dvx")
    os.unlink(repo.absolute("gone.dvx"))
    assert find_pointers(repo) == ["d/é new.dvx", "staged.dvx"]


def test_find_names_a_conflicted_pointer_once(repo, git, commit):
    put(repo, "a.dvx", b"1")
    commit()
    git("checkout", "-q", "-b", "side")
    put(repo, "a.dvx", b"2")
    commit()
    git("checkout", "-q", "main")
    put(repo, "a.dvx", b"3")
    commit()
    with pytest.raises(GitError):
        repo.git().run(["merge", "side"])
    assert find_pointers(repo) == ["a.dvx"]
    with pytest.raises(FormatError) as caught:
        read_pointer(repo, "a.dvx")
    assert caught.value.kind == "conflict-markers"


def test_written_pointer_is_read_back_and_not_written_twice(repo, tracked):
    os.mkdir(repo.absolute("d"))
    one = tracked("d/set", files=3)
    assert write_pointer(repo, one) is True
    assert read_pointer(repo, "d/set.dvx") == one
    before = os.stat(repo.absolute("d/set.dvx")).st_ino
    assert write_pointer(repo, one) is False
    assert os.stat(repo.absolute("d/set.dvx")).st_ino == before
    assert write_pointer(repo, tracked("d/set", content=b"2", files=3)) is True


def test_pointer_with_windows_line_ends_counts_as_the_same(repo, tracked):
    one = tracked("x")
    data = format_pointer(one.pointer).replace(b"\n", b"\r\n")
    put(repo, "x.dvx", data)
    assert write_pointer(repo, one) is False
    assert read_pointer(repo, "x.dvx") == one


def test_missing_pointer_is_not_found(repo):
    with pytest.raises(NotFound) as caught:
        read_pointer(repo, "no/such.dvx")
    assert caught.value.kind == "no-pointer"
    assert not any("dvx add" in hint for hint in caught.value.hints)


def test_symlinked_pointer_is_refused_and_its_target_kept(repo, tracked, tmp_path):
    (tmp_path / "precious").write_bytes(b"mine")
    os.symlink(tmp_path / "precious", repo.absolute("x.dvx"))
    for attempt in (lambda: read_pointer(repo, "x.dvx"), lambda: write_pointer(repo, tracked("x"))):
        with pytest.raises(PathRefused) as caught:
            attempt()
        assert caught.value.kind == "pointer-not-a-file"
    assert (tmp_path / "precious").read_bytes() == b"mine"


@pytest.mark.parametrize("path", ["../x.dvx", ".git/x.dvx", "/x.dvx"])
def test_unsafe_pointer_path_is_refused(repo, tracked, path):
    with pytest.raises(PathRefused):
        read_pointer(repo, path)
    with pytest.raises(PathRefused):
        write_pointer(repo, TrackedPointer("x", path, tracked("x").pointer))


def test_huge_file_in_place_of_a_pointer_is_refused(repo):
    put(repo, "x.dvx", b"#" * 100_000)
    with pytest.raises(FormatError, match="larger than"):
        read_pointer(repo, "x.dvx")


def test_pointers_at_a_commit_do_not_depend_on_the_work_tree(repo, tracked, commit):
    first, second = tracked("a/é"), tracked("b", files=2)
    os.mkdir(repo.absolute("a"))
    write_pointer(repo, first)
    write_pointer(repo, second)
    old = commit()
    write_pointer(repo, tracked("b", content=b"new", files=2))
    os.unlink(repo.absolute("a/é.dvx"))
    commit()
    assert pointers_at(repo, old).readable == [first, second]
    assert pointers_at(repo, "HEAD~1").readable == [first, second]
    assert pointers_at(repo, "HEAD").readable == [tracked("b", content=b"new", files=2)]


def test_bad_pointers_at_a_commit_are_named_with_it_and_the_others_are_read(repo, tracked, commit):
    put(repo, "x.dvx", b"not a pointer")
    put(repo, "long.dvx", b"#" * (MAX_POINTER_BYTES + 1))
    write_pointer(repo, tracked("good"))
    commit()
    found = pointers_at(repo, "HEAD")
    assert found.readable == [tracked("good")]
    assert [(path, type(error)) for path, error in found.broken.items()] == [
        ("long.dvx", FormatError),
        ("x.dvx", FormatError),
    ]
    assert all(f"HEAD:{path}" in error.what for path, error in found.broken.items())


def test_all_ref_pointers_finds_each_root_of_each_branch_once(repo, tracked, git, commit):
    one, two, three = tracked("a", content=b"1"), tracked("a", content=b"2"), tracked("c", content=b"3")
    write_pointer(repo, one)
    first = commit()
    write_pointer(repo, TrackedPointer("copy", "copy.dvx", one.pointer))
    commit()
    git("checkout", "-q", "-b", "side", first)
    write_pointer(repo, two)
    second = commit()
    git("tag", "kept")
    git("checkout", "-q", "main")
    git("branch", "-D", "-q", "side")
    write_pointer(repo, three)
    os.unlink(repo.absolute("a.dvx"))
    commit()
    found = {each.pointer.id: (commit_id, each.path) for commit_id, each in all_ref_pointers(repo)}
    assert set(found) == {one.pointer.id, two.pointer.id, three.pointer.id}
    assert found[two.pointer.id] == (second, "a")
    assert len(all_ref_pointers(repo)) == 3


def test_all_ref_pointers_passes_over_what_is_no_pointer(repo, tracked, commit):
    put(repo, "conflict.dvx", b"<<<<<<< HEAD\n=======\n>>>>>>> side\n")
    put(repo, "big.dvx", b"#" * 100_000)
    put(repo, ".dvx/notes.dvx", b"x")
    write_pointer(repo, tracked("good"))
    commit()
    assert [each for _, each in all_ref_pointers(repo)] == [tracked("good")]


def test_all_ref_pointers_stops_at_a_pointer_from_a_newer_dvx(repo, tracked, commit):
    put(repo, "x.dvx", format_pointer(tracked("x").pointer).replace(b"version = 1", b"version = 2"))
    commit()
    os.unlink(repo.absolute("x.dvx"))
    commit()
    with pytest.raises(UnsupportedVersion):
        all_ref_pointers(repo)


def test_repository_without_commits_has_no_pointers_in_history(repo):
    assert all_ref_pointers(repo) == []


def test_pointer_is_not_written_through_a_folder_that_leads_out(repo, tracked, tmp_path):
    (tmp_path / "out").mkdir()
    os.symlink("../out", repo.absolute("data"))
    with pytest.raises(PathRefused) as caught:
        write_pointer(repo, tracked("data/x"))
    assert caught.value.kind == "symlink-out"
    assert os.listdir(tmp_path / "out") == []
