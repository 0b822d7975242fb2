"""How restic and borg are run: a backup is their push, a restore into a new folder their pull.

Owns their commands only. They have no step without a copy (their add is the backup), and none that turns one
version in place into another: a restore leaves the files of the other version behind.
"""

from benchmark.measure import Cost
from benchmark.session import Session
from benchmark.tool import Tool, find_program


def make_restic_tool() -> Tool:
    """The restic of this machine. Raises ToolMissing."""
    return Tool(
        name="restic",
        version=find_program("restic", "restic", "version").removeprefix("restic ").partition(" ")[0],
        remotes=("folder", "s3"),
        prepare=_prepare_restic,
        steps={
            "push v1": lambda session: _restic_backup(session, "v1"),
            "push again": lambda session: _restic_backup(session, "v1"),
            "pull": _restic_restore,
            "push v2": lambda session: _restic_backup(session, "v2"),
        },
    )


def _prepare_restic(session: Session) -> Session:
    session = session.with_env(
        RESTIC_PASSWORD="benchmark", RESTIC_CACHE_DIR=str(session.folder / "restic-cache")
    )
    session.work.mkdir(parents=True)
    session.set_up(_restic(session, "init", "-q"))
    return session


def _restic(session: Session, *args: str) -> list[str]:
    remote = session.remote
    place = f"s3:{remote.endpoint}/{remote.bucket}/r" if remote.kind == "s3" else str(remote.folder / "r")
    return ["restic", "-r", place, *args]


def _restic_backup(session: Session, tag: str) -> Cost:
    return session.measure(_restic(session, "backup", "-q", "--tag", tag, session.path))


def _restic_restore(session: Session) -> Cost:
    target = ["--target", str(session.clone)]
    return session.measure(_restic(session, "restore", "-q", "--no-cache", "--tag", "v1", "latest", *target))


def make_borg_tool() -> Tool:
    """The borg of this machine. Raises ToolMissing."""
    return Tool(
        name="borg",
        version=find_program("borg", "borgbackup", "--version").removeprefix("borg "),
        remotes=("folder",),
        prepare=_prepare_borg,
        steps={
            "push v1": lambda session: _borg_create(session, "v1"),
            "push again": lambda session: _borg_create(session, "again"),
            "pull": _borg_extract,
            "push v2": lambda session: _borg_create(session, "v2"),
        },
    )


def _prepare_borg(session: Session) -> Session:
    session = session.with_env(
        BORG_BASE_DIR=str(session.folder / "borg-base"), BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes"
    )
    session.work.mkdir(parents=True)
    session.set_up(["borg", "init", "-e", "none", str(session.remote.folder / "r")])
    return session


def _borg_create(session: Session, name: str) -> Cost:
    return session.measure(["borg", "create", f"{session.remote.folder / 'r'}::{name}", session.path])


def _borg_extract(session: Session) -> Cost:
    session.clone.mkdir()
    return session.measure(["borg", "extract", f"{session.remote.folder / 'r'}::v1"], cwd=session.clone)
