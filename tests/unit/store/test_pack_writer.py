"""store.pack_writer: packs are complete or gone."""

import os
from types import SimpleNamespace

import pytest

from dvx.core.errors import FormatError, LocalDiskError
from dvx.core.ids import hash_bytes
from dvx.formats.pack import PackHeader, scan_frames
from dvx.store.pack_writer import TARGET_PACK_BYTES, PackWriter, file_digest, random_name, read_pack_index

HEADER = PackHeader(kind=1, chunker=1)


def written(tmp_path, chunks):
    writer = PackWriter(str(tmp_path), HEADER)
    for chunk in chunks:
        writer.append(hash_bytes(chunk), 0, chunk, len(chunk))
    return writer


def test_sealed_pack_has_the_chunks_in_order_and_its_own_digest(tmp_path):
    chunks = [b"one", b"two" * 100, b"three"]
    sealed = written(tmp_path, chunks).seal()
    assert [entry.id for entry in sealed.index.entries] == [hash_bytes(chunk) for chunk in chunks]
    with open(sealed.path, "rb") as file:
        data = file.read()
    assert sealed.digest == hash_bytes(data) == file_digest(sealed.path)
    assert sealed.index.size == len(data)
    assert len(list(scan_frames(memoryview(data)))) == 3


def test_find_knows_appended_chunks_only(tmp_path):
    writer = PackWriter(str(tmp_path), HEADER)
    assert writer.is_empty
    entry = writer.append(hash_bytes(b"x"), 0, b"x", 1)
    assert (writer.find(hash_bytes(b"x")), writer.find(hash_bytes(b"y"))) == (entry, None)
    assert not writer.is_full
    writer.size = TARGET_PACK_BYTES
    assert writer.is_full
    writer.abandon()


def test_abandoned_pack_leaves_no_file_and_may_be_abandoned_again(tmp_path):
    writer = written(tmp_path, [b"x"])
    writer.abandon()
    writer.abandon()
    assert os.listdir(tmp_path) == []


def test_abandon_after_the_file_has_moved_is_harmless(tmp_path):
    writer = written(tmp_path, [b"x"])
    os.rename(writer.path, tmp_path / "moved")
    writer.abandon()
    assert os.listdir(tmp_path) == ["moved"]


def test_pack_in_a_missing_folder_is_a_disk_error(tmp_path):
    with pytest.raises(LocalDiskError):
        PackWriter(str(tmp_path / "nowhere"), HEADER)


def test_seal_of_a_pack_whose_index_changed_on_disk_is_refused(tmp_path, monkeypatch):
    writer = written(tmp_path, [b"x" * 1000])
    close = writer._file.close

    def damage():
        os.pwrite(writer._file.fileno(), b"?", writer.size + 3)
        close()

    monkeypatch.setattr(writer, "_file", SimpleNamespace(fileno=writer._file.fileno, close=damage))
    with pytest.raises(FormatError):
        writer.seal()


def test_digest_is_that_of_the_bytes_that_were_appended_whatever_the_disk_made_of_them(tmp_path):
    chunk = os.urandom(1000)
    writer = written(tmp_path, [chunk])
    writer.flush()
    os.truncate(writer.path, 500)  # the rest of the chunk becomes zeros when more is written behind it
    sealed = writer.seal()
    with open(sealed.path, "rb") as file:
        data = file.read()
    assert data[32 + 12 : 500] == chunk[:456]
    assert data[500 : 32 + 12 + 1000] == bytes(544)
    assert sealed.digest == hash_bytes(data[:44] + chunk + data[1044:]) != file_digest(sealed.path)


def test_read_pack_index_of_a_short_file_is_a_format_error(tmp_path):
    (tmp_path / "p").write_bytes(b"short")
    with pytest.raises(FormatError):
        read_pack_index(str(tmp_path / "p"))


def test_names_are_random():
    assert len({random_name() for _ in range(100)}) == 100
