"""The commit that another one is compared with: found in this clone, or fetched alone.

Owns the meaning of `--base`, its default, and how little is fetched: one commit with its trees, then the files that are
read. What is fetched goes to a folder of its own, so that neither the history of this clone becomes shallow nor the
clone a partial one. Must not know what the files say.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from dvx.core.errors import GitError, NotFound, UsageError, name_some
from dvx.core.ids import short_git_id
from dvx.repo.git import REPOSITORY_VARIABLES, Git
from dvx.repo.snapshots import CommitSnapshot

_QUIET: Final = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "protocol.version=2")
# Nothing is told of what is here already: what is asked for is not.
_WANTING: Final = ("-c", "fetch.negotiationAlgorithm=noop")
_FETCH: Final = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--depth=1",
    "--filter=blob:none",
)
# How this clone reaches its remote; CI services put credentials into its configuration, not into that of the user.
_CONNECTING: Final = re.compile(
    r"(http|credential|url|protocol|ssh)\..*|core\.(sshcommand|askpass|gitproxy)|remote\..*\.(proxy\w*|uploadpack)",
    re.IGNORECASE | re.DOTALL,
)
_PARENT: Final = re.compile(r"(.+?)(?:\^1?|~1?)", re.DOTALL)
_NAME_IT: Final = "name the commit to compare with: `dvx check --base REV`"


def default_base(git: Git, commit: str) -> str:
    """Return where `commit` left the default branch of the Git remote.

    Raises UsageError (kind `no-base`) where that cannot be told, as in a clone of depth 1.
    """
    branch = _default_branch(git)
    if branch is None:
        raise _no_base("the default branch of the remote is not known here")
    try:
        return git.run(["merge-base", "--", commit, branch]).decode("ascii").strip()
    except GitError as error:
        name = branch.removeprefix("refs/remotes/")
        raise _no_base(f"the history in this clone does not say where the commit left `{name}`") from error


def find_commit(git: Git, rev: str) -> str | None:
    """Return the commit that `rev` names in this clone: as Git knows it, or, where the history is cut, as the parent
    of a commit (`HEAD^`), or as a branch of the remote; None if that is not known here.

    The id of a parent does not say that the parent is here. Raises NotFound for the parent of a first commit.
    """
    commit = _resolve(git, rev)
    parent = _PARENT.fullmatch(rev)
    if commit is None and parent is not None:
        child = _resolve(git, parent[1])
        if child is not None:
            return _parent(git, child, rev)
    for remote in _remote(git) if commit is None else ():
        commit = _resolve(git, f"refs/remotes/{remote}/{rev}")
    return commit


def _resolve(git: Git, rev: str) -> str | None:
    try:
        return git.rev_parse(rev)
    except NotFound:
        return None


def _parent(git: Git, child: str, rev: str) -> str:
    # Read as it is: where history is cut, the log and rev-parse hide the parents.
    head = git.run(["cat-file", "commit", child]).partition(b"\n\n")[0]
    parents = [line[7:].decode("ascii") for line in head.split(b"\n") if line.startswith(b"parent ")]
    if not parents:
        raise NotFound(
            f"`{rev}` names no commit: {short_git_id(child)} is the first one",
            hints=[_NAME_IT],
            kind="unknown-revision",
        )
    return parents[0]


def open_base(git: Git, rev: str, *, root: str, folder: str, env: Mapping[str, str]) -> CommitSnapshot:
    """Open the commit `rev`; what is not in this clone is fetched from the Git remote into the empty `folder`.

    `root` is what a relative address of the remote counts from. Raises UsageError, NotFound (kind
    `unknown-revision`) and GitError with what to do about it.
    """
    if (
        not rev
        or rev.startswith(("-", "+", "^"))
        or not rev.isprintable()
        or not {":", " ", "*"}.isdisjoint(rev)
    ):
        raise UsageError(
            f"{rev[:80]!a} is not a revision", hints=["name a branch, a tag or a commit: `--base main`"]
        )
    commit = find_commit(git, rev)
    if commit is not None and _resolve(git, commit) is not None:
        return CommitSnapshot(git, commit)
    names = _remote(git)
    if not names:
        raise NotFound(
            f"`{rev}` names no commit in this repository", hints=[_NAME_IT], kind="unknown-revision"
        )
    wanted = commit or rev.removeprefix(f"{names[0]}/")
    try:
        return _fetch(git, names[0], wanted, root=root, folder=folder, env=env)
    except GitError as error:
        raise NotFound(
            f"`{rev}` is not in this clone, and cannot be fetched from `{names[0]}`: {error.what}",
            affected="no rule was checked",
            hints=[
                f"bring it here: `git fetch {names[0]} {wanted}`; in CI, check out the whole history",
                _NAME_IT,
            ],
            kind="unknown-revision",
        ) from error


def _fetch(
    git: Git, remote: str, wanted: str, *, root: str, folder: str, env: Mapping[str, str]
) -> CommitSnapshot:
    settings = _settings(git)
    url = _absolute(os.fsdecode(settings.get(f"remote.{remote}.url".encode(), b"")), root)
    fetched = Git(folder, environment=_environment(env, settings))
    sha256 = ["--object-format=sha256"] if len(git.head() or "") == 64 else []
    fetched.run(["init", "--quiet", "--bare", *sha256])
    for key, value in (("url", url), ("promisor", "true"), ("partialclonefilter", "blob:none")):
        fetched.run(["config", f"remote.{remote}.{key}", value])
    fetched.run([*_QUIET, *_FETCH, remote, wanted])
    commit = fetched.rev_parse("FETCH_HEAD")

    def prepare(ids: Sequence[str]) -> None:
        """Fetch objects with one request; without this `cat-file` would ask for each of them alone."""
        request = "".join(f"{each}\n" for each in dict.fromkeys(ids)).encode("ascii")
        try:
            fetched.run([*_WANTING, *_QUIET, *_FETCH, "--stdin", remote], input=request)
        except GitError:
            return  # Git before 2.29 has no --stdin, a server may refuse: then each is fetched as it is read

    return CommitSnapshot(fetched, commit, prepare)


def _remote(git: Git) -> list[str]:
    """The Git remote to ask, or none: `origin`, else the only one."""
    names = [os.fsdecode(name) for name in git.run(["remote"]).split()]
    if "origin" in names:
        return ["origin"]
    if len(names) > 1:
        raise _no_base(f"there are several Git remotes, {name_some(names)}, and none is called origin")
    return names


def _default_branch(git: Git) -> str | None:
    for remote in _remote(git):
        try:
            return git.run(["symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD"]).decode().strip()
        except GitError:
            pass
        # `git remote add` and single-branch clones leave no HEAD; then only one of the usual names is clear.
        usual = [f"refs/remotes/{remote}/{name}" for name in ("main", "master")]
        found = git.run(["for-each-ref", "--format=%(refname)", *usual]).decode().split()
        if len(found) == 1:
            return found[0]
    return None


def _settings(git: Git) -> dict[bytes, bytes]:
    """The configuration of this clone alone; a key that is set twice has its last value."""
    found: dict[bytes, bytes] = {}
    for entry in git.run(["config", "--list", "--local", "--includes", "-z"]).split(b"\0"):
        key, newline, value = entry.partition(b"\n")
        if key:
            found[key] = value if newline else b"true"
    return found


def _environment(env: Mapping[str, str], settings: Mapping[bytes, bytes]) -> dict[str, str]:
    """`env` without the repository that a hook is in, with what is needed to reach the remote.

    Credentials go through the environment: nobody sees them in a list of processes, and no file is left.
    """
    kept = {"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"}
    found = {name: value for name, value in env.items() if name not in REPOSITORY_VARIABLES - kept}
    count = int(found["GIT_CONFIG_COUNT"]) if found.get("GIT_CONFIG_COUNT", "").isdigit() else 0
    for key, value in settings.items():
        name = os.fsdecode(key)
        if _CONNECTING.fullmatch(name):
            found[f"GIT_CONFIG_KEY_{count}"], found[f"GIT_CONFIG_VALUE_{count}"] = name, os.fsdecode(value)
            count += 1
    return found | {"GIT_CONFIG_COUNT": str(count), "GIT_TERMINAL_PROMPT": "0"}


def _absolute(url: str, root: str) -> str:
    """Git takes a relative path from the top of the work tree; other addresses stay as they are."""
    place = os.path.join(root, url)
    return os.path.normpath(place) if "://" not in url and os.path.isdir(place) else url


def _no_base(why: str) -> UsageError:
    return UsageError(
        f"a rule compares with a base, and {why}",
        affected="no rule was checked",
        hints=[_NAME_IT],
        kind="no-base",
    )
