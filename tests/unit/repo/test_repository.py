"""repo.repository: discovery and paths."""

import os

import pytest

from dvx.core.errors import ExitCode, NotARepository, PathRefused
from dvx.repo import repository
from dvx.repo.repository import Repository


def discover(start):
    return Repository.discover(str(start), env={})


def test_discover_from_a_subfolder_gives_root_and_prefix(repo, tmp_path):
    (tmp_path / "work/a/b").mkdir(parents=True)
    found = discover(tmp_path / "work/a/b")
    assert found == Repository(
        root=str(tmp_path / "work"),
        git_dir=str(tmp_path / "work/.git"),
        common_dir=str(tmp_path / "work/.git"),
        prefix="a/b",
    )


def test_discover_of_an_ordinary_repository_starts_no_process(repo, monkeypatch):
    monkeypatch.setattr(repository, "_ask_git", lambda *args: pytest.fail("asked Git"))
    assert discover(repo.root).root == repo.root


def test_discover_through_a_symlink_gives_the_real_place(repo, tmp_path):
    (tmp_path / "alias").symlink_to(tmp_path / "work")
    assert discover(tmp_path / "alias") == repo


def test_discover_outside_any_repository_says_git_init(tmp_path):
    with pytest.raises(NotARepository) as caught:
        discover(tmp_path)
    assert caught.value.exit_code == ExitCode.NOT_A_REPOSITORY
    assert any("git init" in hint for hint in caught.value.hints)
    assert any("cd " in hint for hint in caught.value.hints)


def test_discover_in_a_bare_repository_says_so(tmp_path, git):
    git("init", "-q", "--bare", "bare.git", cwd=tmp_path)
    for start in ("bare.git", "bare.git/objects"):
        with pytest.raises(NotARepository) as caught:
            discover(tmp_path / start)
        assert caught.value.kind == "bare-repository"


def test_discover_inside_the_git_folder_says_there_is_no_work_tree(repo):
    with pytest.raises(NotARepository) as caught:
        discover(os.path.join(repo.root, ".git", "hooks"))
    assert caught.value.kind == "bare-repository"


def test_git_dir_in_the_environment_wins(repo, tmp_path, git):
    (tmp_path / "elsewhere").mkdir()
    env = {**os.environ, "GIT_DIR": repo.git_dir, "GIT_WORK_TREE": repo.root}
    found = Repository.discover(str(tmp_path / "elsewhere"), env=env)
    assert (found.root, found.git_dir, found.prefix) == (repo.root, repo.git_dir, "../elsewhere")
    assert found.relative("../work/d/x") == "d/x"


def test_core_worktree_is_honoured(repo, tmp_path, git):
    (tmp_path / "moved").mkdir()
    git("config", "core.worktree", str(tmp_path / "moved"))
    found = Repository.discover(repo.root)
    assert found.root == str(tmp_path / "moved")


def test_folder_called_git_that_is_none_is_passed_over(repo, tmp_path):
    (tmp_path / "work/sub/.git").mkdir(parents=True)
    assert discover(tmp_path / "work/sub").prefix == "sub"


def test_places_of_dvx_files(repo):
    root = repo.root
    assert repo.config_path == f"{root}/.dvx/config.toml"
    assert repo.local_config_path == f"{root}/.git/dvx/config.toml"
    assert repo.default_store_path == f"{root}/.git/dvx/store"
    assert repo.index_path == f"{root}/.git/dvx/index.db"
    assert repo.stat_path == f"{root}/.git/dvx/stat.db"
    assert repo.lock_path == f"{root}/.git/dvx/workspace.lock"


def test_require_initialised_until_there_is_a_config(repo):
    assert not repo.is_initialised
    with pytest.raises(NotARepository) as caught:
        repo.require_initialised()
    assert caught.value.kind == "not-initialised"
    assert "dvx init" in caught.value.hints[0]
    os.makedirs(repo.config_dir)
    open(repo.config_path, "w").close()
    assert repo.is_initialised
    repo.require_initialised()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("x", "sub/x"), ("./x/", "sub/x"), ("../y", "y"), (".", "sub"), ("..", ""), ("", "sub"),
        ("a/../b", "sub/b"),
    ],
)  # fmt: skip
def test_relative_starts_at_the_current_folder(repo, typed, expected):
    os.makedirs(repo.absolute("sub"))
    assert discover(repo.absolute("sub")).relative(typed) == expected


def test_relative_takes_absolute_paths_also_through_a_link_to_the_repository(repo, tmp_path):
    (tmp_path / "alias").symlink_to(repo.root)
    assert repo.relative(f"{repo.root}/d/x") == "d/x"
    assert repo.relative(f"{tmp_path}/alias/d/x") == "d/x"
    assert repo.relative(f"{tmp_path}/alias") == ""


def test_relative_keeps_a_link_that_is_named_itself(repo):
    os.symlink("/etc", repo.absolute("link"))
    assert repo.relative("link") == "link"


@pytest.mark.parametrize("typed", ["../x", "/etc/passwd", "..", "link/passwd", "../work2/x", "a\0b"])
def test_relative_refuses_what_is_outside(repo, tmp_path, typed):
    (tmp_path / "work2").mkdir()
    os.symlink("/etc", repo.absolute("link"))
    with pytest.raises(PathRefused) as caught:
        repo.relative(typed)
    assert caught.value.kind == ("unsafe-path" if "\0" in typed else "outside-repository")


def test_pipe_called_git_above_is_not_waited_for(tmp_path):
    (tmp_path / "in/side").mkdir(parents=True)
    os.mkfifo(tmp_path / "in/.git")
    with pytest.raises(NotARepository):
        Repository.discover(str(tmp_path / "in/side"), env={})
