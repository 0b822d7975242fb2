"""repo.config: layers of settings."""

import os

import pytest

from dvx.core.errors import DvxError, PathRefused, UsageError
from dvx.repo.config import COMMITTED, load_config, user_config_path
from dvx.repo.repository import Repository
from dvx.repo.track_rules import combined


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
def test_unknown_key_is_left_out_and_named_with_its_file_and_what_is_near(load, write, layer):
    place = write(layer, "[core]\nautostge = true\njobs = 3\n[future]\nfeature = true\n")
    config = load()
    assert config.number("core.jobs") == 3
    near, unknown = config.unknown
    assert (COMMITTED if layer == "committed" else place) in near
    assert "did you mean `core.autostage`" in near
    assert "`future.feature`, which this dvx does not know" in unknown


@pytest.mark.parametrize(
    ("layer", "hint"),
    [
        ("user", "dvx config set --user core.portable warn"),
        ("committed", "dvx config set core.portable warn"),
        ("local", "dvx config set --local core.portable warn"),
    ],
)
def test_value_that_cannot_be_used_fails_only_who_asks_for_it(load, write, layer, hint):
    write(layer, "[core]\nportable = 'perhaps'\njobs = 3\n")
    config = load()
    assert config.number("core.jobs") == 3
    with pytest.raises(UsageError) as caught:
        config.get("core.portable")
    assert caught.value.hints == (f"set it: `{hint}`",)
    assert load(DVX_PORTABLE="allow").get("core.portable") == "allow"


def test_rule_that_cannot_be_used_fails_for_its_data_only(load, write):
    write("committed", "[track.'a/*']\nparams = 7\n[track.'b/*']\nparams = ['p.yaml']\nnewer = 1\n")
    config = load()
    assert combined(config.rules, "b/x").params[0].path == "p.yaml"
    with pytest.raises(UsageError, match="must be a list"):
        combined(config.rules, "a/x")
    assert "`track.b/*.newer`" in config.unknown[0]


def test_bad_value_in_the_environment_names_the_variable(load):
    with pytest.raises(UsageError, match="environment variable DVX_JOBS has 'x'") as caught:
        load(DVX_JOBS="x")
    assert "`unset DVX_JOBS`" in caught.value.hints[0]


def test_secret_in_the_committed_file_is_refused(load, write):
    write("committed", '[remote.o]\nurl = "s3://b"\nsecret_access_key = "hunter2"\n')
    with pytest.raises(UsageError) as caught:
        load()
    assert caught.value.kind == "secret-in-config"
    assert "hunter2" not in str(caught.value)


def test_store_path_is_read_from_local_only(load, write):
    write("committed", '[store]\npath = "/home/you"\n')
    with pytest.raises(UsageError) as caught:
        load().text("store.path")
    assert caught.value.kind == "not-shared"
    write("local", '[store]\npath = "/big/disk"\n')
    assert load().text("store.path") == "/big/disk"


@pytest.mark.parametrize("text", ["[core\n", "\x00", "core = 1\ncore = 2\n"])
def test_text_that_is_no_toml_is_a_dvx_error(load, write, text):
    write("committed", text)
    with pytest.raises(UsageError) as caught:
        load()
    assert caught.value.kind == "bad-config"


@pytest.mark.parametrize(
    "text", ["[core]\njobs = 1.5\n", "[core]\njobs = 0x" + "f" * 6000, "[remote]\nurl = 'x'\n",
             "[remote.o.url.deep]\nx = 1\n", "[a.b.c.d]\ne = 1\n", "x = 1\n", "[[core]]\n"]
)  # fmt: skip
def test_anything_else_in_a_file_is_a_problem_or_unknown(load, write, text):
    write("committed", text)
    config = load()
    assert len(config.problems) + len(config.unknown) == 1
    for problem in config.problems.values():
        assert isinstance(problem, DvxError)
        assert len(problem.what) < 300


def test_bytes_that_are_not_utf8_and_deep_nesting_are_dvx_errors(load, write):
    place = write("committed", "")
    for data in (b"\xff\xfe", b"x = " + b"[" * 100_000, b"#" * 1_100_000):
        with open(place, "wb") as file:
            file.write(data)
        with pytest.raises(UsageError) as caught:
            load()
        assert caught.value.kind == "bad-config"


def test_byte_order_mark_is_passed_over_and_utf16_is_named(load, write):
    place = write("committed", "\ufeff[core]\r\njobs = 3\r\n")
    assert load().number("core.jobs") == 3
    with open(place, "wb") as file:
        file.write("[core]\njobs = 3\n".encode("utf-16"))
    with pytest.raises(UsageError, match="UTF-16 text, and has to be saved as UTF-8"):
        load()


@pytest.mark.parametrize("layer", ["user", "committed", "local"])
def test_pipe_or_folder_in_the_place_of_a_file_is_refused_without_waiting(load, write, layer):
    place = write(layer, "")
    os.unlink(place)
    os.mkfifo(place)
    with pytest.raises(PathRefused, match="a named pipe where a file is expected"):
        load()
    os.unlink(place)
    os.mkdir(place)
    with pytest.raises(PathRefused, match="a folder where a file is expected"):
        load()


def test_committed_file_is_not_read_through_a_link_out_of_the_work_tree(load, repo, tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/config.toml").write_text("[core]\njobs = 3\n")
    (tmp_path / "work/.dvx").symlink_to("../victim")
    with pytest.raises(PathRefused, match=r"`\.dvx` is a symbolic link that leads out"):
        load()
    (tmp_path / "work/.dvx").unlink()
    (tmp_path / "work/settings").mkdir()
    (tmp_path / "work/settings/config.toml").write_text("[core]\njobs = 4\n")
    (tmp_path / "work/.dvx").symlink_to("settings")
    assert load().number("core.jobs") == 4


@pytest.fixture
def linked(repo, git, tmp_path):
    """A linked work tree of the repository."""
    git("commit", "-q", "--allow-empty", "-m", "x")
    git("worktree", "add", "-q", str(tmp_path / "deep/wt"))
    return Repository.discover(str(tmp_path / "deep/wt"), env={})


def test_local_settings_count_in_all_work_trees_and_one_may_have_more(linked, write):
    write("local", "[core]\njobs = 3\nportable = 'allow'\n")
    os.makedirs(os.path.dirname(linked.worktree_config_path))
    with open(linked.worktree_config_path, "w", encoding="utf-8") as file:
        file.write("[core]\njobs = 4\n")
    config = load_config(linked, env={})
    assert (config.number("core.jobs"), config.get("core.portable")) == (4, "allow")
    assert config.origin("core.jobs") == linked.worktree_config_path


def test_what_a_sparse_checkout_leaves_out_is_read_from_the_staging_area(repo, write, git):
    write("committed", "[core]\njobs = 3\n")
    (open(os.path.join(repo.root, "x"), "w", encoding="utf-8")).close()
    git("add", "-A")
    git("commit", "-qm", "x")
    git("sparse-checkout", "set", "--cone", "elsewhere")
    assert not os.path.exists(repo.config_path)
    assert repo.is_initialised
    assert load_config(repo, env={}).number("core.jobs") == 3
    os.makedirs(repo.config_dir)
    write("committed", "[core]\njobs = 5\n")  # what is there counts
    assert load_config(repo, env={}).number("core.jobs") == 5


def test_of_very_many_unknown_settings_some_are_named(load, write):
    write("committed", "".join(f"[x.y{number}]\na = 1\n" for number in range(30_000)))
    assert len(load().unknown) == 10
