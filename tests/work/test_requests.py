"""How many requests commands make, and how many of them wait for each other: work, not time.

The remote is `rclone serve s3` behind a proxy that logs. Every bound is for the small inputs made here.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dvx.testing.proxy import FaultProxy, start_fault_proxy
from dvx.testing.servers import S3Remote
from dvx.testing.shell import must_dvx
from dvx.testing.workspace import Workspace, clone_repo, make_repo

# Marker, listing, record: what every first contact asks for.
CONTACT = 3


@pytest.fixture
def proxy(rclone_remote: S3Remote, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with start_fault_proxy(rclone_remote.endpoint) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


@pytest.fixture
def author(tmp_path: Path, proxy: FaultProxy, rclone_remote: S3Remote) -> Workspace:
    return make_repo(tmp_path / "author", remote=rclone_remote.url)


def share(author: Workspace, files: Mapping[str, bytes], *tracked: str) -> None:
    author.write(files)
    author.add(*tracked)
    author.commit()
    author.push()


def fresh(author: Workspace, tmp_path: Path, proxy: FaultProxy) -> Workspace:
    clone = clone_repo(author, tmp_path / "clone")
    proxy.start_log()
    return clone


def depth_of_pull(
    author: Workspace,
    tmp_path: Path,
    proxy: FaultProxy,
    *,
    files: Mapping[str, bytes],
    at_most: int,
    from_bytes: int = 0,
    no_store: bool = False,
) -> int:
    """Pull into a fresh clone, and return how many requests for packs wait for each other.

    Requests that do not wait for each other overlap if answers come late enough. How late is enough depends on the
    machine: where it stalled, the pull is made again with answers that come later.
    """
    for delay_s in (0.05, 2.0, 30.0):
        clone = clone_repo(author, tmp_path / f"clone-{delay_s}")
        proxy.start_log()
        proxy.delay_s = delay_s
        clone.pull(no_store=no_store)
        assert clone.snapshot() == files
        depth = proxy.depth_before("/packs/", from_bytes=from_bytes)
        if depth <= at_most:
            break
    return depth


def folder(count: int, size: int) -> dict[str, bytes]:
    return {f"data/part-{n // 100:03}/{n:05}.bin": os.urandom(size) for n in range(count)}


def test_push_with_nothing_to_do_asks_for_marker_records_and_each_pack_once(
    author: Workspace, proxy: FaultProxy
) -> None:
    share(author, folder(50, 1000), "data")
    proxy.start_log()
    assert author.push().roots == 0
    assert proxy.count("PUT") == 0
    # The record is remembered; the pack of data and the pack of pages are asked for.
    assert len(proxy.log) == 4
    assert (proxy.count("GET"), proxy.count("HEAD")) == (2, 2)


def test_first_push_of_a_directory_sends_each_object_once(author: Workspace, proxy: FaultProxy) -> None:
    author.write(folder(50, 1000))
    author.add("data")
    proxy.start_log()
    author.push()
    assert proxy.count("PUT") == 4  # marker, data, pages, record
    assert all(number == 1 for (method, _), number in proxy.requests.items() if method == "PUT")
    assert len(proxy.log) <= 13


def test_add_with_push_sends_each_object_once(author: Workspace, proxy: FaultProxy) -> None:
    author.write(folder(50, 1000))
    proxy.start_log()
    must_dvx(author.root, "add", "data", "--push")
    assert proxy.count("PUT") == 4  # marker, data, pages, record
    assert all(number == 1 for (method, _), number in proxy.requests.items() if method == "PUT")
    assert len(proxy.log) <= 13  # as many as a push alone
    proxy.start_log()
    must_dvx(author.root, "add", "data", "--push")
    assert len(proxy.log) == 4  # those of a push with nothing to do


def test_cold_pull_of_a_directory_makes_three_round_trips_to_its_data(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    files = folder(300, 5000)
    share(author, files, "data")
    # (Marker beside listing) and record; the third brings data.
    assert depth_of_pull(author, tmp_path, proxy, files=files, at_most=2) <= 2
    assert len(proxy.log) == CONTACT + 2  # one pack of data, one of pages


def test_cold_pull_of_a_large_file_asks_for_pieces_of_16_mib(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = os.urandom(40 * 1024 * 1024)
    share(author, {"model.bin": content}, "model.bin")
    clone = fresh(author, tmp_path, proxy)
    clone.pull()
    assert clone.read("model.bin") == content
    assert len(proxy.log) <= len(content) / (8 * 1024 * 1024) + 6
    assert sum(request.size_bytes for request in proxy.log) < 1.01 * len(content)


def test_pull_past_the_store_asks_for_windows_of_11_mib(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    content = os.urandom(40 * 1024 * 1024)
    share(author, {"model.bin": content}, "model.bin")
    clone = fresh(author, tmp_path, proxy)
    clone.pull(no_store=True)
    assert clone.read("model.bin") == content
    assert len(proxy.log) <= CONTACT + 1 + 4, [(r.method, r.path[-40:], r.size_bytes) for r in proxy.log]
    assert sum(request.size_bytes for request in proxy.log) < 1.02 * len(content)


def test_cold_pull_past_the_store_makes_three_round_trips_before_data_whatever_the_levels_of_the_listing(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    files = folder(10_000, 2000)
    share(author, files, "data")
    # Marker beside listing, record, the index of the data beside the listing of files. One of both is 490 kB long.
    depth = depth_of_pull(
        author, tmp_path, proxy, files=files, at_most=3, from_bytes=1_000_000, no_store=True
    )
    assert depth <= 3
    # The pack of pages, the index of the pack of data, and its 20 MB.
    assert len(proxy.log) <= CONTACT + 5, [(r.method, r.path[-40:], r.size_bytes) for r in proxy.log]


def test_pull_of_many_targets_past_the_store_makes_as_few_round_trips_as_of_one(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    files = {f"model-{n}.bin": os.urandom(300_000) for n in range(6)} | folder(20, 20_000)
    share(author, files, "data", *(f"model-{n}.bin" for n in range(6)))
    depth = depth_of_pull(author, tmp_path, proxy, files=files, at_most=3, from_bytes=200_000, no_store=True)
    assert depth <= 3
    assert proxy.count("GET") <= 1 + 2 * 7 + 1 + 2 * 7  # marker, names and records, pages, indexes and data


def test_second_pull_past_the_store_makes_no_request(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    share(author, folder(300, 500) | {"model.bin": b"1" * 5000}, "data", "model.bin")
    clone = fresh(author, tmp_path, proxy)
    clone.pull(no_store=True)
    proxy.start_log()
    clone.pull(no_store=True)
    assert proxy.log == []


def test_pull_past_the_store_after_a_change_reads_little_more_than_the_change(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    files = folder(2000, 4000)
    share(author, files, "data")
    clone = fresh(author, tmp_path, proxy)
    clone.pull(no_store=True)
    changed = {"data/part-003/00333.bin": os.urandom(4000)}
    share(author, changed, "data")
    clone.git("pull", "-q")
    proxy.start_log()
    clone.pull(no_store=True)
    assert clone.snapshot() == files | changed
    # Six requests for the change; the others ask whether the version that is replaced is stored.
    assert len(proxy.log) <= 14, [(r.method, r.path[-40:], r.size_bytes) for r in proxy.log]
    assert sum(request.size_bytes for request in proxy.log) < 120_000


def test_pull_of_one_file_of_ten_thousand_reads_its_range_and_a_few_pages(
    author: Workspace, proxy: FaultProxy, tmp_path: Path
) -> None:
    files = folder(10_000, 2000)
    share(author, files, "data")
    clone = fresh(author, tmp_path, proxy)
    path = "data/part-042/04217.bin"
    clone.pull(path)
    assert clone.snapshot() == {path: files[path]}
    assert len(proxy.log) <= CONTACT + 8, [(r.method, r.path[-40:], r.size_bytes) for r in proxy.log]
    # The index of the pack of data is 480 kB of these, a few pages that are read in one range 360 kB.
    assert sum(request.size_bytes for request in proxy.log) < 1_050_000


def test_pull_with_nothing_to_do_makes_no_request(author: Workspace, proxy: FaultProxy) -> None:
    share(author, folder(10, 1000), "data")
    proxy.start_log()
    author.pull()
    assert proxy.log == []


def test_connections_are_used_again(author: Workspace, proxy: FaultProxy, tmp_path: Path) -> None:
    share(author, {"model.bin": os.urandom(40 * 1024 * 1024)}, "model.bin")
    clone = fresh(author, tmp_path, proxy)
    proxy.connections = 0
    clone.with_overrides({"core.jobs": "2"}).pull()
    assert len(proxy.log) > 6
    # Two downloads, and the marker beside the listing.
    assert proxy.connections <= 4
