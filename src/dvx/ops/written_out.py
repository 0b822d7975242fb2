"""Files of tracked data written anywhere on the disk, outside of every workspace.

Owns the plan of such a write: names, what is in the way, links that would lead out. Everything that can refuse is
looked at before the first write; every file appears complete and verified under its name, or not at all.
"""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dvx.core.errors import PathRefused, WorkspaceConflict, name_some
from dvx.core.ids import Hasher
from dvx.core.paths import case_collisions, unportable_reason
from dvx.core.progress import Reporter
from dvx.disk.atomic import disk_errors
from dvx.disk.reading import FileStat, Source, hash_file
from dvx.disk.renames import ABSENT
from dvx.disk.safe_writes import WorkspaceWriter
from dvx.disk.space import check_free
from dvx.disk.symlinks import check_symlink_target
from dvx.ops.sources import DataSource
from dvx.store.byte_range import read_bytes
from dvx.store.duplicates import find_duplicates, write_copies
from dvx.store.files_to_write import FileToWrite
from dvx.store.restore import Restorer

# Where most file systems do; `get` has no repository to find out by.
_IGNORES_CASE = os.name == "nt" or sys.platform == "darwin"


@dataclass(slots=True)
class OutPlan:
    """What to write below one folder, from one root. `inside` is the folder, relative to it, that no link may leave.

    `present` counts files that are there already with exactly this content.
    """

    inside: str
    write: list[FileToWrite] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    present: int = 0

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The stretches of the root's stream that are needed, in order."""
        return [(file.start, file.start + file.size) for file in self.write if file.size]

    @property
    def size_bytes(self) -> int:
        """Plain bytes to write."""
        return sum(file.size for file in self.write)


def plan_files(out: str, plan: OutPlan, files: Sequence[FileToWrite], *, force: bool) -> list[str]:
    """Sort files into those to write and those that are there; returns what is in the way.

    With `force` files and links are replaced; a folder where a file belongs stays in the way.
    """
    conflicts = []
    is_new = not os.path.lexists(out)  # a look at each of a million paths takes seconds
    for file in files:
        found = None if is_new else _look(out, file.path)
        if found is not None and _is_same(out, file, found):
            plan.present += 1
        elif found is None or (force and not stat.S_ISDIR(found.st_mode)):
            plan.write.append(file._replace(before=_state(found)))
        else:
            conflicts.append(file.path)
    return conflicts


def refuse_conflicts(out: str, conflicts: Sequence[str], *, affected: str = "nothing was written") -> None:
    """Raise WorkspaceConflict if anything is in the way."""
    if conflicts:
        raise WorkspaceConflict(
            f"{len(conflicts)} file(s) are in the way below `{out}`: {name_some(conflicts)}",
            affected=affected,
            hints=["write somewhere else: `-o OUT`", "or replace files: `--force`"],
        )


def check_space(out: str, size_bytes: int) -> None:
    """Refuse before the first write when the disk cannot hold the files."""
    if size_bytes:
        check_free(
            out,
            size_bytes,
            purpose=f"at `{out}`",
            affected="nothing was written",
            otherwise="or write somewhere else: `-o OUT`",
        )


def check_links(plan: OutPlan, source: DataSource) -> None:
    """Refuse symlinks that would lead out of what is written: the rest of their folder is not there."""
    for file in plan.write:
        if file.kind != "symlink":
            continue
        end = file.start + file.size
        data = b"".join(
            read_bytes(
                source.store, source.runs, file_start=file.start, file_end=end, start=file.start, end=end
            )
        )
        inner = file.path[len(plan.inside) + 1 :] if plan.inside else file.path
        check_link(inner, data)


def check_link(inner: str, data: bytes) -> None:
    """Refuse one symlink; `inner` is its path below what is taken, `data` its target."""
    try:
        check_symlink_target(inner, data.decode("utf-8", "surrogateescape"))
    except PathRefused as error:
        raise PathRefused(
            f"{error.what}: it needs more than the part that was asked for",
            affected="nothing was written",
            hints=["name the whole tracked folder, or the files without the link"],
            kind=error.kind,
        ) from error


def write_files(
    out: str, plan: OutPlan, source: DataSource, *, jobs: int, reporter: Reporter
) -> Iterator[tuple[FileToWrite, FileStat]]:
    """Write the files of a plan below `out` and yield each once it has its final name."""
    copies = find_duplicates(plan.write)
    copied = {file.path for file, _ in copies}
    with WorkspaceWriter(out) as writer:

        def restore(files: list[FileToWrite]) -> Iterator[tuple[FileToWrite, FileStat]]:
            with Restorer(
                source.store, source.runs, writer, root=out, inside=plan.inside, jobs=jobs, reporter=reporter
            ) as restorer:
                yield from restorer.restore(files)

        yield from restore([file for file in plan.write if file.path not in copied])
        again = []
        for file, written in write_copies(writer, out, copies):
            if written is None:
                again.append(file)
            else:
                reporter.advance(size_bytes=file.size, files=1)
                yield file, written
        if again:
            yield from restore(again)
    refuse_conflicts(out, sorted(writer.kept), affected="everything else was written")


def check_names(files: Sequence[FileToWrite]) -> None:
    """Refuse, before anything is written, names that the file system cannot hold or takes for one another."""
    if not _IGNORES_CASE:
        return
    paths = [file.path for file in files]
    bad = [path for path in paths if os.name == "nt" and unportable_reason(path) is not None]
    bad += [f"{first} / {second}" for first, second in case_collisions(paths)]
    if bad:
        raise PathRefused(
            f"this file system cannot hold {name_some(bad)}",
            affected="nothing was written",
            hints=["name the other files"],
            kind="unportable-name",
        )


def _state(found: os.stat_result | None) -> FileStat:
    if found is None:
        return ABSENT
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _look(out: str, path: str) -> os.stat_result | None:
    with disk_errors(path, "look at"):
        try:
            return os.lstat(os.path.join(out, path))
        except (FileNotFoundError, NotADirectoryError):
            return None


def _is_same(out: str, file: FileToWrite, found: os.stat_result) -> bool:
    """Whether a file of exactly this content is there, as after a command that was interrupted."""
    place = os.path.join(out, file.path)
    if file.kind == "symlink":
        return stat.S_ISLNK(found.st_mode) and _digest(os.fsencode(os.readlink(place))) == file.id
    if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
        return False
    if os.name != "nt" and bool(found.st_mode & stat.S_IXUSR) != (file.kind == "executable"):
        return False
    hasher = Hasher()
    seen = FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    hash_file(Source(place, file.path, file.size), seen, hasher)
    return hasher.digest() == file.id


def _digest(data: bytes) -> bytes:
    hasher = Hasher()
    hasher.update(data)
    return hasher.digest()
