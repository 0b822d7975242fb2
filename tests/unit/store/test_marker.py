"""store.marker: the object that makes a place a store, when it is lost."""

import pytest

from dvx.backends.memory import MemoryBackend
from dvx.core.errors import DataMissing, FormatError, UnsupportedVersion
from dvx.formats.layout import MARKER_KEY
from dvx.store.marker import marker_problem, read_marker, renew_marker
from dvx.testing.stores import add_file, make_store

NEWER = b'{"dvx":"store","version":99,"id":"00"}'


def packed(tmp_path, index, *, is_remote):
    """A store with a pack in it, and the place that it is in."""
    backend = MemoryBackend("place")
    store = make_store(tmp_path, index, backend=backend, is_remote=is_remote)
    add_file(store, tmp_path, b"content" * 1000)
    return store, backend


def test_lost_marker_of_a_remote_with_packs_is_not_called_emptiness(tmp_path, index):
    _, backend = packed(tmp_path, index, is_remote=True)
    backend.delete(MARKER_KEY)
    with pytest.raises(DataMissing) as caught:
        make_store(tmp_path, index, backend=backend, is_remote=True)
    assert "has packs" in caught.value.what
    assert "dvx remote check --repair" in caught.value.hints[0]
    assert marker_problem(backend) is not None


def test_renewed_marker_of_a_store_with_packs_has_the_known_id(tmp_path, index):
    store, backend = packed(tmp_path, index, is_remote=True)
    backend.delete(MARKER_KEY)
    assert renew_marker(backend, known_id=store.id) == store.id
    assert make_store(tmp_path, index, backend=backend, is_remote=True).id == store.id
    assert marker_problem(backend) is None
    assert renew_marker(backend, known_id=b"x" * 16) is None


def test_renewed_marker_of_an_emptied_place_is_a_new_store(tmp_path, index):
    backend = MemoryBackend("place")
    known = make_store(tmp_path, index, backend=backend, is_remote=True).id
    backend.delete(MARKER_KEY)
    assert renew_marker(backend, known_id=known) not in (None, known)


@pytest.mark.parametrize("content", [b"", b"\0" * 71, b'{"dvx":"store","id":"zz","version":1}', b"{" * 5000])
def test_damaged_marker_of_the_local_store_is_written_again(tmp_path, index, content):
    store, backend = packed(tmp_path, index, is_remote=False)
    backend.put(MARKER_KEY, content)
    assert make_store(tmp_path, index, backend=backend).id != store.id
    assert read_marker(backend)


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_damaged_marker_of_a_remote_is_an_error_until_it_is_repaired(tmp_path, index, content):
    store, backend = packed(tmp_path, index, is_remote=True)
    backend.put(MARKER_KEY, content)
    with pytest.raises(FormatError) as caught:
        make_store(tmp_path, index, backend=backend, is_remote=True)
    assert "dvx remote check --repair" in caught.value.hints[1]
    assert renew_marker(backend, known_id=store.id) == store.id


@pytest.mark.parametrize("is_remote", [False, True])
def test_marker_of_a_newer_version_is_refused_and_stays(tmp_path, index, is_remote):
    _, backend = packed(tmp_path, index, is_remote=is_remote)
    backend.put(MARKER_KEY, NEWER)
    with pytest.raises(UnsupportedVersion):
        make_store(tmp_path, index, backend=backend, is_remote=is_remote)
    with pytest.raises(UnsupportedVersion):
        renew_marker(backend)
    assert backend.get(MARKER_KEY, max_bytes=99) == NEWER
