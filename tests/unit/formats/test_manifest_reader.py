"""Reading trees: walking, finding, comparing, and refusing pages that contradict each other."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from dvx.core.errors import FormatError, IntegrityError
from dvx.core.ids import hash_bytes
from dvx.formats.manifest import ChildPage, Entry, InnerPage, LeafPage, format_page
from dvx.formats.manifest_tree import (
    build_manifest,
    diff_manifests,
    find_entries,
    walk_entries,
    walk_entries_with_offsets,
)


class Pages:
    """Pages in memory that count what is read."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.read: list[bytes] = []
        self.largest_batch = 0

    def put(self, page: LeafPage | InnerPage) -> ChildPage:
        data = format_page(page)
        page_id = hash_bytes(data)
        self.data[page_id] = data
        if isinstance(page, LeafPage):
            size = sum(entry.size for entry in page.entries)
            return ChildPage(len(page.entries), size, page_id, page.entries[-1].path)
        counts = sum(child.entries for child in page.children), sum(child.size for child in page.children)
        return ChildPage(*counts, page_id, page.children[-1].last_path)

    def build(self, entries: list[Entry]) -> bytes:
        root = b""
        for page in build_manifest(entries):
            self.data[page.id] = page.data
            root = page.id
        return root

    def __call__(self, ids: Sequence[bytes]) -> Iterator[bytes]:
        self.largest_batch = max(self.largest_batch, len(ids))
        for page_id in ids:
            self.read.append(page_id)
            yield self.data[page_id]


def _entry(path: str, *, content: bytes = b"x") -> Entry:
    return Entry(path, "file", len(content), hash_bytes(content))


def _many(count: int) -> list[Entry]:
    return [_entry(f"class{n // 1000:03}/img{n:06}.jpg", content=b"c" * (n % 7)) for n in range(count)]


def test_walk_entries_gives_back_all_entries_in_bounded_batches() -> None:
    pages, entries = Pages(), _many(100_000)
    root = pages.build(entries)
    assert list(walk_entries(root, pages)) == entries
    assert sorted(pages.read) == sorted(pages.data)
    assert pages.largest_batch <= 64


def test_walk_entries_of_empty_directory_gives_nothing() -> None:
    pages = Pages()
    assert list(walk_entries(pages.build([]), pages)) == []


def test_walk_entries_with_offsets_adds_up_sizes() -> None:
    pages, entries = Pages(), _many(5000)
    found = list(walk_entries_with_offsets(pages.build(entries), pages))
    offset = 0
    for (found_offset, entry), expected in zip(found, entries, strict=True):
        assert (found_offset, entry) == (offset, expected)
        offset += expected.size


def test_find_entries_of_a_file_in_a_tree_of_two_levels_reads_two_pages() -> None:
    pages, entries = Pages(), _many(100_000)
    root = pages.build(entries)
    wanted = entries[61_803]
    offset = sum(entry.size for entry in entries[:61_803])
    assert list(find_entries(root, pages, wanted.path)) == [(offset, wanted)]
    assert len(pages.read) == len(set(pages.read)) == 2


def test_find_entries_of_directory_gives_all_below_it_only() -> None:
    pages = Pages()
    paths = ["a", "a-b", "a.b/c", "ab/c", "b", "b-", "b0"]
    paths += [f"b-/{n:05}" for n in range(3000)] + [f"c/{n:05}" for n in range(3000)] + ["c-x", "c0", "d/c/1"]
    paths.remove("b-")
    entries = [_entry(path) for path in sorted(paths)]
    root = pages.build(entries)
    for prefix in ("a", "a.b", "b-", "c", "c/0000", "c/00001", "d", "d/c", "nothing", "zz", "A", "c/00001/x"):
        expected = [
            (number, entry)
            for number, entry in enumerate(entries)
            if entry.path == prefix or entry.path.startswith(prefix + "/")
        ]
        assert list(find_entries(root, pages, prefix)) == expected


def test_diff_manifests_gives_changes_in_path_order_reading_only_differing_pages() -> None:
    pages, entries = Pages(), _many(100_000)
    old = pages.build(entries)
    changed, removed, added = entries[70_000], entries[20_000], _entry("class001/new.jpg")
    replacement = _entry(changed.path, content=b"other")
    edited = [entry for entry in entries if entry is not removed and entry is not changed]
    new = pages.build(sorted([*edited, replacement, added], key=lambda entry: entry.path))
    assert list(diff_manifests(old, new, pages)) == [(None, added), (removed, None), (changed, replacement)]
    assert len(pages.read) <= 20
    assert len(set(pages.read)) == len(pages.read)


def test_diff_manifests_of_equal_roots_reads_nothing() -> None:
    pages = Pages()
    root = pages.build(_many(10))
    assert list(diff_manifests(root, root, pages)) == []
    assert list(diff_manifests(None, None, pages)) == []
    assert pages.read == []


def test_diff_manifests_with_nothing_gives_every_entry() -> None:
    pages, entries = Pages(), _many(3000)
    root = pages.build(entries)
    assert list(diff_manifests(None, root, pages)) == [(None, entry) for entry in entries]
    assert list(diff_manifests(root, None, pages)) == [(entry, None) for entry in entries]


def test_diff_manifests_of_trees_of_different_depth_is_complete() -> None:
    pages, entries = Pages(), _many(100_000)
    old, new = pages.build(entries[:10]), pages.build(entries)
    assert list(diff_manifests(old, new, pages)) == [(None, entry) for entry in entries[10:]]
    empty = pages.build([])
    assert list(diff_manifests(new, empty, pages)) == [(entry, None) for entry in entries]


def test_changed_kind_counts_as_difference() -> None:
    pages = Pages()
    plain, executable = _entry("run.sh"), _entry("run.sh")._replace(kind="executable")
    found = list(diff_manifests(pages.build([plain]), pages.build([executable]), pages))
    assert found == [(plain, executable)]


def test_walk_entries_with_flipped_bit_is_refused() -> None:
    pages = Pages()
    root = pages.build(_many(10))
    pages.data[root] = pages.data[root].replace(b"img000003", b"img000103")
    with pytest.raises(IntegrityError) as caught:
        list(walk_entries(root, pages))
    assert root.hex() in caught.value.what


def test_walk_entries_with_short_answer_is_refused() -> None:
    pages = Pages()
    root = pages.build(_many(10))
    with pytest.raises(FormatError, match="missing from the answer"):
        list(walk_entries(root, lambda ids: []))
    with pytest.raises(FormatError, match="missing from the answer"):
        list(diff_manifests(root, pages.build(_many(9)), lambda ids: []))


def _lie(first: dict[str, object], second: dict[str, object], *, level: int = 1) -> tuple[bytes, Pages]:
    """A root over two leaves, with claims about them that are replaced by lies."""
    pages = Pages()
    left = pages.put(LeafPage((_entry("a"), _entry("b"))))
    right = pages.put(LeafPage((_entry("c"), _entry("d"))))
    children = (replace(left, **first), replace(right, **second))  # type: ignore[arg-type]
    return pages.put(InnerPage(level, children)).id, pages


def test_walk_entries_with_truthful_parent_is_read() -> None:
    root, pages = _lie({}, {})
    assert [entry.path for entry in walk_entries(root, pages)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("first", "second", "level"),
    [
        ({"entries": 3}, {}, 1),
        ({"size": 3}, {}, 1),
        ({"last_path": "bb"}, {}, 1),
        ({"last_path": "a"}, {}, 1),
        ({"last_path": "c"}, {}, 1),
        ({}, {"last_path": "e"}, 1),
        ({}, {}, 2),
    ],
)
def test_walk_entries_with_lying_parent_is_refused(
    first: dict[str, object], second: dict[str, object], level: int
) -> None:
    root, pages = _lie(first, second, level=level)
    with pytest.raises(FormatError):
        list(walk_entries(root, pages))


def test_walk_entries_with_overlapping_leaves_is_refused() -> None:
    pages = Pages()
    left, right = (
        pages.put(LeafPage((_entry("a"), _entry("c")))),
        pages.put(LeafPage((_entry("b"), _entry("d")))),
    )
    with pytest.raises(FormatError):
        list(walk_entries(pages.put(InnerPage(1, (left, right))).id, pages))


def test_walk_entries_with_file_and_directory_of_one_name_in_two_pages_is_refused() -> None:
    pages = Pages()
    left, right = pages.put(LeafPage((_entry("a"),))), pages.put(LeafPage((_entry("a-b"), _entry("a/c"))))
    with pytest.raises(FormatError, match="both an entry and the parent"):
        list(walk_entries(pages.put(InnerPage(1, (left, right))).id, pages))


def test_walk_entries_with_empty_leaf_below_the_root_is_refused() -> None:
    pages = Pages()
    empty = format_page(LeafPage(()))
    pages.data[hash_bytes(empty)] = empty
    root = pages.put(InnerPage(1, (ChildPage(1, 0, hash_bytes(empty), "a"),)))
    with pytest.raises(FormatError):
        list(walk_entries(root.id, pages))
