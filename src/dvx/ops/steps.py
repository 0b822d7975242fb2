"""The single steps of commands that change pointers: each can be done twice, and most can be undone.

Owns what a step does to the work tree, the staging area and the caches, and its form in the intention file. A step
looks at what is there first: what is done already is passed over, and a file that somebody changed since stays. Must
not decide which steps a command has.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol

from dvx.core.errors import WorkspaceConflict
from dvx.core.paths import check_stored_path
from dvx.disk import small_files
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.ops.parts import note_extents
from dvx.ops.project import Project
from dvx.repo.committed_files import check_place
from dvx.repo.extents import Extent
from dvx.repo.followed import follow_moved, unfollow
from dvx.repo.gitignore import IgnoreLine, add_ignore, remove_ignore

# Pointers, and lists of what Git ignores, which Git itself reads up to this size.
_MAX_SMALL_BYTES: Final = 100 * 1024 * 1024


class Step(Protocol):
    """One step. `seals` says that what came before it cannot be undone any more once it is done."""

    seals: ClassVar[bool]

    def apply(self, project: Project, *, since_ns: int | None) -> None:
        """Do it, unless it is done. `since_ns` is the time of the intention, where somebody else finishes it."""

    def undo(self, project: Project) -> None:
        """Take it back, unless it was not done."""

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""

    def folders(self) -> list[str]:
        """Folders, relative to the root, in which it may leave a temporary file."""


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Give a small file of the work tree other bytes; None stands for no file."""

    path: str
    before: bytes | None
    after: bytes | None
    seals: ClassVar[bool] = False

    def apply(self, project: Project, *, since_ns: int | None) -> None:  # noqa: ARG002
        """Write or remove the file. Raises WorkspaceConflict (kind `changed-since`) where it has other bytes by now."""
        _replace(project, self.path, self.before, self.after)

    def undo(self, project: Project) -> None:
        """Bring back what was there."""
        _replace(project, self.path, self.after, self.before)

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        return {"do": "write", "path": self.path, "before": _text(self.before), "after": _text(self.after)}

    def folders(self) -> list[str]:
        """Where it writes."""
        return [_folder(self.path)]


@dataclass(frozen=True, slots=True)
class SetIgnore:
    """Add a line to a `.gitignore`, or take it out."""

    line: IgnoreLine
    is_added: bool
    seals: ClassVar[bool] = False

    def apply(self, project: Project, *, since_ns: int | None) -> None:  # noqa: ARG002
        """Change the line; other lines may have come or gone since."""
        change = add_ignore if self.is_added else remove_ignore
        change(project.repository, self.line)

    def undo(self, project: Project) -> None:
        """Change it back."""
        change = remove_ignore if self.is_added else add_ignore
        change(project.repository, self.line)

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        return {"do": "ignore", "file": self.line.file, "text": self.line.text, "added": self.is_added}

    def folders(self) -> list[str]:
        """Where it writes."""
        return [_folder(self.line.file)]


@dataclass(frozen=True, slots=True)
class MoveData:
    """Give data of the workspace another path. `identity` is its device and inode; `made` the folders to be made."""

    source: str
    target: str
    identity: tuple[int, int]
    made: tuple[str, ...] = ()
    seals: ClassVar[bool] = False

    def apply(self, project: Project, *, since_ns: int | None) -> None:  # noqa: ARG002
        """Rename it. Raises WorkspaceConflict where something else has the new name."""
        self._rename(project, self.source, self.target)

    def undo(self, project: Project) -> None:
        """Rename it back, and remove the folders that were made for it."""
        self._rename(project, self.target, self.source)
        for folder in self.made:
            with suppress(OSError):  # in use by now
                os.rmdir(project.repository.absolute(folder))

    def _rename(self, project: Project, source: str, target: str) -> None:
        old, new = (project.repository.absolute(path) for path in (source, target))
        if _identity(old) != self.identity:
            return  # done already, or somebody else's by now
        if os.path.lexists(new):
            raise _changed_since(target)
        with disk_errors(target, "move to"):
            os.makedirs(os.path.dirname(new), exist_ok=True)
            os.rename(old, new)

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        return {
            "do": "move", "source": self.source, "target": self.target, "identity": list(self.identity),
            "made": list(self.made),
        }  # fmt: skip

    def folders(self) -> list[str]:
        """A rename leaves nothing."""
        return []


@dataclass(frozen=True, slots=True)
class StageFiles:
    """`git add` these files, and those that are gone, if dvx is to stage. Git takes all of them or none."""

    paths: tuple[str, ...]
    seals: ClassVar[bool] = True

    def apply(self, project: Project, *, since_ns: int | None) -> None:  # noqa: ARG002
        """Stage them. Raises GitError; then the staging area is as it was."""
        if not self.paths or not project.config.flag("core.autostage"):
            return
        absent = [path for path in self.paths if not os.path.lexists(project.repository.absolute(path))]
        # `git add` fails for what neither Git nor the disk has.
        unknown = set(absent) - project.git.is_tracked(absent) if absent else set()
        project.git.stage([path for path in self.paths if path not in unknown])

    def undo(self, project: Project) -> None:
        """Stage what the files are after everything else was undone; see dvx.ops.intentions."""
        self.apply(project, since_ns=None)

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        return {"do": "stage", "paths": list(self.paths)}

    def folders(self) -> list[str]:
        """Git cleans up after itself."""
        return []


@dataclass(frozen=True, slots=True)
class Remember:
    """What is known of the workspace: the roots that data paths have now, what of directories is here, paths to forget,
    pointers that hooks are to follow or not.
    """

    roots: Mapping[str, bytes] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    unfollowed: tuple[str, ...] = ()
    followed: str | None = None
    extents: Mapping[str, Extent] = field(default_factory=dict)
    seals: ClassVar[bool] = False

    def apply(self, project: Project, *, since_ns: int | None) -> None:  # noqa: ARG002
        """Write them down."""
        for path in self.forgotten:
            project.stat_cache.forget(path)
        # Roots are those of files; a directory may have been there before.
        note_extents(project, {**dict.fromkeys((*self.forgotten, *self.roots)), **self.extents})
        for path, root in self.roots.items():
            project.stat_cache.set_root(path, root)
        if self.unfollowed:
            unfollow(project.repository, self.unfollowed)
        if self.followed is not None:
            follow_moved(project.repository, project.git, self.followed)

    def undo(self, project: Project) -> None:
        """Caches are not undone: the next command that looks finds out."""

    def fields(self) -> dict[str, Any]:
        """What the intention file says."""
        roots = {path: root.hex() for path, root in self.roots.items()}
        return {
            "do": "remember", "roots": roots, "forgotten": list(self.forgotten),
            "unfollowed": list(self.unfollowed), "followed": self.followed,
            "extents": {path: _extent_fields(extent) for path, extent in self.extents.items()},
        }  # fmt: skip

    def folders(self) -> list[str]:
        """The folder of dvx is looked at anyway."""
        return []


def _extent_fields(extent: Extent) -> dict[str, Any]:
    return {
        "root": extent.root.hex() if extent.root is not None else None,
        "whole": extent.is_whole,
        "patterns": list(extent.patterns),
        "paths": sorted(extent.paths),
    }


def _extent_from(fields: Mapping[str, Any]) -> Extent:
    root = fields["root"]
    return Extent(
        bytes.fromhex(root) if root is not None else None,
        bool(fields["whole"]),
        tuple(map(str, fields["patterns"])),
        frozenset(map(str, fields["paths"])),
    )


def read_small_file(project: Project, path: str) -> bytes | None:
    """The bytes of a small file of the work tree; None where there is none. Raises PathRefused, LocalDiskError."""
    check_place(project.repository, path)
    return small_files.read_small_file(project.repository.absolute(path), limit_bytes=_MAX_SMALL_BYTES)


def identity_of(project: Project, path: str) -> tuple[int, int] | None:
    """Device and inode of what is at `path`; None where there is nothing."""
    return _identity(project.repository.absolute(path))


def _identity(place: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _replace(project: Project, path: str, old: bytes | None, new: bytes | None) -> None:
    found = read_small_file(project, path)
    if found == new:
        return
    if found != old:
        raise _changed_since(path)
    place = project.repository.absolute(path)
    if new is None:
        with disk_errors(path, "remove"):
            os.unlink(place)
        return
    with disk_errors(path, "write"):
        os.makedirs(os.path.dirname(place), exist_ok=True)
    write_atomic(place, new)


def _changed_since(path: str) -> WorkspaceConflict:
    return WorkspaceConflict(
        f"`{path}` was changed since", affected="it was left as it is", kind="changed-since"
    )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


_TEXT: Final = ("utf-8", "surrogateescape")


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(*_TEXT)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode(*_TEXT)


def _checked(path: Any) -> str:
    if not isinstance(path, str):
        raise TypeError("a path is text")
    check_stored_path(path)
    return path


def step_from(fields: Mapping[str, Any]) -> Step:
    """Read one step. Raises ValueError, KeyError, TypeError or PathRefused for what no dvx wrote."""
    kind = fields["do"]
    if kind == "write":
        return WriteFile(_checked(fields["path"]), _bytes(fields["before"]), _bytes(fields["after"]))
    if kind == "ignore":
        return SetIgnore(IgnoreLine(_checked(fields["file"]), str(fields["text"])), bool(fields["added"]))
    if kind == "move":
        device, inode = map(int, fields["identity"])
        made = tuple(map(_checked, fields["made"]))
        return MoveData(_checked(fields["source"]), _checked(fields["target"]), (device, inode), made)
    if kind == "stage":
        return StageFiles(tuple(map(_checked, fields["paths"])))
    if kind == "remember":
        followed = fields["followed"]
        return Remember(
            {_checked(path): bytes.fromhex(root) for path, root in fields["roots"].items()},
            tuple(map(_checked, fields["forgotten"])),
            tuple(map(_checked, fields["unfollowed"])),
            None if followed is None else _checked(followed),
            {_checked(path): _extent_from(extent) for path, extent in fields.get("extents", {}).items()},
        )
    if kind == "hooks":
        from dvx.ops.hook_setup import SetUpHooks  # what an install needs, which most steps do without

        return SetUpHooks(str(fields["interpreter"]), bool(fields["as_files"]))
    from dvx.ops.data_steps import data_step_from  # reading and writing of data, which most steps do without

    return data_step_from(kind, fields)
