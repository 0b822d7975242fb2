"""What of a directory an add keeps although it is not here, and what of the workspace stands in its place.

Owns the refusal of a version in which one path would be a file and a folder. Must not read data.
"""

import os
from dataclasses import dataclass, field

from dvx.core.errors import WorkspaceConflict
from dvx.core.shell_words import quote
from dvx.disk.atomic import disk_errors
from dvx.formats.manifest import Entry
from dvx.ops.add_targets import AddTarget
from dvx.ops.trees import stat_entry


@dataclass(slots=True)
class AbsentGround:
    """Counts the `paths` that are kept, and the `files` among them."""

    target: AddTarget
    paths: int = 0
    files: int = 0
    # The last folder that was looked at, with the names in it: paths come in order.
    _folder: str = ""
    _names: frozenset[str] = field(default=frozenset())

    def keeps(self, path: str, entry: Entry) -> bool:
        """Count an entry that is not here. False for an empty folder that has been filled.

        Raises WorkspaceConflict where a file or a folder of the workspace is in its place.
        """
        folder, _, name = path.rpartition("/")
        if folder != self._folder:
            self._look(folder)
        if name in self._names:
            if entry.kind == "directory":
                return False
            raise _in_the_way(path, path, self.target.path)
        self.paths += 1
        self.files += entry.kind != "directory"
        return True

    def _look(self, folder: str) -> None:
        """Learn what is in a folder; nothing if it is not there."""
        self._folder, self._names = folder, frozenset()
        place = self.target.path
        for name in folder[len(place) + 1 :].split("/") if folder != place else ():
            place = f"{place}/{name}"
            found = stat_entry(os.path.join(self.target.root, place), place)
            if found is None:
                return
            if found.kind != "directory":
                self._folder = ""
                raise _in_the_way(place, folder, self.target.path)
        with disk_errors(folder, "list"):
            self._names = frozenset(os.listdir(os.path.join(self.target.root, folder)))


def _in_the_way(path: str, kept: str, directory: str) -> WorkspaceConflict:
    return WorkspaceConflict(
        f"`{path}` is in the place of `{kept}`, which `{directory}` has and which is not checked out here",
        affected="nothing was added",
        hints=[
            f"give it another name: `mv {quote(path)} {quote(path)}.new`",
            f"or remove from the dataset what it replaces: `dvx add --remove {quote(path)}`",
        ],
        kind="absent-in-the-way",
    )
