"""One Git work tree: where it is, and where dvx keeps its things in it.

Owns discovery and the names of every file and folder that dvx uses there. Must not read what is in them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import GitError, LocalDiskError, NotARepository, PathRefused
from dvx.disk.small_files import read_small_file
from dvx.repo.git import Git

CONFIG_FOLDER: Final = ".dvx"
_MAX_GIT_FILE_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Repository:
    """A work tree. All folders are absolute, without symbolic links.

    `git_dir` belongs to this work tree, `common_dir` to all work trees of the repository; they differ in
    linked work trees only. `prefix` is the folder that the command runs in, relative to `root`, with `/`;
    "" at the top, and `../...` where GIT_WORK_TREE puts the work tree elsewhere. A bare repository has no work
    tree: its `root` is the Git directory, and nothing tracked is below it.
    """

    root: str
    git_dir: str
    common_dir: str
    prefix: str = ""
    is_bare: bool = False

    @staticmethod
    def discover(
        start: str, *, env: Mapping[str, str] | None = None, allows_bare: bool = False
    ) -> "Repository":
        """Find the work tree that the folder `start` is in, or with `allows_bare` the bare repository.

        `env` (default: that of the process) may hold GIT_DIR and GIT_WORK_TREE, as Git sets them for hooks.
        Raises NotARepository, of kind `bare-repository` where there is a repository without a work tree.
        """
        environment = os.environ if env is None else env
        base = os.path.realpath(start)
        if "GIT_DIR" in environment or "GIT_WORK_TREE" in environment:
            return _ask_git(base, environment, allows_bare=allows_bare)
        folder = base
        while True:
            git_dir = _git_dir_of(folder)
            if git_dir is not None:
                found = _without_git(base, folder, git_dir)
                return found or _ask_git(base, environment, allows_bare=allows_bare)
            if _looks_like_git_dir(folder):
                return _ask_git(base, environment, allows_bare=allows_bare)
            parent = os.path.dirname(folder)
            if parent == folder:
                raise _no_repository(start)
            folder = parent

    @property
    def config_dir(self) -> str:
        """The committed folder of dvx."""
        return os.path.join(self.root, CONFIG_FOLDER)

    @property
    def config_path(self) -> str:
        """The committed configuration; `dvx init` makes it."""
        return os.path.join(self.config_dir, "config.toml")

    @property
    def local_config_path(self) -> str:
        """The configuration of this clone, never committed; all its work trees have it."""
        return os.path.join(self.common_dir, "dvx", "config.toml")

    @property
    def worktree_config_path(self) -> str | None:
        """The configuration of this work tree alone, where it is a linked one."""
        return None if self.git_dir == self.common_dir else os.path.join(self.git_dir, "dvx", "config.toml")

    @property
    def base_folder(self) -> str:
        """What relative folders in settings start from: the same in all work trees of the clone.

        That is the top of the main work tree, or the Git directory of a bare repository.
        """
        if self.git_dir == self.common_dir:
            return self.root
        if os.path.basename(self.common_dir) == ".git":
            return os.path.dirname(self.common_dir)
        return self._configured_work_tree() or self.common_dir

    def _configured_work_tree(self) -> str | None:
        """Where the Git directory of a submodule says that its main work tree is."""
        try:
            config = os.path.join(self.common_dir, "config")
            answer = self.git().run(["config", "--file", config, "--get", "core.worktree"])
        except GitError:
            return None
        return os.path.realpath(os.path.join(self.common_dir, os.fsdecode(answer.rstrip(b"\n"))))

    @property
    def has_sparse_checkout(self) -> bool:
        """Whether Git may leave tracked files out of this work tree."""
        return os.path.exists(os.path.join(self.git_dir, "info", "sparse-checkout"))

    @property
    def state_dir(self) -> str:
        """Local state that all work trees of the repository share."""
        return os.path.join(self.common_dir, "dvx")

    @property
    def default_store_path(self) -> str:
        """The local store, where `store.path` does not say otherwise."""
        return os.path.join(self.state_dir, "store")

    @property
    def index_path(self) -> str:
        """The index of chunks."""
        return os.path.join(self.state_dir, "index.db")

    @property
    def stat_path(self) -> str:
        """What is known of the files of this work tree."""
        return os.path.join(self.git_dir, "dvx", "stat.db")

    @property
    def lock_path(self) -> str:
        """The lock of commands that change this work tree."""
        return os.path.join(self.git_dir, "dvx", "workspace.lock")

    @property
    def intention_path(self) -> str:
        """What a command that changes this work tree is about to do, while it does it."""
        return os.path.join(self.git_dir, "dvx", "intention")

    @property
    def is_initialised(self) -> bool:
        """Whether `dvx init` has been run."""
        if os.path.lexists(self.config_path):
            return True
        from dvx.repo.committed_files import is_left_out  # only where there is no such file

        return is_left_out(self, f"{CONFIG_FOLDER}/config.toml")

    def require_initialised(self) -> None:
        """Raise NotARepository (kind `not-initialised`) before `dvx init`."""
        if not self.is_initialised:
            raise NotARepository(
                f"dvx is not set up in the Git repository `{self.root}`",
                hints=["set it up: `dvx init`"],
                kind="not-initialised",
            )

    def inside(self, place: str) -> str | None:
        """Turn an absolute path without symbolic links into one relative to the root; None outside of it."""
        return _below(self.root, place)

    def has_git_remote(self) -> bool:
        """Whether the configuration of the repository has a Git remote, without asking Git."""
        try:
            with open(os.path.join(self.common_dir, "config"), "rb") as file:
                return b"[remote " in file.read()
        except OSError:
            return False

    def git(self) -> Git:
        """Return a runner of Git at the top of this work tree."""
        return Git(self.root)

    def absolute(self, path: str) -> str:
        """Return the place on the disk of a path relative to the root."""
        return os.path.join(self.root, *path.split("/")) if path else self.root

    def relative(self, path: str) -> str:
        """Turn a path as a person typed it, relative to the current folder, into one relative to the root.

        The answer has `/` and no end slash; "" is the root. Symbolic links above the last component are
        followed, the last one is not. Raises PathRefused (kind `outside-repository`).
        """
        if "\0" in path:
            raise PathRefused(f"{path[:200]!a} is not a path: it holds a NUL", kind="unsafe-path")
        typed = os.path.normpath(os.path.join(self.root, self.prefix, path))
        if typed == self.root:
            return ""
        real = os.path.join(os.path.realpath(os.path.dirname(typed)), os.path.basename(typed))
        inside = _below(self.root, real)
        if inside is None and os.path.realpath(typed) == self.root:
            return ""
        if inside is None:
            raise PathRefused(
                f"`{path}` is outside the repository `{self.root}`",
                hints=["dvx tracks data inside the work tree only: move it there, then `dvx add` it"],
                kind="outside-repository",
            )
        return inside


def _below(root: str, path: str) -> str | None:
    """Return `path` relative to `root` with `/`, or None when it is not below; both are absolute."""
    top, place = os.path.normcase(root), os.path.normcase(path)
    if place == top:
        return ""
    start = os.path.join(top, "")
    if not place.startswith(start):
        return None
    return path[len(start) :].replace(os.sep, "/")


def _git_dir_of(folder: str) -> str | None:
    """Return the Git directory that `folder/.git` is or points to; None when there is none."""
    place = os.path.join(folder, ".git")
    if os.path.isdir(place):
        return os.path.realpath(place) if _looks_like_git_dir(place) else None
    line = _first_line(place)
    if line is None or not line.startswith("gitdir:"):
        return None
    return os.path.realpath(os.path.join(folder, line[len("gitdir:") :].strip()))


def _looks_like_git_dir(folder: str) -> bool:
    """Git's own test: a HEAD, and objects and refs here or in the common directory."""
    if not os.path.lexists(os.path.join(folder, "HEAD")):
        return False
    common = _common_dir_of(folder)
    return os.path.isdir(os.path.join(common, "objects")) and os.path.isdir(os.path.join(common, "refs"))


def _common_dir_of(git_dir: str) -> str:
    line = _first_line(os.path.join(git_dir, "commondir"))
    return os.path.realpath(os.path.join(git_dir, line)) if line else git_dir


def _first_line(path: str) -> str | None:
    try:
        data = read_small_file(path, limit_bytes=_MAX_GIT_FILE_BYTES)
    except (LocalDiskError, PathRefused):
        return None
    return None if data is None else os.fsdecode(data.split(b"\n", 1)[0].rstrip(b"\r"))


def _without_git(base: str, root: str, git_dir: str) -> Repository | None:
    """Answer from the files alone, 3 ms faster than Git; None where its configuration moves the work tree."""
    common = _common_dir_of(git_dir)
    try:
        with open(os.path.join(common, "config"), "rb") as file:
            settings = file.read().lower()
    except OSError:
        return None
    if b"worktree" in settings or b"include" in settings or b"bare = true" in settings:
        return None
    prefix = _below(root, base) or ""
    return Repository(root=root, git_dir=git_dir, common_dir=common, prefix=prefix)


def _ask_git(base: str, environment: Mapping[str, str], *, allows_bare: bool) -> Repository:
    git = Git(base, environment=environment)
    try:
        answer = git.run(["rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-toplevel"])
    except GitError as error:
        if "must be run in a work tree" in error.what:
            if not allows_bare:
                raise _bare(base) from error
            return _bare_repository(git, base)
        if error.kind == "git-missing":
            raise
        raise NotARepository(
            f"`{base}` is not in a usable Git repository: {error.what}",
            hints=error.hints or ["make one: `git init`", "or go to one: `cd REPOSITORY`"],
        ) from error
    git_dir, common, root = _real_folders(base, answer)
    prefix = _below(root, base)
    if prefix is None:  # GIT_WORK_TREE or core.worktree: the command runs outside the work tree
        prefix = os.path.relpath(base, root).replace(os.sep, "/")
    return Repository(root=root, git_dir=git_dir, common_dir=common, prefix=prefix)


def _bare_repository(git: Git, base: str) -> Repository:
    git_dir, common = _real_folders(base, git.run(["rev-parse", "--absolute-git-dir", "--git-common-dir"]))
    return Repository(root=git_dir, git_dir=git_dir, common_dir=common, is_bare=True)


def _real_folders(base: str, answer: bytes) -> list[str]:
    return [os.path.realpath(os.path.join(base, os.fsdecode(line))) for line in answer.splitlines()]


def _no_repository(start: str) -> NotARepository:
    return NotARepository(
        f"`{start}` is not inside a Git repository",
        hints=["make one: `git init`", "or go to one: `cd REPOSITORY`"],
    )


def _bare(folder: str) -> NotARepository:
    return NotARepository(
        f"`{folder}` is a Git repository without a work tree here; this command needs the files of one",
        hints=[
            "make a work tree: `git worktree add ../work`",
            "or use what works without: `dvx fetch`, `push`, `ls`, and `dvx diff A B`",
        ],
        kind="bare-repository",
    )
