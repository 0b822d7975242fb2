"""Pointers that a sparse checkout leaves out of the work tree.

Owns how they are told from pointers that somebody deleted. Must not change what is checked out.
"""

import os
from collections.abc import Sequence

from dvx.core.errors import NotFound, name_some
from dvx.core.shell_words import quote_all
from dvx.repo.committed_files import left_out_files
from dvx.repo.pointers import POINTER_SUFFIX, is_pointer_path
from dvx.repo.repository import Repository


def left_out_pointers(repository: Repository) -> list[str]:
    """Return the pointers that Git has and a sparse checkout leaves out, by path.

    Starts no Git where no sparse checkout was ever set up. Raises GitError.
    """
    paths = left_out_files(repository, "*" + POINTER_SUFFIX)
    return [
        path
        for path in sorted(paths)
        if is_pointer_path(path) and not os.path.lexists(repository.absolute(path))
    ]


def check_not_left_out(repository: Repository, paths: Sequence[str]) -> None:
    """Raise NotFound (kind `left-out`) if one of these data paths has its pointer outside of the sparse checkout."""
    hidden = [path for path in left_out_pointers(repository) if _is_meant(path, paths)]
    if not hidden:
        return
    folders = sorted({path.rpartition("/")[0] for path in hidden} - {""})
    hints = [f"bring it here: `git sparse-checkout add {quote_all(folders[:5])}`"] if folders else []
    raise NotFound(
        f"{name_some(hidden)}: outside of the sparse checkout, so its data is left alone",
        affected="nothing was changed",
        hints=[*hints, "see what is checked out: `git sparse-checkout list`"],
        kind="left-out",
    )


def _is_meant(pointer_path: str, paths: Sequence[str]) -> bool:
    """Whether a typed path is the data, inside of it, or a folder around it."""
    data = pointer_path.removesuffix(POINTER_SUFFIX)
    return any(
        path in (data, pointer_path) or path.startswith(data + "/") or data.startswith(path.rstrip("/") + "/")
        for path in paths
    )
