"""What `git diff`, `git log -p` and `git show` say of pointers."""

import os
import socket
from pathlib import Path

import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer
from dvx.repo.drivers import install_drivers
from dvx.repo.repository import Repository
from dvx.testing.shell import clone, commit, make_repo, must_dvx, read_tree, run_dvx, run_git, write_tree


def _repo(tmp_path: Path) -> Path:
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    install_drivers(Repository.discover(str(repo)))
    return repo


def _changed(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_git_diff_names_the_changed_files_of_a_small_directory(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    write_tree(repo / "data", {"a.txt": b"a", "sub/b.txt": b"b", "x": ("executable", b"x")})
    must_dvx(repo, "add", "data")
    commit(repo, "first")
    (repo / "data/sub/b.txt").write_bytes(b"changed")
    must_dvx(repo, "add", "data")
    old, new = hash_bytes(b"b").hex()[:12], hash_bytes(b"changed").hex()[:12]
    changed = _changed(run_git(repo, "diff", "HEAD"))
    assert f"-sub/b.txt: 1 bytes, {old}" in changed
    assert f"+sub/b.txt: 7 bytes, {new}" in changed
    assert "-size: 3 B (3 bytes)" in changed
    assert not any("a.txt" in line for line in changed)
    commit(repo, "second")
    assert "+sub/b.txt: 7 bytes" in run_git(repo, "log", "-p", "-1")
    shown = run_git(repo, "show", "HEAD~1")
    assert "+x: executable, 1 bytes" in shown


def test_git_diff_of_a_larger_directory_says_in_which_folder_and_kind_of_file(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    tree = {f"cats/{number}.png": b"c%d" % number for number in range(40)}
    tree |= {f"dogs/{number}.png": b"d%d" % number for number in range(40)}
    write_tree(repo / "data", {**tree, "labels.csv": b"l"})
    must_dvx(repo, "add", "data")
    commit(repo, "first")
    (repo / "data/dogs/7.png").write_bytes(b"D7")  # the same size
    must_dvx(repo, "add", "data")
    changed = _changed(run_git(repo, "diff", "HEAD"))
    assert [line.split(",")[0] for line in changed if "dvx" not in line] == [
        "-dogs/: 40 files",
        "+dogs/: 40 files",
    ]
    assert "*.csv: 1 files, 1 bytes" in must_dvx(repo, "textconv", "data.dvx").out


def test_text_of_a_large_directory_is_short_and_adds_up(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    for folder in range(8):
        write_tree(repo / f"data/part-{folder}", {f"{number:04}": b"x" * folder for number in range(800)})
    must_dvx(repo, "add", "data")
    lines = must_dvx(repo, "textconv", "data.dvx").out.splitlines()
    assert "files: 6400" in lines
    assert lines[4:] == [f"part-{folder}/: 800 files, {800 * folder} bytes" for folder in range(8)]


def test_text_with_many_folders_stays_below_40_lines(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    write_tree(repo / "data", {f"f{number:03}/x": b"x" * number for number in range(100)})
    must_dvx(repo, "add", "data")
    lines = must_dvx(repo, "textconv", "data.dvx").out.splitlines()
    assert len(lines) <= 40
    assert lines[-1] == f"70 more folders: 70 files, {sum(range(70))} bytes"


def test_listing_that_is_only_on_the_remote_is_left_out_and_nothing_is_written(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    write_tree(repo / "data", {"a": b"a"})
    must_dvx(repo, "add", "data")
    commit(repo, "data")
    must_dvx(repo, "push")
    fresh = clone(repo, tmp_path / "fresh")
    before = sorted(os.listdir(fresh / ".git"))
    out = must_dvx(fresh, "textconv", "data.dvx").out
    assert out.splitlines()[1:] == ["size: 1 B (1 bytes)", "files: 1"]
    assert sorted(os.listdir(fresh / ".git")) == before


def test_text_of_a_file_has_its_other_keys(tmp_path: Path) -> None:
    pointer = Pointer("file", hash_bytes(b"m"), 1, None, {"params": {"lr": 0.1}, "executable": True})
    (tmp_path / "m.dvx").write_bytes(format_pointer(pointer))
    assert must_dvx(tmp_path, "textconv", "m.dvx").out.splitlines() == [
        f"dvx file {hash_bytes(b'm').hex()[:12]}",
        "size: 1 B (1 bytes)",
        "executable = true",
        "",
        "[params]",
        "lr = 0.1",
    ]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", ""),
        (b"not a pointer\tat all\n", "not a pointer\tat all\n"),
        (b"<<<<<<< ours\nid\n", "<<<<<<< ours\nid\n"),
        (b"\x1b]0;title\x07 \xff\n", "\\x1b]0;title\\x07 \\xff\n"),
        (b"version = 2\nkind = 'x'", "version = 2\nkind = 'x'\n"),
        (b"a = " + b"[" * 5000, "a = " + "[" * 5000 + "\n"),
    ],
)
def test_what_is_no_pointer_is_shown_as_the_text_it_is(tmp_path: Path, data: bytes, shown: str) -> None:
    (tmp_path / "x.dvx").write_bytes(data)
    assert must_dvx(tmp_path, "textconv", "x.dvx").out == shown


def test_hostile_names_and_values_reach_no_terminal(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    write_tree(repo / "data", {"a\u202etxt.exe": b"a"})
    must_dvx(repo, "add", "data")
    path = repo / "data.dvx"
    path.write_text(path.read_text() + 'note = "\u202e\u009b31m"\n')
    out = must_dvx(repo, "textconv", "data.dvx").out
    assert "a\\u202etxt.exe: 1 bytes" in out
    assert 'note = "\\u202e\\x9b31m"' in out
    assert all(sign.isprintable() or sign == "\n" for sign in out)


def test_no_network_is_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        port = server.getsockname()[1]
        repo = make_repo(tmp_path / "repo")
        must_dvx(repo, "remote", "add", "far", "s3://bucket", "--endpoint", f"http://127.0.0.1:{port}")
        pointer = Pointer("directory", hash_bytes(b"nowhere"), 1, 1)
        (repo / "data.dvx").write_bytes(format_pointer(pointer))
        assert "files: 1" in must_dvx(repo, "textconv", "data.dvx").out
        with pytest.raises(TimeoutError):
            server.accept()


def test_file_that_is_not_there_is_the_only_failure(tmp_path: Path) -> None:
    ran = run_dvx(tmp_path, "textconv", "nothing.dvx")
    assert ran.code == 1
    assert "cannot read `nothing.dvx`" in ran.err
    assert read_tree(tmp_path) == {}
