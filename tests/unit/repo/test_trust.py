"""repo.trust: one notice for each new place."""

import os

import pytest

from dvx.repo.remotes import RemoteConfig
from dvx.repo.trust import announce_endpoint


def remote(url="s3://bucket/p", committed=("url",), **options):
    return RemoteConfig(
        name="origin", url=url, options=options, origin=".dvx/config.toml", committed=frozenset(committed)
    )


@pytest.fixture
def env(tmp_path):
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_committed_place_is_announced_once(repo, env):
    sentence = announce_endpoint(repo, remote(endpoint="http://h:1"), env=env)
    assert "s3://bucket/p at http://h:1" in sentence
    assert "`origin`" in sentence
    assert announce_endpoint(repo, remote(endpoint="http://h:1"), env=env) is None


def test_each_other_place_or_profile_is_announced(repo, env):
    variants = [remote(), remote("s3://other"), remote(endpoint="http://h"), remote(profile="work")]
    assert all(announce_endpoint(repo, each, env=env) for each in variants)
    assert not any(announce_endpoint(repo, each, env=env) for each in variants)


def test_endpoint_alone_from_the_committed_file_is_announced(repo, env):
    assert announce_endpoint(repo, remote(committed=("endpoint",), endpoint="http://h"), env=env)


def test_own_settings_are_not_announced(repo, env):
    assert announce_endpoint(repo, remote(committed=("region",)), env=env) is None
    assert not os.path.exists(env["XDG_STATE_HOME"])


def test_notice_comes_again_where_nothing_can_be_remembered(repo, tmp_path):
    (tmp_path / "state").write_text("a file")
    for env in ({}, {"XDG_STATE_HOME": str(tmp_path / "state")}):
        assert announce_endpoint(repo, remote(), env=env)
        assert announce_endpoint(repo, remote(), env=env)
