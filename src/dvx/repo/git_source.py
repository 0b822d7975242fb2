"""Reading one commit of another repository: its pointers and its committed configuration, and nothing else.

Owns how little is fetched: a repository on this machine is read where it is; from others comes one commit with its
trees (`--depth 1 --filter=blob:none`), then the few files that are wanted, with one request. Must not know what the
files say, and leaves nothing outside the folder that it is given.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import DvxError, FormatError, GitError, NotFound, UnsupportedVersion, UsageError
from dvx.formats.pointer import MAX_POINTER_BYTES
from dvx.repo.git import Git
from dvx.repo.git_address import GitAddress
from dvx.repo.pointers import POINTER_SUFFIX, TrackedPointer, is_pointer_path, parse_tracked
from dvx.repo.repository import CONFIG_FOLDER

_CONFIG: Final = f"{CONFIG_FOLDER}/config.toml"
_MAX_CONFIG_BYTES: Final = 256 * 1024
_FULL_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What only the history can resolve: a short id, `v1~2`, `main^`, `HEAD@{1}`.
_NEEDS_HISTORY: Final = re.compile(r"[0-9a-f]{4,63}|.*[~^@].*", re.DOTALL)
_QUIET: Final = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "protocol.version=2")
# Nothing is told of what is here already: what is asked for is not.
_WANTING: Final = ("-c", "fetch.negotiationAlgorithm=noop")
_FETCH: Final = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
_ALL_REFS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


@dataclass(frozen=True, slots=True)
class SourceCommit:
    """One commit of another repository.

    `commit` is its full id; `place` is the folder that relative addresses in its configuration count from, or None
    where the repository is not on this machine.
    """

    address: GitAddress
    commit: str
    place: str | None
    git: Git
    is_fetched: bool

    def read(self, is_wanted: Callable[[str], bool]) -> tuple[list[TrackedPointer], bytes | None]:
        """The pointers of the wanted data paths, and the bytes of `.dvx/config.toml` if there is one.

        Raises FormatError for a wanted pointer that cannot be read, and GitError.
        """
        files = self.git.ls_tree(self.commit, suffix=POINTER_SUFFIX)
        found = [
            item
            for item in files
            if is_pointer_path(item[0]) and is_wanted(item[0].removesuffix(POINTER_SUFFIX))
        ]
        config = self._config_id()
        self._prefetch([*([config] if config else []), *(object_id for _, object_id in found)])
        contents = self.git.read_objects([each for _, each in found], limit_bytes=MAX_POINTER_BYTES)
        pointers = [self._parsed(path, data) for (path, _), data in zip(found, contents, strict=True)]
        if config is None:
            return pointers, None
        return pointers, self.git.read_objects([config], limit_bytes=_MAX_CONFIG_BYTES)[0]

    def tracked_paths(self) -> list[str]:
        """The data paths of all pointers at this commit, wanted or not."""
        files = self.git.ls_tree(self.commit, suffix=POINTER_SUFFIX)
        return [path.removesuffix(POINTER_SUFFIX) for path, _ in files if is_pointer_path(path)]

    def _parsed(self, path: str, data: bytes) -> TrackedPointer:
        try:
            return parse_tracked(path, data, name=f"{self.address.shown}:{path}")
        except UnsupportedVersion:
            raise
        except FormatError as error:
            raise FormatError(
                error.what,
                affected="nothing was written",
                hints=[
                    "name another revision: `--rev REV`, or have the pointer corrected in that repository"
                ],
                kind=error.kind,
            ) from error

    def _config_id(self) -> str | None:
        line = self.git.run(["ls-tree", "-z", "--full-tree", self.commit, "--", _CONFIG])
        return line.split(b"\t")[0].split(b" ")[2].decode("ascii") if line.startswith(b"100") else None

    def _prefetch(self, ids: Sequence[str]) -> None:
        """Fetch objects with one request; without this `cat-file` would ask for each of them alone."""
        if not self.is_fetched or not ids:
            return
        command = [*_WANTING, *_QUIET, *_FETCH]
        command += ["--depth=1", "--filter=blob:none", "--stdin", "origin"]
        try:
            self.git.run(command, input="".join(f"{each}\n" for each in dict.fromkeys(ids)).encode("ascii"))
        except GitError:
            # Git before 2.29 has no --stdin, and a server may refuse: then each is fetched as it is read.
            return


def open_commit(
    address: GitAddress,
    rev: str | None,
    *,
    folder: str,
    env: Mapping[str, str],
    may_ask: bool,
    is_typed: bool,
) -> SourceCommit:
    """Find a commit by branch, tag, id or any revision that Git knows; None is the default branch.

    What has to be fetched goes to `folder`, which exists and is empty. An address that nobody typed, because a
    pointer names it, may lead to a repository whose configuration starts programs. Raises NotFound (kind
    `unknown-revision` or `unknown-repository`), UsageError and GitError.
    """
    if rev is not None and (
        not rev or rev.startswith("-") or not rev.isprintable() or ":" in rev or " " in rev
    ):
        raise UsageError(
            f"{rev[:80]!a} is not a revision",
            affected="nothing was read or written",
            hints=["name a branch, a tag or a commit: `--rev v1.0`"],
        )
    environment = _environment(address, env, may_ask=may_ask)
    if not is_typed:
        environment["GIT_PROTOCOL_FROM_USER"] = "0"
    if address.is_path or (address.place is not None and not is_typed):
        # A partial clone may name any command as the one that its missing objects are fetched with.
        return _open_here(address, rev, environment | {"GIT_ALLOW_PROTOCOL": ""})
    try:
        return _Fetching(address, Git(folder, foreign=True, environment=environment)).open(rev)
    except GitError as error:
        raise _explained(address, error) from None


def _environment(address: GitAddress, env: Mapping[str, str], *, may_ask: bool) -> dict[str, str]:
    environment = dict(env)
    if not may_ask:
        environment["GIT_TERMINAL_PROMPT"] = "0"
        is_ssh = not address.is_path and not address.url.startswith(("http", "file", "git:"))
        if is_ssh and not environment.keys() & {"GIT_SSH", "GIT_SSH_COMMAND"}:
            environment["GIT_SSH_COMMAND"] = f"{_ssh_command(environment)} -oBatchMode=yes"
    return environment


def _ssh_command(environment: Mapping[str, str]) -> str:
    try:
        git = Git(os.getcwd(), foreign=True, environment=environment)
        return os.fsdecode(git.run(["config", "--get", "core.sshCommand"])).strip() or "ssh"
    except GitError:
        return "ssh"


def _open_here(address: GitAddress, rev: str | None, environment: Mapping[str, str]) -> SourceCommit:
    place = address.place or address.url
    if not os.path.isdir(place):
        raise NotFound(
            f"there is no Git repository at `{address.shown}`",
            hints=["check the spelling, relative to the current folder: `ls`"],
            kind="unknown-repository",
        )
    git = Git(place, foreign=True, environment=environment)
    try:
        git_dir, is_bare = git.run(["rev-parse", "--absolute-git-dir", "--is-bare-repository"]).splitlines()
    except GitError as error:
        raise _no_repository(address, error) from error
    real, own = os.path.realpath(place), os.path.realpath(os.fsdecode(git_dir))
    if real == own and is_bare != b"true" and os.path.basename(own) == ".git":
        place = os.path.dirname(own)
    elif real != own:
        top = os.path.realpath(os.fsdecode(git.run(["rev-parse", "--show-toplevel"]).rstrip(b"\r\n")))
        if top != real:
            raise NotFound(
                f"`{address.shown}` is not the top of a Git repository, but inside of `{top}`",
                hints=[f"name the repository: `{top}`, and the folder with the path"],
                kind="unknown-repository",
            )
    try:
        commit = git.rev_parse(rev or "HEAD")
    except NotFound as error:
        raise _unknown(address, rev) from error
    return SourceCommit(address, commit, place, git, is_fetched=False)


def _no_repository(address: GitAddress, error: GitError) -> DvxError:
    if "not a git repository" not in error.what:  # somebody else's, which Git refuses to read, for one
        error.affected = error.affected or "nothing was read or written"
        return error
    return NotFound(
        f"`{address.shown}` is not a Git repository",
        affected="nothing was read or written",
        hints=["name the folder that has `.git` in it, a bare repository, or a URL"],
        kind="unknown-repository",
    )


@dataclass(frozen=True, slots=True)
class _Fetching:
    """The fetch of one commit into an empty folder."""

    address: GitAddress
    git: Git

    def open(self, rev: str | None) -> SourceCommit:
        if rev is not None and _FULL_ID.fullmatch(rev):
            self._init(rev)
            return self._fetched(self._fetch_id(rev))
        named, head = self._named(rev or "HEAD")
        if named is None and head is None and rev is None:
            raise _unknown(self.address, rev)
        self._init(named or head or "")
        if named is not None:
            return self._fetched(self._fetch_id(named))
        if rev is None or not _NEEDS_HISTORY.fullmatch(rev):
            raise _unknown(self.address, rev)
        return self._fetched(self._search_history(rev, head))

    def _fetched(self, commit: str) -> SourceCommit:
        return SourceCommit(self.address, commit, self.address.place, self.git, is_fetched=True)

    def _named(self, rev: str) -> tuple[str | None, str | None]:
        """The ids that the server has for a branch or tag, and for HEAD; a tag is followed to its commit."""
        names = [rev, f"refs/tags/{rev}", f"refs/heads/{rev}"]
        if rev.startswith("refs/") or rev == "HEAD":
            names = [rev]
        asked = ["HEAD", *names, *(f"{name}^{{}}" for name in names)]
        answer = self.git.run([*_QUIET, "ls-remote", "--", self.address.url, *dict.fromkeys(asked)])
        ids: dict[str, str] = {}
        for line in answer.splitlines():
            object_id, _, name = line.partition(b"\t")
            ids[os.fsdecode(name)] = object_id.decode("ascii")
        wanted = names if names == [rev] else names[1:]
        found = (ids.get(f"{name}^{{}}") or ids.get(name) for name in wanted)
        return next((each for each in found if each), None), ids.get("HEAD")

    def _init(self, any_id: str) -> None:
        """Make the repository that fetches go to; both repositories need the same hash function."""
        sha256 = ["--object-format=sha256"] if len(any_id) == 64 else []
        self.git.run(["init", "--quiet", "--bare", *sha256])
        for key, value in (
            ("url", self.address.url),
            ("promisor", "true"),
            ("partialclonefilter", "blob:none"),
        ):
            self.git.run(["config", f"remote.origin.{key}", value])

    def _fetch_id(self, object_id: str) -> str:
        try:
            self.git.run([*_QUIET, *_FETCH, "--depth=1", "--filter=blob:none", "origin", object_id])
        except GitError as error:
            return self._fetch_all(object_id, error)
        return self.git.rev_parse(object_id)

    def _fetch_all(self, object_id: str, refused: GitError) -> str:
        """Fetch everything that has a name: old servers give a commit only if a branch or tag is at it."""
        try:
            self.git.run([*_QUIET, *_FETCH, "--filter=blob:none", "origin", *_ALL_REFS])
            return self.git.rev_parse(object_id)
        except NotFound:
            raise _unknown(self.address, object_id) from refused

    def _search_history(self, rev: str, head: str | None) -> str:
        """Resolve a revision that the server has no name for: takes the commits of all branches, without files."""
        self.git.run([*_QUIET, *_FETCH, "--filter=tree:0", "origin", *_ALL_REFS])
        if head is not None:
            self.git.run(["update-ref", "--no-deref", "HEAD", head])
        try:
            commit = self.git.rev_parse(rev)
        except NotFound:
            raise _unknown(self.address, rev) from None
        # One request for all trees of the commit; without it every folder would be one.
        return self._fetch_trees(commit)

    def _fetch_trees(self, commit: str) -> str:
        # `rev-parse COMMIT^{tree}` would fetch the tree to look at it.
        tree = (
            self.git.run(["cat-file", "commit", commit])
            .split(b"\n")[0]
            .removeprefix(b"tree ")
            .decode("ascii")
        )
        with suppress(GitError):  # then each tree is fetched as it is read
            self.git.run([*_WANTING, *_QUIET, *_FETCH, "--filter=blob:none", "origin", tree])
        return commit


def _explained(address: GitAddress, error: GitError) -> GitError:
    what = address.redact(error.what)
    is_access = any(
        word in what for word in ("Authentication", "could not read Username", "Permission denied")
    )
    hints = [*error.hints, f"see whether Git reaches it: `git ls-remote {address.shown}`"]
    if is_access:
        hints.insert(0, "give Git credentials for it: a credential helper, or an SSH key")
    return GitError(
        f"cannot read the repository `{address.shown}`: {what}",
        affected="nothing was read or written",
        hints=hints,
        kind="git-source",
    )


def _unknown(address: GitAddress, rev: str | None) -> NotFound:
    what = f"`{rev}` names no commit in `{address.shown}`" if rev else f"`{address.shown}` has no commit"
    return NotFound(
        what,
        affected="nothing was read or written",
        hints=[f"list its branches and tags: `git ls-remote {address.shown}`"],
        kind="unknown-revision",
    )
