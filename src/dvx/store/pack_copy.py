"""Copying one whole pack between stores, checked before it gets its name.

Owns the temporary copy. Must not choose packs.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dvx.backends.backend import not_found
from dvx.core.errors import FormatError, IntegrityError, LocalDiskError, UnsupportedVersion
from dvx.core.progress import ByteListener, counting
from dvx.disk.atomic import disk_errors
from dvx.formats.layout import pack_key
from dvx.formats.pack import PackEntry, PackIndex
from dvx.store.chunk_reader import plan_ranges, verify_frames
from dvx.store.damage import damaged_pack, reading_again
from dvx.store.pack_writer import SealedPack, file_digest, random_name, read_pack_index
from dvx.store.runs import frame_end
from dvx.store.store import Store


def copy_pack(
    source: Store,
    target: Store,
    name: bytes,
    *,
    size: int | None = None,
    on_bytes: ByteListener | None = None,
) -> None:
    """Copy a pack; every chunk in it is checked on the way. The target knows it afterwards.

    `size` in bytes is what a placement record says; without it the pack's index is asked for first.
    The name stays the same unless the target once had a pack of this name and lost it: names are never used twice.
    `on_bytes` is told of bytes as they are sent or received, of all of them by the end.
    """
    new_name = random_name() if target.index.is_burned(target.id, name) else name
    # A remote on a mounted share may answer two reads differently: what is checked must be what is kept.
    path = None if source.is_remote else source.backend.local_path(pack_key(name))
    if path is not None:
        _upload(source, target, name, new_name, path, on_bytes)
    else:
        size_bytes = source.pack_size(name) if size is None else size
        reading_again(source, lambda: _download(source, target, name, new_name, size_bytes, on_bytes))
        if source.is_remote:
            source.index.add_hold(source.id, [name])


def _upload(
    source: Store, target: Store, name: bytes, new_name: bytes, path: str, on_bytes: ByteListener | None
) -> None:
    with _reading(source, name):
        digest = file_digest(path)
        # Every byte is as it was when the pack was checked, and its index is in `index.db`: reading that of a pack of
        # 30 000 small files once more takes 50 ms that no other thread can use.
        is_known = digest == source.index.pack_digest(name) and target.index is source.index
        index = None if is_known and new_name == name else _check_copy(source, name, path, digest)
    target.backend.put_file(pack_key(new_name), path, on_bytes=on_bytes)
    if index is None:
        target.index.add_hold(target.id, [name])
    else:
        target.index.add_pack(target.id, new_name, index, digest=digest)


@contextmanager
def _reading(source: Store, name: bytes) -> Iterator[None]:
    try:
        yield
    except LocalDiskError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise not_found(pack_key(name), source.location) from error
        raise


def _download(
    source: Store, target: Store, name: bytes, new_name: bytes, size: int, on_bytes: ByteListener | None
) -> None:
    temporary = os.path.join(target.temporary_folder, f"{random_name().hex()}.copy")
    try:
        with counting(on_bytes, size=size) as passed:  # a damaged copy is received again
            try:
                source.backend.download(pack_key(name), temporary, size=size, on_bytes=passed.add)
            except IntegrityError as error:
                raise damaged_pack(source, name) from error
            digest = file_digest(temporary)
            index = _check_copy(source, name, temporary, digest)
        target.add_sealed_pack(SealedPack(name=new_name, path=temporary, index=index, digest=digest))
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _check_copy(source: Store, name: bytes, path: str, digest: bytes) -> PackIndex:
    """The index of a downloaded pack once its bytes are known to be right."""
    try:
        index = read_pack_index(path)
    except UnsupportedVersion:
        raise
    except FormatError as error:
        raise damaged_pack(source, name) from error
    if digest != source.index.pack_digest(name):
        check_frames(source, name, path, index.entries)
    return index


def check_frames(source: Store, name: bytes, path: str, entries: Iterable[PackEntry]) -> None:
    """Compare every frame of a pack file, header and decoded content, with its index entry."""
    with disk_errors(path, "read"), open(path, "rb") as pack:
        for group in plan_ranges(entries):
            start = group[0].offset
            pack.seek(start)
            data = memoryview(pack.read(frame_end(group[-1]) - start))
            verify_frames(source, name, data, group)
