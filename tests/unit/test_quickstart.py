"""The judge of scripts/quickstart: what it compares, and how it changes data."""

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "quickstart"


@pytest.fixture
def quickstart(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("quickstart", str(SCRIPT))
    spec = importlib.util.spec_from_loader("quickstart", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "quickstart", module)
    loader.exec_module(module)
    return module


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal trees."""
    for side in ("left", "right"):
        folder = tmp_path / side / "data" / "inner"
        folder.mkdir(parents=True)
        (folder / "a.bin").write_bytes(b"0123456789" * 300)
        (folder / "b.bin").write_bytes(b"")
        (folder.parent / "empty").mkdir()
    return tmp_path / "left", tmp_path / "right"


def test_equal_trees_are_counted(quickstart: ModuleType, sides: tuple[Path, Path]) -> None:
    assert quickstart.compare(*sides, ["data"]) == 5


def test_one_different_byte_is_a_failure(quickstart: ModuleType, sides: tuple[Path, Path]) -> None:
    (sides[1] / "data/inner/a.bin").write_bytes(b"0123456789" * 299 + b"012345678X")
    with pytest.raises(quickstart.Failure, match=r"data/inner/a\.bin has different bytes"):
        quickstart.compare(*sides, ["data"])


def test_missing_and_extra_paths_are_a_failure(quickstart: ModuleType, sides: tuple[Path, Path]) -> None:
    (sides[1] / "data/extra").write_bytes(b"x")
    with pytest.raises(quickstart.Failure, match="1 paths are only on one side, such as data/extra"):
        quickstart.compare(*sides, ["data"])
    (sides[1] / "data/extra").unlink()
    (sides[1] / "data/empty").rmdir()
    with pytest.raises(quickstart.Failure, match="data/empty"):
        quickstart.compare(*sides, ["data"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_another_executable_bit_is_a_failure(quickstart: ModuleType, sides: tuple[Path, Path]) -> None:
    (sides[0] / "data/inner/a.bin").chmod(0o755)
    with pytest.raises(quickstart.Failure, match="executable: True on one side"):
        quickstart.compare(*sides, ["data"])


def test_change_edits_one_percent_and_inserts_into_a_file(quickstart: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(200):
        (tmp_path / "many" / f"{number:03}").write_bytes(b"." * 100)
    (tmp_path / "one.bin").write_bytes(bytes(1000))
    assert quickstart.change_a_little(tmp_path, ["many", "one.bin"]).startswith("2 files edited")
    files = list((tmp_path / "many").iterdir())
    assert sum(b"changed by hand!" in file.read_bytes() for file in files) == 2
    assert (tmp_path / "many" / "000.renamed").exists()
    changed = (tmp_path / "one.bin").read_bytes()
    assert changed == bytes(250) + b"changed by hand!" + bytes(234) + b"sixteen bytes, 2" + bytes(500)


def test_own_data_that_does_not_fit_is_refused_before_it_is_copied(
    quickstart: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_bytes(b"x")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr(quickstart, "SPARE_BYTES", 10**18)
    with pytest.raises(quickstart.Failure, match="are free"):
        quickstart.copy_own(tmp_path / "own", work)
    assert list(work.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows makes symlinks for administrators only")
def test_links_that_leave_own_data_are_left_out_of_the_copy(quickstart: ModuleType, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "inner").mkdir(parents=True)
    (own / "a").write_bytes(b"a")
    (own / "inner" / "good").symlink_to("../a")
    (own / "inner" / "up").symlink_to("../../elsewhere")
    (own / "absolute").symlink_to(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    assert quickstart.copy_own(own, work) == ["own"]
    assert sorted(quickstart.listing(work, ["own"])) == ["own", "own/a", "own/inner", "own/inner/good"]
    assert (own / "absolute").is_symlink()
