"""store.manifests: pages of a directory, reused where the store has them."""

from dvx.core.ids import hash_bytes
from dvx.formats.manifest import Entry
from dvx.formats.manifest_reader import walk_entries
from dvx.store.manifests import MAX_PAGE_PACKS, ManifestWriter
from dvx.store.page_reader import PageReader


def entries(count, changed=()):
    return [
        Entry(f"{number:06d}", "file", 1, hash_bytes(b"new" if number in changed else b"old"))
        for number in range(count)
    ]


def write(store, items):
    writer = ManifestWriter(store)
    try:
        for entry in items:
            writer.add(entry)
        return writer.finish(), writer.sink
    finally:
        writer.close()


def read(store, root):
    with PageReader(store, lambda: None) as pages:
        return list(walk_entries(root, pages.for_root(root)))


def test_written_manifest_reads_back_with_its_totals(local):
    written, _ = write(local, entries(3000))
    assert (written.size, written.files, written.entries) == (3000, 3000, 3000)
    assert read(local, written.root) == entries(3000)
    assert len(written.page_packs) == 1


def test_empty_manifest_has_a_page(local):
    written, _ = write(local, [])
    assert (written.size, written.files, len(written.page_packs)) == (0, 0, 1)
    assert read(local, written.root) == []


def test_same_manifest_again_writes_nothing(local):
    first, _ = write(local, entries(3000))
    second, sink = write(local, entries(3000))
    assert second == first
    assert sink.new_plain_bytes == 0


def test_one_changed_file_writes_a_few_pages(local):
    first, first_sink = write(local, entries(20_000))
    second, sink = write(local, entries(20_000, changed={7777}))
    assert sink.new_plain_bytes < first_sink.new_plain_bytes / 10
    assert set(first.page_packs) < set(second.page_packs)
    assert read(local, second.root) == entries(20_000, changed={7777})


def test_page_packs_stay_few_however_many_versions_there_are(local):
    changed = set()
    for version in range(18):
        changed.add(version * 600 + 5)
        written, _ = write(local, entries(12_000, changed=changed))
        assert len(written.page_packs) <= MAX_PAGE_PACKS + 1
    assert read(local, written.root) == entries(12_000, changed=changed)
