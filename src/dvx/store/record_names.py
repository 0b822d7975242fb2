"""Finding the names of placement records.

Owns how listings are asked for: all at once, and ahead where the roots are known before the store is. Must not read
records.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dvx.backends.backend import Backend
from dvx.core.parallel import map_parallel
from dvx.formats.layout import ROOTS_PREFIX, parse_record_key, root_prefix

if TYPE_CHECKING:
    from concurrent.futures import Future

# Below this many roots, asking for each is cheaper than listing a remote whose size is unknown.
ASK_EACH_LIMIT: Final = 64
_ASK_AHEAD: Final = 8


class RecordNames:
    """The names of the records in one store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._ahead: dict[bytes, Future[list[bytes]]] = {}

    def ask_ahead(self, roots: Sequence[bytes]) -> None:
        """Start to list the records of up to 8 roots, for the next `find` that wants them."""
        if self._backend.is_local or not 0 < len(roots) <= _ASK_AHEAD:
            return
        from concurrent.futures import ThreadPoolExecutor  # 5 ms that a store in a folder does not need

        pool = ThreadPoolExecutor(max_workers=len(roots), thread_name_prefix="dvx-list")
        self._ahead = {root: pool.submit(self._list, root) for root in roots}
        pool.shutdown(wait=False)

    def find(self, roots: Sequence[bytes], *, jobs: int) -> dict[bytes, list[bytes]]:
        """The names of the records of each root; roots without any are left out."""
        if len(roots) > ASK_EACH_LIMIT:
            return self._find_among_all(set(roots))
        found = map_parallel(self._take, dict.fromkeys(roots), jobs=1 if self._backend.is_local else jobs)
        return {root: names for root, names in zip(dict.fromkeys(roots), found, strict=True) if names}

    def _take(self, root: bytes) -> list[bytes]:
        # An answer is used once: whoever asks again wants to know what is there now.
        ahead = self._ahead.pop(root, None)
        return ahead.result() if ahead is not None else self._list(root)

    def _list(self, root: bytes) -> list[bytes]:
        return [name for found, name in self._parsed(root_prefix(root)) if found == root]

    def _find_among_all(self, wanted: set[bytes]) -> dict[bytes, list[bytes]]:
        names: dict[bytes, list[bytes]] = {}
        for root, name in self._parsed(ROOTS_PREFIX):
            if root in wanted:
                names.setdefault(root, []).append(name)
        return names

    def _parsed(self, prefix: str) -> Iterable[tuple[bytes, bytes]]:
        parsed = (parse_record_key(item.key) for item in self._backend.list(prefix))
        return (found for found in parsed if found is not None)
