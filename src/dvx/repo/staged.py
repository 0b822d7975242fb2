"""What is in Git's staging area: the files of the next commit, read as Git will commit them.

Owns the Git questions about it. Never looks at the work tree: a hook of the pre-commit framework runs while unstaged
changes are put away, and a commit of some paths has a staging area of its own.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from dvx.repo.git import Git
from dvx.repo.introduced import object_sizes

MODE_SYMLINK = "120000"
MODE_SUBMODULE = "160000"
MODE_FILE = "100644"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One file in the staging area, by its path from the root."""

    path: str
    mode: str
    object_id: str


def staged_changes(git: Git) -> list[StagedFile]:
    """Return the files that the next commit adds or changes, by path; removed ones are left out."""
    args = ["diff", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff"]
    tokens = iter(git.run([*args, "--ignore-submodules=dirty", "--diff-filter=d"]).split(b"\0"))
    found = []
    for token in tokens:
        if token.startswith(b":"):
            fields = token.decode("ascii").split(" ")
            found.append(StagedFile(os.fsdecode(next(tokens)), fields[1], fields[3]))
    return found


def staged_files(git: Git, patterns: Sequence[str], *, literal: bool = False) -> list[StagedFile]:
    """Return the files in the staging area that match, without those in conflict; no patterns match everything."""
    args = [*(["--literal-pathspecs"] if literal else []), "ls-files", "-s", "-z", "--", *patterns]
    found = []
    for line in git.run(args).split(b"\0"):
        about, tab, path = line.partition(b"\t")
        if tab:
            mode, object_id, stage = about.decode("ascii").split(" ")
            if stage == "0":
                found.append(StagedFile(os.fsdecode(path), mode, object_id))
    return found


def added_paths(git: Git) -> set[str]:
    """Return the paths that the next commit adds; a renamed file is not an added one where Git detects renames."""
    answer = git.run(["diff", "--cached", "--name-only", "-z", "--no-ext-diff", "--diff-filter=A"])
    return {os.fsdecode(path) for path in answer.split(b"\0") if path}


def staged_sizes(git: Git, files: Sequence[StagedFile]) -> dict[str, int]:
    """Return the size in bytes of each file as it will be committed, by path; submodules have none."""
    real = [file for file in files if file.mode != MODE_SUBMODULE]
    sizes = object_sizes(git, list(dict.fromkeys(file.object_id for file in real)))
    return {file.path: sizes[file.object_id] for file in real}


def lfs_paths(git: Git, paths: Sequence[str]) -> set[str]:
    """Return those of `paths` whose attributes hand them to git-lfs."""
    if not paths:
        return set()
    request = b"".join(os.fsencode(path) + b"\0" for path in paths)
    fields = git.run(["check-attr", "filter", "-z", "--stdin"], input=request).split(b"\0")
    return {
        os.fsdecode(path)
        for path, _, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
        if value == b"lfs"
    }


def write_staged(git: Git, file: StagedFile, data: bytes) -> None:
    """Put other bytes into the staging area for a file; the work tree is not touched."""
    object_id = git.run(["hash-object", "-w", "--stdin"], input=data).decode("ascii").strip()
    entry = f"{file.mode} {object_id}\t".encode("ascii") + os.fsencode(file.path) + b"\0"
    git.run(["update-index", "-z", "--index-info"], input=entry)
