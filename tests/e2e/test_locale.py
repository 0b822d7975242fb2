"""A locale with another encoding than UTF-8: names are the bytes on the disk, in commands and in hooks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dvx.testing.shell import Ran, commit, dvx_command, make_repo, must_dvx, run, run_git

LOCALE = "de_DE.ISO-8859-1"


@pytest.fixture(scope="session")
def latin1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a Latin-1 locale that the C library really has."""
    if shutil.which("localedef") is None:
        pytest.skip("there is no localedef to make a locale with")
    folder = tmp_path_factory.mktemp("locales")
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(folder / LOCALE)],
        capture_output=True,
        check=False,
    )
    variables = {"LOCPATH": str(folder), "LC_ALL": LOCALE, "PYTHONUTF8": "", "PYTHONCOERCECLOCALE": ""}
    asked = run(["locale", "charmap"], folder, env=variables)
    if made.returncode != 0 or asked.out.strip() != "ISO-8859-1":
        pytest.skip("this system has no sources for a Latin-1 locale")
    return variables


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    (repo / "data").mkdir()
    (repo / "data" / "é.txt").write_bytes(b"1")
    return repo


def dvx_in(env: dict[str, str], repo: Path, *args: str) -> Ran:
    """A process of its own: the locale of one that runs cannot be another for Python."""
    ran = run(dvx_command(*args), repo, env=env)
    assert ran.code == 0, ran.err
    return ran


def listed(repo: Path) -> list[str]:
    return [line.split()[-1] for line in must_dvx(repo, "ls", "-R").out.splitlines()]


def test_names_added_in_a_latin1_locale_are_those_on_the_disk(repo: Path, latin1: dict[str, str]) -> None:
    dvx_in(latin1, repo, "add", "data")
    assert listed(repo) == ["data/é.txt"]
    assert must_dvx(repo, "status", "--exit-code").code == 0
    commit(repo, "v1")
    dvx_in(latin1, repo, "push")
    shutil.rmtree(repo / "data")
    shutil.rmtree(repo / ".git" / "dvx")
    dvx_in(latin1, repo, "pull")
    assert os.listdir(os.fsencode(repo / "data")) == ["é.txt".encode()]


def test_paths_typed_in_a_latin1_locale_are_bytes(repo: Path, latin1: dict[str, str]) -> None:
    (repo / "größe").write_bytes(b"2")
    dvx_in(latin1, repo, "add", "größe")
    assert listed(repo) == ["größe"]
    assert (repo / "größe.dvx").exists()


def test_hooks_in_a_latin1_locale_follow_branches_and_find_changes(
    repo: Path, latin1: dict[str, str]
) -> None:
    must_dvx(repo, "hooks", "install")
    must_dvx(repo, "add", "data")
    commit(repo, "v1")
    run_git(repo, "switch", "-q", "-c", "next")
    (repo / "data" / "ü.txt").write_bytes(b"2")
    dvx_in(latin1, repo, "add", "data")
    assert run(["git", "commit", "-qam", "v2"], repo, env=latin1).code == 0
    assert run(["git", "switch", "-q", "main"], repo, env=latin1).code == 0
    assert os.listdir(os.fsencode(repo / "data")) == ["é.txt".encode()]
    assert run(["git", "switch", "-q", "next"], repo, env=latin1).code == 0
    assert sorted(os.listdir(os.fsencode(repo / "data"))) == ["é.txt".encode(), "ü.txt".encode()]
    (repo / "data" / "ü.txt").write_bytes(b"edited")
    (repo / "code.py").write_text("pass")
    run_git(repo, "add", "code.py")
    refused = run(["git", "commit", "-qm", "data left behind"], repo, env=latin1)
    assert "`data` has changed since its pointer was written" in refused.err
