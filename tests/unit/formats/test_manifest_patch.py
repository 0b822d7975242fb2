import random
from collections.abc import Iterator, Sequence

import pytest

from dvx.core.errors import FormatError
from dvx.core.ids import hash_bytes
from dvx.formats import manifest_tree
from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.manifest_merge import Patch, decide, find_changes, find_patches, locator
from dvx.formats.manifest_patch import patch_manifest
from dvx.formats.manifest_tree import ManifestBuilder, build_manifest
from dvx.formats.three_way import Side

Listing = dict[str, Entry]


class _Tree:
    """Pages in memory: built, patched, and counted when they are read."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.reads: list[bytes] = []
        self.carried = 0
        self.builder = ManifestBuilder()

    def add(self, listing: Listing) -> bytes:
        pages = list(build_manifest(listing[path] for path in sorted(listing)))
        self.data.update((page.id, page.data) for page in pages)
        return pages[-1].id

    def read(self, ids: Sequence[bytes]) -> Iterator[bytes]:
        self.reads += ids
        return iter([self.data[page_id] for page_id in ids])

    def carries(self, leaf: ChildPage) -> bool:
        return self.builder.carries(leaf)

    def add_all(self, entries: Sequence[Entry]) -> None:
        self.builder.add_all(entries)

    def add_leaf(self, leaf: ChildPage, *, files: int) -> None:
        assert files == 0
        self.carried += 1
        self.builder.add_leaf(leaf)

    def finish(self) -> bytes:
        self.builder.finish()
        return self.builder.root_id


def _entry(path: str, content: int) -> Entry:
    return Entry(path, "file", content + 1, hash_bytes(bytes([content])))


def _listing(count: int) -> Listing:
    return {path: _entry(path, 0) for path in (f"f{number // 100:03}/{number:06}" for number in range(count))}


def _edited(listing: Listing, source: random.Random, edits: int) -> Listing:
    edited = dict(listing)
    paths = sorted(listing)
    for _ in range(edits):
        path = source.choice(paths)
        action = source.random()
        if action < 0.4:
            start = paths.index(path)
            for gone in paths[start : start + source.choice([1, 1, 5, 40])]:
                edited.pop(gone, None)
        elif action < 0.7:
            edited[path] = _entry(path, source.randrange(200))
        else:
            edited[path + "+"] = _entry(path + "+", source.randrange(200))
    return edited


def _patches(old: Listing, new: Listing) -> Iterator[Patch]:
    for path in sorted({*old, *new}):
        if old.get(path) != new.get(path):
            yield Patch(path, old.get(path), new.get(path), Side.THEIRS, 0)


@pytest.mark.parametrize("seed", range(40))
def test_patched_listing_is_built_as_from_scratch_whatever_was_taken_over(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_tree, "LEAF_MODULUS", 5)
    monkeypatch.setattr(manifest_tree, "INNER_MODULUS", 3)
    monkeypatch.setattr(manifest_tree, "MAX_LEAF_ENTRIES", 8)
    source = random.Random(seed)
    old = _listing(300)
    new = _edited(old, source, source.choice([1, 3, 20]))
    tree = _Tree()
    list(patch_manifest(tree.add(old), _patches(old, new), tree.read, tree))
    assert tree.finish() == _Tree().add(new)
    assert tree.carried > 10


def test_everything_behind_the_first_leaf_removed_leaves_that_leaf_as_the_root() -> None:
    old = _listing(3000)
    tree = _Tree()
    root = tree.add(old)
    (first,) = (page for page in build_manifest(old[path] for path in sorted(old)[:1]))
    kept = sorted(old)[: _first_leaf_entries(tree, root)]
    new = {path: old[path] for path in kept}
    list(patch_manifest(root, _patches(old, new), tree.read, tree))
    assert tree.finish() == _Tree().add(new)
    assert first.id != root


def _first_leaf_entries(tree: _Tree, root: bytes) -> int:
    line = tree.data[root].split(b"\n")[1]
    return int(line.split(b" ")[0])


def test_all_entries_removed_leaves_an_empty_directory() -> None:
    old = _listing(1500)
    tree = _Tree()
    list(patch_manifest(tree.add(old), _patches(old, {}), tree.read, tree))
    assert tree.finish() == _Tree().add({})


def test_patch_of_a_path_that_the_listing_does_not_have_as_told_is_refused() -> None:
    old = _listing(3)
    tree = _Tree()
    wrong = Patch("f000/000001", _entry("f000/000001", 9), None, Side.THEIRS, 0)
    with pytest.raises(FormatError):
        list(patch_manifest(tree.add(old), iter([wrong]), tree.read, tree))


def test_merge_of_ten_thousand_files_reads_only_the_pages_that_changed() -> None:
    base = _listing(10_000)
    ours = {**base, "f010/001000x": _entry("f010/001000x", 1)}
    theirs = {**base, "f090/009000x": _entry("f090/009000x", 2)}
    tree = _Tree()
    roots = [tree.add(listing) for listing in (base, ours, theirs)]

    def choose(_: str) -> Side | None:
        return None

    decisions = decide(find_changes(roots[0], roots[1], roots[2], tree.read), choose)
    patches = find_patches(
        find_changes(roots[0], roots[1], roots[2], tree.read), decisions, choose, locator(roots[2], tree.read)
    )
    list(patch_manifest(roots[1], patches, tree.read, tree))
    assert tree.finish() == _Tree().add({**ours, **theirs})
    # Three roots, the changed leaf of each side before and after, the patched leaf and the last one.
    assert len(set(tree.reads)) <= 3 + 4 + 2
    assert tree.carried >= 15
