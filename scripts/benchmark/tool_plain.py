"""How data is copied without versions: boto3, obstore, s5cmd, cp; and hf-xet, which has no Git side here.

Owns their commands only. The Python ones run the small programs `drive_*.py` beside this file, with -P, so that
no module of the benchmark hides one of theirs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmark.measure import Cost
from benchmark.session import Session
from benchmark.tool import Peers, Tool, ToolMissing, find_program

_HERE: Final = Path(__file__).resolve().parent
# With its default of 256, `rclone serve s3` failed 24 renames in an upload of 2 000 small files, and once lost
# objects for good; with 32 it failed 5, with 16 it failed 4, none for good, and s5cmd was not slower.
_S5CMD_WORKERS: Final = 16


def make_boto3_tool() -> Tool:
    """boto3 of the Python that runs the benchmark. Raises ToolMissing."""
    try:
        from boto3 import __version__ as version  # 60 ms that only this tool needs
    except ImportError as error:
        raise ToolMissing("not installed: `pip install boto3`") from error
    return _bucket_copier("boto3", version, _driver(sys.executable, "drive_boto3.py"))


def make_obstore_tool(peers: Peers) -> Tool:
    """The object store client written in Rust, called from Python. Raises ToolMissing."""
    programs, version = peers.environment("obstore", ("obstore",))
    return _bucket_copier("obstore", version, _driver(str(programs / "python"), "drive_obstore.py"))


def _driver(python: str, name: str) -> Callable[[Session, str], list[str]]:
    def command(session: Session, verb: str) -> list[str]:
        remote, top = session.remote, session.work if verb == "upload" else session.clone
        return [python, "-P", str(_HERE / name), verb, remote.endpoint, remote.bucket, str(top), session.path]

    return command


def make_s5cmd_tool(peers: Peers) -> Tool:
    """s5cmd from its Python package. Raises ToolMissing."""
    programs, _ = peers.environment("s5cmd", ("s5cmd",))
    version = find_program(str(programs / "s5cmd"), "s5cmd", "version").removeprefix("v")

    def command(session: Session, verb: str) -> list[str]:
        there = f"s3://{session.remote.bucket}/{session.path}"
        here = str((session.work if verb == "upload" else session.clone) / session.path)
        if session.workload.kind.is_directory:
            here, there = f"{here}/", f"{there}/*" if verb == "download" else f"{there}/"
        ends = (here, there) if verb == "upload" else (there, here)
        base = [str(programs / "s5cmd"), "--endpoint-url", session.remote.endpoint, "--log", "error"]
        base += ["--numworkers", str(_S5CMD_WORKERS)]
        return [*base, "cp", *ends]

    return _bucket_copier("s5cmd", version, command)


def _bucket_copier(name: str, version: str, command: Callable[[Session, str], list[str]]) -> Tool:
    def pull(session: Session) -> Cost:
        session.clone.mkdir()
        return session.measure(command(session, "download"))

    return Tool(
        name=name,
        version=version,
        remotes=("s3",),
        prepare=_prepare,
        steps={"push v1": lambda session: session.measure(command(session, "upload")), "pull": pull},
    )


def make_cp_tool() -> Tool:
    """`cp -r`: what copying alone takes on this disk."""

    def pull(session: Session) -> Cost:
        session.clone.mkdir()
        return session.measure(["cp", "-r", str(session.remote.folder / session.path), str(session.clone)])

    def push(session: Session) -> Cost:
        return session.measure(["cp", "-r", session.path, str(session.remote.folder)])

    return Tool(
        "cp",
        find_program("cp", "coreutils", "--version").removeprefix("cp "),
        ("folder",),
        _prepare,
        {"push v1": push, "pull": pull},
    )


def make_xet_tool(peers: Peers) -> Tool:
    """hf-xet against its local content store: add is chunking and hashing only. Raises ToolMissing."""
    programs, version = peers.environment("xet", ("hf-xet",))
    driver = [str(programs / "python"), "-P", str(_HERE / "drive_xet.py")]

    def upload(session: Session) -> Cost:
        names = str(session.folder / "names.json")
        return session.measure([*driver, "upload", str(session.remote.folder), session.path, names])

    def pull(session: Session) -> Cost:
        session.clone.mkdir()
        fresh = session.with_env(HF_HOME=str(session.folder / "hf-clone"))
        names = str(session.folder / "names.json")
        return fresh.measure([*driver, "download", str(session.remote.folder), str(session.clone), names])

    def prepare(session: Session) -> Session:
        session.work.mkdir(parents=True)
        return session.with_env(HF_HOME=str(session.folder / "hf-work"))

    def hash_only(session: Session) -> Cost:
        return session.measure([*driver, "hash", session.path])

    return Tool(
        name="hf-xet",
        version=version,
        remotes=("folder",),
        prepare=prepare,
        steps={"add v1": hash_only, "push v1": upload, "push again": upload, "pull": pull, "push v2": upload},
    )


def _prepare(session: Session) -> Session:
    session.work.mkdir(parents=True)
    return session
