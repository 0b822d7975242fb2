"""SIGKILL at any moment (promises P1, P2, P3, P5): what is on disk stays valid, and the next run finishes.

Exact moments come from strace, which ends the process as it enters the N-th system call of a kind; others from a
clock. Both are judged by the same checks.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.disk.lock import hold_lock
from dvx.repo.repository import Repository
from dvx.testing.shell import (
    Ran,
    clone,
    commit,
    debris,
    dvx_command,
    kill_and_wait,
    make_repo,
    must_dvx,
    read_one,
    read_tree,
    run,
    run_git,
    start_dvx,
    store_of,
    write_tree,
)  # fmt: skip
from dvx.testing.store_scan import check_pointers, scan_store

SIGKILL = -9
# Parts of the time that the command takes when it is left alone.
MOMENTS = (0.4, 0.6, 0.8, 0.95)


def main(call: str, *numbers: int) -> list[tuple[str, int, str]]:
    """Moments of the main thread: records, pointers, `.gitignore`, databases."""
    return [(call, number, "main") for number in numbers]


def any_thread(call: str, *numbers: int) -> list[tuple[str, int, str]]:
    """Moments of whichever thread gets there first: packs, files of the workspace, downloads."""
    return [(call, number, "any") for number in numbers]


ADD_POINTS = [
    *main("rename", 1, 2, 3, 4), *main("fsync", 1, 5, 9, 11), *main("pwrite64", 8, 30),
    *any_thread("rename", 1), *any_thread("fsync", 1, 3), *any_thread("mkdir", 3),
]  # fmt: skip
PUSH_POINTS = [
    *main("rename", 1, 2), *main("fsync", 1, 5, 9), *main("pwrite64", 20), *main("mkdir", 8),
    *any_thread("rename", 1), *any_thread("fsync", 1, 4), *any_thread("pwrite64", 5),
]  # fmt: skip
FETCH_POINTS = [
    *main("rename", 1, 2), *main("fsync", 5, 9), *main("pwrite64", 10),
    *any_thread("rename", 1), *any_thread("fsync", 1, 4), *any_thread("pwrite64", 12, 20),
]  # fmt: skip
PULL_POINTS = [
    *main("rename", 1), *main("renameat", 1), *main("unlinkat", 1, 3, 6), *main("fchmodat", 1),
    *main("pwrite64", 20, 40),
    *any_thread("renameat", 1, 2), *any_thread("symlinkat", 1), *any_thread("pwrite64", 12),
]  # fmt: skip


def kill_at(strace: list[str], point: tuple[str, int, str], cwd: Path, *args: str) -> None:
    """Run dvx until it enters the named system call for the given time, then end it with SIGKILL."""
    call, number, which = point
    start = [part for part in strace if which == "any" or part != "-f"]
    inject = ["-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    ran = run([*start, *inject, *dvx_command(*args)], cwd)
    assert ran.code == SIGKILL, f"the command was not killed at {point}: {ran}"


def kill_after(part: float, cwd: Path, *args: str, whole_s: float) -> Ran:
    """Run dvx and end it with SIGKILL after a part of the time it needs; it may just have finished."""
    ran = kill_and_wait(start_dvx(cwd, *args), after_s=part * whole_s)
    assert ran.code in (SIGKILL, 0), ran
    return ran


def time_of(scene: Callable, name: str, who: str, *args: str) -> float:
    copy = scene(name)
    started_s = time.monotonic()
    must_dvx(getattr(copy, who), *args)
    elapsed_s = time.monotonic() - started_s
    copy.folder.rename(copy.folder.with_name("timed"))
    return elapsed_s


def name_of(point: object) -> str:
    return "-".join(map(str, point)) if isinstance(point, tuple) else str(point)


# add


def check_killed_add(author: Path, expected: dict, model: bytes) -> None:
    assert read_tree(author / "data") == expected, "the data of the user was changed"
    assert (author / "model.bin").read_bytes() == model
    run_git(author, "status", "--porcelain")
    stored = check_pointers(author, store_of(author))
    assert stored.keys() == {"data", "model.bin"}


def finish_add(author: Path, expected: dict, model: bytes) -> None:
    must_dvx(author, "add", "data", "model.bin")
    stored = check_pointers(author, store_of(author))
    assert stored == {"data": expected, "model.bin": {"": ("file", model)}}
    assert read_tree(author / "data") == expected
    assert debris(author) == []
    assert run_git(author, "status", "--porcelain").splitlines() == ["M  data.dvx", "M  model.bin.dvx"]


@pytest.mark.parametrize("point", ADD_POINTS, ids=name_of)
def test_add_killed_at_a_system_call_keeps_everything_and_the_next_add_finishes(
    scene: Callable, strace: list[str], contents: dict, point: tuple[str, int, str]
) -> None:
    author = scene("edited").author
    kill_at(strace, point, author, "add", "data", "model.bin")
    check_killed_add(author, contents["new"], contents["new model"])
    finish_add(author, contents["new"], contents["new model"])


def test_add_killed_by_the_clock_can_be_finished_pushed_and_cloned(scene: Callable, contents: dict) -> None:
    whole_s = time_of(scene, "edited", "author", "add", "data", "model.bin")
    for part in MOMENTS:
        copy = scene("edited")
        kill_after(part, copy.author, "add", "data", "model.bin", whole_s=whole_s)
        check_killed_add(copy.author, contents["new"], contents["new model"])
        finish_add(copy.author, contents["new"], contents["new model"])
        copy.folder.rename(copy.folder.with_name(f"done-{part}"))
    author = copy.folder.with_name(f"done-{part}") / "author"
    commit(author, "new data")
    must_dvx(author, "push")
    check_fresh_clone(author, contents)


def check_fresh_clone(author: Path, contents: dict) -> None:
    fresh = clone(author, author.parent / "fresh")
    must_dvx(fresh, "pull")
    assert read_tree(fresh / "data") == contents["new"]
    assert read_one(fresh / "model.bin") == ("file", contents["new model"])
    must_dvx(fresh, "status", "--exit-code")


# push


@pytest.mark.parametrize("point", PUSH_POINTS, ids=name_of)
def test_push_killed_at_a_system_call_leaves_a_valid_remote_and_the_next_push_finishes(
    scene: Callable, strace: list[str], contents: dict, point: tuple[str, int, str]
) -> None:
    copy = scene("added")
    kill_at(strace, point, copy.author, "push")
    finish_push(copy, contents)


def finish_push(copy, contents: dict) -> None:
    scan_store(copy.remote)
    scan_store(store_of(copy.author))
    must_dvx(copy.author, "push")
    stored = check_pointers(copy.author, copy.remote)
    assert stored == {"data": contents["new"], "model.bin": {"": ("file", contents["new model"])}}


def test_push_killed_by_the_clock_can_be_finished_and_cloned(scene: Callable, contents: dict) -> None:
    whole_s = time_of(scene, "added", "author", "push")
    for part in MOMENTS:
        copy = scene("added")
        kill_after(part, copy.author, "push", whole_s=whole_s)
        finish_push(copy, contents)
        if part != MOMENTS[-1]:
            copy.folder.rename(copy.folder.with_name(f"done-{part}"))
    must_dvx(copy.author, "status", "--remote", "--exit-code")
    check_fresh_clone(copy.author, contents)


# fetch


@pytest.mark.parametrize("point", FETCH_POINTS, ids=name_of)
def test_fetch_killed_at_a_system_call_leaves_a_valid_store_and_the_next_fetch_finishes(
    scene: Callable, strace: list[str], contents: dict, point: tuple[str, int, str]
) -> None:
    copy = scene("pushed")
    before = read_tree(copy.colleague / "data")
    kill_at(strace, point, copy.colleague, "fetch")
    assert read_tree(copy.colleague / "data") == before
    finish_fetch(copy, contents)


def finish_fetch(copy, contents: dict) -> None:
    scan_store(store_of(copy.colleague))
    must_dvx(copy.colleague, "fetch")
    stored = check_pointers(copy.colleague, store_of(copy.colleague))
    assert stored == {"data": contents["new"], "model.bin": {"": ("file", contents["new model"])}}
    copy.remote.rename(copy.remote.with_name("gone"))
    must_dvx(copy.colleague, "checkout")
    assert read_tree(copy.colleague / "data") == contents["new"]


def test_fetch_killed_by_the_clock_can_be_finished(scene: Callable, contents: dict) -> None:
    whole_s = time_of(scene, "pushed", "colleague", "fetch")
    for part in MOMENTS:
        copy = scene("pushed")
        kill_after(part, copy.colleague, "fetch", whole_s=whole_s)
        finish_fetch(copy, contents)
        copy.folder.rename(copy.folder.with_name(f"done-{part}"))


# pull


def check_half_pulled(colleague: Path, contents: dict) -> None:
    """Every file is as it was or as it will be; what neither version has is a temporary file."""
    for path, content in read_tree(colleague / "data").items():
        if ".dvx-tmp-" in path or content[0] == "directory":
            continue
        known = [contents["old"].get(path), contents["new"].get(path)]
        assert content in known, f"`{path}` has content that no version has"
    assert read_one(colleague / "model.bin")[1] in (contents["old model"], contents["new model"])
    for path in contents["old"].keys() & contents["new"].keys():
        assert (colleague / "data" / path).exists(), f"`{path}` was lost on the way"
    run_git(colleague, "status", "--porcelain")
    scan_store(store_of(colleague))


def finish_pull(colleague: Path, contents: dict) -> None:
    check_half_pulled(colleague, contents)
    must_dvx(colleague, "pull")
    assert read_tree(colleague / "data") == contents["new"]
    assert read_one(colleague / "model.bin") == ("file", contents["new model"])
    assert debris(colleague) == []
    assert run_git(colleague, "status", "--porcelain") == ""
    must_dvx(colleague, "status", "--exit-code")


@pytest.mark.parametrize("point", PULL_POINTS, ids=name_of)
def test_pull_killed_at_a_system_call_shows_no_wrong_bytes_and_the_next_pull_finishes(
    scene: Callable, strace: list[str], contents: dict, point: tuple[str, int, str]
) -> None:
    colleague = scene("pushed").colleague
    kill_at(strace, point, colleague, "pull")
    finish_pull(colleague, contents)


@pytest.mark.parametrize("mode", ["--store", "--no-store"])
def test_pull_killed_by_the_clock_can_be_finished(scene: Callable, contents: dict, mode: str) -> None:
    whole_s = time_of(scene, "pushed", "colleague", "pull", mode)
    for part in MOMENTS:
        copy = scene("pushed")
        kill_after(part, copy.colleague, "pull", mode, whole_s=whole_s)
        finish_pull(copy.colleague, contents)
        copy.folder.rename(copy.folder.with_name(f"done-{part}"))


def test_first_pull_killed_while_a_large_file_is_written_leaves_no_part_of_it(
    scene: Callable, strace: list[str], contents: dict
) -> None:
    copy = scene("pushed")
    fresh = clone(copy.author, copy.folder / "fresh")
    must_dvx(fresh, "fetch")
    kill_at(strace, ("fchmodat", 1, "main"), fresh, "checkout")
    assert not (fresh / "data" / "large.bin").exists()
    assert debris(fresh) != []
    must_dvx(fresh, "checkout")
    assert read_tree(fresh / "data") == contents["new"]
    assert debris(fresh) == []


@pytest.mark.parametrize("folder", ["data", "data/many"])
def test_checkout_killed_while_a_folder_is_made_leaves_nothing_under_its_name(
    tmp_path: Path, strace: list[str], folder: str
) -> None:
    author = make_repo(tmp_path / "author", remote=str(tmp_path / "remote"))
    files = {f"{folder}/{number:03}"[5:]: ("file", b"content %d" % number) for number in range(40)}
    write_tree(author / "data", files)
    must_dvx(author, "add", "data")
    commit(author, "data")
    must_dvx(author, "push")
    fresh = clone(author, tmp_path / "fresh")
    must_dvx(fresh, "fetch")
    kill_at(strace, ("renameat", 1, "any"), fresh, "checkout")
    assert not (fresh / folder).exists()
    (left,) = debris(fresh)
    assert len(read_tree(fresh / left)) == len(files)
    lock = Repository.discover(str(fresh)).lock_path
    with hold_lock(lock, timeout_s=0, describe="the workspace"):
        must_dvx(fresh, "status")
        assert debris(fresh) == [left], "what another command may still write was taken away"
    must_dvx(fresh, "status")
    assert debris(fresh) == [], "the command that wrote it is dead"
    must_dvx(fresh, "checkout")
    assert read_tree(fresh / "data") == files
    assert debris(fresh) == []
    must_dvx(fresh, "status", "--exit-code")
