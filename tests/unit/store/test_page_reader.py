"""store.page_reader: pages from here, or from the remote, or an explanation."""

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendError, DataMissing, IntegrityError
from dvx.formats.layout import pack_key
from dvx.formats.manifest_reader import walk_entries
from dvx.store.page_reader import PageReader
from dvx.testing.faults import Effect, Fault, FaultyBackend, flip_bit
from dvx.testing.stores import add_directory, copy_roots, make_store

FILES = {f"{number:04d}": b"%d" % number for number in range(700)}


def names(pages, root):
    return [entry.path for entry in walk_entries(root, pages.for_root(root))]


@pytest.fixture
def pushed(tmp_path, local, remote):
    placement = add_directory(local, tmp_path, FILES)
    copy_roots(local, remote, [placement])
    return placement


def lose_pages(store, placement):
    for name in placement.pages:
        store.backend.delete(pack_key(name))


def test_local_pages_need_no_remote(local, pushed):
    with PageReader(local, lambda: pytest.fail("opened the remote")) as pages:
        assert names(pages, pushed.root) == sorted(FILES)


def test_far_pages_are_kept_for_the_next_time(tmp_path, index, remote, pushed):
    other = make_store(tmp_path, index)
    with PageReader(other, lambda: remote) as pages:
        assert names(pages, pushed.root) == sorted(FILES)
    with PageReader(other, lambda: None) as pages:
        assert names(pages, pushed.root) == sorted(FILES)


def test_pages_lost_here_come_from_the_remote(local, remote, pushed):
    lose_pages(local, pushed)
    with PageReader(local, lambda: remote) as pages:
        assert names(pages, pushed.root) == sorted(FILES)


def test_pages_that_are_nowhere_say_which_directory(local, remote, pushed):
    lose_pages(local, pushed)
    with PageReader(local, lambda: None) as pages, pytest.raises(DataMissing) as caught:
        names(pages, pushed.root)
    assert "dvx remote add" in caught.value.hints[0]
    lose_pages(remote, pushed)
    with PageReader(local, lambda: remote) as pages, pytest.raises(DataMissing) as caught:
        names(pages, pushed.root)
    assert caught.value.kind == "manifest-missing"
    assert remote.location in caught.value.what


def test_pages_under_another_record_are_found_when_the_known_pack_is_gone(
    tmp_path, index, local, remote, pushed
):
    lose_pages(remote, pushed)
    remote.complete_placements([pushed.root], jobs=1)
    copy_roots(local, remote, [pushed])
    other = make_store(tmp_path, index)
    with PageReader(other, lambda: remote) as pages:
        assert names(pages, pushed.root) == sorted(FILES)


def test_damaged_pages_are_never_returned(local, pushed):
    for name in pushed.pages:
        data = local.backend.get(pack_key(name), max_bytes=10**7)
        local.backend.put(pack_key(name), flip_bit(data, 60))
    with PageReader(local, lambda: None) as pages, pytest.raises(IntegrityError):
        names(pages, pushed.root)


def test_failing_remote_is_not_taken_for_missing_data(tmp_path, index, local):
    backend = FaultyBackend(MemoryBackend(), [Fault("get_range", 1, Effect.REFUSAL, times=99)])
    remote = make_store(tmp_path, index, backend=backend, is_remote=True)
    placement = add_directory(local, tmp_path, FILES)
    copy_roots(local, remote, [placement])
    other = make_store(tmp_path, index)
    with pytest.raises(BackendError, match="injected"), PageReader(other, lambda: remote) as pages:
        names(pages, placement.root)
