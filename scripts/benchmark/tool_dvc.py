"""How DVC is run. Owns its commands only."""

from pathlib import Path
from typing import Final

from benchmark.measure import Cost
from benchmark.session import Session, git
from benchmark.tool import Peers, Tool
from benchmark.tool_git import commit, make_repository, push_git

_PACKAGES: Final = ("dvc", "dvc-s3")


def make_dvc_tool(peers: Peers) -> Tool:
    """DVC with its S3 plugin. Raises ToolMissing."""
    programs, version = peers.environment("dvc", _PACKAGES)
    dvc = str(programs / "dvc")
    steps = _Steps(dvc)
    return Tool(
        name="dvc",
        version=version,
        remotes=("folder", "s3"),
        prepare=steps.prepare,
        steps={
            "add v1": steps.add,
            "status": lambda session: session.measure([dvc, "status", "-q"]),
            "push v1": steps.push,
            "push again": steps.push,
            "pull": steps.pull,
            "add v2": steps.add,
            "push v2": steps.push,
            "switch v1": lambda session: steps.switch(session, "v1"),
            "switch v2": lambda session: steps.switch(session, "v2"),
        },
    )


class _Steps:
    def __init__(self, dvc: str) -> None:
        self._dvc = dvc

    def prepare(self, session: Session) -> Session:
        """A repository with a default remote; DVC keeps what it knows of files in the site cache."""
        session = session.with_env(
            DVC_SITE_CACHE_DIR=str(session.folder / "site-work"), DVC_NO_ANALYTICS="true"
        )
        make_repository(session)
        is_s3 = session.remote.kind == "s3"
        url = f"s3://{session.remote.bucket}/dvc" if is_s3 else str(session.remote.folder)
        commands = [
            ["init", "-q"],
            ["config", "core.analytics", "false"],
            ["config", "core.check_update", "false"],
        ]
        commands.append(["remote", "add", "-q", "-d", "r", url])
        if is_s3:
            commands.append(["remote", "modify", "r", "endpointurl", session.remote.endpoint])
        session.set_up(*([self._dvc, *command] for command in commands))
        session.set_up(git("add", "-A"), commit("set up"))
        return session

    def add(self, session: Session) -> Cost:
        """Data, its pointer and a commit."""
        return session.measure(
            [self._dvc, "add", "-q", session.path],
            git("add", f"{session.path}.dvc", ".gitignore"),
            commit("data"),
        )

    def push(self, session: Session) -> Cost:
        """Data and commits."""
        return session.measure([self._dvc, "push", "-q"], push_git())

    def pull(self, session: Session) -> Cost:
        """A new clone with its data, which knows nothing of the first one."""
        fresh = session.with_env(DVC_SITE_CACHE_DIR=str(session.folder / "site-clone"))
        clone = fresh.measure(git("clone", "-q", str(session.origin), str(session.clone)))
        return clone.plus(fresh.measure([self._dvc, "pull", "-q"], cwd=Path(session.clone)))

    def switch(self, session: Session, tag: str) -> Cost:
        """Another commit with its data."""
        return session.measure(git("checkout", "-q", tag), [self._dvc, "checkout", "-q"])
