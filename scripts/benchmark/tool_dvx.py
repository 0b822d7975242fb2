"""How dvx is run. Owns its commands only."""

from pathlib import Path

from benchmark.dvx_command import DvxCommand
from benchmark.measure import Cost
from benchmark.session import Session, git
from benchmark.tool import Tool
from benchmark.tool_git import commit, make_repository, push_git


def make_dvx_tool(dvx: DvxCommand) -> Tool:
    """dvx as dvx_command found it."""
    steps = _Steps(dvx)
    version = dvx.run(Path.cwd(), "--version")[1].strip().removeprefix("dvx ")
    return Tool(
        name="dvx",
        version=version,
        remotes=("folder", "s3"),
        prepare=steps.prepare,
        steps={
            "add v1": steps.add,
            "status": lambda session: session.measure(dvx.argv("status")),
            "push v1": steps.push,
            "push again": steps.push,
            "pull": lambda session: steps.pull(session, session.clone),
            "pull direct": lambda session: steps.pull(session, session.direct_clone, "--no-store"),
            "add v2": steps.add,
            "push v2": steps.push,
            "switch v1": lambda session: steps.switch(session, "v1"),
            "switch v2": lambda session: steps.switch(session, "v2"),
        },
    )


class _Steps:
    def __init__(self, dvx: DvxCommand) -> None:
        self._argv = dvx.argv
        self._env = dict(dvx.env)

    def prepare(self, session: Session) -> Session:
        """A repository with a remote called origin."""
        session = session.with_env(**self._env)
        make_repository(session)
        if session.remote.kind == "s3":
            url, options = f"s3://{session.remote.bucket}/data", ["--endpoint", session.remote.endpoint]
        else:
            url, options = str(session.remote.folder), []
        session.set_up(
            self._argv("init"), self._argv("remote", "add", "origin", url, *options), commit("set up")
        )
        return session

    def add(self, session: Session) -> Cost:
        """dvx add stages the pointer itself."""
        return session.measure(self._argv("add", session.path), commit("data"))

    def push(self, session: Session) -> Cost:
        """Data and commits."""
        return session.measure(self._argv("push"), push_git())

    def pull(self, session: Session, target: Path, *options: str) -> Cost:
        """A new clone with its data."""
        clone = session.measure(git("clone", "-q", str(session.origin), str(target)))
        return clone.plus(session.measure(self._argv("pull", *options), cwd=target))

    def switch(self, session: Session, tag: str) -> Cost:
        """Another commit with its data."""
        return session.measure(git("checkout", "-q", tag), self._argv("checkout"))
