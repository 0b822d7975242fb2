"""The check before a commit, against real staging areas."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from dvx.ops.large_files import find_large_files
from dvx.ops.staged_check import Finding, StagedReport, check_staged
from dvx.repo.git import Git
from dvx.repo.staged import staged_files, write_staged
from dvx.testing.workspace import Workspace, clone_repo, make_repo


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    """`data` (two files) and `model` are tracked and committed."""
    workspace = make_repo(tmp_path / "repo", remote=tmp_path / "remote")
    workspace.write({"data/a": b"a" * 100, "data/b": b"b", "model": b"model"})
    workspace.add("data", "model")
    workspace.commit()
    return workspace


def check(workspace: Workspace, *paths: str, fix: bool = False, looks_at_data: bool = True) -> StagedReport:
    with workspace.open() as project:
        return check_staged(project, paths, fix=fix, looks_at_data=looks_at_data)


def findings(workspace: Workspace, *paths: str) -> list[tuple[str, str]]:
    return [(problem.finding.value, problem.path) for problem in check(workspace, *paths).problems]


def stage(workspace: Workspace, path: str, data: bytes) -> None:
    workspace.write({path: data})
    workspace.git("add", "-f", path)


def test_clean_repository_has_no_findings(repo: Workspace) -> None:
    report = check(repo)
    assert (report.problems, report.pointers, report.is_clean) == ([], 2, True)


def test_pointer_of_a_new_version_that_is_staged_is_fine(repo: Workspace) -> None:
    repo.write({"model": b"second"})
    repo.add("model")
    assert findings(repo) == []


def test_conflict_markers_and_garbage_are_errors(repo: Workspace) -> None:
    good = repo.read("model.dvx")
    stage(repo, "model.dvx", b"<<<<<<< ours\n" + good + b"=======\n" + good + b">>>>>>> theirs\n")
    stage(repo, "data.dvx", b"version = 1\n")
    report = check(repo, "model.dvx", "data")
    assert [problem.finding for problem in report.problems][:2] == [Finding.INVALID, Finding.CONFLICT]
    assert "git checkout -m -- model.dvx && dvx resolve" in report.problems[1].command
    assert not report.is_clean


def test_staged_bytes_count_and_not_the_work_tree(repo: Workspace) -> None:
    good = repo.read("model.dvx")
    stage(repo, "model.dvx", b"broken")
    repo.write({"model.dvx": good})
    assert findings(repo) == [("invalid", "model.dvx")]
    repo.git("add", "model.dvx")
    repo.write({"model.dvx": b"broken"})
    assert findings(repo) == []


def test_pointer_in_another_spelling_is_rewritten_by_fix(repo: Workspace) -> None:
    good = repo.read("model.dvx")
    lines = good.splitlines(keepends=True)
    stage(repo, "model.dvx", b"".join(lines[1:3] + lines[:1] + lines[3:]))
    report = check(repo)
    assert [problem.finding for problem in report.problems] == [Finding.NOT_CANONICAL]
    assert report.problems[0].command == "dvx hooks check --fix model.dvx"
    report = check(repo, fix=True)
    assert (report.fixed, report.problems) == (["model.dvx"], [])
    assert repo.read("model.dvx") == good
    assert repo.git("status", "--porcelain") == ""


def test_fix_leaves_another_version_in_the_work_tree(repo: Workspace) -> None:
    good = repo.read("model.dvx")
    stage(repo, "model.dvx", good + b"\n# note\n")
    repo.write({"model.dvx": b"mine"})
    assert check(repo, fix=True).fixed == ["model.dvx"]
    assert repo.read("model.dvx") == b"mine"
    assert repo.git("show", ":model.dvx").encode() == good


def test_crlf_in_the_staging_area_is_found_and_in_the_work_tree_is_not(repo: Workspace) -> None:
    crlf = repo.read("model.dvx").replace(b"\n", b"\r\n")
    stage(repo, "model.dvx", crlf)  # `.gitattributes` and core.autocrlf store LF
    assert findings(repo) == []
    (file,) = staged_files(Git(repo.root), ["model.dvx"])
    write_staged(Git(repo.root), file, crlf)
    (problem,) = check(repo).problems
    assert (problem.finding, "CRLF" in problem.what) == (Finding.NOT_CANONICAL, True)
    assert check(repo, fix=True).is_clean
    assert findings(repo) == []


def test_links_modes_and_sizes(repo: Workspace) -> None:
    os.unlink(repo.path("model.dvx"))
    repo.write({"model.dvx": "-> data.dvx"})
    repo.git("add", "model.dvx")
    repo.git("update-index", "--chmod=+x", "data.dvx")
    stage(repo, "huge.dvx", b"#" * 20_000)
    found = check(repo)
    assert {(problem.finding, problem.path) for problem in found.problems} == {
        (Finding.SYMLINK, "model.dvx"),
        (Finding.MODE, "data.dvx"),
        (Finding.TOO_LARGE, "huge.dvx"),
    }
    commands = {problem.finding: problem.command for problem in found.problems}
    assert commands[Finding.MODE].startswith("git add --chmod=-x -- data.dvx")


def test_changed_data_is_found_by_size_content_and_listing(repo: Workspace) -> None:
    repo.write({"model": b"MODEL"})
    assert findings(repo) == [("data-changed", "model")]
    repo.write({"model": b"longer than before", "data/c": b"c"})
    report = check(repo)
    assert [problem.path for problem in report.problems] == ["data", "model"]
    assert report.problems[1].command == "dvx add model"
    assert findings(repo, "model") == [("data-changed", "model")]
    assert check(repo, looks_at_data=False).problems == []


def test_file_deleted_from_a_folder_and_changed_inside_it(repo: Workspace) -> None:
    repo.remove("data/b")
    assert findings(repo) == [("data-changed", "data")]
    repo.write({"data/b": b"B"})
    assert findings(repo) == [("data-changed", "data")]
    repo.write({"data/b": b"b"})
    assert findings(repo) == []


def test_data_that_is_not_checked_out_or_lags_behind_is_fine(repo: Workspace) -> None:
    repo.write({"data/a": b"new", "model": b"new"})
    repo.add()
    repo.commit()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reset", "-q", "--hard", "ORIG_HEAD")
    assert findings(repo) == []
    repo.git("checkout", "-q", "HEAD~1")  # the workspace has the newer version still
    assert findings(repo) == []
    repo.remove("data")
    repo.remove("model")
    assert findings(repo) == []


def test_older_version_of_another_kind_is_fine_and_a_changed_one_is_not(repo: Workspace) -> None:
    first = repo.commit()
    repo.remove("data")
    repo.remove("model")
    repo.git("rm", "-q", "data.dvx", "model.dvx")
    repo.write({"data": b"a file now", "model/x": b"a folder now"})
    repo.add("data", "model")
    repo.commit()
    repo.git("checkout", "-q", first)
    assert findings(repo) == []
    repo.write({"data": b"changed", "model/x": b"changed"})
    assert findings(repo) == [("data-changed", "data"), ("data-changed", "model")]


def test_part_of_a_folder_is_fine(repo: Workspace, tmp_path: Path) -> None:
    repo.push()
    part = clone_repo(repo, tmp_path / "part")
    part.fetch()
    part.pull("data/a")
    assert sorted(part.snapshot()) == ["data/a"]
    assert findings(part) == []
    part.write({"data/a": b"changed"})
    assert findings(part) == [("data-changed", "data")]


def test_too_much_to_hash_is_a_warning(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvx.ops.staged_data._MOST_HASHED_BYTES", 50)
    repo.write({"big": b"b" * 60})
    repo.add("big")
    for name in ("data/a", "model", "big"):
        os.utime(repo.path(name), (1, 1))
    time.sleep(0.05)  # a row of a file that changed within the last tick of the clock is not kept
    report = check(repo)
    assert report.is_clean
    (problem,) = report.problems
    assert (problem.finding, problem.command) == (Finding.NOT_COMPARED, "dvx status big data")
    with repo.open() as project:  # the small one was compared, and is known now
        row = project.stat_cache.lookup("model")
        assert row is not None
        assert row.mtime_ns == 1_000_000_000


def test_data_committed_to_git_beside_its_pointer(repo: Workspace) -> None:
    repo.git("add", "-f", "model", "data/a", "data/b")
    report = check(repo)
    assert {(problem.finding, problem.path) for problem in report.problems} == {
        (Finding.DATA_IN_GIT, "data"),
        (Finding.DATA_IN_GIT, "model"),
    }
    command = next(problem.command for problem in report.problems if problem.path == "data")
    assert command == "git rm -r -q --cached -- data/a data/b"
    subprocess.run(command, shell=True, cwd=repo.root, check=True)
    assert findings(repo) == [("data-in-git", "model")]


def test_pointer_for_data_that_git_has_already(repo: Workspace) -> None:
    stage(repo, "old", b"x")
    repo.commit("old in Git")
    stage(repo, "old.dvx", repo.read("model.dvx"))
    assert ("data-in-git", "old") in findings(repo)


def test_pointer_whose_data_is_nowhere_known_is_a_warning(repo: Workspace) -> None:
    text = repo.read("model.dvx").decode()
    old = text.split("blake3:")[1][:64]
    stage(repo, "lost.dvx", text.replace(old, "ab" * 32).encode())
    report = check(repo)
    assert [(problem.finding, problem.path) for problem in report.problems] == [
        (Finding.DATA_NOT_IGNORED, "lost"),
        (Finding.DATA_NOT_STORED, "lost"),
    ]
    assert report.is_clean


def test_first_commit_of_a_repository(tmp_path: Path) -> None:
    root = tmp_path / "new"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    workspace = Workspace(os.path.realpath(root))
    workspace.write({"x": b"x"})
    workspace.add("x")
    stage(workspace, "bad.dvx", b"bad")
    assert findings(workspace) == [("invalid", "bad.dvx")]


def large(
    workspace: Workspace, *paths: str, max_kb: int = 10, enforce_all: bool = False
) -> list[tuple[str, int]]:
    report = find_large_files(
        Git(workspace.root), workspace.root, paths, max_kb=max_kb, enforce_all=enforce_all
    )
    return [(file.path, file.size_kb) for file in report.files]


def test_large_files_counts_added_files_by_what_is_staged(repo: Workspace) -> None:
    stage(repo, "big.bin", b"x" * 10_241)
    stage(repo, "limit.bin", b"x" * 10_240)
    stage(repo, "shrunk.bin", b"x" * 20_000)
    repo.write({"shrunk.bin": b"small", "limit.bin": b"x" * 99_999})
    assert large(repo) == [("big.bin", 11), ("shrunk.bin", 20)]
    assert large(repo, "big.bin", "limit.bin") == [("big.bin", 11)]
    assert large(repo, "code.py") == []
    assert large(repo, max_kb=100) == []


def test_large_files_that_are_committed_count_with_enforce_all_only(repo: Workspace) -> None:
    stage(repo, "big.bin", b"x" * 20_000)
    repo.commit("big")
    stage(repo, "big.bin", b"y" * 20_000)
    repo.write({"untracked.bin": b"x" * 20_000})
    assert large(repo, "big.bin", "untracked.bin") == []
    assert large(repo, "big.bin", "untracked.bin", enforce_all=True) == [
        ("big.bin", 20),
        ("untracked.bin", 20),
    ]
    assert large(repo, enforce_all=True) == [("big.bin", 20)]


def test_large_files_leaves_lfs_pointers_and_renames_alone(repo: Workspace) -> None:
    repo.git("config", "filter.lfs.clean", "cat")
    stage(repo, ".gitattributes", b"*.psd filter=lfs\n")
    for name in ("art.psd", "moved.bin", "odd.dvx"):
        stage(repo, name, b"x" * 20_000)
    assert large(repo) == [("moved.bin", 20)]
    repo.git("commit", "-q", "-m", "x")
    repo.git("mv", "moved.bin", "renamed.bin")
    assert large(repo, "renamed.bin") == []


def test_large_files_prints_commands_that_work(repo: Workspace) -> None:
    for name in ("a b.bin", "-dash.bin", "ü.bin"):
        repo.write({name: b"x" * 20_000})
        repo.git("add", "--", name)
    report = find_large_files(Git(repo.root), repo.root, (), max_kb=10, enforce_all=False)
    (command,) = report.commands
    words = "./-dash.bin 'a b.bin' 'ü.bin'"
    assert command == f"git rm -q --cached -- {words} && dvx add {words}"
    subprocess.run(command.partition(" && ")[0], shell=True, cwd=repo.root, check=True)
    repo.add("-dash.bin", "a b.bin", "ü.bin")
    assert large(repo) == []


def test_many_files_of_a_renamed_folder_are_taken_out_by_one_short_command_that_works(
    repo: Workspace,
) -> None:
    repo.write({f"data/more-{number}": b"x" for number in range(10)})
    repo.add("data")
    repo.commit()
    os.rename(repo.path("data"), repo.path("moved"))
    os.rename(repo.path("data.dvx"), repo.path("moved.dvx"))
    repo.git("add", "-A")
    (problem,) = check(repo).problems
    assert problem.command == "git rm -r -q --cached -- moved && dvx add moved"
    repo.git("rm", "-r", "-q", "--cached", "--", "moved")
    repo.add("moved")
    assert check(repo).problems == []
    assert repo.git("status", "--porcelain", "--untracked-files=all").count("moved") == 1  # its pointer
