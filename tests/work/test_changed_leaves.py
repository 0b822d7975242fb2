"""What an add and a diff look at in a directory of which one file changed."""

import time

import pytest

from dvx.formats import manifest_tree
from dvx.formats.manifest import parse_page
from dvx.formats.manifest_lines import LeafText
from dvx.formats.manifest_reader import PageTree
from dvx.formats.manifest_tree import ManifestBuilder
from dvx.ops import page_marks
from dvx.ops.diff import read_diff
from dvx.testing.workspace import make_repo

FILES = 600
# Longer than one tick of the clock that stamps files.
TICK_S = 0.03


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest_tree, "LEAF_MODULUS", 128)
    monkeypatch.setattr(page_marks, "_COARSEST_TIME_NS", int(TICK_S * 1e9))
    work = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    work.write({f"data/{number:04}": b"%d" % number for number in range(FILES)})
    time.sleep(2 * TICK_S)
    work.add("data")
    work.commit()
    work.status()  # marks the last leaf, which the add did not
    work.write({"data/0300": b"new"})
    time.sleep(2 * TICK_S)
    return work


@pytest.fixture
def parsed(monkeypatch):
    """How many entries of leaves are parsed, a part or a whole page at a time."""
    counts = []
    entries, checked = LeafText.entries, PageTree.checked

    def counted_part(text, start, end):
        counts.append(end - start)
        return entries(text, start, end)

    def counted_page(tree, ref, data):
        page = checked(tree, ref, data)
        counts.append(len(getattr(page, "entries", ())))
        return page

    monkeypatch.setattr(LeafText, "entries", counted_part)
    monkeypatch.setattr(PageTree, "checked", counted_page)
    return counts


def test_diff_parses_one_group_of_lines(work, parsed):
    with work.open() as project:
        report = read_diff(project, old_rev=None, new_rev=None)
    assert [change.path for change in report.changes] == ["data/0300"]
    assert 0 < sum(parsed) <= page_marks.GROUP_ENTRIES


def test_add_parses_one_group_and_takes_over_the_rest_of_the_leaf_as_text(work, parsed, monkeypatch):
    taken, built = [], []
    add_lines, add_all = ManifestBuilder.add_lines, ManifestBuilder.add_all

    def counted_lines(builder, lines):
        taken.append(len(lines.paths))
        return add_lines(builder, lines)

    def counted_entries(builder, entries):
        built.append(len(entries))
        return add_all(builder, entries)

    monkeypatch.setattr(ManifestBuilder, "add_lines", counted_lines)
    monkeypatch.setattr(ManifestBuilder, "add_all", counted_entries)
    pointer = work.add("data").added[0].pointer
    count, entries = sum(parsed), sum(built)
    # The last leaf of a tree ends with it, so that it is built again in any case.
    pages = list(manifest_tree.build_manifest(entries_of(work, pointer)))
    last = next(page for page in reversed(pages) if page.level == 0)
    assert 0 < count <= page_marks.GROUP_ENTRIES + last.told.entries
    assert 0 < entries <= page_marks.GROUP_ENTRIES + last.told.entries
    assert sum(taken) > 0
    assert pages[-1].id == pointer.id


def entries_of(work, pointer):
    with work.open() as project, project.pages() as pages:
        return list(manifest_tree.walk_entries(pointer.id, pages.for_root(pointer.id)))


def test_pages_of_the_example_are_several(work):
    with work.open() as project, project.pages() as pages:
        pointer = work.pointer("data")
        (root,) = pages.for_root(pointer.id)([pointer.id])
    assert len(parse_page(root).children) > 2
