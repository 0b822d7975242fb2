"""repo.git_address: what is an address, what is refused, and that no secret is shown."""

import pytest

from dvx.core.errors import UsageError
from dvx.repo.git_address import folder_name, parse_git_address

HOSTILE = [
    "",
    " ",
    "-u",
    "--upload-pack=touch x",
    "ext::sh -c touch% x",
    "fd::17",
    "https::x",
    "ssh://-oProxyCommand=x/path",
    "ssh://user@-oProxyCommand=x/path",
    "-oProxyCommand=x:path",
    "git@-oProxyCommand=x:path",
    ":path",
    "https://a\nb",
    "a\0b",
    "ftp://host/x",
    "rsync://host/x",
    "https:///path",
    "file://host/path",
    "https://[broken",
    "x" * 5000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_or_unknown_forms_are_refused(tmp_path, text):
    with pytest.raises(UsageError) as caught:
        parse_git_address(text, base_dir=str(tmp_path))
    assert caught.value.kind == "bad-repository"
    assert caught.value.hints


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host/x.git", "https://host/x.git"),
        ("https://user:secret@host:8443/x.git", "https://host:8443/x.git"),
        ("https://token@host/x", "https://host/x"),
        ("ssh://git:secret@host/x", "ssh://git@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("git@host:team/x.git", "git@host:team/x.git"),
        ("git://host/x", "git://host/x"),
    ],
)
def test_url_is_given_to_git_as_it_is_and_shown_without_secrets(tmp_path, text, shown):
    address = parse_git_address(text, base_dir=str(tmp_path))
    assert (address.url, address.shown, address.place, address.is_path) == (text, shown, None, False)
    assert "secret" not in address.redact(f"fatal: unable to access '{text}/'")


def test_secret_is_not_repeated_when_an_address_is_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        parse_git_address("ftp://user:secret@host/x", base_dir=str(tmp_path))
    assert "secret" not in caught.value.what


def test_paths_are_absolute_for_git_and_shown_as_typed(tmp_path):
    for text in ("../other", "./x", "x"):
        address = parse_git_address(text, base_dir=str(tmp_path / "here"))
        assert address.is_path
        assert address.shown == text
        assert address.place == address.url
        assert address.url.startswith(str(tmp_path))


def test_folder_with_a_colon_in_its_name_is_a_path(tmp_path):
    (tmp_path / "a:b").mkdir()
    assert parse_git_address("a:b", base_dir=str(tmp_path)).is_path
    assert not parse_git_address("c:b", base_dir=str(tmp_path)).is_path


def test_file_url_has_a_place_and_is_no_path(tmp_path):
    address = parse_git_address(f"file://{tmp_path}/with%20space", base_dir="/")
    assert (address.place, address.is_path) == (f"{tmp_path}/with space", False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://host/team/x.git", "x"),
        ("https://host/x/", "x"),
        ("git@host:x.git", "x"),
        ("git@host:team/x", "x"),
        ("../author/.git", "author"),
        ("../author", "author"),
    ],
)
def test_clone_folder_is_named_as_git_names_it(tmp_path, text, name):
    assert folder_name(parse_git_address(text, base_dir=str(tmp_path))) == name


@pytest.mark.parametrize("text", ["https://host", "https://host/", "git@host:..", "https://host/-x"])
def test_address_without_a_usable_name_asks_for_one(tmp_path, text):
    with pytest.raises(UsageError, match="does not tell"):
        folder_name(parse_git_address(text, base_dir=str(tmp_path)))
