"""`core.fileMode = false`: executable bits are those of the pointers, not those of the disk."""

import os

import pytest

from dvx.ops.staged_check import check_staged
from dvx.testing.workspace import make_repo


def test_bits_of_the_disk_are_no_change_and_those_of_the_version_before_stay(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({"data/plain": b"1", "data/tool": b"2", "model.bin": b"3"})
    os.chmod(work.path("data/tool"), 0o755)
    work.add("data", "model.bin")
    work.commit("v1")
    work.git("config", "core.fileMode", "false")
    before = work.pointer("data")
    for name, mode in (("data/plain", 0o755), ("data/tool", 0o644), ("model.bin", 0o755)):
        os.chmod(work.path(name), mode)
    assert work.status().is_clean
    with work.open() as project:
        assert check_staged(project).is_clean
    work.add("data", "model.bin")
    assert work.pointer("data") == before
    work.write({"data/tool": b"edit"})
    work.add("data")
    work.git("config", "core.fileMode", "true")
    os.chmod(work.path("data/plain"), 0o644)
    os.chmod(work.path("data/tool"), 0o755)
    os.chmod(work.path("model.bin"), 0o644)
    assert work.status().is_clean


CONFIGS = [
    ("[core]\n\tfileMode = false ; no\n", True),
    ("[CORE] FileMode=off\n", True),
    ('[core]\nfilemode = "no"\n', True),
    ("[core]\nfilemode\n", False),
    ("[core]\nfilemode = false\n[core]\nfilemode = true\n", False),
    ('[core "x"]\nfilemode = false\n[core]\nfilemode = true\n', False),
    ("[core]\nfilemode = true\n[include]\npath = more\n", True),
    ("[core]\nfilemode = true\n[extensions]\nworktreeConfig = true\n", True),
]


@pytest.mark.parametrize(("text", "ignores"), CONFIGS)
def test_setting_counts_as_git_counts_it(tmp_path, text, ignores):
    work = make_repo(tmp_path / "work")
    version = "[core]\nrepositoryformatversion = 1\n"
    work.write({".git/config": (version + text).encode()})
    work.write({".git/more": b"[core]\nfilemode = false\n"})
    if "worktreeConfig" in text:
        work.write({".git/config.worktree": b"[core]\nfilemode = false\n"})
    with work.open() as project:
        assert project.ignores_mode is ignores
    assert work.git("config", "--type=bool", "core.fileMode").strip() == ("false" if ignores else "true")


def test_setting_of_the_person_counts_where_the_repository_has_none(tmp_path, monkeypatch):
    work = make_repo(tmp_path / "work")
    work.git("config", "--unset-all", "core.fileMode")
    (tmp_path / "global").write_text("[core]\nfileMode = false\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    with work.open() as project:
        assert project.ignores_mode
