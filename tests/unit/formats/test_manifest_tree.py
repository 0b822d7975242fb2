"""Building trees: where pages end, what comes out, and how little one change rewrites."""

import pytest

from dvx.core.errors import FormatError, PathRefused
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats.manifest import ChildPage, Entry, InnerPage, LeafPage, parse_page
from dvx.formats.manifest_tree import (
    FULL_PAGE_BYTES,
    BuiltPage,
    ManifestBuilder,
    build_manifest,
)


def _entry(path: str, *, content: bytes = b"x") -> Entry:
    return Entry(path, "file", len(content), hash_bytes(content))


def _tree(entries: list[Entry]) -> dict[bytes, BuiltPage]:
    """Pages by id; the root is the last one."""
    return {page.id: page for page in build_manifest(entries)}


def _hundred_thousand() -> list[Entry]:
    return [_entry(f"class{n // 1000:03}/img{n:06}.jpg") for n in range(100_000)]


def test_empty_directory_is_one_empty_leaf() -> None:
    builder = ManifestBuilder()
    pages = builder.finish()
    page_id = hash_bytes(b"dvx-manifest 1 leaf\n")
    assert pages == [BuiltPage(page_id, b"dvx-manifest 1 leaf\n", 0, ChildPage(0, 0, page_id, ""))]
    assert builder.root_id == pages[0].id
    assert (builder.entries, builder.files, builder.size) == (0, 0, 0)


def test_few_entries_give_one_leaf_as_root_and_totals() -> None:
    builder = ManifestBuilder()
    entries = [_entry("a", content=b"12345"), Entry("b", "directory", 0, EMPTY_ID), _entry("c")]
    assert [page for entry in entries for page in builder.add(entry)] == []
    (root,) = builder.finish()
    assert parse_page(root.data) == LeafPage(tuple(entries))
    assert (builder.entries, builder.files, builder.size) == (3, 2, 6)


def test_tree_hands_out_children_before_parents_and_the_root_last() -> None:
    seen: set[bytes] = set()
    pages = list(build_manifest(_hundred_thousand()))
    for page in pages:
        parsed = parse_page(page.data)
        if isinstance(parsed, InnerPage):
            assert {child.id for child in parsed.children} <= seen
            assert parsed.level == page.level
        seen.add(page.id)
        assert page.id == hash_bytes(page.data)
    root = parse_page(pages[-1].data)
    assert isinstance(root, InnerPage)
    assert root.level == max(page.level for page in pages)
    assert sum(child.entries for child in root.children) == 100_000
    assert sum(child.size for child in root.children) == 100_000


def test_leaves_end_where_the_documented_rule_says() -> None:
    entries = _hundred_thousand()
    leaves = [page for page in build_manifest(entries) if page.level == 0]
    expected: list[list[str]] = [[]]
    text_bytes = 0
    for entry in entries:
        expected[-1].append(entry.path)
        text_bytes += len(f"f 1 {entry.id.hex()} {entry.path}\n")
        digest = hash_bytes(entry.path.encode())
        is_boundary = int.from_bytes(digest[:4], "little") % 512 == 0
        if is_boundary or len(expected[-1]) == 2048 or text_bytes >= 160 * 1024:
            expected.append([])
            text_bytes = 0
    found = [[entry.path for entry in parse_page(page.data).entries] for page in leaves]  # type: ignore[union-attr]
    assert found == [paths for paths in expected if paths]
    assert any(len(paths) > 1500 for paths in found)  # a forced end is among them


def test_long_paths_end_a_leaf_by_its_bytes() -> None:
    entries = [_entry(f"{n:04}" + "/" + "/".join(["p" * 250] * 8)) for n in range(300)]
    leaves = [page for page in build_manifest(entries) if page.level == 0]
    assert len(leaves) >= 3
    assert all(len(page.data) < FULL_PAGE_BYTES + 4184 + 20 for page in leaves)
    assert sum(len(page.data) >= FULL_PAGE_BYTES for page in leaves) >= 3


def _path_that_ends(level_moduli: list[tuple[int, int]], *, start: str) -> str:
    """A path whose hash ends the page at each of the given levels."""
    for number in range(10_000_000):
        digest = hash_bytes(f"{start}{number}".encode())
        if all(
            int.from_bytes(digest[4 * level : 4 * level + 4], "little") % modulus == 0
            for level, modulus in level_moduli
        ):
            return f"{start}{number}"
    raise AssertionError


def test_boundary_at_the_last_entry_makes_no_page_without_need() -> None:
    last = _path_that_ends([(0, 512), (1, 128)], start="z")
    pages = list(build_manifest([_entry("a"), _entry(last)]))
    assert [page.level for page in pages] == [0]
    first = _path_that_ends([(0, 512), (1, 128)], start="a")
    assert [page.level for page in build_manifest([_entry(first), _entry("b")])] == [0, 0, 1, 1, 2]
    assert [page.level for page in build_manifest([_entry(first), _entry(last)])] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("position", [0, 54_321, 99_999])
def test_one_changed_file_of_100_000_rewrites_one_page_per_level(position: int) -> None:
    entries = _hundred_thousand()
    before = _tree(entries)
    entries[position] = _entry(entries[position].path, content=b"changed")
    after = _tree(entries)
    fresh = [page for page_id, page in after.items() if page_id not in before]
    depth = max(page.level for page in after.values()) + 1
    assert sorted(page.level for page in fresh) == list(range(depth))
    assert sum(len(page.data) for page in fresh) < 500_000


def test_one_added_file_of_100_000_rewrites_few_pages() -> None:
    entries = _hundred_thousand()
    before = _tree(entries)
    added = sorted([*entries, _entry("class050/new.jpg")], key=lambda entry: entry.path)
    fresh = [page for page_id, page in _tree(added).items() if page_id not in before]
    assert len(fresh) <= 6


def test_builder_refuses_disorder_and_unsafe_paths() -> None:
    builder = ManifestBuilder()
    builder.add(_entry("b"))
    for path in ("a", "b", "b/c"):
        with pytest.raises(FormatError) as caught:
            builder.add(_entry(path))
        assert caught.value.kind == "bad-manifest"
    with pytest.raises(PathRefused):
        builder.add(_entry("c/.git/x"))
    with pytest.raises(FormatError):
        builder.add(Entry("c", "file", -1, bytes(32)))


def test_builder_state_is_guarded() -> None:
    builder = ManifestBuilder()
    with pytest.raises(RuntimeError):
        _ = builder.root_id
    builder.finish()
    with pytest.raises(RuntimeError):
        builder.add(_entry("a"))
