"""Addresses of stores and options of remotes."""

import os
import sys
from pathlib import Path

import pytest

from dvx.backends.folder import FolderBackend
from dvx.backends.location import RECOGNISED_OPTIONS, Location, open_backend, parse_location
from dvx.backends.retrying import RetryingBackend
from dvx.core.errors import ExitCode, UsageError


@pytest.mark.parametrize(
    ("url", "bucket", "prefix", "canonical"),
    [
        ("s3://bucket", "bucket", "", "s3://bucket"),
        ("s3://bucket/", "bucket", "", "s3://bucket"),
        ("s3://bucket/a/b", "bucket", "a/b", "s3://bucket/a/b"),
        ("s3://bucket/a//b/", "bucket", "a/b", "s3://bucket/a/b"),
        ("S3://My_Bucket.old/Team=A", "My_Bucket.old", "Team=A", "s3://My_Bucket.old/Team=A"),
    ],
)
def test_s3_address_is_split_and_made_canonical(url: str, bucket: str, prefix: str, canonical: str) -> None:
    assert parse_location(url, base_dir="/") == Location("s3", canonical, bucket=bucket, prefix=prefix)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///a",
        "s3://b",
        "s3://bucket/../a",
        "s3://bucket/a b",
        "s3://bucket/a?b=c",
        "s3://bucket/" + "a" * 401,
    ],
)
def test_malformed_s3_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_location(url, base_dir="/")
    assert caught.value.kind == "bad-location"


def test_s3_address_with_credentials_is_refused_without_repeating_them() -> None:
    with pytest.raises(UsageError) as caught:
        parse_location("s3://AKIAKEY:verysecret@bucket/a", base_dir="/")
    assert "verysecret" not in caught.value.what
    assert "never credentials" in caught.value.what


@pytest.mark.skipif(os.name != "posix", reason="POSIX paths")
@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/mnt/share/dvx", "/mnt/share/dvx"),
        ("/mnt/share/../dvx/", "/mnt/dvx"),
        ("../share", "/home/share"),
        ("share", "/home/repo/share"),
        ("file:///mnt/share%20one", "/mnt/share one"),
        ("file://localhost/mnt/share", "/mnt/share"),
    ],
)
def test_folder_address_becomes_an_absolute_path(url: str, path: str) -> None:
    assert parse_location(url, base_dir="/home/repo") == Location("folder", path, path=path)


def test_tilde_names_the_home_folder() -> None:
    assert parse_location("~/share", base_dir="/x").path == str(Path.home() / "share")


@pytest.mark.skipif(sys.platform != "win32", reason="drive letters")
@pytest.mark.parametrize("url", ["C:\\share", "C:/share", "file:///C:/share"])
def test_drive_path_is_a_folder(url: str) -> None:
    assert parse_location(url, base_dir="D:\\").path == "C:\\share"


@pytest.mark.parametrize("url", ["file://host/share", "file:///a?b", "file:///a#b", "file:///a%00b"])
def test_malformed_file_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        parse_location(url, base_dir="/")


@pytest.mark.parametrize("url", ["gs://bucket/a", "https://example.com", "ssh://host/a"])
def test_unknown_scheme_names_the_supported_ones(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_location(url, base_dir="/")
    assert caught.value.kind == "unknown-scheme"
    assert caught.value.exit_code is ExitCode.USAGE
    assert "s3://" in caught.value.hints[-1]
    assert "file:///" in caught.value.hints[-1]


@pytest.mark.skipif(os.name != "posix", reason="POSIX paths")
@pytest.mark.parametrize("url", ["/", "file:///", "//", "/.."])
def test_a_whole_disk_is_no_store(url: str) -> None:
    with pytest.raises(UsageError):
        parse_location(url, base_dir="/home")


@pytest.mark.parametrize("url", ["", "  ", "/a\0b", "s3://bucket/a\nb"])
def test_empty_address_and_control_characters_are_refused(url: str) -> None:
    with pytest.raises(UsageError):
        parse_location(url, base_dir="/")


def test_folder_address_opens_a_folder_backend(tmp_path: Path) -> None:
    backend = open_backend(parse_location("store", base_dir=str(tmp_path)), {}, jobs=4)
    assert isinstance(backend, FolderBackend)
    backend.put("one", b"x")
    assert (tmp_path / "store" / "one").read_bytes() == b"x"


def test_s3_address_opens_a_backend_that_retries() -> None:
    options: dict[str, str | bool] = {
        "endpoint": "http://127.0.0.1:1",
        "region": "eu-west-1",
        "anonymous": True,
    }
    backend = open_backend(parse_location("s3://bucket/a", base_dir="/"), options, jobs=4)
    assert isinstance(backend, RetryingBackend)
    assert backend.location == "s3://bucket/a"
    assert not backend.is_local
    assert backend.concurrency == 8
    backend.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("color", "red"),
        ("addressing", "sideways"),
        ("checksum", "none"),
        ("anonymous", "yes"),
        ("region", True),
        ("region", ""),
        ("endpoint", "storage.example.com"),
        ("endpoint", "ftp://storage.example.com"),
        ("endpoint", "https://user:password@storage.example.com"),
    ],
)
def test_wrong_option_is_refused_by_name(name: str, value: str | bool) -> None:
    with pytest.raises(UsageError, match=f"`{name}`") as caught:
        open_backend(parse_location("s3://bucket", base_dir="/"), {name: value}, jobs=1)
    assert caught.value.kind == "bad-option"
    assert "password@" not in caught.value.what


def test_s3_option_for_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder remote has no option `region`"):
        open_backend(parse_location("a", base_dir=str(tmp_path)), {"region": "x"}, jobs=1)


def test_every_recognised_option_is_accepted() -> None:
    values: dict[str, str | bool] = {
        spec.name: True if spec.type is bool else "x" for spec in RECOGNISED_OPTIONS
    }
    values |= {"endpoint": "http://127.0.0.1:1", "addressing": "virtual", "checksum": "when_supported"}
    values |= {"profile": "unknown"}
    with pytest.raises(Exception, match="unknown"):  # only the profile is wrong
        open_backend(parse_location("s3://bucket", base_dir="/"), values, jobs=1)
    del values["profile"]
    open_backend(parse_location("s3://bucket", base_dir="/"), values, jobs=1).close()
