"""Merging random directories and tables against a plain model: a dict from path to content."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats import manifest_tree
from dvx.formats.canonical_toml import canonical_table
from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.manifest_merge import TreeDecisions, decide, find_changes, find_patches, locator
from dvx.formats.manifest_patch import Piece, patch_manifest
from dvx.formats.manifest_tree import ManifestBuilder, build_manifest, walk_entries
from dvx.formats.pointer_merge import merge_tables
from dvx.formats.three_way import Side

Listing = dict[str, Entry]
_NAMES = ["a", "a-b", "a.c", "b", "c", "d"]
_CONFLICT = object()


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three entries, so that a dozen paths make a tree of several levels."""
    monkeypatch.setattr(manifest_tree, "LEAF_MODULUS", 3)
    monkeypatch.setattr(manifest_tree, "INNER_MODULUS", 3)
    monkeypatch.setattr(manifest_tree, "MAX_LEAF_ENTRIES", 7)


def _entry(path: str, kind: str, content: int) -> Entry:
    if kind == "directory":
        return Entry(path, kind, 0, EMPTY_ID)
    data = b"x" * content
    return Entry(path, kind, len(data) + 1, hash_bytes(data))


def _consistent(paths: dict[str, tuple[str, int]]) -> Listing:
    """A listing without entries below files or below empty directories."""
    kept: Listing = {}
    for path in sorted(paths):
        parents = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        if any(parent in kept and kept[parent].kind != "directory" for parent in parents):
            continue
        for parent in parents:
            kept.pop(parent, None)
        kept[path] = _entry(path, *paths[path])
    return kept


_paths = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3).map("/".join)
_contents = st.tuples(st.sampled_from(["file", "file", "executable", "directory"]), st.integers(0, 3))
_edits = st.dictionaries(_paths, st.none() | _contents, max_size=8)


@st.composite
def _versions(draw: st.DrawFn) -> tuple[Listing, Listing, Listing]:
    base = draw(st.dictionaries(_paths, _contents, max_size=30))
    sides = []
    for _ in range(2):
        side: dict[str, Any] = {**base, **draw(_edits)}
        sides.append(_consistent({path: content for path, content in side.items() if content is not None}))
    return _consistent(base), sides[0], sides[1]


class Pages:
    """Pages by id; counts what is read."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.reads: list[bytes] = []

    def add(self, listing: Listing) -> bytes:
        root = b""
        for page in build_manifest(listing[path] for path in sorted(listing)):
            self.data[page.id] = page.data
            root = page.id
        return root

    def read(self, ids: Sequence[bytes]) -> Iterator[bytes]:
        self.reads += ids
        return iter([self.data[page_id] for page_id in ids])


class Target:
    """Builds the merged tree in memory."""

    def __init__(self, pages: Pages) -> None:
        self.pages, self.builder = pages, ManifestBuilder()

    def carries(self, leaf: ChildPage) -> bool:
        return self.builder.carries(leaf)

    def add_all(self, entries: Sequence[Entry]) -> None:
        self.pages.data.update((page.id, page.data) for page in self.builder.add_all(entries))

    def add_leaf(self, leaf: ChildPage, *, files: int) -> None:
        self.pages.data.update((page.id, page.data) for page in self.builder.add_leaf(leaf))

    def finish(self) -> bytes:
        self.pages.data.update((page.id, page.data) for page in self.builder.finish())
        return self.builder.root_id


def _merge(
    base: Listing | None, ours: Listing, theirs: Listing, choice: Side | None = None
) -> tuple[TreeDecisions, Listing | None, list[Piece], bytes]:
    pages = Pages()
    roots = [None if base is None else pages.add(base), pages.add(ours), pages.add(theirs)]

    def choose(_: str) -> Side | None:
        return choice

    decisions = decide(find_changes(*roots, pages.read), choose)  # type: ignore[arg-type]
    if decisions.conflicts:
        return decisions, None, [], b""
    target = Target(pages)
    assert roots[1] is not None
    assert roots[2] is not None
    locate = locator(roots[2], pages.read)
    patches = find_patches(find_changes(*roots, pages.read), decisions, choose, locate)  # type: ignore[arg-type]
    pieces = list(patch_manifest(roots[1], patches, pages.read, target))
    root = target.finish()
    return decisions, {entry.path: entry for entry in walk_entries(root, pages.read)}, pieces, root


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.kind != "directory"


def _model(base: Listing, ours: Listing, theirs: Listing) -> Listing | None:
    """The merge of whole dicts; None where there is a conflict."""
    merged: Listing = {}
    for path in {*base, *ours, *theirs}:
        old, mine, other = base.get(path), ours.get(path), theirs.get(path)
        if mine == other or other == old:
            new = mine
        elif mine == old:
            new = other
        elif {mine and mine.kind, other and other.kind} == {None, "directory"}:
            new = mine or other
        elif old and mine and other and all(map(_is_file, (old, mine, other))):
            content = mine if other[2:] == old[2:] or mine[2:] == other[2:] else other
            kind = mine.kind if other.kind == old.kind or mine.kind == other.kind else other.kind
            if (content is other and mine[2:] != old[2:]) or (kind != mine.kind and mine.kind != old.kind):
                return None
            new = content._replace(kind=kind)
        else:
            return None
        if new is not None:
            merged[path] = new
    for path in sorted(merged):
        above = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        for folder in above:
            if _is_file(merged.get(folder)):
                return None
            merged.pop(folder, None)
    return merged


@settings(max_examples=150, deadline=None)
@given(_versions())
def test_merge_of_random_directories_equals_the_model_and_is_built_as_from_scratch(
    versions: tuple[Listing, Listing, Listing],
) -> None:
    base, ours, theirs = versions
    decisions, merged, pieces, root = _merge(base, ours, theirs)
    expected = _model(base, ours, theirs)
    assert merged == expected
    assert bool(decisions.conflicts) == (expected is None)
    if merged is not None:
        assert root == Pages().add(merged)
        _check_pieces(merged, pieces, ours, theirs)


def test_entries_that_their_side_kept_and_ours_removed_come_from_their_stream() -> None:
    one = Entry("a", "file", 1, EMPTY_ID)
    below = [one._replace(path=path) for path in ("a-b/a", "a-b/a-b")]
    base = {entry.path: entry for entry in (one, below[0])}
    ours = {"a": one, "a-b": one._replace(path="a-b")}
    theirs = {**base, below[1].path: below[1]}
    _, merged, pieces, root = _merge(base, ours, theirs, Side.THEIRS)
    assert merged == theirs
    assert root == Pages().add(theirs)
    _check_pieces(theirs, pieces, ours, theirs)


def _check_pieces(merged: Listing, pieces: list[Piece], ours: Listing, theirs: Listing) -> None:
    """The pieces spell the bytes of the merged entries: told by the id at each place of the streams."""
    streams = {Side.OURS: _stream(ours), Side.THEIRS: _stream(theirs)}
    spelled = [byte for piece in pieces for byte in streams[piece.side][piece.start : piece.end]]
    assert spelled == _stream(merged)


def _stream(listing: Listing) -> list[tuple[bytes, int]]:
    entries = (listing[path] for path in sorted(listing))
    return [(entry.id, place) for entry in entries for place in range(entry.size)]


@settings(max_examples=60, deadline=None)
@given(_versions())
def test_merge_does_not_depend_on_which_side_is_called_ours(
    versions: tuple[Listing, Listing, Listing],
) -> None:
    base, ours, theirs = versions
    one, one_merged, _, one_root = _merge(base, ours, theirs)
    other, other_merged, _, other_root = _merge(base, theirs, ours)
    assert (one_merged, one_root) == (other_merged, other_root)
    assert [item.path for item in one.conflicts] == [item.path for item in other.conflicts]


@settings(max_examples=60, deadline=None)
@given(_versions(), st.sampled_from([Side.OURS, Side.THEIRS]))
def test_merge_with_a_choice_for_everything_ends_without_conflicts_in_a_valid_listing(
    versions: tuple[Listing, Listing, Listing], side: Side
) -> None:
    base, ours, theirs = versions
    undecided, _, _, _ = _merge(base, ours, theirs)
    decisions, merged, pieces, root = _merge(base, ours, theirs, side)
    assert not decisions.conflicts
    assert merged is not None
    assert root == Pages().add(merged)
    _check_pieces(merged, pieces, ours, theirs)
    chosen = ours if side is Side.OURS else theirs
    for conflict in undecided.conflicts:
        assert _is_file(merged.get(conflict.path)) == _is_file(chosen.get(conflict.path))


@settings(max_examples=50, deadline=None)
@given(_versions())
def test_merge_of_two_new_directories_is_their_union(versions: tuple[Listing, Listing, Listing]) -> None:
    _, ours, theirs = versions
    _, merged, _, _ = _merge(None, ours, theirs)
    assert merged == _model({}, ours, theirs)


# Tables

_leaves = st.integers(0, 1) | st.booleans() | st.floats(0, 1) | st.sampled_from(["", "x"])
_tables = st.recursive(
    st.dictionaries(st.sampled_from("abc"), _leaves, min_size=1, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), _leaves | inner, min_size=1, max_size=3),
    max_leaves=12,
)


def _flat(table: Any, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    if not isinstance(table, dict):
        return {place: repr(table)}
    return {key: text for name, value in table.items() for key, text in _flat(value, (*place, name)).items()}


@settings(max_examples=150, deadline=None)
@given(_tables, _tables, _tables)
def test_merge_of_random_tables_equals_the_merge_of_their_flat_keys(
    base: Any, ours: Any, theirs: Any
) -> None:
    sides = [canonical_table(side) for side in (base, ours, theirs)]
    merged = merge_tables(*sides)
    flat_base, flat_ours, flat_theirs = map(_flat, sides)
    values = _flat(merged.values)
    in_conflict = set(merged.conflicts)
    for key in {*flat_base, *flat_ours, *flat_theirs}:
        if any(key[: len(bad)] == bad or bad[: len(key)] == key for bad in in_conflict):
            continue
        old, mine, other = flat_base.get(key), flat_ours.get(key), flat_theirs.get(key)
        expected = mine if mine == other or other == old else other
        assert mine == other or old in (mine, other)
        assert values.get(key) == expected
    assert merge_tables(sides[0], sides[2], sides[1]).conflicts == merged.conflicts


@settings(max_examples=50, deadline=None)
@given(_tables, _tables)
def test_merge_of_tables_takes_the_only_side_that_changed(base: Any, changed: Any) -> None:
    base, changed = canonical_table(base), canonical_table(changed)
    for merged in (merge_tables(base, changed, base), merge_tables(base, base, changed)):
        assert repr(canonical_table(merged.values)) == repr(changed)
        assert merged.conflicts == ()
