"""`.dvxignore`: what `dvx add` leaves out of a tracked directory, in the syntax of `.gitignore`.

Owns which files apply to a path and in what order. As in Git, the rules are for what is not tracked: whoever asks
knows what is inside a tracked directory, and a rule that matches the directory itself does not count. The
files are read in every folder from the root of the repository to the data, and inside the data. Must not walk a
tree; walk_tree asks, entry by entry, and leaves out `.git` and temporary files by itself.
"""

import codecs
import os
import stat
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from dvx.core.errors import PathRefused, UsageError
from dvx.core.text_marks import UTF8_MARK
from dvx.disk.atomic import disk_errors
from dvx.repo.committed_files import left_out_files, read_committed_file
from dvx.repo.repository import Repository

if TYPE_CHECKING:
    from dvx.repo.ignore_patterns import IgnoreLines

DVXIGNORE: Final = ".dvxignore"
_MAX_BYTES: Final = 1024 * 1024

# Lines with the number of characters to cut from a path to make it relative to the folder of the file.
_Rule = tuple[int, "IgnoreLines"]


def load_ignore(
    repo: Repository, data_path: str, *, is_tracked: bool = False
) -> Callable[[str, bool], bool] | None:
    """Return the predicate for walk_tree over the directory `data_path` (relative to the root).

    None for data that is not a directory: nothing to leave out. `.dvxignore` files inside the data are read
    when their folder is first asked about (one lstat for each folder), so the predicate must be asked about a
    folder before its content, as walk_tree does. Where the rules above the data leave out all of it, raises
    PathRefused (kind `data-ignored`); if the data `is_tracked`, the patterns that do so say nothing instead.
    Raises UsageError for a pattern that is not valid, LocalDiskError.
    """
    rules = _Rules(repo, data_path, is_tracked=is_tracked)
    if not is_tracked:
        rules.check_data_is_kept()
    if not os.path.isdir(repo.absolute(data_path)):
        return None
    return rules


class _Rules:
    """The specs that apply in each folder, outermost first. Folders are relative to the root, end in `/`."""

    def __call__(self, path: str, is_dir: bool) -> bool:
        """Whether a path relative to the data is left out."""
        return self.is_ignored(path, is_dir)

    def applies_in(self, folder: str) -> bool:
        """Whether any rule says something about entries of a folder: "" or a path, relative to the data, with `/`."""
        return bool(self._rules(self._data + folder))

    def __init__(self, repo: Repository, data_path: str, *, is_tracked: bool) -> None:
        self._is_tracked = is_tracked
        self._repo = repo
        self._left_out = left_out_files(repo, "*" + DVXIGNORE)
        self._data_path = data_path
        self._data = data_path + "/" if data_path else ""
        self._by_folder: dict[str, tuple[_Rule, ...]] = {}

    def is_ignored(self, path: str, is_dir: bool) -> bool:
        # Most folders have no rules: about 0.3 microseconds for each entry then.
        rules = self._rules(self._data + path[: path.rfind("/") + 1])
        return bool(rules) and _matches(rules, self._data + path, is_dir)

    def check_data_is_kept(self) -> None:
        names = self._data_path.split("/") if self._data_path else []
        for depth in range(1, len(names) + 1):
            place = "/".join(names[:depth])
            is_dir = depth < len(names) or os.path.isdir(self._repo.absolute(place))
            folder = place[: place.rfind("/") + 1]
            if _matches(self._rules(folder), place, is_dir):
                raise PathRefused(
                    f"`{self._data_path}` is left out by a line in `{DVXIGNORE}`",
                    hints=[f"take the line out of the `{DVXIGNORE}` at or above `{folder or './'}`"],
                    kind="data-ignored",
                )

    def _rules(self, folder: str) -> tuple[_Rule, ...]:
        found = self._by_folder.get(folder)
        if found is None:
            above = self._rules(folder[: folder.rfind("/", 0, -1) + 1]) if folder else ()
            lines = _load(self._repo, folder, left_out=self._left_out)
            if lines is not None and self._is_tracked and len(folder) < len(self._data):
                lines = lines.without(self._data[len(folder) :])
            found = above if lines is None else (*above, (len(folder), lines))
            self._by_folder[folder] = found
        return found


def _matches(rules: tuple[_Rule, ...], path: str, is_dir: bool) -> bool:
    """Apply the innermost file that says anything about `path`."""
    for cut, lines in reversed(rules):
        said = lines.says(path[cut:], is_dir=is_dir)
        if said is not None:
            return said
    return False


def _load(repo: Repository, folder: str, *, left_out: Collection[str]) -> "IgnoreLines | None":
    path = folder + DVXIGNORE
    mode = _mode(repo.absolute(path))
    # A link could lead anywhere, and Git does not follow one from `.gitignore` either.
    if (mode is None and path not in left_out) or (mode is not None and stat.S_ISLNK(mode)):
        return None
    data = read_committed_file(repo, path, limit_bytes=_MAX_BYTES)
    if data is None:
        return None
    if len(data) > _MAX_BYTES:
        raise UsageError(f"`{path}` has more than {_MAX_BYTES} bytes", kind="bad-ignore-file")
    from dvx.repo.ignore_patterns import parse_ignore_lines  # 2 ms, and most repositories have no such file

    try:
        return parse_ignore_lines(_text(data, path))
    except ValueError as error:
        raise UsageError(
            f"`{path}` has a pattern that is not valid: {str(error)[:200]}",
            hints=["the syntax is that of `.gitignore`: `git help gitignore`"],
            kind="bad-ignore-file",
        ) from error


def _text(data: bytes, path: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(
            f"`{path}` is UTF-16 text, and has to be saved as UTF-8",
            hints=[f"save it as UTF-8 in an editor: `{path}`"],
            kind="bad-ignore-file",
        )
    return data.removeprefix(UTF8_MARK).decode("utf-8", "surrogateescape")


def _mode(place: str) -> int | None:
    with disk_errors(place, "read"):
        try:
            return os.lstat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
