"""store.indexes_ahead: the next few indexes are asked for, not all of them."""

import threading

import pytest

from dvx.core.errors import BackendError
from dvx.store.indexes_ahead import IndexesAhead

PACKS = {bytes([number]) * 16: 100 + number for number in range(20)}
NAMES = list(PACKS)


class Loader:
    def __init__(self):
        self.loaded = {}
        self.lock = threading.Lock()

    def __call__(self, name, tail_bytes):
        with self.lock:
            self.loaded[name] = tail_bytes


def test_first_indexes_are_asked_for_at_once_and_the_others_as_the_reader_moves_on():
    loader = Loader()
    with IndexesAhead(loader, ahead=3) as ahead:
        ahead.expect(PACKS)
        ahead.wait_for(NAMES[0])
        ahead.wait_for(NAMES[2])
    # Leaving gives up those that nobody waited for and no thread began.
    assert set(NAMES[:3]) <= set(loader.loaded) <= set(NAMES[:5])
    assert all(PACKS[name] == tail_bytes for name, tail_bytes in loader.loaded.items())


def test_expected_twice_is_asked_for_once_and_what_is_new_comes_behind():
    calls = []
    with IndexesAhead(lambda name, _: calls.append(name), ahead=2) as ahead:
        ahead.expect({NAMES[0]: 1})
        ahead.expect({NAMES[0]: 1, NAMES[1]: 1})
        ahead.wait_for(NAMES[1])
    assert sorted(calls) == NAMES[:2]


def test_pack_that_nobody_expects_is_not_waited_for():
    loader = Loader()
    with IndexesAhead(loader, ahead=3) as ahead:
        ahead.wait_for(NAMES[0])
    assert loader.loaded == {}


def test_failure_is_raised_where_the_index_is_wanted():
    def load(name, _):
        if name == NAMES[1]:
            raise BackendError("injected")

    with IndexesAhead(load, ahead=4) as ahead:
        ahead.expect(PACKS)
        ahead.wait_for(NAMES[0])
        with pytest.raises(BackendError, match="injected"):
            ahead.wait_for(NAMES[1])
