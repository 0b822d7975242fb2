"""repo.remotes: which remote, where it is."""

import os

import pytest

from dvx.core.errors import NotFound, UsageError
from dvx.repo.config import load_config
from dvx.repo.remotes import default_remote, remote_names
from dvx.repo.repository import Repository


@pytest.fixture
def config(repo):
    def make(text="", **env):
        os.makedirs(repo.config_dir, exist_ok=True)
        with open(repo.config_path, "w", encoding="utf-8") as file:
            file.write(text)
        return load_config(repo, env=env)

    return make


def url(name, value="s3://b"):
    return f'[remote.{name}]\nurl = "{value}"\n'


def test_remotes_come_with_options_and_origins(repo, config):
    text = url("b", "s3://bucket/p") + 'endpoint = "http://x"\nanonymous = true\n' + url("a")
    found = config(text, DVX_REMOTE_B_REGION="r")
    assert remote_names(found) == ["a", "b"]
    first, second = (default_remote(found, repo, name) for name in ("a", "b"))
    assert (first.name, first.options) == ("a", {})
    assert (second.name, second.url, second.origin) == ("b", "s3://bucket/p", ".dvx/config.toml")
    assert second.options == {"endpoint": "http://x", "anonymous": True, "region": "r"}
    assert second.committed == {"url", "endpoint", "anonymous"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("../store", "{parent}/store"),
        ("store/a/", "{root}/store/a"),
        ("/abs/store", "/abs/store"),
        ("file:///x", "file:///x"),
        ("s3://b/p", "s3://b/p"),
    ],
)
def test_relative_folders_start_at_the_root(repo, config, text, expected):
    remote = default_remote(config(url("o", text)), repo)
    assert remote.url == expected.format(root=repo.root, parent=os.path.dirname(repo.root))


def test_remote_without_url_says_how_to_set_it(repo, config):
    with pytest.raises(UsageError) as caught:
        default_remote(config('[remote.o]\nregion = "x"\n'), repo)
    assert "dvx config set remote.o.url URL" in caught.value.hints[0]


def test_no_remote_says_how_to_add_one(repo, config):
    with pytest.raises(NotFound) as caught:
        default_remote(config(), repo)
    assert caught.value.kind == "no-remote"
    assert "dvx remote add origin URL" in caught.value.hints[0]


def test_default_is_the_named_the_configured_the_only_one_or_origin(repo, config):
    assert default_remote(config(url("x")), repo).name == "x"
    two = url("x") + url("origin")
    assert default_remote(config(two), repo).name == "origin"
    assert default_remote(config(two, DVX_REMOTE="x"), repo).name == "x"
    assert default_remote(config(two, DVX_REMOTE="x"), repo, "origin").name == "origin"
    with pytest.raises(UsageError) as caught:
        default_remote(config(url("x") + url("y")), repo)
    assert caught.value.kind == "remote-not-chosen"


def test_unknown_remote_lists_the_known(repo, config):
    with pytest.raises(NotFound, match="`nope`; known are `origin`, `x`"):
        default_remote(config(url("x") + url("origin")), repo, "nope")


def test_remote_whose_options_cannot_be_used_fails_alone(repo, config):
    found = config(url("good") + url("bad") + "checksum = 'never'\n")
    assert remote_names(found) == ["bad", "good"]
    assert default_remote(found, repo, "good").url == "s3://b"
    with pytest.raises(UsageError, match=r"remote\.bad\.checksum"):
        default_remote(found, repo, "bad")


def test_relative_folder_is_the_same_in_a_linked_work_tree(repo, config, git, tmp_path):
    git("commit", "-q", "--allow-empty", "-m", "x")
    git("worktree", "add", "-q", str(tmp_path / "deep/down/wt"))
    linked = Repository.discover(str(tmp_path / "deep/down/wt"), env={})
    found = config(url("o", "../store"))
    assert default_remote(found, linked).url == default_remote(found, repo).url == str(tmp_path / "store")
