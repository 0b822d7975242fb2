"""Paths as they are typed in a shell, for the commands that messages suggest.

Owns the quoting. Must not run anything.
"""

from collections.abc import Iterable


def quote(path: str) -> str:
    """Spell one path as quote_all does."""
    return quote_all([path])


def quote_all(paths: Iterable[str]) -> str:
    """Spell paths for one command line; one that starts with `-` gets `./`, so that it is no option."""
    import shlex  # only where a message suggests a command

    return " ".join(shlex.quote("./" + path if path.startswith("-") else path) for path in paths)
