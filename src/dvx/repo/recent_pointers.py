"""What the newest commits and the staging area say of one tracked path: the versions that its data may be made of.

Owns the few Git commands that this takes. Whole histories, of many pointers, are dvx.repo.pointer_history.
"""

from dvx.core.errors import FormatError, GitError
from dvx.formats.pointer import Pointer, parse_pointer
from dvx.repo.git import Git
from dvx.repo.pointers import pointer_path_of


def committed_pointers(git: Git, path: str) -> list[Pointer]:
    """The pointers that HEAD and the staging area have for a data path, as far as they are readable."""
    found = []
    for rev in ("HEAD", ""):
        try:
            data = git.run(["cat-file", "blob", f"{rev}:{pointer_path_of(path)}"])
            found.append(parse_pointer(data))
        except (GitError, FormatError):
            continue
    return found


def older_roots(git: Git, pointer_path: str, *, limit: int, all_refs: bool = False) -> list[bytes]:
    """The roots that the newest commits (of HEAD, or of all references) had for a pointer, newest first."""
    scope = ["--all"] if all_refs else []
    try:
        log = git.run(["log", *scope, f"-{limit + 1}", "--format=%H", "--", pointer_path])
    except GitError:
        return []  # no commit yet
    roots = []
    for commit in log.decode("ascii").split():
        try:
            roots.append(parse_pointer(git.run(["cat-file", "blob", f"{commit}:{pointer_path}"])).id)
        except (GitError, FormatError):
            continue
    return list(dict.fromkeys(roots))[: limit + 1]
