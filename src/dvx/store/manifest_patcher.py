"""Writing a manifest that shares most of its pages with one that is in the store already.

Owns finding the pages that were taken over. Which ones those are is decided in dvx.formats.manifest_patch.
"""

from dvx.core.errors import DataMissing
from dvx.core.ids import format_id
from dvx.formats.manifest import ChildPage
from dvx.formats.manifest_patch import AdoptingBuilder
from dvx.store.manifests import ManifestWriter, WrittenManifest
from dvx.store.store import Store


class ManifestPatcher(ManifestWriter):
    """Writes a directory's manifest; leaves of an older one can be adopted unread.

    `files` of what `finish` returns counts only entries that were added, not those of adopted leaves.
    """

    def __init__(self, store: Store) -> None:
        """Pages go to packs of their own in `store`."""
        super().__init__(store)
        self._builder: AdoptingBuilder = AdoptingBuilder()
        self._adopted: list[bytes] = []

    @property
    def is_at_page_start(self) -> bool:
        """Whether the next entry begins a leaf."""
        return self._builder.is_at_page_start

    def adopt(self, child: ChildPage) -> None:
        """Take a leaf as it is; by the time of `finish` it must be in the store."""
        self._adopted.append(child.id)
        self._waiting.extend(self._builder.adopt(child))

    def missing_pages(self) -> list[bytes]:
        """The ids of adopted leaves that the store does not have yet."""
        found = self._store.index.find_chunks(self._store.id, self._adopted)
        return [page_id for page_id in self._adopted if page_id not in found]

    def finish(self) -> WrittenManifest:
        """Write the remaining pages and find the adopted ones. Raises DataMissing if the store lacks one."""
        found = self._store.index.find_chunks(self._store.id, self._adopted)
        for page_id in self._adopted:
            if page_id not in found:
                raise DataMissing(
                    f"page {format_id(page_id)} of a directory's listing is not in `{self._store.location}`",
                    affected="nothing was changed",
                    hints=["run the command again where the remote can be reached"],
                    kind="manifest-missing",
                )
        self._pages.update(found)
        return super().finish()
