"""`dvx add --push`: what reaches the remote, when, and what is left where the remote fails."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dvx.core.errors import BackendError, BackendUnreachable, DvxError, UnsupportedVersion
from dvx.ops.add import AddResult, run_add
from dvx.ops.add_targets import plan_add
from dvx.ops.push import PushResult
from dvx.ops.push_ahead import PushAhead, pushing_ahead
from dvx.store import pack_writer
from dvx.testing import shell
from dvx.testing.faults import Effect, Fault, FaultyBackend
from dvx.testing.proxy import FaultProxy, WireEffect, WireFault, start_fault_proxy
from dvx.testing.servers import S3Remote
from dvx.testing.workspace import Workspace, clone_repo, make_repo, store_objects

MIB = 1024 * 1024


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A repository whose packs are full at 1 MiB."""
    monkeypatch.setattr(pack_writer, "TARGET_PACK_BYTES", MIB)
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def proxy(rclone_remote: S3Remote, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with start_fault_proxy(rclone_remote.endpoint) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + shell.HANG_S
    while not is_true():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def add_and_push(
    work: Workspace,
    *paths: str,
    between: Callable[[PushAhead], None] = lambda _: None,
    fault: Fault | None = None,
    backends: list[FaultyBackend] | None = None,
) -> tuple[AddResult, PushResult]:
    """`dvx add PATHS --push`; `between` is called when the add is done, `fault` strikes the remote, whose
    backend is then put into `backends`."""
    with work.open() as project, pushing_ahead(project, remote_name=None) as ahead:
        if fault is not None:
            store = project.remote(None, create=True)
            store.backend = faulty = FaultyBackend(store.backend, [fault])
            if backends is not None:
                backends.append(faulty)
        with project.workspace_lock():
            plan = plan_add(project, list(paths))
            result = run_add(project, plan, on_sealed=ahead.start(plan))
        between(ahead)
        return result, ahead.finish(result)


def files(size_mib: int = 5) -> dict[str, bytes]:
    return {"data/big": os.urandom(size_mib * MIB), "data/a/small": os.urandom(1000), "data/empty": b""}


def test_add_with_push_to_s3_leaves_what_a_clone_pulls(
    tmp_path: Path, s3_remote: S3Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_remote.endpoint)
    monkeypatch.setattr(pack_writer, "TARGET_PACK_BYTES", MIB)
    author = make_repo(tmp_path / "author", remote=s3_remote.url)
    content = files()
    author.write(content)
    added, pushed = add_and_push(author, "data")
    author.commit()
    assert (pushed.roots, pushed.present, pushed.plain_bytes) == (1, 0, added.plain_bytes)
    assert pushed.packs == 6  # five of data, one of pages
    assert added.stored_bytes < pushed.size_bytes < 1.01 * added.stored_bytes
    assert author.status(with_remote=True).paths[0].remote == "complete"
    clone = clone_repo(author, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == content
    assert author.push().present == 1


def test_packs_are_on_the_remote_before_the_push_and_the_record_is_not(work: Workspace, remote: Path) -> None:
    work.write(files())

    def check(_: PushAhead) -> None:
        wait_until(lambda: len(store_objects(remote, ["packs"])) == 6)
        assert store_objects(remote, ["roots"]) == []

    add_and_push(work, "data", between=check)
    assert len(store_objects(remote, ["packs"])) == 6
    assert len(store_objects(remote, ["roots"])) == 1


def test_push_after_packs_were_lost_behind_its_back_sends_them_again(
    work: Workspace, remote: Path, tmp_path: Path
) -> None:
    content = files()
    work.write(content)

    def lose(_: PushAhead) -> None:
        wait_until(lambda: len(store_objects(remote, ["packs"])) == 6)
        for place in store_objects(remote, ["packs"])[:3]:
            os.unlink(place)

    add_and_push(work, "data", between=lose)
    work.commit()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == content


def test_nothing_new_is_pushed_when_the_remote_has_it(work: Workspace, remote: Path) -> None:
    work.write(files())
    work.add("data")
    work.push()
    before = store_objects(remote)
    _, pushed = add_and_push(work, "data")
    assert (pushed.roots, pushed.present, pushed.size_bytes, pushed.packs) == (0, 1, 0, 0)
    assert store_objects(remote) == before


def test_path_added_before_but_never_pushed_is_pushed(work: Workspace, tmp_path: Path) -> None:
    content = files()
    work.write(content)
    work.add("data")
    work.commit()
    assert add_and_push(work, "data")[1].roots == 1
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == content


def test_only_the_added_paths_are_pushed(work: Workspace, remote: Path) -> None:
    work.write({"a": b"1", "b": b"2"})
    work.add("a")
    assert add_and_push(work, "b")[1].roots == 1
    assert [status.remote for status in work.status(with_remote=True).paths] == ["absent", "complete"]


def test_small_change_in_a_fresh_clone_sends_only_the_change(work: Workspace, tmp_path: Path) -> None:
    content = bytearray(os.urandom(6 * MIB))
    work.write({"data/big": bytes(content)})
    add_and_push(work, "data")
    work.commit()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull(no_store=True)
    content[3 * MIB] ^= 1
    clone.write({"data/big": bytes(content)})
    assert add_and_push(clone, "data")[1].size_bytes < MIB
    clone.commit()
    work.git("pull", "-q", clone.root, "main")
    work.pull()
    assert work.read("data/big") == bytes(content)


@pytest.mark.parametrize("call", [1, 2, 4, 7, 8])
def test_remote_that_refuses_once_leaves_the_add_and_the_next_push_finishes(
    work: Workspace, tmp_path: Path, call: int
) -> None:
    content = files()
    work.write(content)
    try:
        add_and_push(work, "data", fault=Fault("write", call, Effect.REFUSAL))
    except BackendError:
        assert call > 6  # after the six packs the record; a refused pack is sent again by the push itself
    work.commit()
    assert work.status().is_clean
    assert [name for name in work.state_files() if name.startswith("store/tmp/")] == []
    work.push()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == content


def test_remote_that_cannot_be_reached_is_not_tried_again_and_the_add_stays(work: Workspace) -> None:
    work.write(files())
    backends: list[FaultyBackend] = []
    fault = Fault("write", 1, Effect.ERROR, times=1000)
    with pytest.raises(BackendUnreachable):
        add_and_push(work, "data", fault=fault, backends=backends)
    # Six packs could have been tried; the first failure ends it, those that ran beside it may have tried too.
    assert backends[0].calls["put_file"] <= 6
    assert backends[0].calls["put"] == 0
    assert work.status().is_clean


def test_failure_before_the_push_writes_no_record_and_the_packs_serve_the_next_push(
    work: Workspace, remote: Path, tmp_path: Path
) -> None:
    content = files()
    work.write(content)

    def fail(_: PushAhead) -> None:
        raise DvxError("after the packs were made")

    with pytest.raises(DvxError, match="after the packs"):
        add_and_push(work, "data", between=fail)
    assert store_objects(remote, ["roots"]) == []
    add_and_push(work, "data")
    assert len(store_objects(remote, ["packs"])) == 6
    work.commit()
    clone = clone_repo(work, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == content


def test_collection_of_a_newer_dvx_on_the_remote_fails_the_push_after_its_record(
    work: Workspace, remote: Path
) -> None:
    work.write(files())
    (remote / "gc" / "1").mkdir(parents=True)
    (remote / "gc" / "1" / "condemned").write_bytes(b"")
    with pytest.raises(UnsupportedVersion):
        add_and_push(work, "data")
    assert len(store_objects(remote, ["roots"])) == 1
    assert work.status().is_clean


def test_remote_that_is_not_set_up_is_refused_before_anything_is_added(tmp_path: Path) -> None:
    work = make_repo(tmp_path / "work")
    work.write({"a": b"1"})
    with pytest.raises(DvxError, match="remote"):
        add_and_push(work, "a")
    assert not os.path.exists(work.path("a.dvx"))


def test_while_another_push_holds_the_remote_nothing_is_uploaded_early(work: Workspace, remote: Path) -> None:
    work.write(files())
    with work.open() as other:
        lock = other.push_lock(other.remote_config(None))
        lock.__enter__()

        def check(_: PushAhead) -> None:
            assert not remote.exists()
            lock.__exit__(None, None, None)

        pushed = add_and_push(work, "data", between=check)[1]
    assert (pushed.roots, pushed.packs) == (1, 6)


def test_command_prints_one_document_with_the_push_in_it(tmp_path: Path) -> None:
    repo = shell.make_repo(tmp_path / "repo", remote="../store")
    (repo / "a.bin").write_bytes(os.urandom(5000))
    document = json.loads(shell.must_dvx(repo, "add", "a.bin", "--push", "--json").out)
    assert document["schema"] == "dvx.add/1"
    assert (document["push"]["roots"], document["push"]["packs"]) == (1, 1)
    again = shell.must_dvx(repo, "add", "--update", "--push")
    assert "nothing changed" in again.err
    assert "nothing to push: everything is on " in again.err
    assert json.loads(shell.must_dvx(repo, "add", "a.bin", "--json").out)["push"] is None


def test_command_whose_push_fails_adds_says_what_to_run_and_exits_with_the_error_of_the_push(
    tmp_path: Path,
) -> None:
    repo = shell.make_repo(tmp_path / "repo", remote="../store")
    (repo / "in").mkdir()
    (repo / "in" / "a b.bin").write_bytes(os.urandom(5000))
    (tmp_path / "store").write_bytes(b"a file where the folder of the remote should be")
    ran = shell.run_dvx(repo / "in", "add", "a b.bin", "--push", "-r", "origin", "--json")
    assert ran.code not in (0, 70)
    assert json.loads(ran.out)["push"] is None
    assert "only the push failed" in ran.err
    assert "`dvx push 'a b.bin' -r origin`" in ran.err
    os.unlink(tmp_path / "store")
    shell.must_dvx(repo / "in", "push", "a b.bin", "-r", "origin")
    assert shell.must_dvx(repo, "status", "--remote", "--exit-code").code == 0


def test_remote_without_push_is_refused(tmp_path: Path) -> None:
    repo = shell.make_repo(tmp_path / "repo", remote="../store")
    (repo / "a.bin").write_bytes(b"1")
    assert shell.run_dvx(repo, "add", "a.bin", "-r", "origin").code == 2
    assert not (repo / "a.bin.dvx").exists()


@pytest.mark.skipif(os.name == "nt", reason="SIGINT to a child is POSIX")
def test_interrupt_while_packs_go_up_ends_soon_and_leaves_no_partial_object(
    tmp_path: Path, proxy: FaultProxy, rclone_remote: S3Remote
) -> None:
    author = make_repo(tmp_path / "author", remote=rclone_remote.url)
    author.write({"big": os.urandom(70 * MIB)})  # a full pack and a part of one
    proxy.add(WireFault(WireEffect.DELAY, "PUT", "/packs/", times=1000, delay_s=10 * shell.HANG_S))
    process = shell.start_dvx(author.root, "add", "big", "--push")
    wait_until(lambda: proxy.count("PUT", "/packs/") > 0)
    process.send_signal(signal.SIGINT)
    ran = shell.wait_for(process)
    assert ran.code == 130
    proxy.clear()
    add_and_push(author, "big")
    author.commit()
    clone = clone_repo(author, tmp_path / "clone")
    clone.pull()
    assert clone.snapshot() == author.snapshot()
