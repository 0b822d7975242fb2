"""Remotes that fail: over S3 through a proxy that fails on purpose, and objects that disappear behind our back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dvx.testing.proxy import FaultProxy, WireEffect, WireFault, start_fault_proxy
from dvx.testing.servers import RunningServer, S3Remote, create_bucket, make_test_client
from dvx.testing.shell import (
    Ran,
    clone,
    commit,
    debris,
    file_bytes,
    make_repo,
    must_dvx,
    read_tree,
    run_dvx,
    store_of,
    write_tree,
)  # fmt: skip
from dvx.testing.store_scan import check_pointers, scan_store

TREE = {
    "a.bin": ("file", file_bytes(3_000_000, seed=21)),
    "b/c.txt": ("file", b"line\n" * 5000),
    "b/d.bin": ("file", file_bytes(200_000, seed=22)),
}
SHORT = {"DVX_NETWORK_RETRY_DEADLINE_S": "2"}


BOTH_SERVERS = pytest.mark.parametrize("server", ["moto", "rclone"], indirect=True)


@pytest.fixture
def server(request: pytest.FixtureRequest, s3_credentials: None) -> RunningServer:
    """One of the S3 servers; rclone unless a test asks for another."""
    return request.getfixturevalue(f"{getattr(request, 'param', 'rclone')}_server")


@pytest.fixture
def proxy(server: RunningServer) -> Iterator[FaultProxy]:
    with start_fault_proxy(server.endpoint) as running:
        yield running


@pytest.fixture
def bucket(server: RunningServer) -> S3Remote:
    return create_bucket(server)


@pytest.fixture
def author(tmp_path: Path, bucket: S3Remote, proxy: FaultProxy) -> Path:
    """Data added and committed; the remote is the bucket as seen through the proxy. Nothing is pushed."""
    repo = make_repo(tmp_path / "author")
    must_dvx(repo, "remote", "add", "origin", bucket.url, "--endpoint", proxy.endpoint)
    write_tree(repo / "data", TREE)
    must_dvx(repo, "add", "data")
    commit(repo, "data")
    return repo


def pull_fresh(author: Path, *args: str) -> Ran:
    """Clone and pull; the clone is `fresh` beside the author."""
    fresh = author.parent / "fresh"
    if not fresh.exists():
        clone(author, fresh)
    return run_dvx(fresh, "pull", *args)


def check_pulled(author: Path) -> None:
    assert read_tree(author.parent / "fresh" / "data") == TREE
    assert debris(author.parent / "fresh") == []


@BOTH_SERVERS
def test_burst_of_503_is_survived_in_both_directions(author: Path, proxy: FaultProxy) -> None:
    proxy.add(*(WireFault(WireEffect.SLOW_DOWN, method=method, times=2) for method in ("PUT", "HEAD")))
    must_dvx(author, "push")
    proxy.clear()
    proxy.add(WireFault(WireEffect.SLOW_DOWN, method="GET", times=3))
    assert pull_fresh(author).code == 0
    check_pulled(author)


@BOTH_SERVERS
@pytest.mark.parametrize("mode", ["--store", "--no-store"])
def test_truncated_bodies_are_survived(author: Path, proxy: FaultProxy, mode: str) -> None:
    must_dvx(author, "push")
    proxy.add(WireFault(WireEffect.TRUNCATE, path_part="packs/", times=3))
    proxy.add(WireFault(WireEffect.TRUNCATE, path_part="roots/", times=1))
    assert pull_fresh(author, mode).code == 0
    check_pulled(author)


@pytest.mark.parametrize("part", ["packs/", "roots/", "dvx-store.json"])
def test_answer_lost_after_an_object_was_stored_is_survived(
    author: Path, proxy: FaultProxy, part: str
) -> None:
    proxy.add(WireFault(WireEffect.DROP_ANSWER, method="PUT", path_part=part, times=2))
    must_dvx(author, "push")
    must_dvx(author, "status", "--remote", "--exit-code")
    assert pull_fresh(author).code == 0
    check_pulled(author)


@pytest.mark.parametrize("mode", ["--store", "--no-store"])
@pytest.mark.parametrize("part", ["packs/", "roots/"])
def test_flipped_bit_in_a_download_is_never_believed(
    author: Path, proxy: FaultProxy, part: str, mode: str
) -> None:
    must_dvx(author, "push")
    proxy.add(WireFault(WireEffect.FLIP_ANSWER, path_part=part))
    ran = pull_fresh(author, mode)
    fresh = author.parent / "fresh"
    assert ran.code in (0, 6, 7), ran
    found = read_tree(fresh / "data")
    assert all(TREE[path] == content for path, content in found.items())
    assert debris(fresh) == []
    scan_store(store_of(fresh))
    assert pull_fresh(author, mode).code == 0
    check_pulled(author)
    scan_store(store_of(fresh))


@BOTH_SERVERS
def test_flipped_bit_in_an_upload_is_refused_by_a_server_that_checks_or_found_by_the_reader(
    author: Path, proxy: FaultProxy, server: RunningServer
) -> None:
    proxy.add(WireFault(WireEffect.FLIP_UPLOAD, method="PUT", path_part="packs/"))
    must_dvx(author, "push")
    ran = pull_fresh(author)
    found = read_tree(author.parent / "fresh" / "data")
    assert all(TREE[path] == content for path, content in found.items())
    if ran.code == 0:
        check_pulled(author)
    else:
        assert ran.code == 7, ran
        assert "is damaged" in ran.err


def test_interrupted_push_is_resumed_and_sends_nothing_twice(author: Path, proxy: FaultProxy) -> None:
    proxy.add(WireFault(WireEffect.SLOW_DOWN, method="PUT", path_part="roots/", times=1000))
    ran = run_dvx(author, "push", env=SHORT)
    assert ran.code == 9, ran
    sent = proxy.count("PUT", "packs/")
    assert sent > 0
    proxy.clear()
    must_dvx(author, "push")
    assert proxy.count("PUT", "packs/") == sent
    assert pull_fresh(author).code == 0
    check_pulled(author)


# Objects that are gone


def keys_of(bucket: S3Remote, part: str) -> list[str]:
    client = make_test_client(bucket.endpoint)
    listed = client.list_objects_v2(Bucket=bucket.bucket).get("Contents", [])
    client.close()
    return [item["Key"] for item in listed if part in item["Key"]]


def delete(bucket: S3Remote, keys: list[str]) -> None:
    client = make_test_client(bucket.endpoint)
    for key in keys:
        client.delete_object(Bucket=bucket.bucket, Key=key)
    client.close()


@pytest.mark.parametrize("parts", [["packs/"], ["roots/"], ["packs/", "roots/"]], ids=" and ".join)
def test_objects_deleted_behind_our_back_are_found_by_status_and_sent_again(
    author: Path, bucket: S3Remote, parts: list[str]
) -> None:
    must_dvx(author, "push")
    for part in parts:
        keys = keys_of(bucket, part)
        assert keys
        delete(bucket, keys)
    ran = run_dvx(author, "status", "--remote", "--exit-code")
    assert ran.code == 5
    assert "data" in ran.out
    ran = pull_fresh(author)
    assert ran.code == 6, ran
    assert "dvx push" in ran.err
    assert read_tree(author.parent / "fresh" / "data") == {}
    must_dvx(author, "push")
    must_dvx(author, "status", "--remote", "--exit-code")
    assert pull_fresh(author).code == 0
    check_pulled(author)


def test_truncated_object_on_the_remote_is_found_by_status_and_replaced(
    author: Path, bucket: S3Remote
) -> None:
    must_dvx(author, "push")
    client = make_test_client(bucket.endpoint)
    for key in keys_of(bucket, "packs/"):
        body = client.get_object(Bucket=bucket.bucket, Key=key)["Body"].read()
        client.put_object(Bucket=bucket.bucket, Key=key, Body=body[: len(body) // 2])
    client.close()
    assert run_dvx(author, "status", "--remote", "--exit-code").code == 5
    assert pull_fresh(author).code == 7
    assert read_tree(author.parent / "fresh" / "data") == {}
    must_dvx(author, "push")
    must_dvx(author, "status", "--remote", "--exit-code")
    assert pull_fresh(author).code == 0
    check_pulled(author)


# Remotes that cannot be used at all


def explains(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran
    assert all(word in ran.err for word in words), ran.err
    assert "error: " in ran.err
    assert "hint: " in ran.err
    assert "Traceback" not in ran.err


def test_unreachable_endpoint_ends_after_the_deadline(author: Path) -> None:
    must_dvx(
        author, "remote", "add", "--force", "origin", "s3://bucket/data", "--endpoint", "http://127.0.0.1:9"
    )
    explains(run_dvx(author, "push", env=SHORT), 9, "127.0.0.1:9")
    assert check_pointers(author, store_of(author))["data"] == TREE


@pytest.mark.parametrize("command", ["push", "pull"])
def test_missing_bucket_is_named(author: Path, bucket: S3Remote, proxy: FaultProxy, command: str) -> None:
    must_dvx(
        author, "remote", "add", "--force", "origin", "s3://no-such-bucket/x", "--endpoint", proxy.endpoint
    )
    where = author if command == "push" else clone(commit_config(author), author.parent / "fresh")
    explains(run_dvx(where, command, env=SHORT), 1, "no-such-bucket")


def commit_config(author: Path) -> Path:
    commit(author, "another remote")
    return author


@pytest.mark.parametrize("command", ["push", "pull"])
def test_wrong_credentials_end_with_their_own_exit_code(
    tmp_path: Path, rclone_remote: S3Remote, command: str
) -> None:
    repo = make_repo(tmp_path / "author")
    must_dvx(repo, "remote", "add", "origin", rclone_remote.url, "--endpoint", rclone_remote.endpoint)
    (repo / "x.bin").write_bytes(b"content")
    must_dvx(repo, "add", "x.bin")
    commit(repo, "data")
    if command == "pull":
        must_dvx(repo, "push")
        repo = clone(repo, tmp_path / "fresh")
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong", "AWS_ACCESS_KEY_ID": "nobody", **SHORT}
    explains(run_dvx(repo, command, env=wrong), 4, rclone_remote.bucket)
    assert command == "push" or not (repo / "x.bin").exists()
    must_dvx(repo, command)
    assert (repo / "x.bin").read_bytes() == b"content"


def test_no_credentials_at_all_end_with_their_own_exit_code(
    tmp_path: Path, rclone_remote: S3Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    repo = make_repo(tmp_path / "author")
    must_dvx(repo, "remote", "add", "origin", rclone_remote.url, "--endpoint", rclone_remote.endpoint)
    (repo / "x.bin").write_bytes(b"content")
    must_dvx(repo, "add", "x.bin")
    explains(run_dvx(repo, "push", env=SHORT), 4)
