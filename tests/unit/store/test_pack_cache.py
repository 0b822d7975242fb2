"""store.pack_cache: bounded by entries."""

from dvx.formats.pack import PackEntry, PackHeader, PackIndex
from dvx.store.pack_cache import PackIndexCache


def index_of(count):
    entries = tuple(PackEntry(bytes([number]) * 32, 32, 1, 1, 0) for number in range(count))
    return PackIndex(PackHeader(1, 1), entries, 1000)


def test_cache_forgets_the_least_recently_used():
    cache = PackIndexCache(max_entries=10)
    first, second, third = index_of(4), index_of(4), index_of(4)
    cache.put(b"1", first)
    cache.put(b"2", second)
    assert cache.get(b"1") is first
    cache.put(b"3", third)
    assert (cache.get(b"1"), cache.get(b"2"), cache.get(b"3")) == (first, None, third)


def test_cache_keeps_one_index_that_is_larger_than_the_bound():
    cache = PackIndexCache(max_entries=3)
    huge = index_of(20)
    cache.put(b"small", index_of(1))
    cache.put(b"huge", huge)
    assert cache.get(b"huge") is huge
    assert cache.get(b"small") is None


def test_cache_counts_a_replaced_index_once():
    cache = PackIndexCache(max_entries=10)
    cache.put(b"1", index_of(6))
    cache.put(b"1", index_of(6))
    cache.put(b"2", index_of(4))
    assert cache.get(b"1") is not None
    assert cache.get(b"2") is not None
