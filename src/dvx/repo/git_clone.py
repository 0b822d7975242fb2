"""Running `git clone` with its progress in sight.

Owns the command line and its environment. Must not look at what was cloned.
"""

import os
import subprocess
from collections.abc import Mapping

from dvx.core.errors import GitError
from dvx.repo.git import REPOSITORY_VARIABLES
from dvx.repo.git_address import GitAddress


def run_clone(
    address: GitAddress,
    place: str,
    *,
    branch: str | None,
    depth: int | None,
    cwd: str,
    env: Mapping[str, str],
    is_quiet: bool,
    may_ask: bool,
) -> None:
    """Clone into the folder `place`. Git removes what it made when it fails. Raises GitError and UsageError."""
    options = ["--quiet"] if is_quiet else []
    if branch is not None:
        options += [f"--branch={branch}"]
    if depth is not None:
        options += [f"--depth={depth}"]
    environment = {name: value for name, value in env.items() if name not in REPOSITORY_VARIABLES}
    if not may_ask:
        environment["GIT_TERMINAL_PROMPT"] = "0"
    # Given as a path, Git would ignore --depth and say so; as a URL it is heeded.
    url = (
        f"file://{address.url}" if address.is_path and depth is not None and os.name != "nt" else address.url
    )
    try:
        done = subprocess.run(
            ["git", "clone", *options, "--", url, place],
            cwd=cwd,
            env=environment,
            stdin=None if may_ask else subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise GitError(f"cannot run `git`: {error.strerror or error}", kind="git-missing") from error
    if done.returncode != 0:
        raise GitError(
            f"`git clone` of `{address.shown}` failed",
            affected="no clone was made",
            hints=["Git said why above", f"see whether Git reaches it: `git ls-remote {address.shown}`"],
            kind="git-source",
        )
