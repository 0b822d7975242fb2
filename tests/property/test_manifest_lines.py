"""Taking lines of leaves over as text gives the tree that building from the entries gives."""

import random
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.ids import hash_bytes
from dvx.formats import manifest_tree
from dvx.formats.manifest import Entry, format_entry
from dvx.formats.manifest_lines import CheckedLines
from dvx.formats.manifest_tree import ManifestBuilder, build_manifest


def listing(chance: random.Random, count: int) -> list[Entry]:
    names = {f"{chance.choice('abc')}/{chance.randrange(10_000):05}-é" for _ in range(count)}
    return [
        Entry(name, chance.choice(["file", "executable"]), chance.randrange(2000), hash_bytes(name.encode()))
        for name in sorted(names)
    ]


def as_lines(entries: list[Entry]) -> CheckedLines:
    text = b"".join(map(format_entry, entries))
    return CheckedLines(text, [entry.path for entry in entries], sum(entry.size for entry in entries))


def changed(chance: random.Random, entries: list[Entry]) -> dict[str, Entry]:
    """The listing with some entries changed, removed and added."""
    new = {entry.path: entry for entry in entries}
    for entry in chance.sample(entries, min(len(entries), chance.randrange(8))):
        kind = chance.randrange(3)
        if kind == 0:
            del new[entry.path]
        elif kind == 1:
            new[entry.path] = entry._replace(size=entry.size + 1, id=hash_bytes(b"new"))
        else:
            new[entry.path + "x"] = entry._replace(path=entry.path + "x")
    return new


def add_in_pieces(
    builder: ManifestBuilder, chance: random.Random, old: dict[str, Entry], new: list[Entry]
) -> list[manifest_tree.BuiltPage]:
    """Give `new` to a builder: stretches that are as they were by their lines, of any length, others as entries."""
    built = []
    position = 0
    while position < len(new):
        end = position + 1
        is_same = old.get(new[position].path) == new[position]
        longest = position + chance.choice([1, 3, 40, 400])
        while end < min(longest, len(new)) and (old.get(new[end].path) == new[end]) == is_same:
            end += 1
        part = new[position:end]
        built += builder.add_lines(as_lines(part)) if is_same else builder.add_all(part)
        position = end
    return built + builder.finish()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 5, 60, 700]))
def test_listing_taken_over_in_pieces_gives_the_same_pages(seed: int, count: int) -> None:
    chance = random.Random(seed)
    entries = listing(chance, count)
    old = {entry.path: entry for entry in entries}
    new = [entry for _, entry in sorted(changed(chance, entries).items())]
    with (
        mock.patch.object(manifest_tree, "LEAF_MODULUS", chance.choice([7, 512])),
        mock.patch.object(manifest_tree, "INNER_MODULUS", 3),
        mock.patch.object(manifest_tree, "MAX_LEAF_ENTRIES", chance.choice([20, 2048])),
        mock.patch.object(manifest_tree, "FULL_PAGE_BYTES", chance.choice([2000, 160 * 1024])),
    ):
        builder = ManifestBuilder()
        pages = add_in_pieces(builder, chance, old, new)
        expected = list(build_manifest(new))
    assert pages == expected
    assert builder.root_id == expected[-1].id
    assert (builder.entries, builder.files) == (len(new), len(new))
    assert builder.size == sum(entry.size for entry in new)
    for page in pages:
        if page.level == 0:
            assert page.told.entries == page.data.count(b"\n") - 1
