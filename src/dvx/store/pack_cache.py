"""A bounded memory of parsed pack indexes.

Owns nothing but the most recently used PackIndex objects. Must not read anything.
"""

import threading
from collections import OrderedDict
from typing import Final

from dvx.formats.pack import PackIndex

# An entry takes about 250 bytes with its id and dictionary slot: 200 000 of them are about 50 MB, the indexes
# of 200 ordinary packs (13 GB of data) or of 12 packs full of 4 KiB files.
MAX_ENTRIES: Final = 200_000


class PackIndexCache:
    """Least recently used PackIndex objects, bounded by their total number of entries. Thread-safe."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        """Keep at most `max_entries` index entries in all, but always the newest index."""
        self._max_entries = max_entries
        self._entries = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, PackIndex] = OrderedDict()

    def get(self, name: bytes) -> PackIndex | None:
        """The index of the pack `name` if it is remembered."""
        with self._lock:
            index = self._kept.get(name)
            if index is not None:
                self._kept.move_to_end(name)
            return index

    def put(self, name: bytes, index: PackIndex) -> None:
        """Remember `index`; forgets the least recently used ones."""
        with self._lock:
            old = self._kept.pop(name, None)
            self._entries += len(index.entries) - (len(old.entries) if old else 0)
            self._kept[name] = index
            while self._entries > self._max_entries and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._entries -= len(dropped.entries)
