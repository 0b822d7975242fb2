"""The hooks for the pre-commit framework, run by the framework itself.

The definitions come from `.pre-commit-hooks.yaml`; only their language is "system" here, so that the framework runs
this dvx with this Python in place of installing one.
"""

import stat
import sys
from pathlib import Path

import pytest
import yaml

from dvx.testing.shell import (
    Ran,
    clone,
    commit,
    make_repo,
    must_dvx,
    read_tree,
    run,
    run_git,
    write_tree,
)

ROOT = Path(__file__).resolve().parents[2]
DATA = {"a.bin": ("file", b"a" * 3000), "b": ("file", b"b")}
NEWER = DATA | {"a.bin": ("file", b"A" * 3001)}


def definitions(*names: str) -> list[dict]:
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    chosen = []
    for name in names:
        words = hooks[name]["entry"].split()
        assert words[0] == "dvx"
        entry = " ".join([f"'{sys.executable}'", "-m", *words])
        unwanted = ("minimum_pre_commit_version",)
        kept = {key: value for key, value in hooks[name].items() if key not in unwanted}
        chosen.append(kept | {"entry": entry, "language": "system"})
    return chosen


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`data` is tracked, committed and pushed; all hooks are installed through the framework."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "framework"))
    repo = make_repo(tmp_path / "repo", remote=str(tmp_path / "remote"))
    hooks = definitions("dvx-check", "dvx-no-large-files", "dvx-pre-push", "dvx-post-checkout", "dvx-status")
    for hook in hooks:
        if hook["id"] == "dvx-no-large-files":
            hook["args"] = ["--maxkb=10"]
        if hook["id"] == "dvx-status":
            hook["stages"] = ["manual"]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (repo / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    write_tree(repo / "data", DATA)
    (repo / "code.py").write_text("1\n2\n3\n4\n5\n6\n7\n8\n9\n")
    must_dvx(repo, "add", "data")
    run_git(repo, "add", ".")
    commit(repo, "first")
    must_dvx(repo, "push")
    run_git(tmp_path, "init", "-q", "--bare", "hub")
    run_git(repo, "remote", "add", "origin", str(tmp_path / "hub"))
    types = ("pre-commit", "pre-push", "post-checkout", "post-merge", "post-rewrite")
    install = [sys.executable, "-m", "pre_commit", "install", *(f"--hook-type={name}" for name in types)]
    ran = run(install, repo)
    assert ran.code == 0, ran.out + ran.err
    return repo


def git(repo: Path, *args: str) -> Ran:
    return run(["git", *args], repo)


def test_the_manifest_is_one_that_the_framework_accepts() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"]
    assert run(command, ROOT).code == 0


def test_changed_data_stops_the_commit_until_it_is_added(repo: Path) -> None:
    write_tree(repo / "data", NEWER)
    (repo / "code.py").write_text("new\n")
    run_git(repo, "add", "code.py")
    ran = git(repo, "commit", "-m", "forgotten")
    assert ran.code == 1
    assert "`data` has changed since its pointer was written" in ran.out + ran.err
    assert "fix: dvx add data" in ran.out + ran.err
    must_dvx(repo, "add", "data")
    ran = git(repo, "commit", "-m", "remembered")
    assert ran.code == 0, ran.out + ran.err
    assert read_tree(repo / "data") == NEWER


def test_unstaged_changes_that_the_framework_puts_away_confuse_nothing(repo: Path) -> None:
    folder = repo / ".git" / "hooks"
    hook = folder / "post-index-change"
    hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m dvx hooks run post-index-change \"$@\"\n")
    hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
    must_dvx(repo, "config", "set", "--local", "core.autostage", "false")
    write_tree(repo / "data", NEWER)
    must_dvx(repo, "add", "data")
    pointer = (repo / "data.dvx").read_bytes()
    (repo / "code.py").write_text("staged\n2\n3\n4\n5\n6\n7\n8\n9\n")
    run_git(repo, "add", "code.py")
    (repo / "code.py").write_text("staged\n2\n3\n4\n5\n6\n7\n8\nunstaged\n")
    ran = git(repo, "commit", "-m", "without the pointer, on purpose")
    assert ran.code == 0, ran.out + ran.err
    assert (repo / "data.dvx").read_bytes() == pointer
    assert (repo / "code.py").read_text().endswith("unstaged\n")
    assert read_tree(repo / "data") == NEWER
    write_tree(repo / "data", NEWER | {"c": ("file", b"c")})
    assert git(repo, "commit", "--allow-empty", "-m", "changed again").code == 1
    assert read_tree(repo / "data") == NEWER | {"c": ("file", b"c")}
    assert (repo / "data.dvx").read_bytes() == pointer
    (repo / "data" / "c").unlink()
    run_git(repo, "add", "data.dvx")
    ran = git(repo, "commit", "-m", "with the pointer")
    assert ran.code == 0, ran.out + ran.err
    assert read_tree(repo / "data") == NEWER
    assert run_git(repo, "status", "--porcelain") == " M code.py"
    assert run_git(repo, "show", "HEAD:code.py").endswith("9")
    must_dvx(repo, "status", "--exit-code")


def test_broken_staged_pointer_is_found_behind_a_good_one_in_the_work_tree(repo: Path) -> None:
    good = (repo / "data.dvx").read_bytes()
    (repo / "data.dvx").write_bytes(b"<<<<<<< a\n=======\n>>>>>>> b\n")
    run_git(repo, "add", "data.dvx")
    (repo / "data.dvx").write_bytes(good)
    ran = git(repo, "commit", "-m", "broken")
    assert ran.code == 1
    assert "unresolved merge conflict markers" in ran.out + ran.err
    assert (repo / "data.dvx").read_bytes() == good


def test_large_file_is_stopped_and_the_printed_command_helps(repo: Path) -> None:
    (repo / "big model.bin").write_bytes(b"x" * 20_000)
    run_git(repo, "add", "big model.bin")
    ran = git(repo, "commit", "-m", "large")
    said = ran.out + ran.err
    assert ran.code == 1
    assert "big model.bin (20 KB) exceeds 10 KB." in said
    assert "git rm -q --cached -- 'big model.bin' && dvx add 'big model.bin'" in said
    run_git(repo, "rm", "-q", "--cached", "--", "big model.bin")
    must_dvx(repo, "add", "big model.bin")
    ran = git(repo, "commit", "-m", "tracked")
    assert ran.code == 0, ran.out + ran.err


def test_push_is_blocked_until_the_data_is_on_the_remote(repo: Path) -> None:
    ran = git(repo, "push", "-q", "-u", "origin", "main")
    assert ran.code == 0, ran.out + ran.err
    write_tree(repo / "data", NEWER)
    must_dvx(repo, "add", "data")
    run_git(repo, "commit", "-q", "-m", "newer")
    ran = git(repo, "push", "-q")
    assert ran.code == 1
    assert "push the data first: `dvx push`" in ran.out + ran.err
    run_git(repo, "switch", "-q", "-c", "feature")
    assert git(repo, "push", "-q", "-u", "origin", "feature").code == 1
    must_dvx(repo, "push")
    assert git(repo, "push", "-q", "-u", "origin", "feature").code == 0
    assert git(repo, "push", "-q", "origin", ":feature").code == 0


def test_first_push_of_everything_is_checked(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").rename(tmp_path / "gone")
    assert git(repo, "push", "-q", "-u", "origin", "main").code != 0
    (tmp_path / "gone").rename(tmp_path / "remote")
    assert git(repo, "push", "-q", "-u", "origin", "main").code == 0


def test_run_by_hand_checks_what_head_would_push(repo: Path) -> None:
    write_tree(repo / "data", NEWER)
    must_dvx(repo, "add", "data")
    run_git(repo, "commit", "-q", "-m", "newer")
    command = [sys.executable, "-m", "pre_commit", "run", "dvx-pre-push", "--hook-stage", "pre-push"]
    ran = run(command, repo)
    assert ran.code == 1
    assert "dvx push" in ran.out


def test_switch_brings_the_data_and_says_so(repo: Path) -> None:
    write_tree(repo / "data", NEWER)
    must_dvx(repo, "add", "data")
    run_git(repo, "commit", "-q", "-m", "newer")
    ran = git(repo, "switch", "-q", "--detach", "HEAD~1")
    assert ran.code == 0, ran.out + ran.err
    assert "dvx: 1 file (3.00 kB) written" in ran.out + ran.err
    assert read_tree(repo / "data") == DATA
    git(repo, "switch", "-q", "main")
    assert read_tree(repo / "data") == NEWER


def test_merge_brings_the_data(repo: Path, tmp_path: Path) -> None:
    run_git(repo, "switch", "-q", "-c", "side")
    write_tree(repo / "data", NEWER)
    must_dvx(repo, "add", "data")
    run_git(repo, "commit", "-q", "-m", "newer")
    run_git(repo, "switch", "-q", "main")
    assert read_tree(repo / "data") == DATA
    run_git(repo, "merge", "-q", "side")
    assert read_tree(repo / "data") == NEWER
    fresh = clone(repo, tmp_path / "fresh")
    assert run_git(fresh, "status", "--porcelain") == ""


def test_rule_that_staged_pointers_break_stops_the_commit(repo: Path) -> None:
    path = repo / ".pre-commit-config.yaml"
    config = yaml.safe_load(path.read_text())
    config["repos"][0]["hooks"] += [hook | {"args": ["--base=HEAD"]} for hook in definitions("dvx-rules")]
    path.write_text(yaml.safe_dump(config))
    rule = '[checks.files]\npath = "data"\nrule = "files >= base.files"\nforbid = "*.tmp"\n'
    (repo / ".dvx" / "checks.toml").write_text(rule)
    run_git(repo, "add", ".")
    ran = git(repo, "commit", "-m", "rules")
    assert ran.code == 0, ran.out + ran.err
    write_tree(repo / "data", {"a.bin": b"a", "x.tmp": b"x"})
    must_dvx(repo, "add", "data")
    ran = git(repo, "commit", "-m", "a temporary file")
    assert ran.code == 1
    assert "failed: files (data): `x.tmp` is forbidden by `*.tmp`" in ran.out + ran.err
    write_tree(repo / "data", {"a.bin": b"a"})
    must_dvx(repo, "add", "data")
    ran = git(repo, "commit", "-m", "fewer files")
    assert ran.code == 1
    assert "files = 1 in data.dvx in the staging area; base 2 at" in ran.out + ran.err
