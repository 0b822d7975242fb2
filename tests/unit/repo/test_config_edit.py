"""repo.config_edit: one value, everything else as it was."""

import tomllib

import pytest

from dvx.core.errors import DvxError, NotFound, UsageError
from dvx.repo.config_edit import set_value, unset_value


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new/config.toml"


def test_set_makes_the_file_and_plain_tables(path):
    set_value(str(path), "remote.origin.url", "s3://bucket/prefix")
    set_value(str(path), "remote.origin.anonymous", "yes")
    set_value(str(path), "core.jobs", "4")
    assert path.read_text() == (
        '[remote.origin]\nurl = "s3://bucket/prefix"\nanonymous = true\n\n[core]\njobs = 4\n'
    )


def test_set_keeps_comments_and_order(path):
    path.parent.mkdir()
    path.write_text("# top\n[core]\njobs = 1 # few\n\n# remotes\n[remote.a]\nurl = 'x'\n")
    set_value(str(path), "core.jobs", "2")
    set_value(str(path), "remote.b.url", "y")
    text = path.read_text()
    assert text.startswith("# top\n[core]\njobs = 2 # few\n\n# remotes\n[remote.a]\nurl = 'x'\n")
    assert tomllib.loads(text) == {"core": {"jobs": 2}, "remote": {"a": {"url": "x"}, "b": {"url": "y"}}}


@pytest.mark.parametrize(
    ("key", "value"),
    [("core.nope", "1"), ("core.jobs", "x"), ("remote.o.secret_key", "s"), ("store.path", "/x"),
     ("remote.a b.url", "x"), ("remote.o.url", "s3://u:p@h")],
)  # fmt: skip
def test_refused_value_leaves_no_file(path, key, value):
    with pytest.raises(DvxError):
        set_value(str(path), key, value)
    assert not path.exists()


def test_machine_setting_may_be_set_in_a_local_file(path):
    set_value(str(path), "store.path", "/big", committed=False)
    assert tomllib.loads(path.read_text()) == {"store": {"path": "/big"}}


def test_file_with_bad_toml_is_not_touched(path):
    path.parent.mkdir()
    path.write_text("[core\n")
    with pytest.raises(UsageError) as caught:
        set_value(str(path), "core.jobs", "2")
    assert caught.value.kind == "bad-config"
    assert path.read_text() == "[core\n"


def test_value_in_the_place_of_a_table_is_refused(path):
    path.parent.mkdir()
    path.write_text("core = 1\n")
    with pytest.raises(UsageError):
        set_value(str(path), "core.jobs", "2")


def test_unset_removes_the_key_and_empty_tables(path):
    set_value(str(path), "core.jobs", "2")
    set_value(str(path), "remote.a.url", "x")
    set_value(str(path), "remote.a.region", "y")
    unset_value(str(path), "remote.a.region")
    assert tomllib.loads(path.read_text()) == {"core": {"jobs": 2}, "remote": {"a": {"url": "x"}}}
    unset_value(str(path), "remote.a.url")
    assert "remote" not in path.read_text()
    set_value(str(path), "remote.b.url", "x")
    set_value(str(path), "remote.b.region", "x")
    unset_value(str(path), "remote.b")
    assert tomllib.loads(path.read_text()) == {"core": {"jobs": 2}}


@pytest.mark.parametrize("key", ["core.remote", "remote.x", "remote.x.url", "core.jobs.deep"])
def test_unset_of_what_is_not_set_is_not_found(path, key):
    set_value(str(path), "core.jobs", "2")
    with pytest.raises(NotFound) as caught:
        unset_value(str(path), key)
    assert caught.value.kind == "not-set"


def test_byte_order_mark_and_line_ends_stay(path):
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf# top\r\n[core]\r\njobs = 1\r\n")
    set_value(str(path), "core.jobs", "2")
    assert path.read_bytes() == b"\xef\xbb\xbf# top\r\n[core]\r\njobs = 2\r\n"
