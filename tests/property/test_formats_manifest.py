"""Laws of manifests: round trip, independence of history, agreement with a dict, safety against any bytes."""

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.errors import DvxError, FormatError
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats.manifest import Entry, LeafPage, PathOrder, format_page, parse_page
from dvx.formats.manifest_tree import (
    build_manifest,
    diff_manifests,
    find_entries,
    walk_entries,
    walk_entries_with_offsets,
)

NAMES = st.one_of(
    st.sampled_from(["a", "b", "a-", "a.b", "é", "z" * 200]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=6),
).filter(lambda name: name not in (".", "..") and ".git" not in name.lower() and "git~1" not in name.lower())
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def _entry(path: str, version: int) -> Entry:
    kind = ("file", "executable", "symlink", "directory")[version % 4]
    if kind == "directory":
        return Entry(path, kind, 0, EMPTY_ID)
    return Entry(path, kind, 1 + version % 4000, hash_bytes(bytes([version % 256])))


def _without_conflicts(paths: Iterable[str]) -> list[str]:
    """Sorted paths, leaving out those that need an entry to be a directory."""
    kept: set[str] = set()
    for path in sorted(paths):
        parents = {path[:end] for end, letter in enumerate(path) if letter == "/"}
        if not parents & kept:
            kept.add(path)
    return sorted(kept)


LISTINGS = st.dictionaries(PATHS, st.integers(0, 10_000), max_size=40).map(
    lambda versions: [_entry(path, versions[path]) for path in _without_conflicts(versions)]
)


class Pages(dict[bytes, bytes]):
    """Pages in memory."""

    def build(self, entries: Iterable[Entry]) -> bytes:
        root = b""
        for page in build_manifest(entries):
            self[page.id] = page.data
            root = page.id
        return root

    def __call__(self, ids: Sequence[bytes]) -> list[bytes]:
        return [self[page_id] for page_id in ids]


def _numbered(numbers: Iterable[int]) -> list[Entry]:
    """Entries of a directory that is large enough for several levels of pages."""
    return [_entry(f"d{n // 700:02}/{n:05}", n * 4) for n in sorted(numbers)]


@settings(max_examples=200, deadline=None)
@given(LISTINGS)
def test_leaf_page_survives(entries: list[Entry]) -> None:
    page = LeafPage(tuple(entries))
    data = format_page(page)
    assert parse_page(data) == page
    assert format_page(parse_page(data)) == data


@settings(max_examples=100, deadline=None)
@given(LISTINGS, LISTINGS, PATHS)
def test_tree_agrees_with_a_list(old: list[Entry], new: list[Entry], prefix: str) -> None:
    pages = Pages()
    old_root, new_root = pages.build(old), pages.build(new)
    assert list(walk_entries(old_root, pages)) == old
    offsets = [sum(entry.size for entry in old[:number]) for number in range(len(old))]
    located = list(zip(offsets, old, strict=True))
    assert list(walk_entries_with_offsets(old_root, pages)) == located
    below = [pair for pair in located if f"{pair[1].path}/".startswith(f"{prefix}/")]
    assert list(find_entries(old_root, pages, prefix)) == below
    assert list(diff_manifests(old_root, new_root, pages)) == _diff(old, new)


def _diff(old: list[Entry], new: list[Entry]) -> list[tuple[Entry | None, Entry | None]]:
    before, after = {entry.path: entry for entry in old}, {entry.path: entry for entry in new}
    pairs = [(before.get(path), after.get(path)) for path in sorted(before.keys() | after.keys())]
    return [(left, right) for left, right in pairs if left != right]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11_999), st.integers(0, 3000)), max_size=6), st.integers(0, 12_000))
def test_same_entries_give_the_same_root_whatever_was_edited_before(
    edits: list[tuple[int, int]], count: int
) -> None:
    pages = Pages()
    present = set(range(count))
    previous, previous_root = _numbered(present), pages.build(_numbered(present))
    original_root = previous_root
    for start, length in edits:
        present ^= set(range(start, min(start + length, 12_000)))
        entries = _numbered(present)
        root = pages.build(entries)
        assert list(diff_manifests(previous_root, root, pages)) == _diff(previous, entries)
        previous, previous_root = entries, root
    for start, length in reversed(edits):
        present ^= set(range(start, min(start + length, 12_000)))
    assert pages.build(_numbered(present)) == original_root


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=300).map(lambda data: b"dvx-manifest 1 leaf\n" + data),
        st.binary(max_size=300).map(lambda data: b"dvx-manifest 1 inner 1\n" + data),
    )
)
def test_any_bytes_give_only_dvx_errors(data: bytes) -> None:
    try:
        page = parse_page(data)
    except DvxError:
        return
    assert format_page(page) == data


@settings(max_examples=500, deadline=None)
@given(LISTINGS, st.booleans(), st.data())
def test_mutated_page_gives_only_dvx_errors(
    entries: list[Entry], is_inner: bool, draw: st.DataObject
) -> None:
    data = bytearray(format_page(LeafPage(tuple(entries))))
    if is_inner:
        data = bytearray(
            data.replace(b"leaf", b"inner 1").replace(b"\nf ", b"\n1 ").replace(b"\nx ", b"\n2 ")
        )
    for _ in range(draw.draw(st.integers(1, 4))):
        start = draw.draw(st.integers(0, len(data)))
        data[start : start + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    try:
        page = parse_page(bytes(data))
    except DvxError:
        return
    assert format_page(page) == bytes(data)


@settings(max_examples=200, deadline=None)
@given(LISTINGS, st.data())
def test_walk_of_pages_with_any_content_gives_only_dvx_errors(
    entries: list[Entry], draw: st.DataObject
) -> None:
    pages = Pages()
    root = pages.build(entries)
    data = bytearray(pages[root])
    data[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    forged = hash_bytes(bytes(data))
    pages[forged] = bytes(data)
    for read in (walk_entries(forged, pages), diff_manifests(root, forged, pages)):
        try:
            assert all(item is not None for item in read)
        except (
            DvxError,
            KeyError,
        ):  # a changed id of a child names no page, which `pages` answers with KeyError
            continue


@given(st.lists(st.lists(st.text("ab./0", min_size=1, max_size=4), unique=True, max_size=6), max_size=5))
def test_pages_checked_before_are_accepted_as_path_by_path(groups):
    """However paths are taken, the same sequences are refused: out of order, or below an earlier entry."""
    one_by_one, by_page = PathOrder(), PathOrder()
    for group in map(checked_alone, groups):
        is_taken = is_accepted(one_by_one.accept_all, group)
        assert is_accepted(by_page.accept_checked, group) == is_taken
        if not is_taken:
            return


def is_accepted(take, paths):
    try:
        take(paths)
    except FormatError:
        return False
    return True


def checked_alone(paths):
    """The paths that a page by itself may have, in order."""
    kept = []
    for path in sorted(paths):
        if not any(path.startswith(other + "/") for other in kept):
            kept.append(path)
    return kept
