"""repo.settings: the table, and values from outside."""

import pytest

from dvx.core.errors import NotFound, UsageError
from dvx.repo.settings import (
    REMOTE_OPTIONS,
    SETTINGS,
    check_remote_name,
    check_shareable,
    find_setting,
    is_secret,
    parse_value,
)


def test_every_default_passes_its_own_rules_and_names_are_unique():
    for setting in SETTINGS:
        if setting.default is not None:
            assert parse_value(setting, setting.default, key=setting.name, origin="x") == setting.default
    names = [setting.name for setting in SETTINGS]
    variables = [setting.env for setting in SETTINGS]
    assert len(set(names)) == len(names)
    assert len(set(variables)) == len(variables)
    assert all(variable.startswith("DVX_") for variable in variables)
    assert find_setting("core.jobs").default >= 1
    assert {"url", "endpoint", "sse_kms_key_id"} <= {option.name for option in REMOTE_OPTIONS}


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("core.autostge", "core.autostage"),
        ("store.paht", "store.path"),
        ("remote.origin.endpont", "remote.origin.endpoint"),
        ("remote.up.ulr", "remote.up.url"),
    ],
)
def test_unknown_setting_names_what_is_near(key, near):
    with pytest.raises(NotFound) as caught:
        find_setting(key)
    assert caught.value.kind == "unknown-setting"
    assert near in caught.value.hints[0]


@pytest.mark.parametrize("key", ["", "x", "remote", "remote.url", "remote..url", "core", "zzz.qqq"])
def test_unknown_setting_without_anything_near_says_where_the_list_is(key):
    with pytest.raises(NotFound) as caught:
        find_setting(key)
    assert "dvx config list" in caught.value.hints[-1]


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a.b", "x" * 65, "é"])
def test_remote_names_are_plain(name):
    with pytest.raises(UsageError):
        check_remote_name(name)


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("core.autostage", "no", False), ("core.autostage", "TRUE", True), ("core.autostage", False, False),
        ("core.jobs", "8", 8), ("core.jobs", 3, 3), ("core.lock_timeout_s", "0", 0),
        ("core.portable", "refuse", "refuse"), ("remote.o.url", "s3://b/p", "s3://b/p"),
        ("remote.o.anonymous", "on", True),
    ],
)  # fmt: skip
def test_values_are_read_from_text_and_toml(key, raw, value):
    assert parse_value(find_setting(key), raw, key=key, origin="x") == value


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("core.autostage", "maybe"), ("core.autostage", 1), ("core.jobs", "0"), ("core.jobs", True),
        ("core.jobs", "many"), ("core.jobs", 2**31), ("core.jobs", "9" * 30), ("core.jobs", 1.5),
        ("core.portable", "never"), ("store.path", ""), ("store.path", 5), ("remote.o.addressing", "dns"),
        ("core.remote", {"a": 1}), ("core.remote", None),
    ],
)  # fmt: skip
def test_bad_values_name_the_key_and_where_they_are(key, raw):
    with pytest.raises(UsageError) as caught:
        parse_value(find_setting(key), raw, key=key, origin="`some/file`")
    assert caught.value.kind == "bad-setting"
    assert f"`{key}` must be" in caught.value.what
    assert "`some/file`" in caught.value.what


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remote.o.access_key", "A"), ("remote.o.secret_access_key", "A"), ("remote.o.session_token", "A"),
        ("remote.o.Password", "A"), ("remote.o.access-key-id", "A"), ("remote.o.url", "https://me:hunter2@host/x"),
    ],
)  # fmt: skip
def test_secrets_are_refused_without_repeating_them(key, value):
    assert is_secret(key, value)
    with pytest.raises(UsageError) as caught:
        check_shareable(key, value, origin="`x`")
    assert caught.value.kind == "secret-in-config"
    assert "hunter2" not in str(caught.value)
    assert any("aws configure" in hint for hint in caught.value.hints)


@pytest.mark.parametrize(
    ("key", "value"),
    [("remote.o.url", "s3://bucket/a:b@c"), ("remote.o.sse_kms_key_id", "x"), ("core.jobs", 4)],
)
def test_ordinary_values_are_no_secrets(key, value):
    assert not is_secret(key, value)
    check_shareable(key, value, origin="`x`")


def test_store_path_belongs_to_one_machine():
    with pytest.raises(UsageError, match="concerns one machine") as caught:
        check_shareable("store.path", "/x", origin="`x`")
    assert "--local" in caught.value.hints[0]
