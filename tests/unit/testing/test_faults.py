"""FaultyBackend strikes exactly where it was told to."""

import subprocess
import sys
from pathlib import Path

import pytest

from dvx.backends.backend import TransientBackendError
from dvx.backends.memory import MemoryBackend
from dvx.core.errors import BackendError
from dvx.testing.faults import CRASH_STATUS, Effect, Fault, FaultyBackend, flip_bit


def faulty(*faults: Fault) -> FaultyBackend:
    backend = FaultyBackend(MemoryBackend(), faults)
    backend.inner.put("one", b"0123456789")
    return backend


def test_error_strikes_the_named_calls_before_they_are_done() -> None:
    backend = faulty(Fault("put", 2, Effect.ERROR, times=2, throttled=True))
    backend.put("a", b"x")
    for key in ("b", "c"):
        with pytest.raises(TransientBackendError) as caught:
            backend.put(key, b"x")
        assert caught.value.throttled
    backend.put("d", b"x")
    assert [stat.key for stat in backend.inner.list("")] == ["a", "d", "one"]
    assert backend.calls == {"put": 4}


def test_refusal_is_not_transient() -> None:
    with pytest.raises(BackendError) as caught:
        faulty(Fault("any", 1, Effect.REFUSAL)).stat("one")
    assert not isinstance(caught.value, TransientBackendError)


def test_lost_response_is_done_and_reported_as_failed(tmp_path: Path) -> None:
    backend = faulty(Fault("write", 1, Effect.LOST_RESPONSE, times=2))
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(TransientBackendError):
        backend.put_file("two", str(source), consume=True)
    assert backend.inner.get("two", max_bytes=1) == b"x"
    assert source.exists()
    with pytest.raises(TransientBackendError):
        backend.delete("one")
    assert backend.inner.stat("one") is None


def test_reads_are_truncated_or_flipped(tmp_path: Path) -> None:
    assert faulty(Fault("get", 1, Effect.TRUNCATE)).get("one", max_bytes=10) == b"01234"
    assert faulty(Fault("get_range", 1, Effect.FLIP_BIT)).get_range("one", 0, 4) == b"0133"
    assert faulty(Fault("get_tail", 1, Effect.FLIP_BIT)).get_tail("one", 2) == (b"88", 10)
    target = tmp_path / "target"
    faulty(Fault("download", 1, Effect.FLIP_BIT)).download("one", str(target), size=10)
    assert target.read_bytes() == b"0123446789"


def test_truncated_download_leaves_half_and_fails(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(TransientBackendError):
        faulty(Fault("download", 1, Effect.TRUNCATE)).download("one", str(target), size=10)
    assert target.read_bytes() == b"01234"


def test_flipped_put_stores_damaged_content() -> None:
    backend = faulty(Fault("put", 1, Effect.FLIP_BIT))
    backend.put("two", b"aaa")
    assert backend.inner.get("two", max_bytes=3) == b"a`a"


def test_flip_bit_of_nothing_is_nothing() -> None:
    assert flip_bit(b"", 0) == b""


def test_delay_passes_the_call_on() -> None:
    assert faulty(Fault("get", 1, Effect.DELAY, delay_s=0.001)).get("one", max_bytes=10) == b"0123456789"


@pytest.mark.parametrize(("effect", "expected"), [(Effect.CRASH, ["1"]), (Effect.CRASH_AFTER, ["1", "2"])])
def test_crash_ends_the_process_at_the_chosen_write(
    tmp_path: Path, effect: Effect, expected: list[str]
) -> None:
    program = (
        "import sys\n"
        "from dvx.backends.folder import FolderBackend\n"
        "from dvx.testing.faults import Effect, Fault, FaultyBackend\n"
        "b = FaultyBackend(FolderBackend(sys.argv[1]), [Fault('write', 2, Effect(sys.argv[2]))])\n"
        "for key in '123': b.put(key, b'x')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path), effect], check=False)
    assert ended.returncode == CRASH_STATUS
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == expected
