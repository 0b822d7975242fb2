"""OverlayBackend: the contract, and that the folder below stays as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dvx.backends.backend import Backend, ObjectExists, ObjectNotFound
from dvx.backends.folder import FolderBackend
from dvx.backends.overlay import OverlayBackend
from dvx.testing.contract import BackendContract


class TestOverlayBackend(BackendContract):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        backend = OverlayBackend(str(tmp_path / "below"), str(tmp_path / "above"))
        yield backend
        backend.close()


def test_changes_show_and_leave_the_folder_below_alone(tmp_path: Path) -> None:
    below = tmp_path / "below"
    folder = FolderBackend(str(below))
    for key in ("packs/a", "packs/b", "packs/c"):
        folder.put(key, b"below")
    before = {path: path.read_bytes() for path in below.rglob("*") if path.is_file()}
    backend = OverlayBackend(str(below), str(tmp_path / "above"))
    backend.put("packs/b", b"above")
    backend.put("packs/d", b"above")
    backend.delete("packs/a")
    with pytest.raises(ObjectExists):
        backend.put("packs/c", b"above", if_absent=True)
    assert [found.key for found in backend.list("packs/")] == ["packs/b", "packs/c", "packs/d"]
    assert [backend.get(f"packs/{name}", max_bytes=9) for name in "bcd"] == [b"above", b"below", b"above"]
    with pytest.raises(ObjectNotFound):
        backend.get("packs/a", max_bytes=9)
    backend.close()
    assert {path: path.read_bytes() for path in below.rglob("*") if path.is_file()} == before
