"""What hook scripts do before Python starts, and where there is no dvx."""

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from dvx.repo.hook_scripts import HOOK_NAMES, Chained, Hook, config_command, forwarder_of, script_of
from dvx.testing.hooks import Recorder, must_git
from dvx.testing.shell import dvx_environment, must_dvx, run, run_dvx

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


@pytest.fixture
def python(tmp_path: Path) -> Recorder:
    """What hooks start in place of Python."""
    return Recorder.make(tmp_path / "python")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with two versions of a pointer; the workspace followed the second one."""
    root = tmp_path / "repo"
    root.mkdir()
    must_git(root, "init", "-q")
    for text in ("one", "two"):
        (root / "data.dvx").write_text(text)
        must_git(root, "add", "data.dvx")
        must_git(root, "commit", "-q", "-m", text)
    _note_followed(root)
    return root


def _note_followed(root: Path) -> None:
    (root / ".git/dvx").mkdir(exist_ok=True)
    (root / ".git/dvx/followed").write_text(must_git(root, "ls-files", "-s", "--", "*.dvx").out)


def test_git_status_does_not_start_python(repo: Path, python: Recorder) -> None:
    python.install(repo)
    os.utime(repo / "data.dvx", (1, 1))  # so that `git status` writes the index
    before = (repo / ".git/index").read_bytes()
    must_git(repo, "status")
    assert (repo / ".git/index").read_bytes() != before
    assert python.take() == []


@pytest.mark.parametrize(
    "command",
    [
        ["checkout", "-q", "-b", "other"],
        ["commit", "-q", "--amend", "-m", "again", "--no-verify"],
        ["reset", "-q", "--hard"],
        ["stash", "-q"],
    ],
)
def test_command_that_leaves_the_pointers_does_not_start_python(
    repo: Path, python: Recorder, command: list[str]
) -> None:
    (repo / "code.py").write_text("1")
    must_git(repo, "add", "code.py")
    must_git(repo, "commit", "-q", "-m", "code")
    (repo / "code.py").write_text("2")
    python.install(repo)
    must_git(repo, *command)
    assert python.take() == []


@pytest.mark.parametrize(
    ("command", "hooks"),
    [
        (["reset", "-q", "--hard", "HEAD~1"], {"post-index-change"}),
        (["revert", "--no-edit", "HEAD"], {"post-index-change"}),
        (["checkout", "-q", "HEAD~1"], {"post-index-change", "post-checkout"}),
        (["checkout", "-q", "HEAD", "--", "data.dvx"], {"post-checkout"}),
        (["sparse-checkout", "set", "--no-cone", "/*", "!/data.dvx"], {"post-index-change"}),
    ],
)
def test_command_that_moves_the_pointers_starts_python(
    repo: Path, python: Recorder, command: list[str], hooks: set[str]
) -> None:
    python.install(repo)
    must_git(repo, *command)
    assert {line.split()[0] for line in python.take()} - {"pre-commit"} == hooks


def test_repository_without_pointers_does_not_start_python(tmp_path: Path, python: Recorder) -> None:
    root = tmp_path / "plain"
    must_git(tmp_path, "init", "-q", "plain")
    must_git(root, "commit", "-q", "--allow-empty", "-m", "x")
    python.install(root)
    must_git(root, "checkout", "-q", "-b", "other")
    assert python.take() == []


def test_git_command_of_dvx_in_a_hook_runs_no_hook_of_dvx(repo: Path, python: Recorder) -> None:
    python.install(repo)
    must_git(repo, "checkout", "-q", "HEAD~1", env={"DVX_IN_HOOK": "pre-commit"})
    assert python.take() == []


def test_hook_that_was_there_runs_also_in_a_git_command_of_dvx(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    theirs = repo / ".git/hooks/post-checkout"
    theirs.write_text(f'#!/bin/sh\necho theirs > "{tmp_path}/theirs"\n')
    theirs.chmod(0o755)
    python.install(repo)
    must_git(repo, "checkout", "-q", "HEAD~1", env={"DVX_IN_HOOK": "pre-commit"})
    assert (tmp_path / "theirs").read_text() == "theirs\n"
    assert python.take() == []


def _path_without_dvx(folder: Path) -> str:
    """A PATH with Git and a shell and nothing else."""
    folder.mkdir()
    for name in ("git", "sh", "cat", "cmp", "dirname", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def test_without_dvx_one_line_says_so_and_git_goes_on(repo: Path, python: Recorder, tmp_path: Path) -> None:
    python.install(repo)
    Path(python.interpreter).unlink()
    env = {"PATH": _path_without_dvx(tmp_path / "bin")}
    ran = must_git(repo, "commit", "-q", "--allow-empty", "-m", "x", env=env)
    assert ran.err.splitlines() == [
        "dvx: not found, so the pre-commit hook did nothing; install dvx again, then run 'dvx hooks install'"
    ]
    ran = must_git(repo, "reset", "-q", "--hard", "HEAD~2", env=env)
    assert len(ran.err.splitlines()) == 1


def test_without_dvx_the_hook_that_was_there_still_blocks(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    theirs = repo / ".git/hooks/pre-commit"
    theirs.write_text("#!/bin/sh\nexit 1\n")
    theirs.chmod(0o755)
    python.install(repo)
    Path(python.interpreter).unlink()
    env = {"PATH": _path_without_dvx(tmp_path / "bin")}
    assert run(["git", "commit", "--allow-empty", "-m", "x"], repo, env=env).code == 1


@pytest.mark.parametrize("loss", ["interpreter", "package"])
def test_dvx_on_path_is_used_where_the_recorded_one_is_gone(
    repo: Path, python: Recorder, tmp_path: Path, loss: str
) -> None:
    python.install(repo)
    if loss == "interpreter":
        Path(python.interpreter).unlink()
    else:
        isolated = f'exec {sys.executable} -I -S "$@"\n'  # finds no package, as after `pip uninstall dvx`
        python.write_program(Path(python.interpreter), isolated)
    path = _path_without_dvx(tmp_path / "bin")
    python.write_program(
        tmp_path / "bin/dvx", f'echo "$*" > "{tmp_path}/called"\ncat > "{tmp_path}/input"\nexit 1\n'
    )
    must_git(repo, "init", "-q", "--bare", "../bare")
    ran = run(["git", "push", "-q", "../bare", "HEAD:refs/heads/main"], repo, env={"PATH": path})
    assert ran.code == 1
    assert (tmp_path / "called").read_text() == "hooks run pre-push ../bare ../bare\n"
    assert (tmp_path / "input").read_text().startswith("HEAD ")


def test_module_in_the_work_tree_is_not_imported(repo: Path) -> None:
    for name in ("dvx", "click", "os", "json"):
        (repo / f"{name}.py").write_text("raise SystemExit(42)\n")
    must_dvx(repo.parent, "-C", "repo", "hooks", "install", "--files")
    script = repo / ".git/hooks/pre-commit"
    text = script.read_text().replace("hooks run pre-commit", "--version")
    ran = run(["sh", "-c", text], repo, env=dvx_environment())
    assert ran.code == 0
    assert ran.out.startswith("dvx ")


def _scripts() -> dict[str, bytes]:
    scripts = {}
    chains = {
        "alone": None,
        "beside": Chained("x y.dvx-chained", is_beside=True),
        "as-shell": Chained("x'y.dvx-chained", is_beside=True, shell="/usr/bin/env bash"),
        "elsewhere": Chained("/a b/pre-push", is_beside=False),
    }
    for name in HOOK_NAMES:
        for kind, chained in chains.items():
            scripts[f"{name}-{kind}"] = script_of(Hook(name, "/opt/it's/python", chained))
        scripts[f"{name}-command"] = f'#!/bin/sh\n{config_command(name)} "$@"\n'.encode()
    scripts["forwarder"] = forwarder_of(Hook("commit-msg", "", chains["elsewhere"]))
    return scripts


@pytest.mark.parametrize("name", list(_scripts()))
def test_script_is_valid_in_posix_shells(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hook"
    path.write_bytes(_scripts()[name])
    shells = [shell for shell in ("dash", "bash", "sh", "busybox") if shutil.which(shell)]
    for shell in shells:
        command = [shell, "sh"] if shell == "busybox" else [shell]
        ran = run([*command, "-n", str(path)], tmp_path)
        assert (ran.code, ran.err) == (0, "")
    assert shells


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck on PATH")
def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    for name, text in _scripts().items():
        (tmp_path / name).write_bytes(text)
    # 1090, 1091: a sourced file is not known here. 2016: Python in single quotes. 2153: GIT_DIR comes from Git.
    ran = run(["shellcheck", "-e", "1090,1091,2016,2153", *sorted(_scripts())], tmp_path)
    assert ran.out == ""
    assert ran.code == 0


def test_status_says_when_the_interpreter_is_gone(repo: Path, python: Recorder) -> None:
    python.install(repo)
    Path(python.interpreter).unlink()
    ran = must_dvx(repo, "hooks", "status")
    assert "the Python that the hooks start is gone" in ran.err
    assert "dvx hooks install" in ran.err


def test_unknown_hook_is_refused_with_the_names(repo: Path) -> None:
    ran = run_dvx(repo, "hooks", "run", "post-commit")
    assert ran.code == 2
    assert "pre-commit" in ran.err


def test_hook_scripts_are_executable_and_private_folder_is_not_world_writable(
    repo: Path, python: Recorder
) -> None:
    python.install(repo)
    for name in HOOK_NAMES:
        assert stat.S_IMODE((repo / ".git/hooks" / name).stat().st_mode) == 0o755
