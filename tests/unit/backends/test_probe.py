"""probe_backend: what it finds, and that it leaves nothing behind."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dvx.backends.backend import Backend, ObjectStat, TransientBackendError
from dvx.backends.folder import FolderBackend
from dvx.backends.memory import MemoryBackend
from dvx.backends.probe import ProbeFinding, probe_backend
from dvx.core.errors import CredentialsError
from dvx.testing.faults import Effect, Fault, FaultyBackend

NAMES = [
    "write",
    "read",
    "list",
    "ranged read",
    "tail read",
    "download",
    "conditional create",
    "concurrent create",
    "clock",
    "delete",
]


def missing(findings: Sequence[ProbeFinding]) -> list[tuple[str, bool]]:
    return [(finding.name, finding.required) for finding in findings if not finding.ok]


@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_complete_place_has_every_ability_and_is_left_empty(kind: str, tmp_path: Path) -> None:
    backend: Backend = MemoryBackend() if kind == "memory" else FolderBackend(str(tmp_path))
    findings = probe_backend(backend)
    assert [finding.name for finding in findings] == NAMES
    assert missing(findings) == []
    assert list(backend.list("")) == []


class Unconditional(MemoryBackend):
    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        super().put(key, data)


def test_place_without_conditional_writes_lacks_only_what_gc_needs() -> None:
    backend = Unconditional()
    assert missing(probe_backend(backend)) == [("conditional create", False), ("concurrent create", False)]
    assert list(backend.list("")) == []


class ReadOnly(MemoryBackend):
    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> None:
        raise CredentialsError("writing is not allowed")


def test_read_only_place_is_told_from_an_unusable_one() -> None:
    findings = probe_backend(ReadOnly())
    assert [(finding.name, finding.ok) for finding in findings] == [("write", False), ("list", True)]
    assert findings[0].detail == "writing is not allowed"


class SlowClock(MemoryBackend):
    def stat(self, key: str) -> ObjectStat | None:
        found = super().stat(key)
        return found and ObjectStat(key, found.size, time.time() - 900)


def test_clock_that_differs_is_reported_in_seconds() -> None:
    findings = probe_backend(SlowClock())
    assert missing(findings) == [("clock", False)]
    assert [finding.detail for finding in findings if finding.name == "clock"] == [
        "its clock differs by 900 s"
    ]


class StaleListing(MemoryBackend):
    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectStat]:
        return iter(())


def test_listing_that_lags_behind_is_a_missing_ability() -> None:
    assert missing(probe_backend(StaleListing())) == [("list", True)]


@pytest.mark.parametrize(
    ("operation", "name"), [("get_range", "ranged read"), ("get_tail", "tail read"), ("get", "read")]
)
def test_damaged_reads_are_found(operation: str, name: str) -> None:
    backend = FaultyBackend(MemoryBackend(), [Fault(operation, 1, Effect.FLIP_BIT)])
    assert missing(probe_backend(backend)) == [(name, True)]


def test_unreachable_place_raises() -> None:
    with pytest.raises(TransientBackendError):
        probe_backend(FaultyBackend(MemoryBackend(), [Fault("put", 1, Effect.ERROR)]))
