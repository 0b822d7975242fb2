"""Addresses that are meant as something else than the folder they would name."""

import pytest

from dvx.backends.mistaken_address import refuse_mistaken
from dvx.core.errors import UsageError

MISTAKEN = [
    ("s3:/bucket/x", "`s3://bucket/x`"),
    ("s3:bucket/x", "`s3://bucket/x`"),
    ("S3:/bucket/x", "`s3://bucket/x`"),
    ("s3a://bucket/x", "`s3://bucket/x`"),
    ("arn:aws:s3:::bucket/x", "`s3://bucket/x`"),
    ("gs://bucket/x", "`s3://bucket/x` with `--endpoint https://storage.googleapis.com`"),
    ("https://minio.example.com/bucket/x", "`s3://bucket/x` with `--endpoint https://minio.example.com`"),
    ("https://bucket.s3.eu-west-1.amazonaws.com/x", "`s3://bucket/x`"),
    ("git@host:store", "`./git@host:store`"),
    ("host:/srv/store", "`./host:/srv/store`"),
    ("ssh://host/srv", "mount it"),
    ("smb://server/share", "mount it"),
    ("file:/mnt/x", "`file:///mnt/x`"),
    ("C:\\data\\dvx", "mounted"),
    ("C:/data/dvx", "mounted"),
    ("c://data", "mounted"),
    ("\\\\server\\share", "mounted"),
    ("//server/share", "mounted"),
    ("data\\store", "`data/store`"),
    ("$HOME/store", "`~/FOLDER`"),
    ("${HOME}/store", "`~/FOLDER`"),
    ("/mnt/$USER/store", "`~/FOLDER`"),
    ("%USERPROFILE%\\store", "`~/FOLDER`"),
    ("~nobody-of-that-name/store", "`~/FOLDER`"),
    (" /mnt/share", "`/mnt/share`"),
    ("/mnt/share\u00a0", "`/mnt/share`"),
    ("'/mnt/share'", "`/mnt/share`"),
    ('"s3://bucket"', "`s3://bucket`"),
]


@pytest.mark.parametrize(("url", "correction"), MISTAKEN)
def test_address_that_is_no_folder_is_refused_with_what_was_meant(url: str, correction: str) -> None:
    with pytest.raises(UsageError) as caught:
        refuse_mistaken(url, is_windows=False)
    assert any(correction in hint for hint in caught.value.hints)


@pytest.mark.parametrize(
    "url",
    ["/mnt/share/dvx", "../store", "store", "./a:b", "/srv/a:b", "~/store", "~", "/mnt/cost in $", "é/ü"],
)
def test_path_that_somebody_could_mean_passes(url: str) -> None:
    refuse_mistaken(url, is_windows=False)


@pytest.mark.parametrize("url", ["C:\\data", "C:/data", "\\\\server\\share", "..\\store"])
def test_paths_of_windows_pass_on_windows(url: str) -> None:
    refuse_mistaken(url, is_windows=True)


def test_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        refuse_mistaken("https://user:verysecret@example.com/bucket")
    assert "verysecret" not in str((caught.value.what, caught.value.hints))
