"""The small files of dvx that Git brings: where they may be read and written.

Owns two rules for all of them: nothing is read or written through a symbolic link that leads out of the work tree, or
into the Git directory; and what a sparse checkout leaves out is read from the staging area. Must not know what the
files mean.
"""

import os
from typing import Final

from dvx.core.errors import PathRefused, UsageError
from dvx.core.shell_words import quote
from dvx.disk.small_files import read_small_file
from dvx.repo.repository import Repository

# What `git ls-files -t` calls an entry that is not to be in the work tree.
_LEFT_OUT: Final = b"S "


def read_committed_file(repo: Repository, path: str, *, limit_bytes: int) -> bytes | None:
    """Return the bytes of a file of the work tree, one more than the limit at most; None where there is none.

    Starts Git only where the file is not there and a sparse checkout may have left it out. Raises PathRefused,
    LocalDiskError, GitError.
    """
    check_place(repo, path)
    data = read_small_file(repo.absolute(path), limit_bytes=limit_bytes)
    if data is None and is_left_out(repo, path):
        return repo.git().run(["cat-file", "blob", f":{path}"])[: limit_bytes + 1]
    return data


def is_left_out(repo: Repository, path: str) -> bool:
    """Whether Git tracks a file that is not there because of a sparse checkout. Raises GitError."""
    if os.path.lexists(repo.absolute(path)):
        return False
    return path in left_out_files(repo, f":(literal){path}")


def left_out_files(repo: Repository, pattern: str) -> frozenset[str]:
    """The tracked files that match a pathspec of Git and are to be absent from the work tree. Raises GitError."""
    if repo.is_bare or not repo.has_sparse_checkout:
        return frozenset()
    answer = repo.git().run(["ls-files", "-t", "-z", "--", pattern])
    lines = answer.split(b"\0")
    return frozenset(os.fsdecode(line[len(_LEFT_OUT) :]) for line in lines if line.startswith(_LEFT_OUT))


def writable_place(repo: Repository, path: str) -> str:
    """Return where on the disk a file of the work tree is, in order to change or make it.

    Raises PathRefused, and UsageError (kind `left-out`) where a sparse checkout leaves it out.
    """
    check_place(repo, path)
    if is_left_out(repo, path):
        folder = path.rpartition("/")[0]
        raise UsageError(
            f"`{path}` is outside of the sparse checkout, so it cannot be changed here",
            affected="nothing was changed",
            hints=[f"bring it here: `git sparse-checkout add {quote(folder or path)}`"],
            kind="left-out",
        )
    return repo.absolute(path)


def check_place(repo: Repository, path: str) -> None:
    """Raise PathRefused (kind `symlink-out`) if a symbolic link takes `path` out of the work tree or into `.git`."""
    place = repo.absolute(path)
    real = os.path.realpath(place)
    if real == place:
        return
    inside = repo.inside(real)
    if inside is None or ".git" in inside.split("/"):
        link = _first_link(repo, path)
        raise PathRefused(
            f"`{link}` is a symbolic link that leads out of the work tree, so `{path}` is not used",
            affected="nothing was read or changed through it",
            hints=[
                f"if it came with Git, look who added it: `git log -- {quote(link)}`",
                f"remove it: `rm {quote(link)}`",
            ],
            kind="symlink-out",
        )


def _first_link(repo: Repository, path: str) -> str:
    names = path.split("/")
    places = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
    return next((place for place in places if os.path.islink(repo.absolute(place))), path)
