from collections.abc import Sequence

import pytest

from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats.manifest import Entry
from dvx.formats.manifest_merge import TreeDecisions, decide, find_changes, find_patches, locator
from dvx.formats.manifest_tree import build_manifest
from dvx.formats.three_way import Side

Files = dict[str, str]


def _entries(files: Files) -> list[Entry]:
    """`x:` before the content makes a file executable; an empty content is an empty directory."""
    found = []
    for path, content in sorted(files.items()):
        if not content:
            found.append(Entry(path, "directory", 0, EMPTY_ID))
        else:
            kind = "executable" if content.startswith("x:") else "file"
            data = content.removeprefix("x:").encode()
            found.append(Entry(path, kind, len(data), hash_bytes(data)))
    return found


def _decide(
    base: Files | None, ours: Files, theirs: Files, choice: Side | None = None
) -> tuple[TreeDecisions, list[Entry]]:
    """The decisions, and the merged listing if all is decided."""
    pages: dict[bytes, bytes] = {}
    roots: list[bytes | None] = []
    for files in (base, ours, theirs):
        built = list(build_manifest(_entries(files))) if files is not None else []
        pages.update((page.id, page.data) for page in built)
        roots.append(built[-1].id if built else None)

    def read(ids: Sequence[bytes]) -> list[bytes]:
        return [pages[page_id] for page_id in ids]

    assert roots[1] is not None
    assert roots[2] is not None
    changes = list(find_changes(roots[0], roots[1], roots[2], read))
    found = decide(changes, lambda _: choice)
    if found.conflicts:
        return found, []
    merged = {entry.path: entry for entry in _entries(ours)}
    for patch in find_patches(changes, found, lambda _: choice, locator(roots[2], read)):
        assert merged.pop(patch.path, None) == patch.old
        if patch.entry is not None:
            merged[patch.path] = patch.entry
    return found, [merged[path] for path in sorted(merged)]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ({"a": "1"}, {"a": "1", "o": "o"}, {"a": "1", "t": "t"}, {"a": "1", "o": "o", "t": "t"}),
        ({"a": "1", "b": "1"}, {"b": "1"}, {"a": "1"}, {}),
        ({"a": "1"}, {"a": "x:1"}, {"a": "2"}, {"a": "x:2"}),
        ({"a": "1"}, {"a": "2"}, {"a": "2"}, {"a": "2"}),
        ({"d/x": "1"}, {"d": ""}, {"d/x": "1", "d/y": "1"}, {"d/y": "1"}),
        ({"d": ""}, {"d": ""}, {"d/x": "1"}, {"d/x": "1"}),
        ({"z": "1"}, {"d": "", "z": "1"}, {"d/x": "1", "z": "1"}, {"d/x": "1", "z": "1"}),
        ({"d": "1"}, {"d": ""}, {"d/x": "1"}, {"d/x": "1"}),
        ({"d": "1"}, {"d": ""}, {}, {"d": ""}),
        (None, {"a": "1", "s": "s"}, {"b": "1", "s": "s"}, {"a": "1", "b": "1", "s": "s"}),
        ({"d": "1"}, {"d": "1"}, {"d/x": "2", "d-x": "3"}, {"d/x": "2", "d-x": "3"}),
    ],
)
def test_paths_merge_without_a_decision(
    base: Files | None, ours: Files, theirs: Files, merged: Files
) -> None:
    for one, other in ((ours, theirs), (theirs, ours)):
        decisions, listing = _decide(base, one, other)
        assert decisions.conflicts == []
        assert listing == _entries(merged)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "conflicts"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "3"}, {"a": "changed on both sides"}),
        ({}, {"a": "2"}, {"a": "3"}, {"a": "added on both sides"}),
        (None, {"a": "2"}, {"a": "x:2"}, {"a": "added on both sides"}),
        ({"a": "1"}, {}, {"a": "3"}, {"a": "deleted by us, changed by them"}),
        ({"a": "1"}, {"a": "3"}, {}, {"a": "changed by us, deleted by them"}),
        (
            {"d/x": "1", "d/y": "1"},
            {"d": "2", "d-a": "3"},
            {"d/x": "9", "d/y": "1", "d/z": "1"},
            {"d": "a file on one side, a folder on the other"},
        ),
        ({"d": "1"}, {"d": "2"}, {"d/x": "1"}, {"d": "a file on one side, a folder on the other"}),
    ],
)
def test_paths_that_need_a_decision_are_named_with_the_reason(
    base: Files | None, ours: Files, theirs: Files, conflicts: dict[str, str]
) -> None:
    found, _ = _decide(base, ours, theirs)
    assert {item.path: item.reason.value for item in found.conflicts} == conflicts


def test_decision_about_a_file_that_is_a_folder_elsewhere_takes_all_of_one_side() -> None:
    base, ours = {"d/x": "1", "k": "1"}, {"d": "file", "d-a": "3", "k": "1"}
    theirs = {"d/x": "9", "d/z/q": "1", "k": "2"}
    assert _decide(base, ours, theirs, Side.OURS)[1] == _entries({"d": "file", "d-a": "3", "k": "2"})
    merged = {"d/x": "9", "d/z/q": "1", "d-a": "3", "k": "2"}
    assert _decide(base, ours, theirs, Side.THEIRS)[1] == _entries(merged)
