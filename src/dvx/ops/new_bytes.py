"""How many bytes of a version its previous version did not have, from the local store alone.

Owns the comparison, chunk by chunk and exact, and the bound on its work. Must not ask a remote, and must not guess:
where a record or an index of a pack is not here, there is no answer.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dvx.core.errors import DvxError
from dvx.formats.pointer import Pointer
from dvx.ops.project import Project

if TYPE_CHECKING:
    from dvx.formats.placement import Placement

# 2 000 000 chunks are 128 GB of data on average, and about a second of work.
BUDGET_CHUNKS: Final = 2_000_000
# Histories are read along each path, so a version is wanted again for the next one.
_KEPT_VERSIONS: Final = 8


class NewBytes:
    """Answers for the versions of one repository, until the budget is used up. Use it from one thread."""

    def __init__(self, project: Project, *, budget_chunks: int = BUDGET_CHUNKS) -> None:
        self._project = project
        self._budget_chunks = budget_chunks
        self._kept: OrderedDict[bytes, Mapping[bytes, int] | None] = OrderedDict()
        self._placements: dict[bytes, Placement] | None = None

    def prepare(self, roots: list[bytes]) -> None:
        """Read the placement records of all roots that will be asked about, in bulk."""
        self._placements = {}
        if not roots or not self._project.has_local_roots:
            return
        found = self._project.local.placements(list(dict.fromkeys(roots)), jobs=1)
        self._placements = {root: placements[0] for root, placements in found.items()}

    def between(self, old: Pointer | None, new: Pointer) -> int | None:
        """Bytes in distinct chunks of `new` that `old` does not have; None where that is not known here."""
        if old is not None and old.id == new.id:
            return 0
        before = self._chunks(old.id) if old is not None else {}
        after = self._chunks(new.id) if before is not None else None
        if before is None or after is None:
            return None
        return sum(plain for chunk, plain in after.items() if chunk not in before)

    def _chunks(self, root: bytes) -> Mapping[bytes, int] | None:
        """Plain lengths by chunk id."""
        if root in self._kept:
            self._kept.move_to_end(root)
            return self._kept[root]
        placement = (self._placements or {}).get(root)
        found = self._read(placement) if placement is not None else None
        self._kept[root] = found
        if len(self._kept) > _KEPT_VERSIONS:
            self._kept.popitem(last=False)
        return found

    def _read(self, placement: "Placement") -> Mapping[bytes, int] | None:
        from dvx.backends.backend import ObjectNotFound
        from dvx.store.runs import run_entries

        self._budget_chunks -= sum(run.chunks for run in placement.runs)
        if self._budget_chunks < 0:
            return None
        found: dict[bytes, int] = {}
        try:
            for run in placement.runs:
                for entry in run_entries(run, self._project.local.pack_index(run.pack)):
                    found[entry.id] = entry.plain
        except (DvxError, ObjectNotFound):
            return None  # what is wrong with a store is not the question here
        return found
