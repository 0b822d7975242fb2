"""A name of something else in the place of a path, and what comes first in a new repository."""

from pathlib import Path

import pytest

from dvx.testing.shell import commit, make_repo, must_dvx, run_dvx, run_git


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("names")
    repo = make_repo(base / "repo", remote=str(base / "remote"))
    (repo / "model.bin").write_text("weights")
    must_dvx(repo, "add", "model.bin")
    commit(repo, "one")
    run_git(repo, "tag", "v1")
    run_git(repo, "branch", "topic")
    return repo


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["pull", "origin"], "dvx pull -r origin"),
        (["fetch", "origin"], "dvx fetch -r origin"),
        (["status", "origin"], "dvx status -r origin"),
        (["verify", "origin"], "dvx verify -r origin"),
        (["push", "v1"], "dvx push --rev v1"),
        (["fetch", "v1"], "dvx fetch --rev v1"),
        (["status", "v1"], "dvx diff v1"),
        (["verify", "v1"], "dvx verify --rev v1"),
        (["checkout", "topic"], "git switch topic"),
        (["pull", "topic"], "git switch topic"),
        (["checkout", "v1"], "git switch --detach v1"),
        (["checkout", "HEAD~0"], "git switch --detach 'HEAD~0'"),
    ],
    ids=" ".join,
)
def test_name_of_a_remote_or_revision_as_a_path_leads_to_what_was_meant(
    repo: Path, args: list[str], hint: str
) -> None:
    refused = run_dvx(repo, *args)
    assert refused.code == 1
    assert f"`{hint}`" in refused.err


def test_checkout_of_head_does_not_suggest_to_go_where_one_is(repo: Path) -> None:
    refused = run_dvx(repo, "checkout", "HEAD")
    assert "git switch" not in refused.err
    assert "`dvx checkout --rev HEAD`" in refused.err


def test_checkout_of_a_branch_that_only_the_git_remote_has_leads_to_git_switch(
    repo: Path, tmp_path: Path
) -> None:
    run_git(tmp_path, "clone", "-q", str(repo), "clone")
    refused = run_dvx(tmp_path / "clone", "checkout", "topic")
    assert "`git switch topic`" in refused.err
    run_git(tmp_path / "clone", "switch", "topic")


def test_path_as_a_revision_of_compare_is_said_to_go_after_dashes(repo: Path) -> None:
    refused = run_dvx(repo, "compare", "HEAD", "model.bin")
    assert (refused.code, "`-- model.bin`" in refused.err) == (1, True)
    must_dvx(repo, "compare", "HEAD", "--", "model.bin")


def test_log_of_a_path_without_commits_names_the_path(repo: Path) -> None:
    assert "no commit changed the pointer of `nosuch`" in must_dvx(repo, "log", "nosuch").err


def test_new_repository_is_told_to_be_set_up_first(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    for command in ("status", "push", "pull", "verify"):
        assert "`dvx init`" in must_dvx(tmp_path, command).err


def test_repository_without_commits_says_so(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    must_dvx(tmp_path, "init")
    assert "there is no commit here yet" in must_dvx(tmp_path, "log").err
    refused = run_dvx(tmp_path, "compare", "HEAD")
    assert (refused.code, "this repository has none yet" in refused.err) == (1, True)
    assert "`git commit`" in refused.err
    run_git(tmp_path, "commit", "-qm", "setup")
    must_dvx(tmp_path, "compare", "HEAD")


def test_clone_of_what_was_never_pushed_sends_to_a_clone_that_has_it(repo: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", str(repo), "clone")
    pulled = run_dvx(tmp_path / "clone", "pull")
    assert (pulled.code, "from a clone that has the data: `dvx push`" in pulled.err) == (6, True)
    told = must_dvx(tmp_path / "clone", "status", "--remote").err
    assert "send what the remote lacks, from a clone that has it: `dvx push`" in told


def test_mv_of_what_is_nowhere_does_not_send_to_git(repo: Path) -> None:
    refused = run_dvx(repo, "mv", "nosuch", "other")
    assert (refused.code, "git mv" in refused.err) == (1, False)


def test_mv_of_a_pointer_in_conflict_leads_to_resolve(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    (repo / "data").mkdir()
    (repo / "data.dvx").write_text("<<<<<<< HEAD\n=======\n>>>>>>> topic\n")
    refused = run_dvx(repo, "mv", "data", "other")
    assert (refused.code, "`dvx resolve`" in refused.err) == (7, True)
    assert (repo / "data.dvx").is_file()
