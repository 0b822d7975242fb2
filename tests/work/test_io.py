"""The work gate: bytes read and written, files opened and functions called for small fixed inputs. No timing.

A bound that fails means that a command does more than it did. If that is intended, the new bound needs a reason.
"""

import os
import random
import shutil
import sys
import time

import pytest

from dvx.testing.shell import commit, make_repo, must_dvx, run_git
from dvx.testing.work_counts import count_work

MIB = 1024 * 1024
# Modules, pointers, databases, and Git's answers.
FIXED_BYTES = 12 * MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/io is Linux's")


@pytest.fixture
def large(tmp_path):
    """A repository with one incompressible file of 32 MiB, added and committed."""
    repo = make_repo(tmp_path / "author", remote=str(tmp_path / "remote"))
    (repo / "model.bin").write_bytes(random.Random(3).randbytes(32 * MIB))
    return repo


@pytest.fixture
def small(tmp_path):
    """A repository with 400 incompressible files of 5 000 bytes."""
    repo = make_repo(tmp_path / "author", remote=str(tmp_path / "remote"))
    write_files(repo, range(400))
    return repo


def write_files(repo, numbers, *, seed=4):
    chance = random.Random(seed)
    for number in numbers:
        path = repo / f"data/{number % 10}/sample-{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(5000))


def settle(repo):
    """Let a minute pass: files are older than their rows, and nothing written through memory waits for the disk."""
    for folder, _, names in os.walk(repo):
        if ".git" not in folder:
            for name in names:
                path = os.path.join(folder, name)
                stamp_ns = os.stat(path).st_mtime_ns - 60_000_000_000
                os.utime(path, ns=(stamp_ns, stamp_ns))
    time.sleep(0.1)  # several ticks of the clock of files: their change time is that of the line above


def data_files(work):
    return [name for name in work.opened if os.path.basename(name).startswith(("sample-", "model"))
            and not name.endswith(".dvx")]  # fmt: skip


def test_add_reads_a_file_once_and_nothing_of_what_it_stored(large):
    work = count_work(large, "add", "model.bin")
    assert 32 * MIB <= work.read_bytes <= 32 * MIB + FIXED_BYTES
    assert 32 * MIB <= work.written_bytes <= 32 * MIB + MIB


def test_add_of_an_unchanged_file_reads_no_data(large):
    must_dvx(large, "add", "model.bin")
    work = count_work(large, "add", "model.bin")
    assert data_files(work) == []
    assert work.read_bytes < FIXED_BYTES
    assert work.written_bytes < MIB


def test_add_of_small_files_opens_each_once(small):
    work = count_work(small, "add", "data")
    assert len(data_files(work)) == 400
    # One read for the bytes, one at most to see the end.
    assert work.read_calls <= 400 * 2 + 1500
    assert work.write_calls <= 200


def test_status_of_a_clean_tree_opens_no_data_file(small):
    must_dvx(small, "add", "data")
    commit(small, "data")
    settle(small)
    must_dvx(small, "add", "data")
    work = count_work(small, "status")
    assert data_files(work) == []
    assert work.read_bytes < FIXED_BYTES


def test_add_of_a_changed_directory_reads_only_what_changed(small):
    must_dvx(small, "add", "data")
    settle(small)
    must_dvx(small, "add", "data")
    write_files(small, [7, 8, 9], seed=5)
    work = count_work(small, "add", "data")
    assert len(data_files(work)) == 3
    assert work.written_bytes < MIB


def test_switch_of_a_directory_touches_only_what_changed(small):
    must_dvx(small, "add", "data")
    commit(small, "one")
    write_files(small, [7, 8, 9], seed=5)
    must_dvx(small, "add", "data")
    commit(small, "two")
    run_git(small, "checkout", "-q", "HEAD~1")
    settle(small)
    settle_rows(small)
    work = count_work(small, "checkout")
    temporary = [name for name in work.opened if os.path.basename(name).startswith(".dvx-tmp-")]
    assert len([name for name in temporary if ".git" not in name]) == 3
    assert data_files(work) == []


def settle_rows(repo):
    """Have the ids of the files as they are now in the stat cache, beyond its racy window."""
    must_dvx(repo, "status")


def test_switch_of_a_large_file_copies_what_both_versions_share(large):
    must_dvx(large, "add", "model.bin")
    commit(large, "one")
    with open(large / "model.bin", "r+b") as file:
        file.seek(16 * MIB)
        file.write(bytes(range(256)) * 4096)
    must_dvx(large, "add", "model.bin")
    commit(large, "two")
    run_git(large, "checkout", "-q", "HEAD~1")
    settle(large)
    settle_rows(large)
    work = count_work(large, "checkout")
    assert data_files(work) == [str(large / "model.bin")]
    assert work.read_bytes <= 32 * MIB + FIXED_BYTES
    assert work.written_bytes <= 32 * MIB + MIB


def test_push_with_nothing_to_do_reads_no_pack(small):
    must_dvx(small, "add", "data")
    commit(small, "data")
    must_dvx(small, "push")
    work = count_work(small, "push")
    packs = [name for name in work.opened if "/packs/" in name]
    assert packs == []
    assert work.written_bytes < MIB


def test_push_to_a_folder_reads_each_pack_once(large, tmp_path):
    must_dvx(large, "add", "model.bin")
    commit(large, "model")
    work = count_work(large, "push")
    # Read to check it against the digest; the copy itself is the kernel's or counted once more.
    assert work.read_bytes <= 2 * 32 * MIB + FIXED_BYTES
    assert work.written_bytes <= 32 * MIB + MIB


@pytest.mark.parametrize(("args", "most"), [(("status",), 60), (("add", "data"), 100), (("checkout",), 70)])
def test_function_calls_for_each_unchanged_file_are_bounded(tmp_path, args, most):
    """Calls for 600 files less those for 200, divided by the difference: what one more file costs."""
    counts = []
    for count in (200, 600):
        repo = make_repo(tmp_path / str(count))
        write_files(repo, range(count))
        must_dvx(repo, "add", "data")
        commit(repo, "data")
        settle(repo)
        must_dvx(repo, "add", "data")
        counts.append(count_work(repo, *args, function_calls=True).function_calls)
        shutil.rmtree(repo)
    assert (counts[1] - counts[0]) / 400 <= most


def write_many(repo, count):
    for number in range(count):
        path = repo / f"data/{number // 100:03}/sample-{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)


def calls_of_one_path(tmp_path, count):
    repo = make_repo(tmp_path / f"many-{count}")
    write_many(repo, count)
    must_dvx(repo, "add", "data")
    (repo / "data/001/sample-00150.bin").write_bytes(b"changed")
    return count_work(repo, "add", "data/001/sample-00150.bin", function_calls=True)


def test_add_of_one_path_costs_the_same_among_ten_times_as_many_files(tmp_path):
    few, many = calls_of_one_path(tmp_path, 1000), calls_of_one_path(tmp_path, 10_000)
    # More is the index of the pack that is cut, of 10 000 chunks here, and the one leaf: up to 2 048 entries.
    assert many.function_calls < few.function_calls + 80_000
    assert {os.path.basename(name) for name in data_files(many)} == {"sample-00150.bin"}
    assert [name for name in many.opened if os.path.isdir(name) and "/data" in name] == []


def calls_of_status(tmp_path, count):
    repo = make_repo(tmp_path / f"status-{count}")
    write_many(repo, count)
    must_dvx(repo, "add", "data")
    settle(repo)
    must_dvx(repo, "status")  # hashes the files, which have new times, and keeps their rows
    must_dvx(repo, "status")  # compares rows, and marks the leaves
    return count_work(repo, "status", function_calls=True).function_calls


def test_status_of_unchanged_files_looks_at_no_line_and_no_row(tmp_path):
    few, many = calls_of_status(tmp_path, 1000), calls_of_status(tmp_path, 3000)
    # Nearly five calls for a file: listing it, its stat, its mark.
    assert many - few < 6 * 2000
