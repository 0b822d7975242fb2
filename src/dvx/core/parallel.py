"""Doing the same work on several items at once.

Owns the choice between threads and none. Must not be used for streams: all items and results are in memory.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_parallel(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, jobs: int, name: str = "dvx"
) -> list[_Result]:
    """Return `work(item)` for each item, in order, with up to `jobs` threads; raises the first error."""
    todo = list(items)
    if len(todo) < 2 or jobs < 2:
        return [work(item) for item in todo]
    from concurrent.futures import ThreadPoolExecutor  # 7 ms that a command without such work does not need

    with ThreadPoolExecutor(max_workers=min(jobs, len(todo)), thread_name_prefix=name) as pool:
        return list(pool.map(work, todo))
