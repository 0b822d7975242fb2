"""Bad input, item by item: the exit code of the table, words that help, and nothing lost or changed."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dvx.testing.shell import (
    HANG_S,
    Ran,
    clone,
    debris,
    dvx_command,
    make_repo,
    must_dvx,
    read_one,
    read_tree,
    run,
    run_dvx,
    run_git,
    store_of,
    without_privileges,
    write_tree,
)
from dvx.testing.store_scan import check_pointers, pack_paths, scan_store

Explains = Callable[..., None]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def run_unprivileged(cwd: Path, *args: str) -> Ran:
    command = without_privileges(dvx_command(*args))
    if command is None:
        pytest.skip("root cannot give up its privileges here")
    return run(command, cwd)


@pytest.fixture
def unchanged(author: Path) -> Iterator[None]:
    """The work tree, the pointers and Git's view of them are the same after the test."""
    before = workspace_of(author)
    yield
    assert workspace_of(author) == before


def workspace_of(repo: Path) -> tuple[dict, str]:
    tree = {path: content for path, content in read_tree(repo).items() if not path.startswith(".git/")}
    return tree, run_git(repo, "status", "--porcelain")


# What is named on the command line


@pytest.mark.parametrize("command", ["add", "push", "pull", "checkout", "rm"])
def test_missing_path_is_named_and_nothing_happens(
    author: Path, unchanged: None, explains: Explains, command: str
) -> None:
    explains(run_dvx(author, command, "nope"), 1, "nope", affected=command == "add")


def test_unknown_revision_is_named(author: Path, unchanged: None, explains: Explains) -> None:
    explains(run_dvx(author, "fetch", "--rev", "no-such-branch"), 1, "no-such-branch", affected=False)


def test_command_outside_a_repository_says_so(tmp_path: Path, explains: Explains) -> None:
    explains(run_dvx(tmp_path, "status"), 10, "git init", affected=False)


def test_add_before_init_names_the_command(tmp_path: Path, explains: Explains) -> None:
    run_git(tmp_path, "init", "-q")
    (tmp_path / "x").write_bytes(b"x")
    explains(run_dvx(tmp_path, "add", "x"), 10, "dvx init", affected=False)
    assert not (tmp_path / "x.dvx").exists()


def test_unreadable_file_stops_the_add_and_is_named(author: Path, tree: dict, explains: Explains) -> None:
    before = (author / "data.dvx").read_bytes()
    locked = author / "data" / "locked.bin"
    locked.write_bytes(b"secret")
    locked.chmod(0)
    try:
        explains(run_unprivileged(author, "add", "data"), 1, "no permission", "locked.bin", affected=False)
    finally:
        locked.chmod(0o644)
    assert (author / "data.dvx").read_bytes() == before
    assert read_tree(author / "data") == tree | {"locked.bin": ("file", b"secret")}
    must_dvx(author, "add", "data")
    assert check_pointers(author, store_of(author))["data"] == tree | {"locked.bin": ("file", b"secret")}


def test_unreadable_folder_stops_the_add_and_is_named(author: Path, explains: Explains) -> None:
    before = (author / "data.dvx").read_bytes()
    (author / "data" / "sub").chmod(0)
    try:
        explains(run_unprivileged(author, "add", "data"), 1, "no permission", "sub", affected=False)
    finally:
        (author / "data" / "sub").chmod(0o755)
    assert (author / "data.dvx").read_bytes() == before


# Pointers

CONFLICT = (
    'version = 1\nkind = "file"\n'
    f'<<<<<<< HEAD\nid = "blake3:{"1" * 64}"\n=======\nid = "blake3:{"2" * 64}"\n>>>>>>> other\nsize = 1\n'
)


@pytest.mark.parametrize("command", ["pull", "push", "checkout", "fetch"])
def test_pointer_with_conflict_markers_says_how_to_resolve_it(
    author: Path, tree: dict, model: bytes, explains: Explains, command: str
) -> None:
    (author / "model.bin.dvx").write_text(CONFLICT)
    explains(run_dvx(author, command), 3, "conflict markers", "git checkout --ours model.bin.dvx")
    assert (author / "model.bin.dvx").read_text() == CONFLICT
    assert (author / "model.bin").read_bytes() == model
    assert read_tree(author / "data") == tree


def test_pointer_with_conflict_markers_is_resolved_by_adding_the_data_again(author: Path) -> None:
    before = (author / "model.bin.dvx").read_bytes()
    (author / "model.bin.dvx").write_text(CONFLICT)
    must_dvx(author, "add", "model.bin")
    assert (author / "model.bin.dvx").read_bytes() == before


def test_status_with_a_broken_pointer_still_reports_the_others(author: Path) -> None:
    (author / "model.bin.dvx").write_text(CONFLICT)
    (author / "data" / "a.bin").write_bytes(b"changed")
    ran = run_dvx(author, "status", "--exit-code")
    assert ran.code == 5
    assert "model.bin.dvx" in ran.out
    assert "data/a.bin" in ran.out


@pytest.mark.parametrize("command", [["pull"], ["push"], ["checkout", "--force"], ["add", "model.bin"]])
def test_pointer_of_a_newer_format_is_kept_and_an_update_suggested(
    author: Path, model: bytes, explains: Explains, command: list[str]
) -> None:
    text = (author / "model.bin.dvx").read_text().replace("version = 1", "version = 2")
    (author / "model.bin.dvx").write_text(text)
    code = 1 if "model.bin" in command else 3  # the other path is done
    explains(run_dvx(author, *command), code, "model.bin.dvx", "version 2", "pip install --upgrade git-dvx")
    assert (author / "model.bin.dvx").read_text() == text
    assert (author / "model.bin").read_bytes() == model


@pytest.mark.parametrize("command", [["pull"], ["add", "model.bin"]])
def test_pointer_with_an_unknown_hash_is_kept_and_named(
    author: Path, unchanged_model: None, explains: Explains, command: list[str]
) -> None:
    text = (author / "model.bin.dvx").read_text().replace("blake3:", "sha3:")
    (author / "model.bin.dvx").write_text(text)
    code = 1 if "model.bin" in command else 3
    explains(run_dvx(author, *command), code, "`model.bin.dvx`", "`sha3`", "pip install --upgrade git-dvx")
    assert (author / "model.bin.dvx").read_text() == text


@pytest.fixture
def unchanged_model(author: Path, model: bytes) -> Iterator[None]:
    yield
    assert (author / "model.bin").read_bytes() == model


GARBAGE = {
    "nothing": b"",
    "binary": b"\x00\x01\xff\xfe",
    "not-toml": b"version = = 1\n",
    "deep": b"a = " + b"[" * 2000 + b"]" * 2000,
    "huge-number": b"version = 1\nkind = 'file'\nsize = " + b"9" * 4000,
    "negative": b"version = 1\nkind = 'file'\nid = 'blake3:" + b"0" * 64 + b"'\nsize = -1\n",
    "too-large": b"# " + b"x" * 100_000,
    "git-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
}


@pytest.mark.parametrize("case", GARBAGE)
def test_file_that_is_no_pointer_is_refused(
    author: Path, unchanged_model: None, explains: Explains, case: str
) -> None:
    (author / "model.bin.dvx").write_bytes(GARBAGE[case])
    explains(run_dvx(author, "checkout"), 3, "model.bin.dvx", "git checkout HEAD -- model.bin.dvx")
    assert (author / "model.bin.dvx").read_bytes() == GARBAGE[case]


def test_pointer_to_data_that_nobody_has_names_it(author: Path, model: bytes, explains: Explains) -> None:
    text = (author / "model.bin.dvx").read_text()
    digits = text.partition("blake3:")[2][:64]
    (author / "model.bin.dvx").write_text(text.replace(digits, "ab" * 32))
    explains(run_dvx(author, "pull"), 6, "model.bin", "not on", "dvx push model.bin")
    assert (author / "model.bin").read_bytes() == model
    explains(run_dvx(author, "push"), 6, "model.bin", "neither in the local store nor on")


def test_pointer_whose_size_disagrees_with_the_store_changes_nothing(
    author: Path, unchanged_model: None, explains: Explains
) -> None:
    text = (author / "model.bin.dvx").read_text().replace("size = 120000", "size = 120001")
    (author / "model.bin.dvx").write_text(text)
    for command in (["pull"], ["pull", "--no-store"], ["checkout", "--force"], ["push"]):
        ran = run_dvx(author, *command)
        explains(ran, 7, "120001 bytes", "120000 bytes", "git checkout HEAD -- model.bin.dvx")


# Stores


def test_flipped_byte_in_a_local_pack_never_reaches_the_workspace(
    author: Path, tree: dict, explains: Explains
) -> None:
    (pack,) = pack_paths(store_of(author), kind=1)
    flip(pack, 1000)
    (author / "data" / "a.bin").unlink()
    explains(run_dvx(author, "checkout"), 7, "is damaged", "dvx pull")
    assert not (author / "data" / "a.bin").exists()
    must_dvx(author, "pull")
    assert read_tree(author / "data") == tree
    stored = check_pointers(author, store_of(author), may_lack_packs=True)
    assert stored["data"] == tree


@pytest.mark.parametrize("mode", ["--store", "--no-store"])
@pytest.mark.parametrize("kind", [1, 2])
def test_flipped_byte_in_a_remote_pack_never_reaches_the_workspace(
    author: Path, tree: dict, model: bytes, explains: Explains, mode: str, kind: int
) -> None:
    (pack,) = pack_paths(author.parent / "remote", kind=kind)
    flip(pack, 80)
    colleague = clone(author, author.parent / "colleague")
    ran = run_dvx(colleague, "pull", mode)
    explains(ran, 7, pack.name, "is damaged", "dvx push")
    assert all(read_tree(colleague / "data").get(path) in (None, tree[path]) for path in tree)
    assert debris(colleague) == []
    scan_store(store_of(colleague))
    pack.unlink()  # the hint
    must_dvx(author, "push")
    must_dvx(colleague, "pull", mode)
    assert read_tree(colleague / "data") == tree
    assert (colleague / "model.bin").read_bytes() == model


def test_truncated_remote_pack_is_found_and_healed_by_the_next_push(
    author: Path, tree: dict, explains: Explains
) -> None:
    (pack,) = pack_paths(author.parent / "remote", kind=1)
    pack.write_bytes(pack.read_bytes()[:5000])
    colleague = clone(author, author.parent / "colleague")
    explains(run_dvx(colleague, "pull"), 7, pack.name, "is damaged")
    assert not (colleague / "data").exists()
    assert run_dvx(author, "status", "--remote", "--exit-code").code == 5
    must_dvx(author, "push")
    must_dvx(author, "status", "--remote", "--exit-code")
    must_dvx(colleague, "pull")
    assert read_tree(colleague / "data") == tree


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.chmod(0o644)
    path.write_bytes(data)


def test_remote_that_is_no_store_says_so(
    author: Path, unchanged: None, explains: Explains, tmp_path: Path
) -> None:
    must_dvx(author, "remote", "add", "--local", "empty", str(tmp_path / "nothing"))
    (author.parent / "nothing").mkdir(exist_ok=True)
    colleague = clone(author, tmp_path / "colleague")
    must_dvx(colleague, "remote", "add", "--local", "empty", str(tmp_path / "nothing"))
    explains(run_dvx(colleague, "pull", "-r", "empty"), 6, "is not a dvx store yet", "dvx push")


def test_unknown_remote_names_the_command_that_lists_them(
    author: Path, unchanged: None, explains: Explains
) -> None:
    explains(run_dvx(author, "push", "-r", "nowhere"), 1, "nowhere", "dvx remote", affected=False)


# The workspace


@pytest.mark.needs_root
@pytest.mark.skipif(not IS_ROOT, reason="mounting needs root")
def test_read_only_workspace_is_explained(author: Path, unchanged: None, explains: Explains) -> None:
    mounted = run(["mount", "--bind", str(author), str(author)], "/")
    if mounted.code:
        pytest.skip("mounting is not permitted here")
    try:
        run(["mount", "-o", "remount,ro,bind", str(author)], "/")
        (ran,) = [run_dvx(author, "add", "data")]
        explains(ran, 1, "read-only", affected=False)
        for command in (["status"], ["ls"], ["checkout"]):
            ran = run_dvx(author, *command)
            assert ran.code in (0, 1), ran
            assert "Traceback" not in ran.err
    finally:
        assert run(["umount", str(author)], "/").code == 0


def test_folder_that_cannot_be_written_is_explained_and_nothing_else_changes(
    author: Path, tree: dict, explains: Explains
) -> None:
    (author / "data" / "sub" / "b.txt").unlink()
    (author / "data" / "sub").chmod(0o555)
    try:
        explains(run_unprivileged(author, "checkout"), 3, "no permission", "data/sub", affected=False)
    finally:
        (author / "data" / "sub").chmod(0o755)
    assert read_tree(author / "data") == {k: v for k, v in tree.items() if k != "sub/b.txt"}
    must_dvx(author, "checkout")
    assert read_tree(author / "data") == tree


# Names


def test_names_that_collide_by_case_are_added_with_a_warning(author: Path) -> None:
    write_tree(author / "names", {"Read.me": b"1", "read.ME": b"2", "ok": b"3"})
    ran = must_dvx(author, "add", "names")
    assert "differ only by case" in ran.err
    assert "Read.me" in ran.err
    assert check_pointers(author, store_of(author))["names"]["read.ME"] == ("file", b"2")


WINDOWS_NAMES = {"aux.txt": b"1", "what?.txt": b"2", "end.": b"3", "a:b": b"4"}


def test_names_that_windows_cannot_hold_are_added_with_a_warning(author: Path) -> None:
    write_tree(author / "names", WINDOWS_NAMES)
    ran = must_dvx(author, "add", "names")
    assert all(name in ran.err for name in WINDOWS_NAMES)
    assert "Windows" in ran.err


@pytest.mark.parametrize("tree", [WINDOWS_NAMES, {"Read.me": b"1", "read.ME": b"2"}], ids=["windows", "case"])
def test_names_that_are_not_portable_are_refused_where_the_repository_says_so(
    author: Path, explains: Explains, tree: dict
) -> None:
    must_dvx(author, "config", "set", "core.portable", "refuse")
    write_tree(author / "names", tree)
    explains(run_dvx(author, "add", "names"), 2, *tree, "dvx config set core.portable warn")
    assert not (author / "names.dvx").exists()
    assert read_tree(author / "names") == {name: ("file", data) for name, data in tree.items()}


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"new\nline", b"back\\slash"])
def test_names_that_no_manifest_can_hold_are_refused(author: Path, explains: Explains, name: bytes) -> None:
    (author / "names").mkdir()
    path = os.fsencode(author / "names") + b"/" + name
    with open(path, "wb") as file:
        file.write(b"1")
    explains(run_dvx(author, "add", "names"), 2, ".dvxignore", affected=False)
    assert not (author / "names.dvx").exists()
    assert os.listdir(os.fsencode(author / "names")) == [name]


def test_file_name_with_escape_sequences_cannot_write_to_the_terminal(author: Path) -> None:
    (author / "pwn\x1b[31m\x07").write_bytes(b"1")
    ran = run_dvx(author, "add", "pwn\x1b[31m\x07")
    assert ran.code == 2
    assert "\x1b" not in ran.err
    assert "\x07" not in ran.err


def test_file_that_is_a_fifo_is_refused(author: Path, explains: Explains) -> None:
    os.mkfifo(author / "pipe")
    explains(run_dvx(author, "add", "pipe"), 2, "neither a file nor a directory", affected=True)
    os.mkfifo(author / "data" / "pipe")
    ran = run_dvx(author, "add", "data")
    assert ran.code in (0, 1, 2), ran
    assert "pipe" in ran.err


def test_pipes_in_the_place_of_state_files_are_not_waited_for(author: Path) -> None:
    state = author / ".git" / "dvx"
    for name in ("checked-out", "followed", "intention", "drivers.json", "workspace.lock"):
        (state / name).unlink(missing_ok=True)
        os.mkfifo(state / name)
    (author / "data" / "more").write_bytes(b"more")
    for args in (["status"], ["hooks", "install"], ["add", "data"], ["checkout"]):
        ran = run_dvx(author, *args)
        assert ran.code == 0, ran
    assert "clean" in must_dvx(author, "status").out
    assert not state.joinpath("checked-out").is_fifo()


def test_closed_standard_output_is_no_error(author: Path) -> None:
    process = subprocess.run(
        ["/bin/sh", "-c", f"{' '.join(dvx_command('ls', '-R'))} | true"], cwd=author, capture_output=True,
        env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}, timeout=HANG_S, check=False,
    )  # fmt: skip
    assert b"Traceback" not in process.stderr
    assert b"BrokenPipe" not in process.stderr


def test_repository_inside_the_data_is_refused(author: Path, explains: Explains) -> None:
    make_repo(author / "nested")
    explains(run_dvx(author, "add", "nested"), 2, "Git repository of its own")
    assert read_one(author / "nested.dvx") is None
