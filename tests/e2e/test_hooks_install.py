"""`dvx hooks install` and `uninstall` in the hooks folder of real repositories, beside the hooks of others."""

import os
import shutil
from pathlib import Path

import pytest

from dvx.ops.hooks import HookMode
from dvx.repo.hook_files import HookState
from dvx.repo.hook_scripts import HOOK_NAMES
from dvx.testing.hooks import Recorder, listing, must_git, uninstall
from dvx.testing.shell import run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


@pytest.fixture
def python(tmp_path: Path) -> Recorder:
    """What hooks start in place of Python."""
    return Recorder.make(tmp_path / "it's a folder")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit, in a folder whose name needs quoting, and a bare one to push to."""
    root = tmp_path / "my 'repo\" $HOME ü"
    root.mkdir()
    must_git(root, "init", "-q")
    must_git(root, "init", "-q", "--bare", "../bare")
    must_git(root, "remote", "add", "origin", "../bare")
    (root / "first.dvx").write_text("x")
    must_git(root, "add", "first.dvx")
    must_git(root, "commit", "-q", "-m", "first")
    return root


def _states(change) -> dict[str, str]:
    return {hook.name: hook.state.value for hook in change.report.hooks}


def _hook(root: Path, name: str, body: str, *, shell: str = "/bin/sh") -> Path:
    path = root / ".git" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{shell}\n{body}")
    path.chmod(0o755)
    return path


def test_every_hook_reaches_dvx_with_its_arguments_and_its_input(repo: Path, python: Recorder) -> None:
    change = python.install(repo)
    assert change.changed
    assert change.report.is_working
    assert change.report.mode is HookMode.FILES
    (repo / "x.dvx").write_text("x")
    must_git(repo, "add", "x.dvx")
    must_git(repo, "commit", "-q", "-m", "second")
    assert python.take() == ["pre-commit"]
    must_git(repo, "push", "-q", "origin", "HEAD:refs/heads/main")
    head = must_git(repo, "rev-parse", "HEAD").out.strip()
    name, line = python.take()
    assert name == "pre-push origin ../bare"
    assert line == f"  HEAD {head} refs/heads/main {'0' * 40}"
    must_git(repo, "checkout", "-q", "HEAD~1")
    assert [noted.split()[0] for noted in python.take()] == ["post-index-change", "post-checkout"]
    must_git(repo, "merge", "-q", "--no-edit", "main")
    assert "post-merge 0" in python.take()
    must_git(repo, "commit", "-q", "--amend", "-m", "again")
    assert "post-rewrite amend" in python.take()
    must_git(repo, "reset", "-q", "--hard", "HEAD~1")
    assert python.take() == ["post-index-change 1 0"]


def test_installing_twice_changes_nothing(repo: Path, python: Recorder) -> None:
    _hook(repo, "pre-commit", "exit 0\n")
    assert python.install(repo).changed
    before = listing(repo / ".git")
    assert not python.install(repo).changed
    assert listing(repo / ".git") == before


def test_uninstall_restores_every_byte_and_mode(repo: Path, python: Recorder) -> None:
    _hook(repo, "pre-commit", "exit 0\n").chmod(0o711)
    _hook(repo, "pre-push", "cat\n").chmod(0o600)
    _hook(repo, "commit-msg", "exit 0\n")
    _hook(repo, "post-merge", "import sys\n", shell="/usr/bin/env python3")
    (repo / "shared hook").write_text("#!/bin/sh\n")
    (repo / "shared hook").chmod(0o755)
    (repo / ".git/hooks/post-checkout").symlink_to("../../shared hook")
    (repo / ".git/hooks/post-rewrite").symlink_to("nowhere")
    before = listing(repo)
    python.install(repo)
    assert listing(repo) != before
    assert uninstall(repo).changed
    assert listing(repo) == before
    assert not uninstall(repo).changed


def test_folder_without_hooks_is_gone_again_after_uninstall(repo: Path, python: Recorder) -> None:
    shutil.rmtree(repo / ".git/hooks")
    before = listing(repo)
    python.install(repo)
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "second")
    assert python.take() == ["pre-commit"]
    must_git(repo, "reset", "-q", "HEAD~1")
    shutil.rmtree(repo / ".git/dvx", ignore_errors=True)
    uninstall(repo)
    assert not (repo / ".git/hooks").exists()
    assert set(before) <= set(listing(repo))


@pytest.mark.parametrize(
    ("shell", "body"),
    [
        ("/bin/sh", 'echo "first $*" >> "{log}"\nexit 3\n'),
        ("/usr/bin/env python3", 'open(r"""{log}""", "a").write("first \\n")\nraise SystemExit(3)\n'),
    ],
    ids=["sh", "python"],
)
def test_hook_that_fails_blocks_and_dvx_does_not_start(
    repo: Path, python: Recorder, tmp_path: Path, shell: str, body: str
) -> None:
    log = tmp_path / "theirs"
    _hook(repo, "pre-commit", body.replace("{log}", str(log)), shell=shell)
    python.install(repo)
    ran = run(["git", "commit", "--allow-empty", "-m", "x"], repo)
    assert ran.code == 1
    assert log.read_text() == "first \n"
    assert python.take() == []
    assert run([".git/hooks/pre-commit"], repo).code == 3


def test_dvx_that_fails_blocks_after_the_hook_that_was_there(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    _hook(repo, "pre-commit", f'echo ran >> "{tmp_path}/theirs"\n')
    python.install(repo)
    python.fail(1)
    assert run(["git", "commit", "--allow-empty", "-m", "x"], repo).code == 1
    assert (tmp_path / "theirs").read_text() == "ran\n"
    assert python.take() == ["pre-commit"]


def test_pre_push_gives_its_input_to_both(repo: Path, python: Recorder, tmp_path: Path) -> None:
    _hook(repo, "pre-push", f'echo "$1" > "{tmp_path}/theirs"; cat >> "{tmp_path}/theirs"\n')
    python.install(repo)
    must_git(repo, "push", "-q", "origin", "HEAD:refs/heads/a", "HEAD:refs/heads/b")
    theirs = (tmp_path / "theirs").read_text().splitlines()
    ours = python.take()
    assert theirs[0] == "origin"
    assert len(theirs) == 3
    assert [line.strip() for line in ours[1:]] == theirs[1:]


def test_pre_push_hook_that_reads_no_input_does_not_disturb(repo: Path, python: Recorder) -> None:
    _hook(repo, "pre-push", "exec true\n")
    python.install(repo)
    ran = must_git(repo, "push", "-q", "origin", *(f"HEAD:refs/heads/{number}" for number in range(300)))
    assert ran.err == ""
    assert len(python.take()) == 301


def test_pre_push_hook_that_fails_blocks_the_push(repo: Path, python: Recorder) -> None:
    _hook(repo, "pre-push", "exit 1\n")
    python.install(repo)
    assert run(["git", "push", "-q", "origin", "HEAD:refs/heads/main"], repo).code == 1
    assert python.take() == []
    assert must_git(repo, "ls-remote", "origin").out == ""


def test_post_checkout_keeps_the_exit_code_of_the_hook_that_was_there(repo: Path, python: Recorder) -> None:
    (repo / "x.dvx").write_text("x")
    must_git(repo, "add", "x.dvx")
    _hook(repo, "post-checkout", "exit 5\n")
    python.install(repo)
    python.fail(70)
    assert run(["git", "checkout", "-q", "-b", "other"], repo).code == 1
    assert python.take()[-1].startswith("post-checkout ")
    assert run([".git/hooks/post-checkout", "a", "b", "1"], repo).code == 5


def test_hook_that_takes_its_name_from_its_path_still_sees_it(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    log = tmp_path / "theirs"
    (repo / ".git/hooks/husky.sh").write_text(f'echo "$(basename "$0") $*" >> "{log}"\n')
    _hook(repo, "pre-commit", '. "$(dirname "$0")/husky.sh"\n')
    body = f'import os, sys\nopen(r"""{log}""", "a").write(os.path.basename(sys.argv[0]) + "\\n")\n'
    _hook(repo, "pre-push", body, shell="/usr/bin/env python3")
    before = listing(repo / ".git/hooks")
    python.install(repo)
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    must_git(repo, "push", "-q", "origin", "HEAD:refs/heads/main")
    assert log.read_text() == "pre-commit \npre-push\n"
    uninstall(repo)
    assert listing(repo / ".git/hooks") == before


def test_edited_hook_stays_and_is_named(repo: Path, python: Recorder) -> None:
    python.install(repo)
    path = repo / ".git/hooks/pre-commit"
    path.write_text(path.read_text() + "# mine\n")
    edited = path.read_bytes()
    assert _states(python.install(repo))["pre-commit"] == HookState.EDITED
    change = uninstall(repo)
    assert path.read_bytes() == edited
    assert len(change.notes) == 1
    assert str(path) in change.notes[0]
    assert not (repo / ".git/hooks/pre-push").exists()


def test_hook_that_another_tool_put_in_place_stays_and_is_named(repo: Path, python: Recorder) -> None:
    _hook(repo, "pre-push", "echo first\n")
    python.install(repo)
    theirs = _hook(repo, "pre-push", 'git lfs pre-push "$@"\n')
    change = uninstall(repo)
    assert theirs.read_text() == '#!/bin/sh\ngit lfs pre-push "$@"\n'
    (note,) = change.notes
    assert "git-lfs" in note
    assert "pre-push.dvx-chained" in note
    assert (repo / ".git/hooks/pre-push.dvx-chained").read_text() == "#!/bin/sh\necho first\n"


def test_install_after_another_tool_replaced_the_hook_chains_that_one(repo: Path, python: Recorder) -> None:
    _hook(repo, "pre-commit", "exit 1\n")
    python.install(repo)
    _hook(repo, "pre-commit", "exit 0\n")
    assert python.install(repo).changed
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]
    uninstall(repo)
    assert (repo / ".git/hooks/pre-commit").read_text() == "#!/bin/sh\nexit 0\n"


def test_pre_commit_framework_that_takes_over_runs_dvx_once(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    _hook(repo, "pre-commit", f'echo first >> "{tmp_path}/first"\n')
    python.install(repo)
    os.replace(repo / ".git/hooks/pre-commit", repo / ".git/hooks/pre-commit.legacy")
    theirs = _hook(
        repo, "pre-commit", '# File generated by pre-commit\nexec "$(dirname "$0")/pre-commit.legacy"\n'
    )
    change = python.install(repo)
    assert not change.changed
    assert _states(change)["pre-commit"] == HookState.CALLED
    must_git(repo, "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]
    assert (tmp_path / "first").read_text() == "first\n"
    before = theirs.read_bytes()
    uninstall(repo)
    assert theirs.read_bytes() == before
    legacy = repo / ".git/hooks/pre-commit.legacy"
    assert legacy.read_text() == f'#!/bin/sh\necho first >> "{tmp_path}/first"\n'
    assert not (repo / ".git/hooks/pre-commit.dvx-chained").exists()


def test_hook_that_was_removed_by_hand_is_replaced_by_the_one_behind_it(repo: Path, python: Recorder) -> None:
    theirs = _hook(repo, "pre-commit", "exit 0\n")
    before = listing(repo / ".git/hooks")
    python.install(repo)
    theirs.unlink()
    uninstall(repo)
    assert listing(repo / ".git/hooks") == before


def test_install_interrupted_between_its_two_steps_is_taken_up(repo: Path, python: Recorder) -> None:
    theirs = _hook(repo, "pre-commit", "exit 0\n")
    before = listing(repo / ".git/hooks")
    os.link(theirs, f"{theirs}.dvx-chained")
    python.install(repo)
    assert sorted(path.name for path in theirs.parent.glob("pre-commit*")) == [
        "pre-commit", "pre-commit.dvx-chained", "pre-commit.sample"
    ]  # fmt: skip
    uninstall(repo)
    assert listing(repo / ".git/hooks") == before


def test_hook_that_calls_dvx_itself_is_left_alone(repo: Path, python: Recorder) -> None:
    theirs = _hook(repo, "pre-commit", 'exec dvx hooks run pre-commit "$@"\n')
    before = theirs.read_bytes()
    change = python.install(repo)
    assert theirs.read_bytes() == before
    assert _states(change)["pre-commit"] == HookState.CALLED
    assert change.report.is_working


def test_worktree_uses_the_hooks_of_its_repository(repo: Path, python: Recorder, tmp_path: Path) -> None:
    tree = tmp_path / "other tree"
    must_git(repo, "worktree", "add", "-q", str(tree), "-b", "other")
    python.install(tree)
    for root in (repo, tree):
        must_git(root, "commit", "-q", "--allow-empty", "-m", "x")
        assert python.take() == ["pre-commit"]
    (tree / "x.dvx").write_text("x")
    must_git(tree, "add", "x.dvx")
    must_git(tree, "stash", "-q")
    assert "post-index-change 1 0" in python.take()


def test_guard_in_a_worktree_looks_into_its_own_git_directory(
    repo: Path, python: Recorder, tmp_path: Path
) -> None:
    tree = tmp_path / "other tree"
    must_git(repo, "worktree", "add", "-q", str(tree), "-b", "other")
    python.install(tree)
    (tree / "x.dvx").write_text("x")
    must_git(tree, "add", "x.dvx")
    must_git(tree, "commit", "-q", "-m", "x")
    folder = Path(must_git(tree, "rev-parse", "--git-dir").out.strip(), "dvx")
    folder.mkdir()
    (folder / "followed").write_text(must_git(tree, "ls-files", "-s").out)
    python.take()
    must_git(tree, "checkout", "-q", "-b", "third")
    assert python.take() == []


def test_submodule_has_its_own_hooks(repo: Path, python: Recorder, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    must_git(inner, "init", "-q")
    must_git(inner, "commit", "-q", "--allow-empty", "-m", "inner")
    must_git(repo, "submodule", "--quiet", "add", str(inner), "sub")
    before = listing(repo / ".git")
    python.install(repo / "sub")
    assert (repo / ".git/modules/sub/hooks/pre-commit").exists()
    assert not (repo / ".git/hooks/pre-commit").exists()
    must_git(repo / "sub", "checkout", "-q", "-b", "other")
    must_git(repo / "sub", "commit", "-q", "--allow-empty", "-m", "x")
    assert python.take() == ["pre-commit"]
    uninstall(repo / "sub")
    after = listing(repo / ".git")
    assert {path for path in after if "hooks" in path} == {path for path in before if "hooks" in path}


def test_hooks_of_every_name_were_installed(repo: Path, python: Recorder) -> None:
    python.install(repo)
    for name in HOOK_NAMES:
        assert os.access(repo / ".git/hooks" / name, os.X_OK)
