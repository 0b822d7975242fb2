"""`dvx import` and `dvx update`: data of another repository, tracked here, and pulled from its source."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import (
    clone,
    commit,
    debris,
    file_bytes,
    make_repo,
    must_dvx,
    read_tree,
    run_dvx,
    run_git,
    write_tree,
)
from dvx.testing.store_scan import check_pointers

BIG = file_bytes(2_000_000, seed=31)
TRAIN = {
    "a.txt": ("file", b"first\n"),
    "sub/big.bin": ("file", BIG),
    "sub/run.sh": ("executable", b"#!/bin/sh\n"),
    "sub/near": ("symlink", b"run.sh"),
    "sub/void": ("directory", b""),
    "up/away": ("symlink", b"../a.txt"),
}
SUB = {name[4:]: content for name, content in TRAIN.items() if name.startswith("sub/")}
MODEL = file_bytes(200_000, seed=33)


def _make_registry(folder: Path) -> None:
    repo = make_repo(folder / "registry", remote="../registry-remote")
    write_tree(repo / "data" / "train", TRAIN)
    (repo / "model.bin").write_bytes(MODEL)
    must_dvx(repo, "add", "data/train", "model.bin")
    commit(repo, "one")
    run_git(repo, "tag", "v1")
    must_dvx(repo, "push")


@pytest.fixture
def registry(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """A repository with `data/train` and `model.bin` (executable), pushed to `registry-remote`."""
    made_once(_make_registry, tmp_path)
    return tmp_path / "registry"


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A repository that imports; its remote is `user-remote`."""
    return make_repo(tmp_path / "user", remote="../user-remote")


def table(repo: Path, path: str) -> dict:
    from dvx.formats.pointer import parse_pointer

    return dict(parse_pointer((repo / f"{path}.dvx").read_bytes()).extra.get("import", {}))


def publish_change(registry: Path) -> None:
    (registry / "data" / "train" / "a.txt").write_bytes(b"changed\n")
    (registry / "data" / "train" / "new").write_bytes(b"new")
    (registry / "data" / "train" / "sub" / "run.sh").unlink()
    (registry / "data" / "train" / "sub" / "near").unlink()
    must_dvx(registry, "add", "--update")
    commit(registry, "two")
    must_dvx(registry, "push")


def forget_source(registry: Path) -> None:
    """Let only the remote have the data: no local store of a repository on this machine helps out."""
    shutil.rmtree(registry / ".git" / "dvx")


@pytest.mark.parametrize("is_url", [True, False])
def test_import_brings_data_pointer_and_ignore_line(registry: Path, user: Path, is_url: bool) -> None:
    forget_source(registry)
    repository = f"file://{registry}" if is_url else "../registry"
    (user / "w").mkdir()
    must_dvx(user / "w", "import", f"../{repository}" if not is_url else repository, "data/train")
    assert read_tree(user / "w" / "train") == TRAIN
    head = run_git(registry, "rev-parse", "HEAD")
    assert table(user, "w/train") == {"repository": repository, "commit": head, "path": "data/train"}
    assert (user / "w" / ".gitignore").read_text() == "/train\n"
    assert run_git(user, "status", "--porcelain").split() == ["A", "w/.gitignore", "A", "w/train.dvx"]
    commit(user, "import")
    assert "clean" in must_dvx(user, "status").out + must_dvx(user, "status").err
    must_dvx(user, "push")
    check_pointers(user, user.parent / "user-remote")


def test_part_of_a_folder_becomes_a_root_of_its_own(registry: Path, user: Path) -> None:
    forget_source(registry)
    must_dvx(user, "import", "../registry", "data/train/sub", "--rev", "v1", "-o", "part")
    must_dvx(user, "import", "../registry", "data/train/sub/big.bin", "-o", "one.bin")
    must_dvx(user, "import", "../registry", "data/train/sub/run.sh")
    assert read_tree(user / "part") == SUB
    assert (user / "one.bin").read_bytes() == BIG
    assert read_tree(user)["run.sh"] == TRAIN["sub/run.sh"]
    assert table(user, "part")["revision"] == "v1"
    commit(user, "import")
    must_dvx(user, "push")
    fresh = clone(user, user.parent / "fresh")
    shutil.rmtree(registry)
    must_dvx(fresh, "pull")
    assert read_tree(fresh / "part") == SUB
    assert read_tree(fresh)["run.sh"] == TRAIN["sub/run.sh"]
    check_pointers(user, user.parent / "user-remote")


def test_part_has_the_id_that_adding_it_would_give(registry: Path, user: Path) -> None:
    must_dvx(user, "import", "../registry", "data/train/sub", "-o", "part")
    imported = (user / "part.dvx").read_text().splitlines()[:6]
    write_tree(user / "own", SUB)
    must_dvx(user, "add", "own")
    assert (user / "own.dvx").read_text().splitlines()[:6] == imported


@pytest.mark.parametrize("no_store", [True, False])
def test_pull_takes_from_the_source_what_the_own_remote_lacks(
    registry: Path, user: Path, no_store: bool
) -> None:
    forget_source(registry)
    must_dvx(user, "import", "../registry", "data/train")
    must_dvx(user, "import", f"file://{registry}", "data/train/sub", "-o", "part")
    (user / "own.bin").write_bytes(MODEL)
    must_dvx(user, "add", "own.bin")
    commit(user, "import")
    must_dvx(user, "push", "own.bin")
    publish_change(registry)
    fresh = clone(user, user.parent / "fresh")
    ran = must_dvx(fresh, "pull", *(["--no-store"] if no_store else []))
    assert "took `train` from its source ../registry" in ran.err
    assert read_tree(fresh / "train") == TRAIN
    assert read_tree(fresh / "part") == SUB
    assert (fresh / "own.bin").read_bytes() == MODEL
    assert run_git(fresh, "status", "--porcelain") == ""


def test_fetch_takes_from_the_source_too_and_needs_no_own_remote(registry: Path, tmp_path: Path) -> None:
    user = make_repo(tmp_path / "user")
    must_dvx(user, "import", "../registry", "model.bin")
    commit(user, "import")
    fresh = clone(user, tmp_path / "fresh")
    must_dvx(fresh, "fetch")
    shutil.rmtree(registry)
    must_dvx(fresh, "checkout")
    assert (fresh / "model.bin").read_bytes() == MODEL


def test_source_that_is_gone_is_told_and_other_data_still_comes(registry: Path, user: Path, explains) -> None:
    must_dvx(user, "import", "../registry", "model.bin")
    (user / "own.bin").write_bytes(BIG)
    must_dvx(user, "add", "own.bin")
    commit(user, "import")
    must_dvx(user, "push", "own.bin")
    shutil.rmtree(registry)
    fresh = clone(user, user.parent / "fresh")
    ran = run_dvx(fresh, "pull")
    explains(ran, 6, "cannot read the source of `model.bin`", "`model.bin` is not on")
    assert not (fresh / "model.bin").exists()
    must_dvx(fresh, "pull", "own.bin")
    assert (fresh / "own.bin").read_bytes() == BIG


def test_pointer_that_names_other_data_than_its_source_has_gets_none(
    registry: Path, user: Path, explains
) -> None:
    must_dvx(user, "import", "../registry", "model.bin")
    pointer = user / "model.bin.dvx"
    text = pointer.read_text()
    line = next(line for line in text.splitlines() if line.startswith("id = "))
    pointer.write_text(text.replace(line, f'id = "blake3:{"ab" * 32}"'))
    run_git(user, "add", "model.bin.dvx")
    commit(user, "forged")
    fresh = clone(user, user.parent / "fresh")
    explains(run_dvx(fresh, "pull"), 6, "is not what `model.bin.dvx` names")
    assert not (fresh / "model.bin").exists()


@pytest.mark.parametrize(
    "repository",
    ["ext::sh -c touch% started", "--upload-pack=touch started", "ssh://-oProxyCommand=x/y", "./none"],
)
def test_hostile_source_in_a_pointer_starts_nothing(
    registry: Path, user: Path, explains, repository: str
) -> None:
    must_dvx(user, "import", "../registry", "model.bin")
    pointer = user / "model.bin.dvx"
    pointer.write_text(pointer.read_text().replace('"../registry"', f'"{repository}"'))
    run_git(user, "add", "model.bin.dvx")
    commit(user, "hostile")
    fresh = clone(user, user.parent / "fresh")
    explains(run_dvx(fresh, "pull"), 6, "cannot read the source")
    assert not list(user.parent.rglob("started*"))


def test_source_that_nobody_typed_here_is_announced_once(registry: Path, user: Path, tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    must_dvx(user, "import", f"file://{registry}", "model.bin")
    commit(user, "import")
    first = must_dvx(clone(user, tmp_path / "fresh"), "pull", env=env)
    assert f"first use on this machine of the Git repository file://{registry}" in first.err
    again = must_dvx(clone(user, tmp_path / "again"), "pull", env=env)
    assert "first use" not in again.err


# Places that are taken


def test_taken_places_are_refused_and_left_alone(registry: Path, user: Path, explains) -> None:
    (user / "there.bin").write_bytes(b"mine")
    (user / "code.txt").write_bytes(b"code")
    run_git(user, "add", "code.txt")
    write_tree(user / "folder", {"own": b"own"})
    must_dvx(user, "add", "folder")
    commit(user, "own")
    before = read_tree(user / "folder"), (user / "there.bin").read_bytes()
    for out, kind, words in [
        ("there.bin", 1, "something else at `there.bin`"),
        ("code.txt", 2, "Git already tracks"),
        ("folder/model", 2, "inside one another"),
        ("../outside.bin", 2, "outside the repository"),
    ]:
        explains(run_dvx(user, "import", "../registry", "model.bin", "-o", out), kind, words, affected=False)
    assert "belongs to Git" in run_dvx(user, "import", "../registry", "model.bin", "-o", ".git/x").err
    explains(
        run_dvx(user, "import", "../registry", "data/train", "-o", "folder"), 2, "`folder` is tracked already"
    )
    assert (read_tree(user / "folder"), (user / "there.bin").read_bytes()) == before
    assert run_git(user, "status", "--porcelain") == "?? there.bin"
    assert debris(user) == []


def test_import_goes_on_where_an_earlier_one_stopped(registry: Path, user: Path) -> None:
    write_tree(user / "train", {"a.txt": TRAIN["a.txt"][1]})
    must_dvx(user, "import", "../registry", "data/train")
    assert read_tree(user / "train") == TRAIN


@pytest.mark.parametrize("path", ["data", ".", "data/*", "none", "data/train/none", "data/train/up"])
def test_what_is_not_one_path_cannot_be_imported(registry: Path, user: Path, explains, path: str) -> None:
    explains(run_dvx(user, "import", "../registry", path), 2 if path != "none" and "none" not in path else 1)
    assert run_git(user, "status", "--porcelain") == ""
    assert read_tree(user).keys() == {name for name in read_tree(user) if name.startswith((".git", ".dvx"))}


# Update


def test_update_follows_the_branch_and_says_what_changed(registry: Path, user: Path) -> None:
    must_dvx(user, "import", "../registry", "data/train")
    must_dvx(user, "import", "../registry", "data/train/sub", "-o", "part")
    must_dvx(user, "import", "../registry", "model.bin", "--rev", "v1")
    commit(user, "import")
    assert "nothing changed: 3 imports up to date" in must_dvx(user, "update").err
    publish_change(registry)
    forget_source(registry)
    ran = must_dvx(user, "update", "--json")
    head = run_git(registry, "rev-parse", "HEAD")
    items = {item["path"]: item for item in json.loads(ran.out)["paths"]}
    assert json.loads(ran.out)["schema"] == "dvx.update/1"
    assert [items[name]["changed"] for name in ("train", "part", "model.bin")] == [True, True, False]
    counts = [items["train"][name] for name in ("added", "modified", "removed")]
    assert counts == [1, 1, 2]
    assert items["train"]["commit"] == table(user, "train")["commit"] == head
    assert "updated 2 of 3 imports" in ran.err
    assert read_tree(user / "train") == read_tree(registry / "data" / "train")
    assert read_tree(user / "part") == read_tree(registry / "data" / "train" / "sub")
    assert run_git(user, "diff", "--cached", "--name-only").split() == ["part.dvx", "train.dvx"]
    commit(user, "update")
    assert must_dvx(user, "status", "--exit-code").code == 0


def test_update_to_another_revision_is_remembered(registry: Path, user: Path) -> None:
    must_dvx(user, "import", "../registry", "data/train")
    publish_change(registry)
    must_dvx(user, "update", "train")
    must_dvx(user, "update", "train", "--rev", "v1")
    assert read_tree(user / "train") == TRAIN
    assert table(user, "train")["revision"] == "v1"
    assert "nothing changed" in must_dvx(user, "update").err


def test_update_keeps_work_that_is_not_stored(registry: Path, user: Path, explains) -> None:
    must_dvx(user, "import", "../registry", "data/train")
    commit(user, "import")
    publish_change(registry)
    (user / "train" / "a.txt").write_bytes(b"my work")
    pointer = (user / "train.dvx").read_bytes()
    explains(run_dvx(user, "update"), 1, "`train/a.txt`")
    assert (user / "train" / "a.txt").read_bytes() == b"my work"
    assert (user / "train.dvx").read_bytes() == pointer
    must_dvx(user, "update", "--force")
    assert read_tree(user / "train") == read_tree(registry / "data" / "train")


def test_update_names_the_import_whose_path_is_gone_at_the_source(
    registry: Path, user: Path, explains
) -> None:
    must_dvx(user, "import", "../registry", "data/train")
    must_dvx(user, "import", "../registry", "model.bin")
    commit(user, "import")
    publish_change(registry)
    must_dvx(registry, "mv", "model.bin", "weights.bin")
    commit(registry, "renamed")
    must_dvx(registry, "push")
    before = (user / "train.dvx").read_bytes()
    explains(run_dvx(user, "update"), 1, "the import `model.bin` cannot be updated", "dvx update PATH")
    assert (user / "train.dvx").read_bytes() == before
    must_dvx(user, "update", "train")
    assert (user / "train.dvx").read_bytes() != before


def test_update_of_what_is_no_import_says_so(registry: Path, user: Path, explains) -> None:
    assert "nothing is imported" in must_dvx(user, "update").err
    (user / "own.bin").write_bytes(MODEL)
    must_dvx(user, "add", "own.bin")
    explains(run_dvx(user, "update", "own.bin"), 2, "`own.bin` is not imported")


def test_changed_data_is_no_import_any_more(registry: Path, user: Path) -> None:
    must_dvx(user, "import", "../registry", "data/train")
    must_dvx(user, "add", "train")
    assert table(user, "train")["path"] == "data/train"
    (user / "train" / "a.txt").write_bytes(b"mine")
    ran = must_dvx(user, "add", "train")
    assert "no longer names an import" in ran.err
    assert table(user, "train") == {}
    assert "import" not in (user / "train.dvx").read_text()


def test_import_of_a_renamed_path_keeps_its_source(registry: Path, user: Path) -> None:
    must_dvx(user, "import", "../registry", "data/train")
    must_dvx(user, "mv", "train", "elsewhere")
    assert table(user, "elsewhere")["path"] == "data/train"
    publish_change(registry)
    must_dvx(user, "update")
    assert read_tree(user / "elsewhere") == read_tree(registry / "data" / "train")
