"""Real Git repositories with dvx set up, for tests of use cases.

Owns the short forms of everyday commands and the picture of a workspace as plain values. Must not hide what a
command answers: every short form returns the result of the use case.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dvx.core.progress import NullReporter, Reporter
from dvx.formats.pointer import Pointer
from dvx.ops.add import AddResult, run_add
from dvx.ops.add_targets import plan_add, plan_update
from dvx.ops.checkout import CheckoutResult
from dvx.ops.fetch import FetchResult, fetch_named
from dvx.ops.project import Project
from dvx.ops.pull import PullResult, checkout, pull
from dvx.ops.push import PushResult, push
from dvx.ops.selection import select_targets
from dvx.ops.status import StatusReport, read_status
from dvx.repo.pointers import pointer_path_of, read_pointer
from dvx.repo.repository import Repository
from dvx.testing import shell

EMPTY_FOLDER: Final = "<empty folder>"
_GIT_FILES: Final = frozenset({".git", ".dvx", ".gitignore", ".gitattributes", ".dvxignore"})

# A file's bytes, `-> TARGET` for a symbolic link, EMPTY_FOLDER for an empty folder.
Content = bytes | str


@contextmanager
def open_project(
    path: str | os.PathLike[str],
    *,
    overrides: Mapping[str, str] | None = None,
    reporter: Reporter | None = None,
) -> Iterator[Project]:
    """Open the repository that `path` is in, as one command would."""
    repository = Repository.discover(str(path))
    with Project(
        repository, env=os.environ, overrides=overrides or {}, reporter=reporter or NullReporter()
    ) as project:
        yield project


@dataclass(frozen=True, slots=True)
class Workspace:
    """A clone at `root`. Paths are relative to it."""

    root: str
    overrides: tuple[tuple[str, str], ...] = ()

    def open(self) -> AbstractContextManager[Project]:
        """Open the clone, as one command would; a context manager."""
        return open_project(self.root, overrides=dict(self.overrides))

    def with_overrides(self, overrides: Mapping[str, str]) -> "Workspace":
        """The same clone with some settings given as flags."""
        return Workspace(self.root, tuple(overrides.items()))

    # Files

    def path(self, relative: str) -> str:
        """The place of a path on this machine."""
        return os.path.join(self.root, *relative.split("/"))

    def write(self, files: Mapping[str, Content]) -> None:
        """Write files, links and empty folders, making folders as needed."""
        for name, content in files.items():
            place = self.path(name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if content == EMPTY_FOLDER:
                os.makedirs(place, exist_ok=True)
            elif isinstance(content, str):
                os.symlink(content.removeprefix("-> "), place)
            else:
                with open(place, "wb") as file:
                    file.write(content)

    def read(self, relative: str) -> bytes:
        """The bytes of a file."""
        with open(self.path(relative), "rb") as file:
            return file.read()

    def remove(self, relative: str) -> None:
        """Remove a file, link or folder with all that is in it."""
        place = self.path(relative)
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.rmtree(place)
        else:
            os.unlink(place)

    def snapshot(self, below: str = "") -> dict[str, Content]:
        """Everything in the workspace but Git's and dvx's own files and pointers, leftovers included."""
        found: dict[str, Content] = {}
        for folder, names, files in os.walk(self.path(below) if below else self.root):
            if folder == self.root:
                names[:] = [name for name in names if name not in _GIT_FILES]
            links = [name for name in names if os.path.islink(os.path.join(folder, name))]
            if not names and not files and folder != self.root:
                found[self._relative(folder)] = EMPTY_FOLDER
            for name in [*files, *links]:
                place = os.path.join(folder, name)
                if name not in _GIT_FILES and not name.endswith(".dvx"):
                    found[self._relative(place)] = _content(place)
        return found

    def _relative(self, place: str) -> str:
        return os.path.relpath(place, self.root).replace(os.sep, "/")

    def pointer(self, data_path: str) -> Pointer:
        """The pointer of a tracked path."""
        return read_pointer(Repository.discover(self.root), pointer_path_of(data_path)).pointer

    def state_files(self) -> dict[str, int]:
        """Files below the shared state folder with their sizes; temporary leftovers show here."""
        state = os.path.join(self.root, ".git", "dvx")
        return {
            os.path.relpath(os.path.join(folder, name), state).replace(os.sep, "/"): os.path.getsize(
                os.path.join(folder, name)
            )
            for folder, _, names in os.walk(state)
            for name in names
        }

    # Git

    def git(self, *args: str) -> str:
        """Run Git here and return its stdout."""
        done = subprocess.run(["git", *args], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self, message: str = "data") -> str:
        """Commit what is staged, or nothing, and return the commit's id."""
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    # Everyday commands

    def add(self, *paths: str, force: bool = False, leaves_out: bool = False) -> AddResult:
        """`dvx add PATHS`; everything tracked without paths. `leaves_out` is `--remove`."""
        with self.open() as project, project.workspace_lock():
            if paths:
                return run_add(project, plan_add(project, paths, force=force, leaves_out=leaves_out))
            return run_add(project, plan_update(project, force=force))

    def push(self, *paths: str, remote: str | None = None) -> PushResult:
        """`dvx push`."""
        with self.open() as project:
            tracked = [target.tracked for target in select_targets(project, paths)]
            return push(project, tracked, remote_name=remote)

    def fetch(self, *paths: str, remote: str | None = None) -> FetchResult:
        """`dvx fetch`."""
        with self.open() as project:
            return fetch_named(project, select_targets(project, paths), remote_name=remote)

    def pull(
        self, *paths: str, remote: str | None = None, no_store: bool = False, force: bool = False
    ) -> PullResult:
        """`dvx pull`."""
        with self.open() as project:
            targets = select_targets(project, paths)
            return pull(project, targets, remote_name=remote, no_store=no_store, force=force)

    def checkout(self, *paths: str, force: bool = False) -> CheckoutResult:
        """`dvx checkout`."""
        with self.open() as project:
            targets = select_targets(project, paths)
            return checkout(project, targets, force=force, keeps_parts=not paths)

    def status(self, *paths: str, with_remote: bool = False, remote: str | None = None) -> StatusReport:
        """`dvx status`."""
        with self.open() as project:
            return read_status(project, paths, remote_name=remote, with_remote=with_remote)


def make_repo(path: str | os.PathLike[str], *, remote: str | os.PathLike[str] | None = None) -> Workspace:
    """Make a Git repository at `path` with dvx set up, and commit that. `remote` becomes `origin`."""
    root = os.path.realpath(path)
    shell.make_repo(Path(root), remote=str(remote) if remote is not None else None, options=["-b", "main"])
    return Workspace(root)


def clone_repo(source: Workspace, path: str | os.PathLike[str]) -> Workspace:
    """Clone a repository with `git clone`; no data comes along."""
    target = Workspace(os.path.realpath(path))
    subprocess.run(["git", "clone", "-q", source.root, target.root], check=True, capture_output=True)
    return target


def store_objects(root: str | os.PathLike[str], kinds: Sequence[str] = ("packs", "roots")) -> list[str]:
    """The places of the objects in a folder store, sorted."""
    return sorted(
        os.path.join(folder, name)
        for kind in kinds
        for folder, _, names in os.walk(os.path.join(root, kind))
        for name in names
    )


def _content(place: str) -> Content:
    if os.path.islink(place):
        return f"-> {os.readlink(place)}"
    with open(place, "rb") as file:
        return file.read()
