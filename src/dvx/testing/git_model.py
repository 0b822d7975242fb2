"""A work tree whose data follows Git, judged by code of its own: what is there, and what the pointers name.

Owns running commands in it without a traceback, pictures of its data, and comparing them with the pointers. Reads
listings of directories from the local store; must not use what decides about the workspace in dvx.ops.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dvx.core.errors import DvxError
from dvx.core.ids import hash_bytes
from dvx.formats.manifest_reader import walk_entries
from dvx.formats.pointer import KIND_DIRECTORY, Pointer, parse_pointer
from dvx.testing.shell import Content, Ran, read_one, run, run_dvx
from dvx.testing.workspace import open_project

# (kind, id of the bytes), kinds as in a manifest.
Named = tuple[str, bytes]

_GIT_FILES: Final = frozenset({".git", ".dvx", ".gitignore", ".gitattributes"})
# Files that Git tracks in the repositories of the machine.
CODE_FOLDER: Final = "code"
_BUG: Final = 70
# No flush and no gc: thousands of Git commands. Editors answer by themselves.
_ENVIRONMENT: Final = {
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "core.fsync",
    "GIT_CONFIG_VALUE_0": "none",
    "GIT_CONFIG_KEY_1": "gc.auto",
    "GIT_CONFIG_VALUE_1": "0",
    "GIT_EDITOR": "true",
}


@dataclass(frozen=True, slots=True)
class WorkTree:
    """A work tree at `root`. Commands are run as programs, with their hooks."""

    root: Path

    def git(self, *args: str) -> Ran:
        """Run a Git command, whatever its outcome."""
        return _without_traceback(run(["git", *args], self.root, env=_ENVIRONMENT), args)

    def ask(self, *args: str) -> str:
        """Run a Git command that has to succeed; returns its output without the last line end."""
        ran = self.git(*args)
        assert ran.code == 0, f"git {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
        return ran.out.rstrip("\n")

    def dvx(self, *args: str) -> Ran:
        """Run a dvx command; its outcome may be anything but a bug."""
        ran = _without_traceback(run_dvx(self.root, *args, env=_ENVIRONMENT), args)
        is_bug = ran.code == _BUG or (ran.code == 7 and "conflict" not in ran.err)
        assert not is_bug, f"dvx {' '.join(args)} ended with {ran.code}:\n{ran.out}{ran.err}"
        return ran

    def git_path(self, name: str) -> Path:
        """A path in the Git directory of this work tree."""
        place = self.root / ".git"
        if place.is_file():
            place = Path(place.read_text().removeprefix("gitdir: ").strip())
        return place / name

    def data(self) -> dict[str, Content]:
        """Every file, link and empty folder that is not Git's and no pointer."""
        found: dict[str, Content] = {}
        for parent, folders, files in os.walk(self.root):
            if Path(parent) == self.root:
                folders[:] = [name for name in folders if name not in _GIT_FILES | {CODE_FOLDER}]
            for name in [*folders, *files]:
                path = os.path.join(parent, name)
                content = None if name in _GIT_FILES or name.endswith(".dvx") else read_one(path)
                if content is not None:
                    found[os.path.relpath(path, self.root)] = content
        return found

    def pointers(self) -> dict[str, Pointer | None]:
        """The pointers of the work tree by data path; None for one that cannot be read, as with conflict markers."""
        found: dict[str, Pointer | None] = {}
        for path in sorted(self.root.rglob("*.dvx")):
            if not path.is_file() or path.parent.name == ".dvx":
                continue
            try:
                pointer = parse_pointer(path.read_bytes())
            except DvxError:
                pointer = None
            found[str(path.relative_to(self.root)).removesuffix(".dvx")] = pointer
        return found

    def named(self, path: str, pointer: Pointer) -> dict[str, Named]:
        """What a pointer names, by path. Raises DvxError where the local store lacks the listing."""
        if pointer.kind != KIND_DIRECTORY:
            kind = "executable" if pointer.extra.get("executable") else "file"
            return {path: (kind, pointer.id)}
        with open_project(self.root) as project, project.local_pages() as pages:
            entries = walk_entries(pointer.id, pages.for_root(pointer.id))
            return {f"{path}/{entry.path}": (entry.kind, entry.id) for entry in entries}


def _without_traceback(ran: Ran, args: tuple[str, ...]) -> Ran:
    assert "Traceback" not in ran.err, f"{' '.join(args)}:\n{ran.err}"
    assert "bug in dvx" not in ran.err, f"{' '.join(args)}:\n{ran.err}"
    return ran


def name_of(content: Content) -> Named:
    """The kind of a file and the id of its bytes."""
    return content[0], hash_bytes(content[1])


@dataclass(frozen=True, slots=True)
class Picture:
    """A work tree at one moment: its data, its pointers and what they name. `unknown`: listings that are not here.

    `unmerged` are data paths whose pointers are in conflict.
    """

    data: dict[str, Content]
    pointers: dict[str, Pointer | None]
    named: dict[str, dict[str, Named]]
    unknown: frozenset[str]
    unmerged: frozenset[str]

    @staticmethod
    def of(tree: WorkTree) -> "Picture":
        """Look at all of it."""
        pointers = tree.pointers()
        named, unknown = {}, set()
        for path, pointer in pointers.items():
            try:
                named[path] = tree.named(path, pointer) if pointer is not None else {}
            except DvxError:
                unknown.add(path)
        unmerged = {line.partition("\t")[2] for line in tree.ask("ls-files", "-u").splitlines()}
        in_conflict = frozenset(path.removesuffix(".dvx") for path in unmerged)
        return Picture(tree.data(), pointers, named, frozenset(unknown), in_conflict)

    def below(self, path: str) -> dict[str, Named]:
        """The data at a path and below it. A tracked folder that is empty has nothing."""
        found = {name: name_of(content) for name, content in self.data.items() if is_at(name, path)}
        return {} if found.get(path, ("", b""))[0] == "directory" else found

    def differing(self) -> Iterator[tuple[str, str]]:
        """Paths that are not as the pointers name them, and in what way. Data without a pointer is left out."""
        for path, pointer in self.pointers.items():
            if pointer is None:
                yield path, "its pointer cannot be read"
            elif self._is_absent_folder(path, pointer):
                yield path, "absent"
            elif path not in self.unknown:
                here, named = self.below(path), self.named[path]
                for name in sorted(here.keys() | named.keys()):
                    if here.get(name) != named.get(name):
                        yield name, f"{_short(here.get(name))}, should be {_short(named.get(name))}"

    def _is_absent_folder(self, path: str, pointer: Pointer) -> bool:
        is_here = path in self.data or self.below(path) or path in self.unknown
        return pointer.kind == KIND_DIRECTORY and not is_here

    def without_pointer(self) -> list[str]:
        """Files that no pointer tracks. Empty folders are nothing to Git."""
        return [
            name
            for name, content in self.data.items()
            if content[0] != "directory"
            if not is_at(name, *self.pointers)
        ]


def _short(named: Named | None) -> str:
    return "absent" if named is None else f"{named[0]} {named[1].hex()[:8]}"


def is_at(path: str, *places: str) -> bool:
    """Whether a path is one of some places, or below one."""
    return any((path + "/").startswith(place + "/") for place in places)
