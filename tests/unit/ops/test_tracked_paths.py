"""ops.tracked_paths: ignore rules are for what no version has."""

import pytest

from dvx.core.errors import DataMissing
from dvx.ops.tracked_paths import UntrackedOnly, VersionPaths
from dvx.store.page_reader import PageReader
from dvx.testing.stores import add_directory, make_store, open_index


@pytest.fixture
def version(tmp_path):
    """Store a directory with these files; returns its VersionPaths, and counts the batches of pages it reads."""
    with open_index(tmp_path) as index:
        store = make_store(tmp_path, index)
        with PageReader(store, lambda: None) as reader:

            def make(*names):
                root = add_directory(store, tmp_path, dict.fromkeys(names, b"x")).root
                read = reader.for_root(root)

                def counted(ids):
                    found.reads += 1
                    return read(ids)

                found = VersionPaths(root, counted)
                found.reads = 0
                return found

            yield make


def test_entry_and_folders_above_it_are_there_and_neighbours_are_not(version):
    paths = version("a", "b/c/d", "b.x", "z")
    assert [name for name in ("a", "b", "b/c", "b/c/d", "b.x", "z") if not paths.has(name)] == []
    assert [name for name in ("", "b/c/d/e", "b/", "b.", "c", "zz", "a/x") if name and paths.has(name)] == []


def test_many_questions_in_order_read_each_leaf_once(version):
    names = [f"{number:05d}" for number in range(3000)]
    paths = version(*names)
    assert all(paths.has(name) and not paths.has(name + "x") for name in names)
    assert paths.reads < 20


def test_empty_directory_has_nothing(version):
    assert not version().has("a")


def test_rules_say_nothing_of_what_a_version_has(version):
    ignore = UntrackedOnly(
        lambda path, is_dir: path.endswith(".tmp") or is_dir, [version("a.tmp", "cache/x")]
    )
    assert [ignore("a.tmp", False), ignore("b.tmp", False)] == [False, True]
    assert [ignore("cache", True), ignore("other", True)] == [False, True]
    assert [ignore.applies_to_empty("cache"), ignore.applies_to_empty("a.tmp")] == [True, False]


def test_version_that_is_nowhere_has_nothing():
    def read(ids):
        raise DataMissing("no such page")

    assert not VersionPaths(b"0" * 32, read).has("a")
