"""`dvx get` and `dvx cat`: data of another repository, by URL and by path, without a repository here."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dvx.testing.shell import (
    commit,
    debris,
    dvx_command,
    dvx_environment,
    file_bytes,
    make_repo,
    must_dvx,
    read_tree,
    run_dvx,
    run_git,
    write_tree,
)

BIG = file_bytes(3_000_000, seed=21)
TRAIN = {
    "a.txt": ("file", b"first\n"),
    "b.txt": ("file", b"second\n"),
    "sub/big.bin": ("file", BIG),
    "sub/run.sh": ("executable", b"#!/bin/sh\n"),
    "sub/near": ("symlink", b"run.sh"),
    "up/away": ("symlink", b"../a.txt"),
    "void": ("directory", b""),
}
OLD_MODEL, MODEL = file_bytes(300_000, seed=22), file_bytes(200_000, seed=23)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bare repository `source.git`, its `author` and their folder remote. Not to be changed."""
    top = tmp_path_factory.mktemp("source")
    author = make_repo(top / "author", remote="../remote")
    write_tree(author / "data" / "train", TRAIN)
    write_tree(author / "data" / "val", {"v": b"v"})
    (author / "model.bin").write_bytes(OLD_MODEL)
    (author / "code.bin").write_bytes(file_bytes(5_000_000, seed=24))
    must_dvx(author, "add", "data/train", "data/val", "model.bin")
    run_git(author, "add", "code.bin")
    commit(author, "one")
    run_git(author, "tag", "v1")
    (author / "model.bin").write_bytes(MODEL)
    must_dvx(author, "add", "model.bin")
    commit(author, "two")
    must_dvx(author, "push", "--all-refs")
    run_git(top, "clone", "-q", "--bare", str(author), "source.git")
    run_git(top / "source.git", "config", "uploadpack.allowFilter", "true")
    return top


@pytest.fixture
def url(place: Path) -> str:
    return f"file://{place}/source.git"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty folder that is in no repository."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", ["url", "bare", "worktree", "relative"])
def test_file_is_got_from_every_kind_of_repository(place: Path, here: Path, kind: str) -> None:
    repository = {
        "url": f"file://{place}/source.git",
        "bare": str(place / "source.git"),
        "worktree": str(place / "author"),
        "relative": os.path.relpath(place / "source.git", here),
    }[kind]
    ran = must_dvx(here, "get", repository, "model.bin")
    assert read_tree(here) == {"model.bin": ("file", MODEL)}
    assert "got 1 file (200 kB)" in ran.err


def test_folder_is_got_with_links_modes_and_empty_folders(url: str, here: Path) -> None:
    must_dvx(here, "get", url, "data/train")
    assert read_tree(here) == {f"train/{name}": content for name, content in TRAIN.items()}


def test_folder_above_several_tracked_paths_is_got_whole(url: str, here: Path) -> None:
    must_dvx(here, "get", url, "data/", "-o", "copy")
    expected = {f"train/{name}": content for name, content in TRAIN.items()} | {"val/v": ("file", b"v")}
    assert read_tree(here / "copy") == expected


def test_everything_is_got_by_a_dot(url: str, here: Path) -> None:
    must_dvx(here, "get", url, ".")
    found = read_tree(here / "source")
    assert set(found) == {"model.bin", "data/val/v", *(f"data/train/{name}" for name in TRAIN)}


def test_file_and_folder_inside_a_tracked_folder_are_got(url: str, here: Path) -> None:
    must_dvx(here, "get", url, "data/train/sub/big.bin", "-o", "renamed.bin")
    must_dvx(here, "get", url, "./data/train/sub/", "-o", "inner")
    assert (here / "renamed.bin").read_bytes() == BIG
    expected = {name[4:]: content for name, content in TRAIN.items() if name.startswith("sub/")}
    assert read_tree(here / "inner") == expected


def test_pattern_takes_what_matches_below_its_fixed_folder(url: str, here: Path) -> None:
    must_dvx(here, "get", url, "data/train/*.txt", "-o", "texts")
    assert read_tree(here / "texts") == {name: TRAIN[name] for name in ("a.txt", "b.txt")}


def test_file_goes_into_a_folder_that_is_there(url: str, here: Path) -> None:
    (here / "models").mkdir()
    must_dvx(here, "get", url, "model.bin", "-o", "models")
    must_dvx(here, "get", url, "model.bin.dvx", "--rev", "v1", "-o", "old/")
    assert read_tree(here) == {"models/model.bin": ("file", MODEL), "old/model.bin": ("file", OLD_MODEL)}


def test_revision_chooses_the_version(place: Path, url: str, here: Path) -> None:
    old = run_git(place / "author", "rev-parse", "v1")
    for number, rev in enumerate(["v1", "main~1", old, old[:9]]):
        must_dvx(here, "get", url, "model.bin", "--rev", rev, "-o", f"{number}")
        assert (here / f"{number}").read_bytes() == OLD_MODEL


def test_other_files_are_not_overwritten_without_force(url: str, here: Path, explains) -> None:
    (here / "train" / "sub").mkdir(parents=True)
    (here / "train" / "b.txt").write_bytes(b"mine")
    (here / "train" / "a.txt").write_bytes(TRAIN["a.txt"][1])
    before = read_tree(here)
    explains(run_dvx(here, "get", url, "data/train"), 1, "`b.txt`", "--force")
    assert read_tree(here) == before
    ran = must_dvx(here, "get", url, "data/train", "--force", "--json")
    answer = json.loads(ran.out)
    assert (answer["schema"], answer["present"], answer["written"]) == ("dvx.get/1", 1, 5)
    assert read_tree(here / "train") == TRAIN


def test_folder_where_a_file_belongs_is_never_removed(url: str, here: Path, explains) -> None:
    (here / "train" / "a.txt").mkdir(parents=True)
    explains(run_dvx(here, "get", url, "data/train", "--force"), 1, "`a.txt`")
    assert read_tree(here) == {"train/a.txt": ("directory", b"")}


def test_link_that_leads_out_of_the_wanted_part_is_refused(url: str, here: Path, explains) -> None:
    explains(run_dvx(here, "get", url, "data/train/up"), 2, "`away`", "part that was asked for")
    assert read_tree(here) == {}


def test_link_in_the_place_is_not_followed(url: str, here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (here / "train").mkdir()
    (here / "train" / "sub").symlink_to(outside)
    assert run_dvx(here, "get", url, "data/train", "--force").code != 0
    assert read_tree(outside) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 1, "`nothing` is not tracked"),
        (["data/train/none"], 1, "`data/train/none` is not in the tracked data"),
        (["../model.bin"], 1, "is not tracked"),
        (["model.bin", "--rev", "none"], 1, "`none` names no commit"),
        (["model.bin", "--rev=-x"], 2, "is not a revision"),
        (["model.bin", "-r", "none"], 1, "no remote `none`"),
    ],
)
def test_what_is_not_there_is_named(url: str, here: Path, explains, arguments, code: int, words: str) -> None:
    explains(run_dvx(here, "get", url, *arguments), code, words)
    assert read_tree(here) == {}


def test_path_that_is_not_tracked_is_answered_with_those_that_are(url: str, here: Path) -> None:
    assert "hint: did you mean `model.bin`?" in run_dvx(here, "get", url, "models.bin").err
    ran = run_dvx(here, "get", url, "zzz")
    assert "hint: what is tracked there: `data/train`, `data/val`, `model.bin`" in ran.err


def test_name_with_signs_of_a_pattern_is_that_file(tmp_path: Path, here: Path) -> None:
    repo = make_repo(tmp_path / "repo", remote="../signs")
    write_tree(repo / "data", {"a[1].txt": b"signs", "a1.txt": b"one", "b[x]/in": b"in", "bx/in": b"no"})
    must_dvx(repo, "add", "data")
    commit(repo, "data")
    assert must_dvx(repo, "cat", "data/a[1].txt").out == "signs"
    assert must_dvx(here, "cat", "--repo", str(repo), "data/a[1].txt").out == "signs"
    must_dvx(here, "get", str(repo), "data/a[1].txt", "-o", "file")
    must_dvx(here, "get", str(repo), "data/b[x]", "-o", "folder")
    must_dvx(here, "get", str(repo), "data/a?.txt", "-o", "matching")
    assert read_tree(here) == {
        "file": ("file", b"signs"),
        "folder/in": ("file", b"in"),
        "matching/a1.txt": ("file", b"one"),
    }


def test_folder_that_is_no_repository_is_named(here: Path, explains) -> None:
    explains(run_dvx(here, "get", str(here), "x"), 1, f"`{here}` is not a Git repository")


def test_dash_is_no_place_to_write_to_and_names_the_command_that_prints(
    url: str, here: Path, explains
) -> None:
    explains(run_dvx(here, "get", url, "model.bin", "-o", "-"), 2, "dvx cat --repo REPO model.bin")
    assert read_tree(here) == {}


def test_folder_that_cat_cannot_print_comes_with_the_get_that_writes_it(url: str, here: Path) -> None:
    ran = run_dvx(here, "cat", "--repo", url, "data/val")
    assert (ran.code, ran.out) == (2, "")
    assert f"`dvx get {url} data/val -o OUT`" in ran.err
    must_dvx(here, "get", url, "data/val", "-o", "out")
    assert read_tree(here / "out") == {"v": ("file", b"v")}


@pytest.mark.parametrize(
    "repository", ["ext::sh -c touch% x", "--upload-pack=touch x", "ssh://-oProxyCommand=x/y"]
)
def test_hostile_address_starts_nothing(here: Path, explains, repository: str) -> None:
    explains(run_dvx(here, "get", "--", repository, "model.bin"), 2, "is not an address")
    assert read_tree(here) == {}


def test_failure_leaves_no_half_file(place: Path, url: str, here: Path, tmp_path: Path, explains) -> None:
    shutil.copytree(place / "remote", tmp_path / "remote")
    for folder, _, names in os.walk(tmp_path / "remote" / "packs"):
        for name in names:
            path = Path(folder) / name
            data = bytearray(path.read_bytes())
            if len(data) > 1_000_000:
                data[len(data) // 2] ^= 1
                path.write_bytes(data)
    env = {"DVX_REMOTE_ORIGIN_URL": str(tmp_path / "remote")}
    explains(run_dvx(here, "get", url, "data/train/sub/big.bin", env=env), 7, "is damaged")
    assert read_tree(here) == {}
    assert debris(here) == []


def test_data_that_was_not_pushed_is_taken_from_a_repository_on_this_machine(
    tmp_path: Path, here: Path
) -> None:
    author = make_repo(tmp_path / "author")
    (author / "new.bin").write_bytes(MODEL)
    must_dvx(author, "add", "new.bin")
    commit(author, "not pushed")
    must_dvx(here, "get", "../author", "new.bin")
    assert (here / "new.bin").read_bytes() == MODEL


def test_repository_without_a_remote_says_how_to_name_one(tmp_path: Path, here: Path, explains) -> None:
    author = make_repo(tmp_path / "author")
    (author / "new.bin").write_bytes(MODEL)
    must_dvx(author, "add", "new.bin")
    commit(author, "not pushed")
    explains(run_dvx(here, "get", f"file://{author}", "new.bin"), 1, "no remote is configured", "DVX_REMOTE")


def test_temporary_folder_is_empty_again(url: str, here: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    must_dvx(here, "get", url, "model.bin", env={"TMPDIR": str(temporary)})
    run_dvx(here, "get", url, "none", env={"TMPDIR": str(temporary)})
    assert list(temporary.iterdir()) == []


def test_committed_address_is_announced_before_its_first_use(url: str, here: Path, tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    first = must_dvx(here, "get", url, "model.bin", env=env)
    assert f"first use on this machine of {Path(url[7:]).parent}/remote" in first.err
    assert url in first.err
    again = must_dvx(here, "get", url, "model.bin", "-o", "again", env=env)
    assert "first use" not in again.err


def test_state_of_a_hook_is_not_taken_for_the_source(
    place: Path, url: str, here: Path, tmp_path: Path
) -> None:
    run_git(tmp_path, "init", "-q", "hooked")
    env = {"GIT_DIR": str(tmp_path / "hooked" / ".git"), "GIT_INDEX_FILE": str(tmp_path / "none")}
    must_dvx(here, "get", url, "model.bin", env=env)
    must_dvx(here, "get", str(place / "author"), "data/val", env=env)
    assert read_tree(here) == {"model.bin": ("file", MODEL), "val/v": ("file", b"v")}


def test_get_from_a_bucket(s3_remote, tmp_path: Path, here: Path) -> None:
    author = make_repo(tmp_path / "author")
    must_dvx(author, "remote", "add", "origin", s3_remote.url, "--endpoint", s3_remote.endpoint)
    write_tree(author / "data", TRAIN)
    must_dvx(author, "add", "data")
    run_git(author, "add", "-A")
    commit(author, "data")
    must_dvx(author, "push")
    must_dvx(here, "get", f"file://{author}", "data")
    assert read_tree(here / "data") == TRAIN
    piece = cat(here, "--repo", f"file://{author}", "data/sub/big.bin", "--range", "2000000-2000009")
    assert piece == (0, BIG[2_000_000:2_000_010])


# cat


def cat(cwd: Path, *args: str) -> tuple[int, bytes]:
    done = subprocess.run(
        dvx_command("cat", *args), cwd=cwd, env=dvx_environment(), capture_output=True, check=False
    )
    return done.returncode, done.stdout


def test_cat_writes_exactly_the_bytes(place: Path, url: str, here: Path) -> None:
    author = place / "author"
    assert cat(author, "model.bin") == (0, MODEL)
    assert cat(author, "--rev", "v1", "model.bin") == (0, OLD_MODEL)
    assert cat(author / "data", "train/sub/big.bin") == (0, BIG)
    assert cat(here, "--repo", url, "--rev", "v1", "model.bin") == (0, OLD_MODEL)
    assert cat(here, "--repo", url, "data/train/sub/big.bin") == (0, BIG)


@pytest.mark.parametrize(
    ("span", "part"), [("0-9", BIG[:10]), ("2999990-", BIG[-10:]), ("-10", BIG[-10:]), ("5-5", BIG[5:6])]
)
def test_cat_of_a_range_writes_just_that(place: Path, span: str, part: bytes) -> None:
    assert cat(place / "author", "data/train/sub/big.bin", "--range", span) == (0, part)


def test_cat_reads_from_the_remote_what_is_not_here(place: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", str(place / "author"), "fresh")
    env = {"DVX_REMOTE_ORIGIN_URL": str(place / "remote")}
    done = subprocess.run(
        dvx_command("cat", "data/train/sub/big.bin", "--range", "-1000"),
        cwd=tmp_path / "fresh", env=dvx_environment(env), capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, BIG[-1000:])
    assert not (tmp_path / "fresh" / "data" / "train").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["data/train"], 2, "is not one file"),
        (["data"], 2, "is not one file"),
        (["data/train/sub"], 2, "is not one file"),
        (["data/train/void"], 2, "is not one file"),
        (["data/train/none"], 1, "is not in the tracked folder"),
        (["none"], 1, "is not tracked"),
        (["model.bin", "--range", "9-1"], 2, "is not a range"),
        (["model.bin", "--range", "200000-"], 2, "200000 bytes"),
    ],
)
def test_cat_of_what_is_no_file_writes_nothing(
    place: Path, explains, arguments, code: int, words: str
) -> None:
    ran = run_dvx(place / "author", "cat", *arguments)
    explains(ran, code, words, affected=False)
    assert ran.out == ""


def test_cat_to_a_reader_that_leaves_is_quiet(place: Path) -> None:
    command = " ".join(dvx_command("cat", "data/train/sub/big.bin"))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 5 | wc -c; exit ${{PIPESTATUS[0]}}"],
        cwd=place / "author", env=dvx_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "5", "")
