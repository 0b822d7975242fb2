"""ops.leaf_parts: a leaf that changed in places, cut into what is taken over and what is compared."""

from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats.manifest import ChildPage, Entry, LeafPage, format_page
from dvx.formats.manifest_lines import LeafText
from dvx.ops.leaf_parts import CutLeaf, LeafToCompare, SameLines

OFFSET = 1000


def leaf_of(entries, rows, groups):
    page = format_page(LeafPage(tuple(entries)))
    told = ChildPage(len(entries), sum(entry.size for entry in entries), hash_bytes(page), entries[-1].path)
    return CutLeaf(told, LeafText(page, entries=len(entries)), rows, groups, offset=OFFSET)


def entry(number, kind="file"):
    return Entry(
        f"f{number}",
        kind,
        0 if kind == "directory" else 10 + number,
        EMPTY_ID if kind == "directory" else bytes(32),
    )


def row(entry, *, mtime_ns=1):
    return (entry.path, entry.kind, entry.size, mtime_ns, 1, 1)


def shape(parts):
    """What each part holds: the paths of lines, or the paths of pairs with what is on either side."""
    found = []
    for part in parts:
        if isinstance(part, SameLines):
            found.append(("same", part.offset, list(part.lines.paths), part.lines.size))
            assert [row[0] for row in part.rows] == part.lines.paths
        else:
            sides = [
                (pair.path, pair.offset, pair.entry is not None, pair.found is not None)
                for pair in part.pairs
            ]
            found.append(("compare", sides))
    return found


def test_unchanged_groups_are_lines_and_the_rest_is_compared():
    entries = [entry(number) for number in range(6)]
    rows = [row(each) for each in entries]
    leaf = leaf_of(entries, rows, [slice(0, 2), slice(4, 6)])
    assert shape(leaf.parts("d/", is_ended=True)) == [
        ("same", OFFSET, ["f0", "f1"], 21),
        ("compare", [("d/f2", OFFSET + 21, True, True), ("d/f3", OFFSET + 33, True, True)]),
        ("same", OFFSET + 46, ["f4", "f5"], 29),
    ]
    assert leaf.paths() == [each.path for each in entries]


def test_added_and_removed_files_are_in_the_part_that_is_compared():
    entries = [entry(number) for number in range(4)]
    rows = [row(each) for each in [entries[0], entries[1], entry(2), entry(5)]]
    assert shape(leaf_of(entries, rows, [slice(0, 2)]).parts("d/", is_ended=False)) == [
        ("same", OFFSET, ["f0", "f1"], 21),
        (
            "compare",
            [
                ("d/f2", OFFSET + 21, True, True),
                ("d/f3", OFFSET + 33, True, False),
                ("d/f5", -1, False, True),
            ],
        ),
    ]
    fewer = leaf_of(entries, rows[:2], [slice(0, 2)])
    assert shape(fewer.parts("d/", is_ended=False))[1:] == [
        ("compare", [("d/f2", OFFSET + 21, True, False), ("d/f3", OFFSET + 33, True, False)])
    ]


def test_group_with_a_link_or_an_empty_folder_is_compared():
    for kind in ("symlink", "directory"):
        entries = [entry(0, kind), entry(1), entry(2), entry(3)]
        leaf = leaf_of(entries, [row(each) for each in entries], [slice(0, 2), slice(2, 4)])
        parts = list(leaf.parts("d/", is_ended=True))
        assert [type(part) for part in parts] == [LeafToCompare, SameLines]
        assert parts[0].entries == tuple(entries[:2])


def test_part_to_compare_is_one_with_all_files_of_the_leaf_to_mark_it_by():
    entries = [entry(number) for number in range(6)]
    rows = [row(each) for each in entries]
    part = leaf_of(entries, rows, [slice(2, 4)]).changed_part("d/")
    assert [pair.path for pair in part.pairs] == ["d/f0", "d/f1", "d/f4", "d/f5"]
    assert part.rows == rows
    assert part.spans == [("d/f0", "d/f1"), ("d/f4", "d/f5")]
    assert part.leaf is not None
