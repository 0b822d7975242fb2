"""The everyday life of a repository, from `dvx init` to a merge, as two people live it."""

import json
from pathlib import Path

from dvx.testing.shell import (
    clone,
    commit,
    debris,
    file_bytes,
    make_repo,
    must_dvx,
    read_one,
    read_tree,
    run,
    run_dvx,
    run_git,
    write_tree,
)  # fmt: skip


def test_life_of_a_repository(tmp_path: Path) -> None:
    # One person sets up a repository and adds data.
    ann = make_repo(tmp_path / "ann", remote=str(tmp_path / "bucket"))
    photos = {f"p{number:02}.jpg": ("file", file_bytes(30_000, seed=number)) for number in range(20)}
    write_tree(ann / "data" / "photos", photos)
    (ann / "model.bin").write_bytes(file_bytes(2_000_000, seed=100))
    ran = must_dvx(ann, "add", "data/photos", "model.bin")
    assert "added 21 files" in ran.err
    staged = run_git(ann, "diff", "--cached", "--name-only").split()
    assert {"data/photos.dvx", "model.bin.dvx"} <= set(staged)
    assert (
        run_git(ann, "status", "--porcelain", "--untracked-files=all", "--", "data/photos", "model.bin") == ""
    )
    commit(ann, "first data")
    must_dvx(ann, "push")

    # A colleague clones and pulls.
    bob = clone(ann, tmp_path / "bob")
    assert not (bob / "model.bin").exists()
    must_dvx(bob, "pull")
    assert read_tree(bob / "data" / "photos") == photos
    assert read_one(bob / "model.bin") == read_one(ann / "model.bin")
    must_dvx(bob, "status", "--exit-code")

    # On a branch the colleague changes one photo and adds one.
    run_git(bob, "checkout", "-q", "-b", "more-photos")
    (bob / "data" / "photos" / "p03.jpg").write_bytes(b"retouched")
    (bob / "data" / "photos" / "p99.jpg").write_bytes(b"new")
    assert run_dvx(bob, "status", "--exit-code").code == 5
    must_dvx(bob, "add", "--update")
    commit(bob, "more photos")
    must_dvx(bob, "push")
    bobs = photos | {"p03.jpg": ("file", b"retouched"), "p99.jpg": ("file", b"new")}

    # Switching back and forth brings the data along.
    run_git(bob, "checkout", "-q", "main")
    must_dvx(bob, "checkout")
    assert read_tree(bob / "data" / "photos") == photos
    run_git(bob, "checkout", "-q", "more-photos")
    must_dvx(bob, "checkout")
    assert read_tree(bob / "data" / "photos") == bobs

    # Meanwhile the first person trains a new model on another branch; the pointers merge without conflict.
    (ann / "model.bin").write_bytes(file_bytes(2_000_000, seed=100) + b"tuned")
    must_dvx(ann, "add", "model.bin")
    commit(ann, "tuned model")
    must_dvx(ann, "push")
    run_git(ann, "pull", "-q", "--no-rebase", "--no-edit", str(bob), "more-photos")
    must_dvx(ann, "pull")
    assert read_tree(ann / "data" / "photos") == bobs
    assert (ann / "model.bin").read_bytes().endswith(b"tuned")

    # What changed between two commits, without the data.
    names = json.loads(must_dvx(ann, "diff", "--json", "HEAD~1", "HEAD").out)
    assert names["schema"].startswith("dvx.diff/")
    listing = must_dvx(ann, "diff", "--name-only", "HEAD^1", "HEAD").out.split()
    assert sorted(listing) == ["data/photos/p03.jpg", "data/photos/p99.jpg"]

    # Renaming and removing.
    must_dvx(ann, "mv", "model.bin", "final.bin")
    assert (ann / "final.bin").exists()
    assert not (ann / "model.bin.dvx").exists()
    must_dvx(ann, "rm", "data/photos")
    commit(ann, "only the model")
    must_dvx(ann, "push")
    cy = clone(ann, tmp_path / "cy")
    must_dvx(cy, "pull")
    assert read_one(cy / "final.bin") == read_one(ann / "final.bin")
    assert not (cy / "data" / "photos").exists()
    assert run_git(cy, "status", "--porcelain") == ""

    # And back in time: the commit names the exact data.
    run_git(cy, "checkout", "-q", "HEAD~1")
    must_dvx(cy, "pull")
    assert read_tree(cy / "data" / "photos") == bobs
    assert all(debris(repo) == [] for repo in (ann, bob, cy))


def test_conflict_of_pointers_is_resolved_by_choosing_a_side(author: Path, model: bytes) -> None:
    run_git(author, "checkout", "-q", "-b", "theirs")
    (author / "model.bin").write_bytes(b"theirs")
    must_dvx(author, "add", "model.bin")
    commit(author, "theirs")
    run_git(author, "checkout", "-q", "main")
    must_dvx(author, "checkout")
    assert (author / "model.bin").read_bytes() == model
    (author / "model.bin").write_bytes(b"ours")
    must_dvx(author, "add", "model.bin")
    commit(author, "ours")
    assert run(["git", "merge", "-q", "theirs"], author).code != 0
    ran = run_dvx(author, "checkout")
    assert ran.code == 3  # the other path is done
    assert "git checkout --theirs model.bin.dvx" in ran.err
    assert (author / "model.bin").read_bytes() == b"ours"
    run_git(author, "checkout", "--theirs", "model.bin.dvx")
    run_git(author, "add", "model.bin.dvx")
    run_git(author, "commit", "-q", "--no-edit")
    must_dvx(author, "checkout")
    assert (author / "model.bin").read_bytes() == b"theirs"


def test_work_that_is_not_stored_survives_a_switch(author: Path, tree: dict) -> None:
    run_git(author, "checkout", "-q", "-b", "other")
    (author / "data" / "a.bin").write_bytes(b"other")
    must_dvx(author, "add", "data")
    commit(author, "other")
    (author / "data" / "a.bin").write_bytes(b"precious, never added")
    run_git(author, "checkout", "-q", "main")
    ran = run_dvx(author, "checkout")
    assert ran.code == 1
    assert "data/a.bin" in ran.err
    assert (author / "data" / "a.bin").read_bytes() == b"precious, never added"
    must_dvx(author, "checkout", "--force")
    assert read_tree(author / "data") == tree
