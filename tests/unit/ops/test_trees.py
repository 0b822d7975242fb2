"""ops.trees: manifest and workspace side by side."""

import os

import pytest

from dvx.core.ids import hash_bytes
from dvx.disk.walk import WalkEntry
from dvx.formats.manifest import Entry
from dvx.formats.pointer import Pointer
from dvx.ops.trees import Tree, pair_up, plain_parts, stat_entry
from dvx.store.page_reader import PageReader
from dvx.testing.stores import add_directory, make_store, open_index


def entry(path):
    return Entry(path, "file", 1, hash_bytes(b"x"))


def found(path):
    return WalkEntry(path, "file", 1, 0, 0, 0)


def paired(manifest, workspace):
    entries = ((number, path, entry(path)) for number, path in enumerate(manifest))
    walk = ((path, found(path)) for path in workspace)
    return [(pair.path, pair.entry is not None, pair.found is not None) for pair in pair_up(entries, walk)]


def test_pairs_are_merged_in_order_of_utf8_bytes():
    assert paired(["a", "b", "é"], ["a", "a-b", "é", "𝄞"]) == [
        ("a", True, True),
        ("a-b", False, True),
        ("b", True, False),
        ("é", True, True),
        ("𝄞", False, True),
    ]
    assert paired([], []) == []


def test_plain_parts_drops_what_is_below_another_and_gives_up_at_patterns():
    assert plain_parts(["b", "a/x", "a", "a-b", "b"]) == ["a-b", "a", "b"]
    assert plain_parts(["a", "*.txt"]) == []
    assert plain_parts([]) == []


@pytest.fixture
def pages(tmp_path):
    with open_index(tmp_path) as index:
        store = make_store(tmp_path, index)
        with PageReader(store, lambda: None) as reader:
            reader.add = lambda files: add_directory(store, tmp_path, files)
            yield reader


def test_entries_of_a_directory_have_their_place_in_the_stream(pages):
    placement = pages.add({"a": b"123", "sub/b": b"45", "z": b"6"})
    pointer = Pointer("directory", placement.root, 6, 3)
    tree = Tree("/top", "data", pointer)
    assert [(start, path) for start, path, _ in tree.entries(pages)] == [
        (0, "data/a"),
        (3, "data/sub/b"),
        (5, "data/z"),
    ]
    inside = Tree("/top", "data", pointer, ("z", "sub"))
    assert [(start, path) for start, path, _ in inside.entries(pages)] == [(3, "data/sub/b"), (5, "data/z")]
    pattern = Tree("/top", "data", pointer, ("*/b",))
    assert [path for _, path, _ in pattern.entries(pages)] == ["data/sub/b"]


def test_entry_of_a_tracked_file_knows_the_executable_bit(pages):
    pointer = Pointer("file", hash_bytes(b"x"), 1, None, {"executable": True})
    assert [(path, each.kind) for _, path, each in Tree("/top", "tool", pointer).entries(pages)] == [
        ("tool", "executable")
    ]
    assert list(Tree("/top", "tool", None).entries(pages)) == []


def test_walk_of_a_part_is_the_same_as_a_walk_of_all_narrowed_to_it(tmp_path):
    for name in ("a", "sub/b", "sub/deep/c", "z"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"1")
    (tmp_path / "data/hollow").mkdir()
    every = dict(Tree(str(tmp_path), "data", None).walk(None))
    for inside in (("sub",), ("sub/deep", "a"), ("hollow",), ("nothing",), ("z", "sub/b")):
        part = dict(Tree(str(tmp_path), "data", None, inside).walk(None))
        wanted = tuple(f"data/{name}" for name in inside)
        expected = {
            path: each
            for path, each in every.items()
            if path in wanted or path.startswith(tuple(name + "/" for name in wanted))
        }
        assert {path: each._replace(path="") for path, each in part.items()} == {
            path: each._replace(path="") for path, each in expected.items()
        }


def test_walk_of_what_is_not_there_is_empty(tmp_path):
    assert list(Tree(str(tmp_path), "nope", None).walk(None)) == []


def test_stat_entry_tells_kinds_apart(tmp_path):
    (tmp_path / "file").write_bytes(b"12")
    (tmp_path / "tool").write_bytes(b"")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    kinds = {name: stat_entry(str(tmp_path / name), name).kind for name in os.listdir(tmp_path)}
    assert kinds == {"file": "file", "tool": "executable", "folder": "directory", "link": "symlink"}
    assert stat_entry(str(tmp_path / "gone"), "gone") is None
    assert stat_entry(str(tmp_path / "file/below"), "below") is None
