"""Reading many small Git objects of any revision through one process.

Owns the bound: an object that is longer than the limit is passed over in pieces and never held. Must not know what the
objects say.
"""

import subprocess
from collections.abc import Generator, Iterable, Sequence
from typing import IO, Final

from dvx.core.errors import GitError
from dvx.disk.temporary import temporary_errors, temporary_file
from dvx.repo.git import Git

_PIECE_BYTES: Final = 1 << 20


def read_small_objects(
    git: Git, ids: Sequence[str], *, limit_bytes: int
) -> Generator[tuple[str, bytes | None]]:
    """Yield (id, content) in the order of `ids`; None for an object that is longer than `limit_bytes` or not there.

    An id may be anything that `git cat-file --batch` takes, such as `HEAD:params.yaml`, without a line end. A submodule
    or a folder counts as not there. Raises GitError when Git ends early.
    """
    if not ids:
        return
    # A file, not a pipe: the answers fill a pipe of their own long before all ids are written.
    with temporary_file() as requests:
        with temporary_errors():
            requests.write("".join(f"{name}\n" for name in ids).encode("utf-8", "surrogateescape"))
            requests.seek(0)
        process = git.start(["cat-file", "--batch", "--buffer"], stdin=requests)
        try:
            yield from zip(ids, _answers(process, len(ids), limit_bytes), strict=True)
        finally:
            process.kill()
            process.communicate()


def _answers(process: "subprocess.Popen[bytes]", expected: int, limit_bytes: int) -> Iterable[bytes | None]:
    stream = process.stdout
    assert stream is not None
    for _ in range(expected):
        header = stream.readline()
        if not header.endswith(b"\n"):
            raise GitError("`git cat-file` ended early", hints=["look for damage: `git fsck`"])
        fields = header.rsplit(b" ", 2)
        if not fields[-1].strip().isdigit():
            yield None  # `ID missing`, `ID ambiguous`, `ID submodule`
            continue
        size = int(fields[-1])
        if fields[1] == b"blob" and size <= limit_bytes:
            yield _exactly(stream, size + 1)[:-1]
        else:
            _pass_over(stream, size + 1)
            yield None


def _exactly(stream: IO[bytes], size_bytes: int) -> bytes:
    data = stream.read(size_bytes)
    if len(data) != size_bytes:
        raise GitError("`git cat-file` ended in the middle of an object")
    return data


def _pass_over(stream: IO[bytes], size_bytes: int) -> None:
    while size_bytes > 0:
        size_bytes -= len(_exactly(stream, min(size_bytes, _PIECE_BYTES)))
