"""The Git around dvx, DVC and git-lfs: a repository, an origin to push to, commits. Owns these commands only."""

from benchmark.session import Session, git


def make_repository(session: Session, *, origin_url: str = "") -> None:
    """Make `work` a repository whose origin is a new bare repository."""
    session.work.mkdir(parents=True, exist_ok=True)
    url = origin_url or str(session.origin)
    session.set_up(git("init", "-q", "--bare", str(session.origin)), git("init", "-q"))
    session.set_up(git("remote", "add", "origin", url))


def commit(message: str) -> list[str]:
    """Commit what is staged."""
    return git("commit", "-q", "-m", message)


def push_git() -> list[str]:
    """Push the branch; the tags of both versions are local."""
    return git("push", "-q", "origin", "HEAD")
