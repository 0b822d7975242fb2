"""The independent reader of stores finds what is wrong with one."""

from pathlib import Path

import pytest

from dvx.core.errors import DvxError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer
from dvx.testing.store_builder import StoreBuilder, manifest_line
from dvx.testing.store_scan import StoreProblem, pack_paths, record_paths, scan_store

DATA = b"content of a file" * 100


@pytest.fixture
def store(tmp_path: Path) -> StoreBuilder:
    return StoreBuilder(tmp_path / "store")


def test_scan_of_a_good_store_reads_files_and_directories(store: StoreBuilder) -> None:
    file_id = store.put_file(DATA)
    lines = [manifest_line("f", DATA, "a"), manifest_line("x", b"#!", "b/c")]
    directory_id = store.put_directory(lines, [DATA, b"#!"])
    content = scan_store(store.folder)
    assert content.read_root(Pointer("file", file_id, len(DATA))) == {"": ("file", DATA)}
    directory = content.read_root(Pointer("directory", directory_id, len(DATA) + 2, 2))
    assert directory == {"a": ("file", DATA), "b/c": ("executable", b"#!")}


def test_scan_of_no_store_finds_nothing(tmp_path: Path) -> None:
    assert scan_store(tmp_path / "absent").packs == {}


def test_scan_ignores_work_in_progress_and_packs_that_were_set_aside(store: StoreBuilder) -> None:
    store.put("tmp/half.tmp", b"half a pack")
    store.put("damaged/00", b"bad")
    assert scan_store(store.folder).packs == {}


@pytest.mark.parametrize("offset", [0, 20, 40, 60, 500, -100, -10])
def test_flipped_bit_anywhere_in_a_pack_is_found(store: StoreBuilder, offset: int) -> None:
    store.put_file(DATA)
    (pack,) = pack_paths(store.folder)
    data = bytearray(pack.read_bytes())
    data[offset] ^= 4
    pack.write_bytes(data)
    with pytest.raises((StoreProblem, DvxError)):
        scan_store(store.folder)


def test_missing_pack_is_found_unless_it_is_expected(store: StoreBuilder) -> None:
    root = store.put_file(DATA)
    (pack,) = pack_paths(store.folder, kind=1)
    pack.unlink()
    with pytest.raises(StoreProblem, match="absent"):
        scan_store(store.folder)
    content = scan_store(store.folder, may_lack_packs=True)
    with pytest.raises(StoreProblem, match="no complete record"):
        content.read_root(Pointer("file", root, len(DATA)))


def test_record_for_wrong_bytes_is_found(store: StoreBuilder) -> None:
    root = hash_bytes(b"promised")
    pack = store.put_pack([b"whatever"])
    fields = {"kind": "file", "size": 8, "packs": [[pack.name.hex(), pack.size]], "pages": []}
    store.put_record({"root": root.hex(), "runs": [[0, *pack.run]], **fields})
    assert len(record_paths(store.folder)) == 1
    with pytest.raises(StoreProblem, match="are wrong"):
        scan_store(store.folder).read_root(Pointer("file", root, 8))


def test_file_that_is_no_object_is_found(store: StoreBuilder) -> None:
    store.put("packs/zz/not-a-pack", b"")
    with pytest.raises(StoreProblem, match="no object"):
        scan_store(store.folder)
