"""The session of boto3: it looks through less, and has the same settings."""

import os
from pathlib import Path

import pytest

from dvx.backends.s3_client import S3Options, make_client
from dvx.backends.s3_session import make_session


def test_descriptions_of_services_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    listdir = os.listdir

    def note(path: str) -> list[str]:
        listed.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", note)
    make_client(S3Options(bucket="bucket", endpoint="http://127.0.0.1:1")).close()
    below = [path for path in listed if Path(path).parent.name == "data"]
    # botocore's own loader lists each of 400 folders; those of S3 itself are few.
    assert {Path(path).name for path in below} <= {"s3"}


@pytest.mark.parametrize("service", ["s3", "sts", "sso", "sso-oidc"])
def test_services_that_credentials_come_from_are_known(service: str) -> None:
    """Roles and single sign-on make clients of their own, with the same session."""
    client = make_session(profile=None, region="eu-west-1").client(service)  # type: ignore[call-overload]
    assert client.meta.region_name == "eu-west-1"
    client.close()


def test_descriptions_in_a_folder_of_the_environment_are_still_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path / "absent"))
    session = make_session(profile=None, region=None)
    assert str(tmp_path / "absent") in session._session.get_component("data_loader").search_paths
    assert "s3" in session.get_available_services()


def test_profile_and_region_are_those_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile ours]\nregion = us-west-2\naws_access_key_id = A\naws_secret_access_key = B\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    session = make_session(profile="ours", region=None)
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "A"
    client = make_client(S3Options(bucket="bucket", profile="ours"))
    assert client.meta.region_name == "us-west-2"
    client.close()
    client = make_client(S3Options(bucket="bucket", profile="ours", region="eu-west-1"))
    assert client.meta.region_name == "eu-west-1"
    client.close()
