"""repo.config: five layers."""

import pytest

from dvx.core.errors import DvxError, NotFound, UsageError
from dvx.repo.config import COMMITTED, load_config, user_config_path


@pytest.fixture
def write(repo, tmp_path):
    places = {
        "user": tmp_path / "xdg/dvx/config.toml",
        "committed": tmp_path / "work/.dvx/config.toml",
        "local": tmp_path / "work/.git/dvx/config.toml",
    }

    def run(layer, text):
        places[layer].parent.mkdir(parents=True, exist_ok=True)
        places[layer].write_text(text, encoding="utf-8")
        return str(places[layer])

    return run


@pytest.fixture
def load(repo, tmp_path):
    def run(overrides=None, **env):
        return load_config(repo, env={"XDG_CONFIG_HOME": str(tmp_path / "xdg"), **env}, overrides=overrides)

    return run


def test_nothing_set_gives_defaults(load):
    config = load()
    assert config.flag("core.autostage") is True
    assert config.number("core.lock_timeout_s") == 30
    assert config.number("core.jobs") >= 1
    assert config.text("core.remote") is None
    assert config.get("core.portable") == "warn"
    assert config.origin("core.portable") == "default"
    assert config.flag("remote.origin.anonymous") is False


def test_each_layer_wins_over_the_one_before(load, write):
    places = {}
    expected = []
    for number, layer in enumerate(["user", "committed", "local"], start=1):
        places[layer] = write(layer, f"[core]\njobs = {number}\n")
        config = load()
        expected.append((config.number("core.jobs"), config.origin("core.jobs")))
    config = load(DVX_JOBS="4")
    expected.append((config.number("core.jobs"), config.origin("core.jobs")))
    config = load({"core.jobs": "5"}, DVX_JOBS="4")
    expected.append((config.number("core.jobs"), config.origin("core.jobs")))
    assert expected == [
        (1, places["user"]), (2, COMMITTED), (3, places["local"]), (4, "environment variable DVX_JOBS"), (5, "flag"),
    ]  # fmt: skip


def test_without_a_repository_user_and_environment_count(write, tmp_path):
    write("user", "[core]\nportable = 'allow'\n")
    write("committed", "[core]\njobs = 77\n")
    config = load_config(None, env={"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "DVX_AUTOSTAGE": "0"})
    assert config.get("core.portable") == "allow"
    assert config.flag("core.autostage") is False
    assert config.number("core.jobs") != 77


def test_user_config_falls_back_to_home():
    assert user_config_path({"HOME": "/h"}) == "/h/.config/dvx/config.toml"
    assert user_config_path({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}) is None
    assert user_config_path({}) is None


def test_remotes_come_from_files_and_environment(load, write):
    write("committed", '[remote.my-store]\nurl = "s3://bucket/x"\n')
    config = load(
        DVX_REMOTE_MY_STORE_ENDPOINT="http://localhost:9000",
        DVX_REMOTE_MY_STORE_SSE_KMS_KEY_ID="k",
        DVX_REMOTE_CI_URL="/mnt/ci",
        DVX_REMOTE="ci",
        DVX_REMOTE_CI_REGION="",
    )
    assert config.text("remote.my-store.endpoint") == "http://localhost:9000"
    assert config.text("remote.my-store.sse_kms_key_id") == "k"
    assert config.text("remote.ci.url") == "/mnt/ci"
    assert config.text("core.remote") == "ci"
    assert config.text("remote.ci.region") is None


@pytest.mark.parametrize("layer", ["user", "committed", "local"])
def test_unknown_key_names_the_file_and_what_is_near(load, write, layer):
    place = write(layer, "[core]\nautostge = true\n")
    with pytest.raises(NotFound) as caught:
        load()
    assert (COMMITTED if layer == "committed" else place) in caught.value.what
    assert "core.autostage" in caught.value.hints[0]


def test_bad_value_in_the_environment_names_the_variable(load):
    with pytest.raises(UsageError, match="environment variable DVX_JOBS has 'x'"):
        load(DVX_JOBS="x")


def test_secret_in_the_committed_file_is_refused(load, write):
    write("committed", '[remote.o]\nurl = "s3://b"\nsecret_access_key = "hunter2"\n')
    with pytest.raises(UsageError) as caught:
        load()
    assert caught.value.kind == "secret-in-config"
    assert "hunter2" not in str(caught.value)


def test_store_path_is_read_from_local_only(load, write):
    write("local", '[store]\npath = "/big/disk"\n')
    assert load().text("store.path") == "/big/disk"
    write("committed", '[store]\npath = "/home/you"\n')
    with pytest.raises(UsageError) as caught:
        load()
    assert caught.value.kind == "not-shared"


@pytest.mark.parametrize(
    "text", ["[core\n", "\x00", "core = 1\ncore = 2\n", "[core]\njobs = 1.5\n", "[remote]\nurl = 'x'\n",
             "[remote.o.url.deep]\nx = 1\n", "[a.b.c.d]\ne = 1\n", "x = 1\n", "[[core]]\n"]
)  # fmt: skip
def test_anything_else_in_a_file_is_a_dvx_error(load, write, text):
    write("committed", text)
    with pytest.raises(DvxError):
        load()


def test_bytes_that_are_not_utf8_and_deep_nesting_are_dvx_errors(load, write):
    place = write("committed", "")
    for data in (b"\xff\xfe", b"x = " + b"[" * 100_000, b"#" * 1_100_000):
        with open(place, "wb") as file:
            file.write(data)
        with pytest.raises(UsageError) as caught:
            load()
        assert caught.value.kind == "bad-config"
