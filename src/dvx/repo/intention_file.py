"""The file that says what a command is about to do to the work tree: `<git-dir>/dvx/intention`.

Owns its bytes. One line with the length and the checksum of the rest, then JSON. It is written in place, because a
temporary file would be a leftover that nothing names: a file that ends too early was being written when its command
was killed, and then nothing had been changed yet. Must not know what the steps mean.
"""

import json
import os
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from dvx.core.errors import FormatError
from dvx.disk.atomic import disk_errors, fsync_file, fsync_folder, write_all
from dvx.disk.small_files import read_small_file

_HEAD: Final = re.compile(rb"dvx intention 1 ([0-9]{1,12}) ([0-9a-f]{8})\n")
# The longest head: the name, twelve digits of length, the checksum.
_HEAD_BYTES: Final = 64
_MAX_BYTES: Final = 1 << 30


def write_intention(path: str, fields: Mapping[str, Any], *, durable: bool) -> int:
    """Write the file, over one that is there; returns its time, which is that of the file system, in ns.

    With `durable` it survives a power cut once this returns. Raises LocalDiskError.
    """
    body = json.dumps(fields, separators=(",", ":")).encode("ascii")
    head = b"dvx intention 1 %d %08x\n" % (len(body), zlib.crc32(body))
    with disk_errors(path, "write"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            write_all(descriptor, head + body)
            if durable:
                fsync_file(descriptor)
            written_ns = os.fstat(descriptor).st_mtime_ns
        finally:
            os.close(descriptor)
    if durable:
        fsync_folder(os.path.dirname(path))
    return written_ns


def read_intention(path: str) -> tuple[dict[str, Any], int] | None:
    """Return what the file says, and its time; None where there is none, or where its writing was interrupted.

    Raises FormatError for bytes that no dvx wrote, PathRefused for what is no file, LocalDiskError.
    """
    with disk_errors(path, "read"):
        data = read_small_file(path, limit_bytes=_MAX_BYTES)
        if data is None:
            return None
        written_ns = os.stat(path).st_mtime_ns
    head = _HEAD.match(data)
    if head is None:
        if b"\n" not in data[:_HEAD_BYTES] and b"dvx intention 1 ".startswith(data[:16]):
            return None
        raise _damaged(path)
    body = data[head.end() :]
    if len(body) < int(head[1]):
        return None
    if len(body) > int(head[1]) or zlib.crc32(body) != int(head[2], 16):
        raise _damaged(path)
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(fields, dict):
        raise _damaged(path)
    return fields, written_ns


def remove_intention(path: str) -> None:
    """Remove the file: everything is done. Raises LocalDiskError."""
    with disk_errors(path, "remove"), suppress(FileNotFoundError):
        os.unlink(path)


def move_intention_aside(path: str) -> str:
    """Give a file that cannot be followed another name, and return that. Raises LocalDiskError."""
    aside = path + ".damaged"
    with disk_errors(path, "move"):
        os.replace(path, aside)
    return aside


def _damaged(path: str) -> FormatError:
    return FormatError(f"`{path}` is not what dvx wrote there", kind="bad-intention")
