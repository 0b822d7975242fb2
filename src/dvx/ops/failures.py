"""What went wrong with single paths while a command went on with the others.

Owns which errors are about one path alone. How they are told, and the exit code, is the command line's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from dvx.core.errors import (
    ChangedWhileReading,
    DataMissing,
    DvxError,
    FormatError,
    IntegrityError,
    LocalDiskError,
    PathRefused,
    WorkspaceConflict,
)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# What the next path will meet as well.
_COMMON_KINDS: Final = frozenset({"disk-full", "read-only-disk", "empty-remote"})
# What rules in a folder above one path cause, of an error class that is else about the whole request.
_PATH_KINDS: Final = frozenset({"bad-ignore-file", "pointer-ignored"})
_ABOUT_ONE_PATH: Final = (
    ChangedWhileReading,
    DataMissing,
    FormatError,
    IntegrityError,
    LocalDiskError,
    PathRefused,
)


class PathFailure(NamedTuple):
    """A tracked path (or its pointer) that could not be dealt with, and why."""

    path: str
    error: DvxError


@dataclass(slots=True)
class Failures:
    """The failures of one command. `done` counts the paths that were dealt with; `tried` are the results of tries
    that did something and then failed."""

    found: list[PathFailure] = field(default_factory=list)
    done: int = 0
    tried: list[object] = field(default_factory=list)

    def add(self, path: str, error: DvxError) -> None:
        """Note one failure; once, if a path is looked at again."""
        if not any(known.path == path and known.error.what == error.what for known in self.found):
            self.found.append(PathFailure(path, error))

    @contextmanager
    def going_on(
        self, path: str, *, is_only: bool = False, but: tuple[type[DvxError], ...] = ()
    ) -> Iterator[None]:
        """Note an error that is about this path alone, so that the others can be dealt with.

        If the path `is_only` there are no others: the error is that of the command. Those of `but` go on to a caller
        who knows a way round.
        """
        try:
            yield
        except DvxError as error:
            if is_only or isinstance(error, but) or not is_about_one_path(error):
                raise
            self.add(path, error)
        else:
            self.done += 1

    def divide(
        self,
        items: Sequence[_Item],
        act: Callable[[Sequence[_Item]], _Result],
        path_of: Callable[[_Item], str],
    ) -> list[_Result]:
        """Act on all items at once; if one of them cannot be dealt with, find it and go on with the others.

        `act` must do nothing twice. Returns what it returned for each group that could be dealt with. Raises an error
        that is about all of them.
        """
        results: list[_Result] = []
        waiting = [items]
        damage: IntegrityError | None = None
        while waiting:
            group = waiting.pop()
            try:
                results.append(act(group))
                self.done += len(group)
            except DvxError as error:
                if isinstance(error, IntegrityError):
                    damage = error
                elif damage is not None and isinstance(error, DataMissing):
                    error = damage  # what is damaged was set aside, and so is missing at the second try
                is_first = len(group) == len(items)
                self.tried += [error.done] if error.done is not None else []
                waiting += self._parts(group, error, path_of, is_first=is_first)
        return results

    def _parts(
        self, group: Sequence[_Item], error: DvxError, path_of: Callable[[_Item], str], *, is_first: bool
    ) -> list[Sequence[_Item]]:
        """What is to be tried of a group that failed: all but the items that the error names, or both halves."""
        # Before anything was done, work that is in the way stops everything; later it keeps its own path back.
        if not is_about_one_path(error) and (is_first or not isinstance(error, WorkspaceConflict)):
            raise error
        bad = [item for item in group if path_of(item) in error.paths]
        if not bad and len(group) == 1:
            bad = [*group]
        if is_first and len(bad) == len(group):
            raise error
        for item in bad:
            self.add(path_of(item), error)
        if bad:
            rest = [item for item in group if path_of(item) not in error.paths]
            return [rest] if rest and len(group) > 1 else []
        middle = len(group) // 2
        return [group[middle:], group[:middle]]


def is_about_one_path(error: DvxError) -> bool:
    """Whether other paths may well have no such problem."""
    if error.kind in _COMMON_KINDS:
        return False
    return isinstance(error, _ABOUT_ONE_PATH) or error.kind in _PATH_KINDS
