"""Hints are typed where the person is; each is a command line that works there."""

import os
from pathlib import Path

import pytest

from dvx.cli.hint_paths import Standpoint
from dvx.testing.shell import make_repo, must_dvx, run_dvx, run_git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "my data" / "raw").mkdir(parents=True)
    (root / "my data" / "raw.dvx").write_text("")
    (root / "my data" / "it's.dvx").write_text("")
    (root / "new").mkdir()
    (root / "pull").mkdir()
    return root


@pytest.mark.parametrize(
    ("hint", "placed"),
    [
        ("keep it: `dvx add 'my data/raw'`", "keep it: `dvx add raw`"),
        (
            "`dvx pull --force 'my data/it'\"'\"'s' new`, then `dvx pull`",
            "`dvx pull --force 'it'\"'\"'s' ../new`, then `dvx pull`",
        ),
        ("`dvx checkout 'my data/raw/gone.bin'`", "`dvx checkout raw/gone.bin`"),
        ("`git checkout HEAD -- 'my data/gone.dvx'`", "`git checkout HEAD -- gone.dvx`"),
        ("`mv 'my data/raw' 'my data/raw.new'`", "`mv raw raw.new`"),
        ("`dvx pull` it, or `dvx push -r new`", "`dvx pull` it, or `dvx push -r new`"),
        ("`git status && dvx add new`", "`git status && dvx add ../new`"),
        ("`dvx add ../new`", "`dvx add ../new`"),
        ("`dvx add raw` and `dvx --help`", "`dvx add raw` and `dvx --help`"),
        ("what `it's` is", "what `it's` is"),
    ],
)  # fmt: skip
def test_hint_in_a_subfolder_counts_from_there(root: Path, hint: str, placed: str) -> None:
    here = str(root / "my data")
    assert Standpoint(str(root), here, here).placed(hint) == placed


def test_hint_at_the_root_stays_as_it_is(root: Path) -> None:
    assert Standpoint(str(root), str(root), str(root)).placed("`dvx add new`") == "`dvx add new`"


def test_hint_after_minus_c_names_the_folder_again(root: Path) -> None:
    stand = Standpoint(str(root), str(root / "my data"), str(root.parent))
    hint = "`dvx add 'my data/raw'`, `git commit`, `rm new`"
    assert stand.placed(hint) == (
        "`dvx -C 'repo/my data' add raw`, `git -C 'repo/my data' commit`, `rm repo/new`"
    )


def test_hints_outside_of_a_repository_name_the_folder(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    ran = run_dvx(tmp_path, "-C", "x", "status")
    assert ran.code == 10
    assert "hint: make one: `git -C x init`" in ran.err


def _hinted(err: str) -> list[str]:
    return [line.split("`")[1] for line in err.splitlines() if line.startswith("hint: ")]


def test_hints_of_a_changed_file_work_in_its_folder(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    here = repo / "my data"
    here.mkdir()
    (here / "raw.bin").write_text("one")
    must_dvx(here, "add", "raw.bin")
    run_git(repo, "commit", "-qm", "one")
    (here / "raw.bin").write_text("two")
    refused = run_dvx(here, "pull")
    assert refused.code == 1
    assert _hinted(refused.err) == ["dvx add raw.bin", "dvx checkout --force raw.bin"]
    must_dvx(here, "checkout", "--force", "raw.bin")
    assert (here / "raw.bin").read_text() == "one"


def test_hints_of_a_setup_in_a_subfolder_name_files_from_there(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    (repo / "sub").mkdir(parents=True)
    run_git(repo, "init", "-q")
    told = must_dvx(repo / "sub", "init").err
    assert os.path.lexists(repo / ".gitattributes")
    assert "git commit -m 'set up dvx' ../.dvx/config.toml ../.gitattributes" in told


def test_a_command_that_says_where_it_runs_is_left_as_it_is() -> None:
    place = Standpoint(root=None, folder="/x/fresh", current="/x")
    assert place.placed("get it: `dvx -C fresh pull data`") == "get it: `dvx -C fresh pull data`"
    assert place.placed("get it: `dvx pull data`") == "get it: `dvx -C fresh pull data`"
