"""What a place can do, found out by trying: the checks behind `dvx remote check`.

Owns the list of abilities and which of them dvx cannot do without. Must leave nothing behind: everything is
written under random keys in `probe/` and removed.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from dvx.backends.backend import Backend, ObjectExists
from dvx.core.errors import BackendUnreachable, DvxError
from dvx.disk.temporary import temporary_folder

PROBE_PREFIX: Final = "probe/"
# S3 refuses signatures that are 15 minutes off; a third of that is worth a warning.
MAX_CLOCK_DIFFERENCE_S: Final = 300.0
_RACERS: Final = 8
_CONTENT: Final = bytes(range(256)) * 16


@dataclass(frozen=True, slots=True)
class ProbeFinding:
    """One ability: whether the place has it, in words, and whether dvx needs it to push and pull."""

    name: str
    ok: bool
    detail: str
    required: bool


class _AbilityMissing(Exception):
    """The place answered, but not as the contract says."""


def probe_backend(backend: Backend) -> list[ProbeFinding]:
    """Try every ability and return the findings, in a fixed order.

    Without write access only `write` and `list` are tried. Raises BackendUnreachable when the place does not
    answer at all; every other failure is a finding.
    """
    key = PROBE_PREFIX + os.urandom(16).hex()
    with _removed(backend, key):
        findings = [_try("write", lambda: _write(backend, key))]
        if not findings[0].ok:
            return [*findings, _try("list", lambda: _list_only(backend))]
        findings += [
            _try("read", lambda: _read(backend, key)),
            _try("list", lambda: _list(backend, key)),
            _try("ranged read", lambda: _read_range(backend, key)),
            _try("tail read", lambda: _read_tail(backend, key)),
            _try("download", lambda: _download(backend, key)),
            _try("conditional create", lambda: _create_again(backend, key), required=False),
            _try("concurrent create", lambda: _race(backend), required=False),
            _try("clock", lambda: _compare_clocks(backend, key), required=False),
            _try("delete", lambda: _delete(backend, key), required=False),
        ]
    return findings


def _try(name: str, step: Callable[[], str], *, required: bool = True) -> ProbeFinding:
    try:
        return ProbeFinding(name, ok=True, detail=step(), required=required)
    except _AbilityMissing as missing:
        return ProbeFinding(name, ok=False, detail=str(missing), required=required)
    except BackendUnreachable:
        raise
    except DvxError as error:
        return ProbeFinding(name, ok=False, detail=error.what, required=required)


@contextmanager
def _removed(backend: Backend, key: str) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(DvxError):
            backend.delete(key)


def _write(backend: Backend, key: str) -> str:
    backend.put(key, _CONTENT)
    return f"an object of {len(_CONTENT)} bytes was written"


def _read(backend: Backend, key: str) -> str:
    _expect(backend.get(key, max_bytes=len(_CONTENT)) == _CONTENT, "what was written reads back differently")
    return "what was written reads back"


def _list_only(backend: Backend) -> str:
    next(iter(backend.list("")), None)
    return "objects can be listed"


def _list(backend: Backend, key: str) -> str:
    listed = [(stat.key, stat.size) for stat in backend.list(key)]
    _expect(listed == [(key, len(_CONTENT))], "the listing does not show what was just written")
    return "the listing shows what was just written"


def _read_range(backend: Backend, key: str) -> str:
    _expect(backend.get_range(key, 300, 500) == _CONTENT[300:800], "a part of an object reads back wrongly")
    return "parts of objects can be read"


def _read_tail(backend: Backend, key: str) -> str:
    found = backend.get_tail(key, 100)
    _expect(found == (_CONTENT[-100:], len(_CONTENT)), "the end of an object reads back wrongly")
    return "the end of an object can be read"


def _download(backend: Backend, key: str) -> str:
    with temporary_folder("dvx-probe-") as folder:
        path = os.path.join(folder, "object")
        backend.download(key, path, size=len(_CONTENT))
        with open(path, "rb") as file:
            _expect(file.read() == _CONTENT, "a downloaded object differs")
    return "whole objects can be downloaded"


def _create_again(backend: Backend, key: str) -> str:
    try:
        backend.put(key, b"second", if_absent=True)
    except ObjectExists:
        kept = backend.get(key, max_bytes=len(_CONTENT)) == _CONTENT
        _expect(kept, "a refused second create changed the object all the same")
        return "a second create is refused"
    raise _AbilityMissing("a second create replaces the first; push and pull do not need this")


def _race(backend: Backend) -> str:
    key = PROBE_PREFIX + os.urandom(16).hex()
    contents = [f"racer {number}".encode() for number in range(_RACERS)]
    with _removed(backend, key), ThreadPoolExecutor(_RACERS) as pool:
        won = list(pool.map(lambda content: _wins(backend, key, content), contents))
        winners = [content for content, is_winner in zip(contents, won, strict=True) if is_winner]
        _expect(len(winners) == 1, f"{len(winners)} of {_RACERS} concurrent creates succeeded instead of one")
        _expect(backend.get(key, max_bytes=100) == winners[0], "the object is not what the winner wrote")
    return f"exactly one of {_RACERS} concurrent creates succeeds"


def _wins(backend: Backend, key: str, content: bytes) -> bool:
    try:
        backend.put(key, content, if_absent=True)
    except ObjectExists:
        return False
    return True


def _compare_clocks(backend: Backend, key: str) -> str:
    stat = backend.stat(key)
    if stat is None or stat.modified_s is None:
        raise _AbilityMissing("it tells no time of change")
    # The object was written a moment ago, so its time is the clock of the place.
    difference_s = stat.modified_s - time.time()
    words = f"its clock differs by {abs(difference_s):.0f} s"
    _expect(abs(difference_s) <= MAX_CLOCK_DIFFERENCE_S, words)
    return words


def _delete(backend: Backend, key: str) -> str:
    backend.delete(key)
    _expect(backend.stat(key) is None, "a deleted object is still there")
    return "objects can be deleted"


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise _AbilityMissing(otherwise)
