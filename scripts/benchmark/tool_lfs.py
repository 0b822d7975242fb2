"""How git-lfs is run. Owns its commands only.

Its remote is a bare repository at a `file://` address: git-lfs then links or copies each file there, which is
not an upload that could be compared with one over HTTP.
"""

import shutil

from benchmark.measure import Cost
from benchmark.session import Session, git
from benchmark.tool import Tool, find_program
from benchmark.tool_git import commit, make_repository, push_git


def make_lfs_tool() -> Tool:
    """The git-lfs of this machine. Raises ToolMissing."""
    return Tool(
        name="git-lfs",
        version=find_program("git-lfs", "git-lfs", "version").removeprefix("git-lfs/"),
        remotes=("folder",),
        prepare=_prepare,
        steps={
            "add v1": _add,
            "status": lambda session: session.measure(git("status", "--porcelain")),
            "push v1": _push,
            "push again": _push,
            "pull": _pull,
            "add v2": _add,
            "push v2": _push,
            "switch v1": lambda session: session.measure(git("checkout", "-q", "v1")),
            "switch v2": lambda session: session.measure(git("checkout", "-q", "v2")),
        },
        stored=lambda session: session.origin,
    )


def _prepare(session: Session) -> Session:
    # git-lfs writes its filters into the global settings; this copy keeps them from the other tools.
    settings = session.folder / "gitconfig"
    shutil.copyfile(session.env["GIT_CONFIG_GLOBAL"], settings)
    session = session.with_env(GIT_CONFIG_GLOBAL=str(settings))
    make_repository(session, origin_url=f"file://{session.origin}")
    session.set_up(git("lfs", "install"), git("lfs", "track", "*.safetensors", "*.csv", "*.jpg"))
    session.set_up(git("add", "-A"), commit("set up"))
    return session


def _add(session: Session) -> Cost:
    return session.measure(git("add", "-A", session.path), commit("data"))


def _push(session: Session) -> Cost:
    return session.measure(push_git())


def _pull(session: Session) -> Cost:
    return session.measure(git("clone", "-q", f"file://{session.origin}", str(session.clone)))
