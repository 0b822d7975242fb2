"""scripts/release: what stands against a release, and what it writes before it builds."""

import argparse
import importlib.machinery
import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from pages.tree import ROOT
from releases.artifacts import write_checksums
from releases.state import ReleaseError, changelog_entry, problems
from releases.version import current_version, named_versions, set_version

from dvx.testing.shell import run_git

Release = Callable[..., None]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small project with the places that name a version."""
    for name in (
        "src/dvx/__init__.py",
        "docs/how-to/pre-commit.md",
        "docs/how-to/github-actions.md",
        "pyproject.toml",
    ):
        (tmp_path / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "checkout" / name)
    checkout = tmp_path / "checkout"
    (checkout / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 9.9.9\n\n- git-dvx==0.0.1 was first.\n\n## 0.1.0\n\nFirst.\n"
    )
    run_git(tmp_path, "init", "-q", "-b", "main", "checkout")
    run_git(checkout, "add", ".")
    run_git(checkout, "commit", "-q", "-m", "first")
    return checkout


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The command as a module."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("release_script", str(ROOT / "scripts" / "release"))
    spec = importlib.util.spec_from_loader("release_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def release(script: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Releases the project; one small file stands for what is built."""

    def make_artifacts(shop: object, version: str) -> list[Path]:
        (shop.out).mkdir()  # type: ignore[attr-defined]
        made: Path = shop.out / f"built-{current_version(shop.source)}"  # type: ignore[attr-defined]
        made.write_text(version)
        return [made]

    monkeypatch.setattr(script, "make_artifacts", make_artifacts)

    def run(version: str, **given: object) -> None:
        options = {"dry_run": False, "from_tag": False, "out": "../dist", "offline": True} | given
        script.release(checkout, argparse.Namespace(version=version, **options))

    return run


def state(checkout: Path) -> str:
    """All that a release could change."""
    return run_git(checkout, "for-each-ref") + run_git(checkout, "status", "--porcelain", "--ignored")


def test_nothing_stands_against_a_release_of_a_clean_tree_with_an_entry(checkout: Path) -> None:
    assert problems(checkout, "9.9.9", has_tag=False) == []


def test_everything_that_stands_against_a_release_is_said_at_once(checkout: Path) -> None:
    run_git(checkout, "tag", "v1.2.3")
    run_git(checkout, "checkout", "-q", "--detach")
    (checkout / "new").write_text("x")
    found = "\n".join(problems(checkout, "1.2.3", has_tag=False))
    for words in (
        "the work tree has changes",
        "the tag v1.2.3 exists",
        "on no branch",
        "write one below `## 1.2.3`",
    ):
        assert words in found


def test_tag_that_only_the_remote_has_stands_against_a_release(checkout: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", "--bare", "checkout", "server")
    run_git(tmp_path / "server", "tag", "v9.9.9")
    run_git(checkout, "remote", "add", "origin", str(tmp_path / "server"))
    assert problems(checkout, "9.9.9", has_tag=False) == [
        "the tag v9.9.9 exists on the remote `origin`: a released version never changes"
    ]


@pytest.mark.parametrize("version", ["", "v1.2.3", "1.2", "1.2.3; rm -r .", "--help"])
def test_what_is_no_version_is_refused(checkout: Path, version: str) -> None:
    assert "is no version" in problems(checkout, version, has_tag=False)[0]


def test_entry_of_the_changelog_ends_at_the_next_version(checkout: Path) -> None:
    assert changelog_entry(checkout, "9.9.9") == "- git-dvx==0.0.1 was first."
    assert changelog_entry(checkout, "0.1.0") == "First."
    assert changelog_entry(checkout, "9.9") == ""


def test_version_is_written_into_the_module_and_every_page_but_not_into_the_history(checkout: Path) -> None:
    changed = set_version(checkout, "9.9.9")
    assert set(changed) == {
        "src/dvx/__init__.py", "docs/how-to/pre-commit.md", "docs/how-to/github-actions.md",
    }  # fmt: skip
    assert current_version(checkout) == "9.9.9"
    assert set().union(*named_versions(checkout).values()) == {"9.9.9"}
    assert "git-dvx==0.0.1" in (checkout / "CHANGELOG.md").read_text()
    assert set_version(checkout, "9.9.9") == []


def test_release_commits_the_version_tags_it_with_the_entry_and_keeps_the_files(
    release: Release, checkout: Path
) -> None:
    release("9.9.9")
    assert run_git(checkout, "status", "--porcelain") == ""
    assert run_git(checkout, "log", "-1", "--format=%s") == "Release 9.9.9"
    assert run_git(checkout, "rev-parse", "v9.9.9^{commit}") == run_git(checkout, "rev-parse", "main")
    assert run_git(checkout, "tag", "-l", "--format=%(contents)", "v9.9.9").split("\n")[::2] == [
        "dvx 9.9.9", "- git-dvx==0.0.1 was first.",
    ]  # fmt: skip
    assert (checkout.parent / "dist" / "built-9.9.9").read_text() == "9.9.9"
    assert len(run_git(checkout, "worktree", "list").splitlines()) == 1
    with pytest.raises(ReleaseError, match=r"the tag v9\.9\.9 exists"):
        release("9.9.9")


def test_files_can_be_made_again_from_the_tag_and_only_from_it(release: Release, checkout: Path) -> None:
    release("9.9.9")
    before = state(checkout)
    release("9.9.9", from_tag=True, out="../again")
    assert (checkout.parent / "again" / "built-9.9.9").exists()
    assert state(checkout) == before
    run_git(checkout, "commit", "-q", "--allow-empty", "-m", "later")
    with pytest.raises(ReleaseError, match="HEAD is not the commit of"):
        release("9.9.9", from_tag=True)
    with pytest.raises(ReleaseError, match=r"there is no tag v0\.1\.0"):
        release("0.1.0", from_tag=True)


def test_dry_run_leaves_no_commit_no_tag_and_no_file(release: Release, checkout: Path) -> None:
    before = state(checkout)
    release("9.9.9", dry_run=True)
    assert state(checkout) == before
    assert not (checkout.parent / "dist").exists()
    assert len(run_git(checkout, "worktree", "list").splitlines()) == 1


def test_release_whose_build_fails_leaves_everything_as_it_was(
    release: Release, script: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ReleaseError("no wheel")

    monkeypatch.setattr(script, "make_artifacts", fail)
    before = state(checkout)
    with pytest.raises(ReleaseError, match="no wheel"):
        release("9.9.9")
    assert state(checkout) == before
    assert len(run_git(checkout, "worktree", "list").splitlines()) == 1


def test_checksums_are_those_of_all_files_in_the_form_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "a").write_bytes(b"")
    write_checksums(tmp_path)
    write_checksums(tmp_path)
    lines = (tmp_path / "SHA256SUMS").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["a", "b"]
    assert lines[0].startswith("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  ")
