"""Branches that change the same data, merged by Git with the merge driver of dvx: pointers, bytes, conflicts."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dvx.formats.pointer import format_pointer, parse_pointer
from dvx.repo.drivers import install_drivers
from dvx.repo.repository import Repository
from dvx.testing.shell import (
    clone,
    commit,
    make_repo,
    must_dvx,
    read_tree,
    run,
    run_dvx,
    run_git,
    write_tree,
)
from dvx.testing.workspace import Workspace

Files = Mapping[str, bytes]


def _repo(tmp_path: Path, base: Files | None = None) -> Path:
    """A repository with a remote, the drivers, and `data` committed on main."""
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    install_drivers(Repository.discover(str(repo)))
    if base is not None:
        _save(repo, base, "base")
    return repo


def _add(repo: Path, path: str) -> None:
    """`dvx add`, in this process: what is tested here is what happens afterwards."""
    Workspace(str(repo)).add(path)


def _check_out(repo: Path) -> None:
    """`dvx checkout`, in this process."""
    Workspace(str(repo)).checkout()


def _save(repo: Path, files: Files, message: str) -> None:
    """Make `data` hold exactly these files, add and commit it."""
    write_tree(repo / "data", files)
    _add(repo, "data")
    commit(repo, message)


def _branch(repo: Path, name: str, files: Files) -> None:
    """Commit `files` on a new branch from main, and go back to main with its data."""
    run_git(repo, "switch", "-q", "-c", name, "main")
    _check_out(repo)
    _save(repo, files, name)
    run_git(repo, "switch", "-q", "main")
    _check_out(repo)


def _plain(repo: Path, path: str = "data") -> dict[str, bytes]:
    return {name: data for name, (_, data) in read_tree(repo / path).items()}


def _text(repo: Path, path: str = "data.dvx") -> str:
    return (repo / path).read_text()


BASE = {"a.png": b"a" * 1000, "b.png": b"b" * 1000, "sub/c.txt": b"c"}


def test_branches_that_change_different_files_merge_without_a_person(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "new/d.png": b"d" * 500, "b.png": b"B" * 1001})
    ours = {"a.png": b"changed", "b.png": BASE["b.png"]}  # sub/c.txt is gone
    _save(repo, ours, "ours")
    ran = run(["git", "merge", "-q", "--no-edit", "other"], repo)
    assert ran.code == 0, ran.err
    _check_out(repo)
    expected = {"a.png": b"changed", "b.png": b"B" * 1001, "new/d.png": b"d" * 500}
    assert _plain(repo) == expected
    pointer = parse_pointer((repo / "data.dvx").read_bytes())
    assert (pointer.files, pointer.size) == (3, sum(map(len, expected.values())))
    must_dvx(repo, "push")
    fresh = clone(repo, tmp_path / "fresh")
    must_dvx(fresh, "pull")
    assert _plain(fresh) == expected
    assert must_dvx(repo, "status", "--exit-code", "--remote").code == 0


def test_merged_pointer_is_the_one_that_adding_the_merged_files_gives(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "x": b"x"})
    _save(repo, {**BASE, "y": b"y"}, "ours")
    run_git(repo, "merge", "-q", "--no-edit", "other")
    merged = _text(repo)
    _save(repo, {**BASE, "x": b"x", "y": b"y", "z": b""}, "more")
    write_tree(repo / "data", {**BASE, "x": b"x", "y": b"y"})
    _add(repo, "data")
    assert _text(repo) == merged


def test_merge_with_a_version_that_only_the_remote_has_fetches_what_is_lacking(tmp_path: Path) -> None:
    big = {f"big-{number}": bytes([number]) * 50_000 for number in range(4)}
    repo = _repo(tmp_path, {**BASE, **big})
    must_dvx(repo, "push")
    other = clone(repo, tmp_path / "other")
    install_drivers(Repository.discover(str(other)))
    must_dvx(other, "pull")
    _save(other, {**BASE, **big, "theirs": b"t" * 3000}, "theirs")
    must_dvx(other, "push")
    run_git(other, "push", "-q", "origin", "HEAD:refs/heads/theirs")
    _save(repo, {**BASE, **big, "ours": b"o" * 3000}, "ours")
    run_git(repo, "merge", "-q", "--no-edit", "theirs")
    _check_out(repo)
    assert _plain(repo) == {**BASE, **big, "theirs": b"t" * 3000, "ours": b"o" * 3000}


def test_merge_of_data_that_is_nowhere_is_a_conflict_that_resolve_ends_once_it_is_pushed(
    tmp_path: Path,
) -> None:
    repo = _repo(tmp_path, BASE)
    must_dvx(repo, "push")
    other = clone(repo, tmp_path / "other")
    must_dvx(other, "pull")
    _save(other, {**BASE, "theirs": b"t"}, "theirs")
    run_git(other, "push", "-q", "origin", "HEAD:refs/heads/theirs")
    _save(repo, {**BASE, "ours": b"o"}, "ours")
    ran = run(["git", "merge", "-q", "--no-edit", "theirs"], repo)
    assert ran.code == 1
    assert "dvx push" in ran.err
    assert "<<<<<<< ours" in _text(repo)
    assert run_dvx(repo, "resolve").code == 6
    assert run_git(repo, "ls-files", "-u") != ""
    must_dvx(other, "push")
    ran = must_dvx(repo, "resolve")
    assert "resolved 1 path" in ran.err
    assert _plain(repo) == {**BASE, "ours": b"o", "theirs": b"t"}
    commit(repo, "merged")


@pytest.fixture
def in_conflict(tmp_path: Path) -> Path:
    """A merge with conflicts in three files, and one change of each side that merges."""
    repo = _repo(tmp_path, BASE)
    theirs = {"a.png": b"theirs a", "b.png": b"theirs b", "sub/c.txt": b"theirs c", "new-t": b"t"}
    _branch(repo, "other", theirs)
    _save(repo, {"a.png": b"ours a", "b.png": b"ours b", "new-o": b"o"}, "ours")
    ran = run(["git", "merge", "-q", "--no-edit", "other"], repo)
    assert ran.code == 1
    assert "3 conflicts in `data`: `data/a.png`, `data/b.png`, `data/sub/c.txt`" in ran.err
    assert "dvx resolve" in ran.err
    return repo


def test_conflict_is_seen_by_git_and_cannot_be_committed_unnoticed(in_conflict: Path) -> None:
    repo = in_conflict
    text = _text(repo)
    assert text.startswith("# dvx pointer")
    assert [text.count(mark) for mark in ("<<<<<<< ours\n", "||||||| base\n", ">>>>>>> theirs\n")] == [1] * 3
    assert "UU data.dvx" in run_git(repo, "status", "--porcelain")
    assert run(["git", "commit", "-m", "x"], repo).code != 0
    ran = run_dvx(repo, "status")
    assert ran.code != 0 or "conflict" in ran.out + ran.err
    assert _plain(repo) == {"a.png": b"ours a", "b.png": b"ours b", "new-o": b"o"}


def test_resolve_lists_conflicts_as_text_and_json(in_conflict: Path) -> None:
    ran = must_dvx(in_conflict, "resolve")
    assert "data: 3 conflicts" in ran.out
    assert "deleted by us, changed by them" in ran.out
    document = json.loads(must_dvx(in_conflict, "resolve", "--json").out)
    assert document["schema"] == "dvx.resolve/1"
    (item,) = document["unresolved"]
    assert [(found["path"], found["reason"]) for found in item["conflicts"]] == [
        ("data/a.png", "changed on both sides"),
        ("data/b.png", "changed on both sides"),
        ("data/sub/c.txt", "deleted by us, changed by them"),
    ]
    assert item["conflicts"][2]["ours"] is None
    assert item["conflicts"][2]["theirs"]["size"] == 8


def test_resolve_path_by_path_collects_choices_and_then_writes_stages_and_checks_out(
    in_conflict: Path,
) -> None:
    repo = in_conflict
    must_dvx(repo, "resolve", "--theirs", "data/a.png")
    assert "<<<<<<<" in _text(repo)
    assert "data: 2 conflicts" in must_dvx(repo, "resolve").out
    must_dvx(repo, "resolve", "--ours", "data/b.png")
    must_dvx(repo, "resolve", "--theirs", "data/sub")
    assert _plain(repo) == {
        "a.png": b"theirs a", "b.png": b"ours b", "sub/c.txt": b"theirs c", "new-o": b"o", "new-t": b"t",
    }  # fmt: skip
    assert run_git(repo, "ls-files", "-u") == ""
    assert not (repo / ".git/dvx/merge").exists()
    commit(repo, "merged")
    assert must_dvx(repo, "status", "--exit-code").code == 0


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_resolve_without_paths_decides_everything_and_keeps_what_one_side_added(
    in_conflict: Path, side: str
) -> None:
    must_dvx(in_conflict, "resolve", f"--{side}")
    tree = _plain(in_conflict)
    assert tree["a.png"] == f"{side} a".encode()
    assert ("sub/c.txt" in tree) == (side == "theirs")
    assert (tree["new-o"], tree["new-t"]) == (b"o", b"t")


def test_resolve_of_a_path_without_a_conflict_changes_nothing(in_conflict: Path) -> None:
    before = _text(in_conflict)
    for path in ("data/new-t", "data/a.pn", "nothing"):
        ran = run_dvx(in_conflict, "resolve", "--ours", path)
        assert ran.code == 1
        assert "is in no conflict" in ran.err
    assert _text(in_conflict) == before


def test_resolve_keeps_work_that_is_not_stored_and_says_so(in_conflict: Path) -> None:
    (in_conflict / "data/a.png").write_bytes(b"my unsaved work")
    ran = run_dvx(in_conflict, "resolve", "--theirs")
    assert ran.code == 3
    assert "data/a.png" in ran.err
    assert (in_conflict / "data/a.png").read_bytes() == b"my unsaved work"
    assert run_git(in_conflict, "ls-files", "-u") == ""


def test_aborted_merge_forgets_choices_with_the_next_merge(in_conflict: Path) -> None:
    must_dvx(in_conflict, "resolve", "--theirs", "data/a.png")
    run_git(in_conflict, "merge", "--abort")
    assert "there are no conflicts" in must_dvx(in_conflict, "resolve").err
    _save(in_conflict, {"a.png": b"newer", "b.png": b"ours b", "new-o": b"o"}, "newer")
    assert run(["git", "merge", "-q", "--no-edit", "other"], in_conflict).code == 1
    assert "data: 3 conflicts" in must_dvx(in_conflict, "resolve").out


def test_resolve_after_a_merge_without_the_driver_merges_all_the_same(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    _save(repo, BASE, "base")
    _branch(repo, "other", {**BASE, "x": b"x"})
    _save(repo, {**BASE, "y": b"y"}, "ours")
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    must_dvx(repo, "resolve")
    assert _plain(repo) == {**BASE, "x": b"x", "y": b"y"}
    assert run_git(repo, "status", "--porcelain") == "M  data.dvx"


def test_rebase_conflict_means_ours_as_git_does(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "topic", {**BASE, "a.png": b"topic"})
    _save(repo, {**BASE, "a.png": b"main"}, "main")
    run_git(repo, "switch", "-q", "topic")
    _check_out(repo)
    assert run(["git", "rebase", "-q", "main"], repo).code == 1
    must_dvx(repo, "resolve", "--theirs")  # the commit that is being applied
    run_git(repo, "-c", "core.editor=true", "rebase", "--continue")
    assert _plain(repo)["a.png"] == b"topic"
    run_git(repo, "switch", "-q", "main")
    _check_out(repo)
    assert _plain(repo)["a.png"] == b"main"


def test_rebase_and_cherry_pick_of_other_files_need_no_person(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "topic", {**BASE, "x": b"x"})
    _branch(repo, "pick", {**BASE, "z": b"z"})
    _save(repo, {**BASE, "y": b"y"}, "main")
    run_git(repo, "cherry-pick", "pick")
    run_git(repo, "switch", "-q", "topic")
    run_git(repo, "rebase", "-q", "main")
    _check_out(repo)
    assert _plain(repo) == {**BASE, "x": b"x", "y": b"y", "z": b"z"}


def test_stash_pop_onto_another_version_merges_and_conflicts_are_resolved(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    write_tree(repo / "data", {**BASE, "stashed": b"s", "a.png": b"stashed a"})
    _add(repo, "data")
    run_git(repo, "stash", "-q")
    _check_out(repo)
    _save(repo, {**BASE, "a.png": b"committed a"}, "main")
    assert run(["git", "stash", "pop", "-q"], repo).code == 1
    must_dvx(repo, "resolve", "--ours")
    assert _plain(repo) == {**BASE, "a.png": b"committed a", "stashed": b"s"}


def test_both_added_the_same_directory_gives_the_union(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    _branch(repo, "other", {"x": b"x", "same": b"s"})
    _save(repo, {"y": b"y", "same": b"s"}, "ours")
    run_git(repo, "merge", "-q", "--no-edit", "other")
    _check_out(repo)
    assert _plain(repo) == {"x": b"x", "y": b"y", "same": b"s"}


def test_path_that_is_a_file_here_and_a_folder_there_is_one_conflict(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "thing/one": b"1", "thing/two": b"2"})
    _save(repo, {**BASE, "thing": b"a file", "thing-b": b"b"}, "ours")
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    listed = must_dvx(repo, "resolve").out
    assert "data: 1 conflict\n" in listed
    assert "a file on one side, a folder on the other" in listed
    must_dvx(repo, "resolve", "--theirs", "data/thing")
    assert _plain(repo) == {**BASE, "thing/one": b"1", "thing/two": b"2", "thing-b": b"b"}


def test_empty_directories_merge(tmp_path: Path) -> None:
    empty = ("directory", b"")
    repo = _repo(tmp_path)
    write_tree(repo / "data", {"e": empty, "f": b"f"})
    _add(repo, "data")
    commit(repo, "base")
    run_git(repo, "switch", "-q", "-c", "other")
    write_tree(repo / "data", {"e/inside": b"i", "f": b"f"})
    _add(repo, "data")
    commit(repo, "other")
    run_git(repo, "switch", "-q", "main")
    _check_out(repo)
    write_tree(repo / "data", {"e": empty, "f": b"f", "g": empty})
    _add(repo, "data")
    commit(repo, "ours")
    run_git(repo, "merge", "-q", "--no-edit", "other")
    _check_out(repo)
    assert read_tree(repo / "data") == {
        "e/inside": ("file", b"i"), "f": ("file", b"f"), "g": empty,
    }  # fmt: skip
    assert parse_pointer((repo / "data.dvx").read_bytes()).files == 2


# Files


def _file_branches(tmp_path: Path, ours: bytes, theirs: bytes) -> Path:
    repo = _repo(tmp_path)
    model = repo / "model.bin"
    for branch, content in (("main", b"base"), ("other", theirs), ("main", ours)):
        if branch == "other":
            run_git(repo, "switch", "-q", "-c", branch)
        else:
            run_git(repo, "switch", "-q", branch)
        _check_out(repo)
        model.write_bytes(content)
        _add(repo, "model.bin")
        run_git(repo, "commit", "-q", "--allow-empty", "-m", branch)
    return repo


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [(b"base", b"theirs", b"theirs"), (b"ours", b"base", b"ours"), (b"both", b"both", b"both")],
)
def test_file_takes_the_side_that_changed(tmp_path: Path, ours: bytes, theirs: bytes, merged: bytes) -> None:
    repo = _file_branches(tmp_path, ours, theirs)
    run_git(repo, "merge", "-q", "--no-edit", "other")
    _check_out(repo)
    assert (repo / "model.bin").read_bytes() == merged


def test_file_that_both_changed_is_a_conflict_that_git_or_dvx_ends(tmp_path: Path) -> None:
    repo = _file_branches(tmp_path, b"ours", b"theirs")
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    assert _text(repo, "model.bin.dvx").count("id = ") == 3
    run_git(repo, "checkout", "--theirs", "model.bin.dvx")  # plain Git tools keep working
    assert parse_pointer((repo / "model.bin.dvx").read_bytes()).size == 6
    must_dvx(repo, "resolve", "--theirs", "model.bin")
    assert (repo / "model.bin").read_bytes() == b"theirs"
    commit(repo, "merged")


def test_pointer_deleted_on_one_side_and_changed_on_the_other(tmp_path: Path) -> None:
    repo = _file_branches(tmp_path, b"base", b"theirs")
    must_dvx(repo, "rm", "model.bin")
    commit(repo, "gone")
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    assert "deleted by us, changed by them" in must_dvx(repo, "resolve").out
    must_dvx(repo, "resolve", "--ours")
    assert run_git(repo, "ls-files", "model.bin.dvx") == ""
    assert not (repo / "model.bin.dvx").exists()


# Other keys


def _with_keys(repo: Path, keys: str) -> None:
    path = repo / "data.dvx"
    pointer = parse_pointer(path.read_bytes())
    head = format_pointer(type(pointer)(pointer.kind, pointer.id, pointer.size, pointer.files)).decode()
    path.write_bytes(format_pointer(parse_pointer((head + "\n" + keys).encode())))
    run_git(repo, "commit", "-q", "-a", "-m", "keys")


def _key_branches(repo: Path, base: str, ours: str, theirs: str) -> None:
    _with_keys(repo, base)
    run_git(repo, "switch", "-q", "-c", "other")
    _with_keys(repo, theirs)
    run_git(repo, "switch", "-q", "main")
    _with_keys(repo, ours)


def test_keys_next_to_each_other_merge_with_the_driver(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _key_branches(repo, "[params]\na=1\nb=1\n", "[params]\na=2\nb=1\n", "[params]\na=1\nb=2\n")
    run_git(repo, "merge", "-q", "--no-edit", "other")
    assert parse_pointer((repo / "data.dvx").read_bytes()).extra == {"params": {"a": 2, "b": 2}}


def test_key_that_both_changed_is_named_and_resolved_with_the_pointer(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _key_branches(repo, "[params]\na=1\nb=1\n", "[params]\na=2\nb=1\n", "[params]\na=3\nb=2\n")
    ran = run(["git", "merge", "-q", "--no-edit", "other"], repo)
    assert ran.code == 1
    assert "data.dvx: key params.a" in ran.err
    assert "<<<<<<< ours\na = 2\n||||||| base\na = 1\n=======\na = 3\n>>>>>>> theirs\nb = 2\n" in _text(repo)
    must_dvx(repo, "resolve", "--theirs", "data.dvx")
    assert parse_pointer((repo / "data.dvx").read_bytes()).extra == {"params": {"a": 3, "b": 2}}


def test_without_the_driver_git_merges_changes_of_different_tables(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    _save(repo, BASE, "base")
    _key_branches(
        repo,
        "[metrics]\nacc=1\n[params]\na=1\n",
        "[metrics]\nacc=2\n[params]\na=1\n",
        "[metrics]\nacc=1\n[params]\na=2\n",
    )
    run_git(repo, "merge", "-q", "--no-edit", "other")
    extra = parse_pointer((repo / "data.dvx").read_bytes()).extra
    assert extra == {"metrics": {"acc": 2}, "params": {"a": 2}}


def test_without_the_driver_git_merges_new_data_with_a_changed_table(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    _save(repo, BASE, "base")
    _with_keys(repo, "[meta]\na=1\n")
    run_git(repo, "switch", "-q", "-c", "other")
    _with_keys(repo, "[meta]\na=2\n")
    run_git(repo, "switch", "-q", "main")
    _save(repo, {**BASE, "new": b"n"}, "ours")
    run_git(repo, "merge", "-q", "--no-edit", "other")
    pointer = parse_pointer((repo / "data.dvx").read_bytes())
    assert (pointer.extra, pointer.files) == ({"meta": {"a": 2}}, 4)


# Whatever goes wrong, Git gets an answer


def test_criss_cross_history_merges(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "x": b"x", "a.png": b"theirs"})
    _save(repo, {**BASE, "y": b"y", "a.png": b"ours"}, "ours")
    run_git(repo, "branch", "one")
    run(["git", "merge", "-q", "--no-edit", "other"], repo)
    must_dvx(repo, "resolve", "--ours")
    commit(repo, "merge 1")
    run_git(repo, "switch", "-q", "other")
    _check_out(repo)
    run(["git", "merge", "-q", "--no-edit", "one"], repo)
    must_dvx(repo, "resolve", "--ours")
    commit(repo, "merge 2")
    ran = run(["git", "merge", "-q", "--no-edit", "main"], repo)  # two bases, in conflict with each other
    assert ran.code == 1, ran.err
    assert "<<<<<<<" in _text(repo)
    must_dvx(repo, "resolve", "--theirs")
    commit(repo, "merge 3")
    _check_out(repo)
    assert _plain(repo)["a.png"] == b"ours"


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\x00", b"version = 99\n", b"<<<<<<< x\n", b"x" * 20_000 + b"\n", b""]
)
def test_pointers_that_cannot_be_read_end_as_a_conflict_and_never_stop_git(
    tmp_path: Path, garbage: bytes
) -> None:
    repo = _repo(tmp_path, BASE)
    run_git(repo, "switch", "-q", "-c", "other")
    (repo / "data.dvx").write_bytes(garbage)
    run_git(repo, "commit", "-q", "-a", "-m", "garbage")
    run_git(repo, "switch", "-q", "main")
    _save(repo, {**BASE, "y": b"y"}, "ours")
    ran = run(["git", "merge", "-q", "--no-edit", "other"], repo)
    assert ran.code == 1, ran.err
    assert run_git(repo, "ls-files", "-u") != ""
    must_dvx(repo, "resolve", "--ours")
    _check_out(repo)
    assert _plain(repo) == {**BASE, "y": b"y"}


@pytest.mark.parametrize("interpreter", ["/nowhere/python", "/bin/false"])
def test_driver_without_a_working_dvx_leaves_the_merge_to_git(tmp_path: Path, interpreter: str) -> None:
    repo = _repo(tmp_path, BASE)
    install_drivers(Repository.discover(str(repo)), interpreter=interpreter)
    _branch(repo, "other", {**BASE, "x": b"x"})
    _save(repo, {**BASE, "y": b"y"}, "ours")
    ran = run(["git", "merge", "--no-edit", "other"], repo, env={"PATH": "/usr/bin:/bin"})
    assert ran.code == 1
    assert "dvx did not run; merged as text: data.dvx" in ran.err
    assert "<<<<<<< ours" in _text(repo)
    ran = run(["git", "diff", "main", "other"], repo, env={"PATH": "/usr/bin:/bin"})
    assert "+id = " in ran.out


def test_work_tree_cannot_put_a_module_in_the_way_of_the_driver(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "x": b"x"})
    _save(repo, {**BASE, "y": b"y"}, "ours")
    for name in ("dvx.py", "click.py", "tomli.py"):
        (repo / name).write_text("open('/dev/stderr', 'w').write('TAKEN OVER')\n")
    ran = run(["git", "merge", "--no-edit", "other"], repo)
    assert ran.code == 0, ran.err
    assert "TAKEN OVER" not in ran.err


def test_merge_driver_called_with_other_arguments_says_how(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    ran = run_dvx(repo, "merge-driver", "a", "b", "c")
    assert ran.code == 2
    assert subprocess.run(["git", "status"], cwd=repo, check=True, capture_output=True).returncode == 0


# What was measured of one version


def test_metrics_of_two_versions_are_no_conflict_and_leave_the_merged_pointer_with_a_warning(
    tmp_path: Path,
) -> None:
    repo = _repo(tmp_path, BASE)
    run_git(repo, "switch", "-q", "-c", "other")
    (repo / "data" / "theirs").write_bytes(b"t")
    must_dvx(repo, "add", "data", "--metric", "count=4", "--param", "side=64", "--meta", "licence=MIT")
    commit(repo, "theirs")
    run_git(repo, "switch", "-q", "main")
    _check_out(repo)
    (repo / "data" / "ours").write_bytes(b"o")
    must_dvx(repo, "add", "data", "--metric", "count=5", "--param", "side=64")
    commit(repo, "ours")
    ran = run(["git", "merge", "-q", "--no-edit", "other"], repo)
    assert ran.code == 0, ran.err
    assert "`data` was merged: `[metrics]` of the two versions left the pointer" in ran.err
    extra = parse_pointer((repo / "data.dvx").read_bytes()).extra
    assert extra == {"meta": {"licence": "MIT"}, "params": {"side": 64}}
    _check_out(repo)
    assert _plain(repo) == {**BASE, "theirs": b"t", "ours": b"o"}


def test_metrics_go_with_the_side_that_resolve_takes(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    (repo / "model").write_bytes(b"base")
    must_dvx(repo, "add", "model", "--metric", "acc=0.5")
    commit(repo, "base")
    for branch, acc in (("other", "0.7"), ("main", "0.6")):
        run_git(repo, "switch", "-q", *(["-c"] if branch == "other" else []), branch)
        _check_out(repo)
        (repo / "model").write_bytes(branch.encode())
        must_dvx(repo, "add", "model", "--metric", f"acc={acc}", "--param", f"of={branch}")
        commit(repo, branch)
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    ran = must_dvx(repo, "resolve", "--theirs", "model")
    assert "left the pointer" not in ran.err
    extra = parse_pointer((repo / "model.dvx").read_bytes()).extra
    assert extra == {"metrics": {"acc": 0.7}, "params": {"of": "other"}}
    assert (repo / "model").read_bytes() == b"other"


# Merges that are not `git merge` of one branch


def test_octopus_merge_of_one_directory_is_a_conflict_that_resolve_ends(tmp_path: Path) -> None:
    """git-merge-octopus merges files itself, line by line: it asks no merge driver."""
    repo = _repo(tmp_path, BASE)
    for name in ("one", "two"):
        _branch(repo, name, {**BASE, name: name.encode()})
    ran = run(["git", "merge", "-q", "--no-edit", "one", "two"], repo)
    assert ran.code == 1
    must_dvx(repo, "resolve")
    commit(repo, "octopus")
    assert _plain(repo) == {**BASE, "one": b"one", "two": b"two"}


def test_octopus_merge_of_different_pointers_brings_all_data(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    for name in ("one", "two"):
        run_git(repo, "switch", "-q", "-c", name, "main")
        write_tree(repo / name, {"x": name.encode()})
        _add(repo, name)
        run_git(repo, "reset", "-q", ".gitignore")  # else its line at the same place is the conflict
        run_git(repo, "checkout", "-q", "--", ".gitignore")
        commit(repo, name)
    run_git(repo, "switch", "-q", "main")
    run_git(repo, "merge", "-q", "--no-edit", "one", "two")
    _check_out(repo)
    assert _plain(repo, "one") == {"x": b"one"}
    assert _plain(repo, "two") == {"x": b"two"}


def test_merge_tree_merges_directories_without_touching_the_workspace(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "one", {**BASE, "x": b"x"})
    _branch(repo, "two", {**BASE, "y": b"y"})
    _branch(repo, "clash", {**BASE, "y": b"other"})
    tree = run_git(repo, "merge-tree", "--write-tree", "one", "two").splitlines()[0]
    pointer = parse_pointer(run_git(repo, "show", f"{tree}:data.dvx").encode() + b"\n")
    assert pointer.files == len(BASE) + 2
    ran = run(["git", "merge-tree", "--write-tree", "two", "clash"], repo)
    assert ran.code == 1
    assert "data/y" in ran.err
    assert _plain(repo) == BASE
    assert run_git(repo, "status", "--porcelain") == ""


def test_rebase_onto_and_cherry_pick_of_a_clashing_version_bring_the_bytes(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "base2", {**BASE, "a.png": b"two"})
    run_git(repo, "switch", "-q", "-c", "topic")
    _save(repo, {**BASE, "a.png": b"one"}, "left behind")
    _save(repo, {**BASE, "a.png": b"one", "t": b"t"}, "moved")
    run_git(repo, "rebase", "-q", "--onto", "base2", "HEAD~1")
    _check_out(repo)
    assert _plain(repo) == {**BASE, "a.png": b"two", "t": b"t"}
    assert run(["git", "cherry-pick", "ORIG_HEAD~1"], repo).code == 1
    must_dvx(repo, "resolve", "--theirs", "data/a.png")
    run_git(repo, "-c", "core.editor=true", "cherry-pick", "--continue")
    assert _plain(repo) == {**BASE, "a.png": b"one", "t": b"t"}


def test_bare_repository_ends_the_merge_of_a_directory_as_a_conflict(tmp_path: Path) -> None:
    """A merged pointer needs its data in a local store, and servers that merge run no drivers."""
    repo = _repo(tmp_path, BASE)
    _branch(repo, "one", {**BASE, "x": b"x"})
    _branch(repo, "two", {**BASE, "y": b"y"})
    run_git(tmp_path, "clone", "-q", "--bare", str(repo), "bare")
    ran = run(["git", "merge-tree", "--write-tree", "one", "two"], tmp_path / "bare")
    assert (ran.code, "CONFLICT (content)" in ran.out) == (1, True)


def test_conflict_whose_markers_were_staged_is_brought_back_and_resolved(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "a.png": b"theirs", "t": b"t"})
    _save(repo, {**BASE, "a.png": b"ours", "o": b"o"}, "ours")
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    assert "`dvx resolve`" in must_dvx(repo, "status").err
    run_git(repo, "add", "data.dvx")
    ran = run_dvx(repo, "resolve")
    assert ran.code == 1
    assert "git checkout -m -- data.dvx" in ran.err
    ran = run_dvx(repo, "hooks", "check")
    assert ran.code == 1
    assert "fix: git checkout -m -- data.dvx && dvx resolve" in ran.err
    run_git(repo, "checkout", "-m", "--", "data.dvx")
    must_dvx(repo, "resolve", "--theirs")
    commit(repo, "merged")
    assert _plain(repo) == {**BASE, "a.png": b"theirs", "t": b"t", "o": b"o"}


def test_pointer_kept_against_a_deletion_keeps_its_ignore_line(tmp_path: Path) -> None:
    repo = _file_branches(tmp_path, b"base", b"theirs")
    run_git(repo, "switch", "-q", "-c", "gone")
    must_dvx(repo, "rm", "model.bin")
    commit(repo, "gone")
    run_git(repo, "switch", "-q", "other")
    _check_out(repo)
    assert run(["git", "merge", "-q", "--no-edit", "gone"], repo).code == 1
    status = must_dvx(repo, "status")
    assert "unmerged:  model.bin.dvx" in status.out
    assert "hint: end the conflicts: `dvx resolve`" in status.err
    listed = must_dvx(repo, "resolve").out
    assert "ours 6 B" in listed
    assert "theirs none" in listed
    must_dvx(repo, "resolve", "--ours")
    commit(repo, "kept")
    assert run_git(repo, "status", "--porcelain", "--untracked-files=all") == ""
    assert (repo / "model.bin").read_bytes() == b"theirs"


def test_ignore_file_in_conflict_is_left_to_the_person(tmp_path: Path) -> None:
    repo = _file_branches(tmp_path, b"base", b"theirs")
    for name in ("one", "two"):
        run_git(repo, "switch", "-q", "-c", name, "main")
        _check_out(repo)
        must_dvx(repo, "mv", "model.bin", f"{name}.bin")
        commit(repo, name)
    assert run(["git", "merge", "-q", "--no-edit", "one"], repo).code == 1
    before = (repo / ".gitignore").read_bytes()
    assert b"<<<<<<<" in before
    must_dvx(repo, "resolve", "--ours")
    assert (repo / ".gitignore").read_bytes() == before
    assert run_git(repo, "status", "--porcelain", "--", ".gitignore") == "UU .gitignore"
    assert (repo / "two.bin").exists()


def test_add_does_not_end_a_conflict_by_the_way(tmp_path: Path) -> None:
    repo = _repo(tmp_path, BASE)
    _branch(repo, "other", {**BASE, "a.png": b"theirs", "t": b"t"})
    _save(repo, {**BASE, "a.png": b"ours"}, "ours")
    assert run(["git", "merge", "-q", "--no-edit", "other"], repo).code == 1
    before = _text(repo)
    ran = run_dvx(repo, "add", "data")
    assert ran.code == 1
    assert "`data` is in a merge conflict" in ran.err
    assert _text(repo) == before
    must_dvx(repo, "add", "--force", "data")
    assert parse_pointer((repo / "data.dvx").read_bytes()).files == len(BASE)
    run_git(repo, "checkout", "-m", "--", "data.dvx")
    must_dvx(repo, "resolve", "--ours")
    assert _plain(repo) == {**BASE, "a.png": b"ours", "t": b"t"}
