"""The tests that every backend must pass, whoever writes it.

Owns the obligations of dvx.backends.backend.Backend as pytest tests. Use: subclass BackendContract in a test
module under a name that starts with `Test`, and override the fixture `backend` to yield an empty backend.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from dvx.backends.backend import Backend, ObjectExists, ObjectNotFound
from dvx.core.errors import IntegrityError, PathRefused

CONTENT = bytes(range(256)) * 17


class BackendContract:
    """Obligations of a Backend; set `honours_if_absent` to False for a place without conditional writes."""

    honours_if_absent: ClassVar[bool] = True

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """Yield an empty backend and close it."""
        raise NotImplementedError("override the fixture `backend`")

    def test_put_then_get_returns_the_content(self, backend: Backend) -> None:
        backend.put("packs/ab/one", CONTENT)
        assert backend.get("packs/ab/one", max_bytes=len(CONTENT)) == CONTENT

    def test_put_of_nothing_stores_an_empty_object(self, backend: Backend) -> None:
        backend.put("empty", b"")
        assert backend.get("empty", max_bytes=0) == b""
        stat = backend.stat("empty")
        assert stat is not None
        assert stat.size == 0

    def test_put_again_replaces_the_content(self, backend: Backend) -> None:
        backend.put("packs/one", CONTENT)
        assert backend.get_range("packs/one", 0, 3) == CONTENT[:3]
        backend.put("packs/one", b"new")
        assert backend.get("packs/one", max_bytes=100) == b"new"
        assert backend.get_range("packs/one", 0, 3) == b"new"

    def test_put_does_not_keep_the_callers_buffer(self, backend: Backend) -> None:
        buffer = bytearray(b"before")
        backend.put("key", bytes(buffer))
        buffer[:] = b"after!"
        assert backend.get("key", max_bytes=100) == b"before"

    def test_create_once_of_an_existing_key_is_refused_and_keeps_the_first(self, backend: Backend) -> None:
        self._needs_conditions()
        backend.put("gc/one/final", b"first", if_absent=True)
        with pytest.raises(ObjectExists) as caught:
            backend.put("gc/one/final", b"second", if_absent=True)
        assert caught.value.kind == "object-exists"
        assert "gc/one/final" in caught.value.what
        assert backend.get("gc/one/final", max_bytes=100) == b"first"

    def test_create_once_of_a_deleted_key_succeeds(self, backend: Backend) -> None:
        backend.put("key", b"first", if_absent=True)
        backend.delete("key")
        backend.put("key", b"second", if_absent=True)
        assert backend.get("key", max_bytes=100) == b"second"

    def test_concurrent_creates_have_exactly_one_winner(self, backend: Backend) -> None:
        self._needs_conditions()
        start = threading.Barrier(8)

        def race(number: int) -> bytes | None:
            content = f"racer {number}".encode()
            start.wait()
            try:
                backend.put("gc/race", content, if_absent=True)
            except ObjectExists:
                return None
            return content

        with ThreadPoolExecutor(8) as pool:
            winners = [content for content in pool.map(race, range(8)) if content is not None]
        assert [backend.get("gc/race", max_bytes=100)] == winners

    def test_put_file_stores_the_content_and_keeps_the_file(self, backend: Backend, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(CONTENT)
        backend.put_file("packs/file", str(source))
        assert backend.get("packs/file", max_bytes=len(CONTENT)) == CONTENT
        assert source.read_bytes() == CONTENT

    def test_put_file_with_consume_stores_the_content_and_removes_the_file(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        source = tmp_path / "source"
        source.write_bytes(CONTENT)
        backend.put_file("packs/file", str(source), consume=True)
        assert backend.get("packs/file", max_bytes=len(CONTENT)) == CONTENT
        assert not source.exists()

    def test_bytes_that_are_sent_and_received_are_told_all_in_all_once(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(CONTENT)
        told: list[int] = []
        backend.put_file("packs/file", str(source), on_bytes=told.append)
        assert sum(told) == len(CONTENT)
        told.clear()
        backend.download("packs/file", str(target), size=len(CONTENT), on_bytes=told.append)
        assert sum(told) == len(CONTENT)
        told.clear()
        backend.download_range("packs/file", str(target), offset=100, length=2000, on_bytes=told.append)
        assert sum(told) == 2000
        told.clear()
        backend.put_file("packs/moved", str(source), consume=True, on_bytes=told.append)
        assert sum(told) == len(CONTENT)

    def test_failure_takes_back_the_bytes_that_were_told(self, backend: Backend, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.write_bytes(bytes(len(CONTENT)))
        backend.put("packs/file", CONTENT)
        told: list[int] = []
        with pytest.raises(IntegrityError):
            backend.download_range(
                "packs/file", str(target), offset=0, length=len(CONTENT) + 1, on_bytes=told.append
            )
        with pytest.raises(IntegrityError):
            backend.download("packs/file", str(target), size=1, on_bytes=told.append)
        assert sum(told) == 0

    def test_put_file_of_an_empty_file_stores_an_empty_object(self, backend: Backend, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(b"")
        backend.put_file("packs/empty", str(source))
        assert backend.get("packs/empty", max_bytes=0) == b""

    def test_get_of_a_missing_key_names_it(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound) as caught:
            backend.get("packs/missing", max_bytes=10)
        assert caught.value.kind == "object-not-found"
        assert "packs/missing" in caught.value.what

    def test_get_of_the_beginning_of_a_key_finds_nothing(self, backend: Backend) -> None:
        backend.put("packs/ab/one", b"x")
        with pytest.raises(ObjectNotFound):
            backend.get("packs/ab", max_bytes=10)
        assert backend.stat("packs/ab") is None

    def test_get_below_an_object_finds_nothing(self, backend: Backend) -> None:
        backend.put("one", b"x")
        assert backend.stat("one/two") is None
        with pytest.raises(ObjectNotFound):
            backend.get("one/two", max_bytes=10)

    def test_get_of_an_object_larger_than_allowed_is_refused(self, backend: Backend) -> None:
        backend.put("key", CONTENT)
        with pytest.raises(IntegrityError) as caught:
            backend.get("key", max_bytes=len(CONTENT) - 1)
        assert caught.value.kind == "object-too-large"

    @pytest.mark.parametrize(
        ("offset", "length"), [(0, 1), (100, 1000), (0, len(CONTENT)), (len(CONTENT) - 1, 1)]
    )
    def test_get_range_returns_exactly_the_range(self, backend: Backend, offset: int, length: int) -> None:
        backend.put("key", CONTENT)
        assert backend.get_range("key", offset, length) == CONTENT[offset : offset + length]

    def test_get_range_of_nothing_is_empty(self, backend: Backend) -> None:
        backend.put("key", CONTENT)
        assert backend.get_range("key", len(CONTENT), 0) == b""

    @pytest.mark.parametrize(
        ("offset", "length"), [(len(CONTENT) - 1, 2), (len(CONTENT), 1), (10**12, 1), (0, 10**12)]
    )
    def test_get_range_beyond_the_end_is_a_short_read(
        self, backend: Backend, offset: int, length: int
    ) -> None:
        backend.put("key", CONTENT)
        with pytest.raises(IntegrityError) as caught:
            backend.get_range("key", offset, length)
        assert caught.value.kind == "short-read"

    @pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
    def test_get_range_with_negative_numbers_is_refused(
        self, backend: Backend, offset: int, length: int
    ) -> None:
        backend.put("key", CONTENT)
        with pytest.raises(IntegrityError):
            backend.get_range("key", offset, length)

    def test_get_range_of_a_missing_key_names_it(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound, match="packs/missing"):
            backend.get_range("packs/missing", 0, 1)

    def test_get_range_from_many_threads_returns_each_its_own(self, backend: Backend) -> None:
        keys = [f"packs/{number:02x}" for number in range(12)]
        for number, key in enumerate(keys):
            backend.put(key, bytes([number]) * 1000 + CONTENT)

        def read(step: int) -> bool:
            number = step % len(keys)
            expected = (bytes([number]) * 1000 + CONTENT)[step : step + 1500]
            return backend.get_range(keys[number], step, 1500) == expected

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(read, range(96)))

    @pytest.mark.parametrize("length", [0, 1, 64, len(CONTENT), len(CONTENT) + 1, 10**9])
    def test_get_tail_returns_the_end_and_the_size(self, backend: Backend, length: int) -> None:
        backend.put("key", CONTENT)
        expected = CONTENT[max(0, len(CONTENT) - length) :]
        assert backend.get_tail("key", length) == (expected, len(CONTENT))

    def test_get_tail_of_an_empty_object_is_empty(self, backend: Backend) -> None:
        backend.put("key", b"")
        assert backend.get_tail("key", 64) == (b"", 0)

    def test_get_tail_of_a_missing_key_names_it(self, backend: Backend) -> None:
        with pytest.raises(ObjectNotFound, match="packs/missing"):
            backend.get_tail("packs/missing", 64)

    @pytest.mark.parametrize("content", [b"", CONTENT, CONTENT * 500])
    def test_download_writes_the_whole_object(self, backend: Backend, tmp_path: Path, content: bytes) -> None:
        backend.put("key", content)
        target = tmp_path / "target"
        backend.download("key", str(target), size=len(content))
        assert target.read_bytes() == content

    @pytest.mark.parametrize("difference", [-1, 1])
    def test_download_of_another_size_leaves_no_file(
        self, backend: Backend, tmp_path: Path, difference: int
    ) -> None:
        backend.put("key", CONTENT)
        target = tmp_path / "target"
        with pytest.raises(IntegrityError) as caught:
            backend.download("key", str(target), size=len(CONTENT) + difference)
        assert caught.value.kind == "wrong-size"
        assert not target.exists()

    def test_download_of_a_missing_key_leaves_no_file(self, backend: Backend, tmp_path: Path) -> None:
        target = tmp_path / "target"
        with pytest.raises(ObjectNotFound, match="packs/missing"):
            backend.download("packs/missing", str(target), size=1)
        assert not target.exists()

    def test_download_range_writes_to_its_place_and_nowhere_else(
        self, backend: Backend, tmp_path: Path
    ) -> None:
        content = CONTENT * 500
        backend.put("key", content)
        target = tmp_path / "target"
        target.write_bytes(b"-" * len(content))
        for offset, length in ((0, 10), (500, len(content) - 600), (len(content) - 7, 7), (300, 0)):
            backend.download_range("key", str(target), offset=offset, length=length)
        expected = content[:10] + b"-" * 490 + content[500:-100] + b"-" * 93 + content[-7:]
        assert target.read_bytes() == expected

    def test_download_range_beyond_the_end_is_a_short_read(self, backend: Backend, tmp_path: Path) -> None:
        backend.put("key", CONTENT)
        (tmp_path / "target").write_bytes(b"")
        with pytest.raises(IntegrityError) as caught:
            backend.download_range("key", str(tmp_path / "target"), offset=10, length=len(CONTENT))
        assert caught.value.kind == "short-read"
        with pytest.raises(ObjectNotFound, match="packs/missing"):
            backend.download_range("packs/missing", str(tmp_path / "target"), offset=0, length=1)

    def test_stat_tells_size_and_absence(self, backend: Backend) -> None:
        assert backend.stat("key") is None
        backend.put("key", CONTENT)
        stat = backend.stat("key")
        assert stat is not None
        assert (stat.key, stat.size) == ("key", len(CONTENT))

    def test_list_of_an_empty_backend_is_empty(self, backend: Backend) -> None:
        assert list(backend.list("")) == []
        assert list(backend.list("packs/")) == []

    def test_list_is_sorted_by_key_with_sizes(self, backend: Backend) -> None:
        keys = ["a-b", "a.b", "a/b-c/d", "a/b/c", "a0", "b"]  # in order of their bytes
        for key in reversed(keys):
            backend.put(key, key.encode())
        listed = [(stat.key, stat.size) for stat in backend.list("")]
        assert listed == [(key, len(key)) for key in keys]

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("roots/", ["roots/aa/1", "roots/aa/2", "roots/ab/1"]),
            ("roots/aa/", ["roots/aa/1", "roots/aa/2"]),
            ("roots/a", ["roots/aa/1", "roots/aa/2", "roots/ab/1"]),
            ("roots/aa/2", ["roots/aa/2"]),
            ("rootsx", []),
            ("roots/aa/2/", []),
            ("p", ["packs/aa/1"]),
        ],
    )
    def test_list_yields_what_starts_with_the_prefix(
        self, backend: Backend, prefix: str, expected: list[str]
    ) -> None:
        for key in ("packs/aa/1", "roots/aa/1", "roots/aa/2", "roots/ab/1"):
            backend.put(key, b"x")
        assert [stat.key for stat in backend.list(prefix)] == expected

    @pytest.mark.parametrize("after", ["", "a", "p/aa/1", "p/aa/15", "p/aa/2", "p/ab", "p/ab/1", "z"])
    def test_list_goes_on_after_a_key(self, backend: Backend, after: str) -> None:
        keys = ["p/aa/1", "p/aa/2", "p/ab/1", "p/b"]
        for key in keys:
            backend.put(key, b"x")
        assert [stat.key for stat in backend.list("p/", start_after=after)] == [k for k in keys if k > after]

    def test_list_shows_a_put_and_a_delete_at_once(self, backend: Backend) -> None:
        for number in range(5):
            backend.put(f"packs/{number}", b"x")
            assert len(list(backend.list("packs/"))) == number + 1
        backend.delete("packs/3")
        assert [stat.key[-1] for stat in backend.list("packs/")] == ["0", "1", "2", "4"]

    def test_delete_removes_the_object(self, backend: Backend) -> None:
        backend.put("packs/one", CONTENT)
        assert backend.get_range("packs/one", 0, 1) == CONTENT[:1]
        backend.delete("packs/one")
        assert backend.stat("packs/one") is None
        with pytest.raises(ObjectNotFound):
            backend.get_range("packs/one", 0, 1)

    def test_delete_of_a_missing_key_is_fine(self, backend: Backend) -> None:
        backend.put("packs/one", b"x")
        backend.delete("packs/missing")
        assert [stat.key for stat in backend.list("")] == ["packs/one"]

    @pytest.mark.parametrize(
        "key",
        ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".a", "a.", "A", "a b", "a\0", "tmp/a", "a\\b"],
    )
    def test_a_bad_key_is_refused_by_every_operation(
        self, backend: Backend, tmp_path: Path, key: str
    ) -> None:
        target = str(tmp_path / "target")
        calls: list[Callable[[], object]] = [
            lambda: backend.put(key, b"x"),
            lambda: backend.get(key, max_bytes=1),
            lambda: backend.get_range(key, 0, 1),
            lambda: backend.get_tail(key, 1),
            lambda: backend.download(key, target, size=1),
            lambda: backend.stat(key),
            lambda: backend.delete(key),
        ]
        for call in calls:
            with pytest.raises(PathRefused) as caught:
                call()
            assert caught.value.kind == "bad-key"

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "A", "a\\"])
    def test_a_bad_prefix_is_refused(self, backend: Backend, prefix: str) -> None:
        with pytest.raises(PathRefused):
            list(backend.list(prefix))

    def test_close_can_be_called_once_used(self, backend: Backend) -> None:
        backend.put("key", CONTENT)
        assert backend.get_range("key", 1, 2) == CONTENT[1:3]
        backend.close()

    def _needs_conditions(self) -> None:
        if not self.honours_if_absent:
            pytest.skip("this place has no conditional writes")
