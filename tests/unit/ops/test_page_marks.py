"""ops.page_marks: which places of a leaf are as they were."""

from dvx.core.ids import hash_bytes
from dvx.formats.manifest import ChildPage, Entry
from dvx.formats.manifest_tree import build_manifest
from dvx.ops.page_marks import MarkLearner, PageMarks

SETTLED_NS = 1_000_000_000_000_000_000
LEAF = ChildPage(100, 4000, hash_bytes(b"leaf"), "f099")


def rows(*changed, count=100):
    return [
        (f"f{number:03}", "file", 40, SETTLED_NS + (number in changed), SETTLED_NS, number)
        for number in range(count)
    ]


def marks_of(work, leaf=LEAF, found=None, *, is_ended=False):
    """The marks as a later command finds them, after a leaf was noted."""
    with work.open() as project:
        marks = PageMarks(project.stat_cache, "data")
        marks.note(leaf, rows() if found is None else found, {}, is_ended=is_ended)
        marks.save()
        return PageMarks(project.stat_cache, "data")


def test_all_groups_but_those_of_changed_files_are_unchanged_and_neighbours_are_one_part(work):
    marks = marks_of(work)
    assert marks.unchanged_groups(LEAF, rows(), None) == [slice(0, 100)]
    assert marks.unchanged_groups(LEAF, rows(5), None) == [slice(32, 100)]
    assert marks.unchanged_groups(LEAF, rows(40), None) == [slice(0, 32), slice(64, 100)]
    assert marks.unchanged_groups(LEAF, rows(99), None) == [slice(0, 96)]


def test_files_before_a_removed_one_are_unchanged(work):
    marks = marks_of(work)
    assert marks.unchanged_groups(LEAF, rows(count=70), None) == [slice(0, 64)]


def test_page_of_which_the_parent_says_something_else_has_no_mark(work):
    marks = marks_of(work)
    for other in (ChildPage(101, 4000, LEAF.id, "f099"), ChildPage(100, 4000, LEAF.id, "f100")):
        assert marks.unchanged_groups(other, rows(), None) == []
        assert not marks.is_ended(other)


def test_leaf_that_was_ended_here_stays_so_when_it_is_looked_at_again(work):
    assert not marks_of(work).is_ended(LEAF)
    marks_of(work, is_ended=True)
    assert marks_of(work, found=rows(3)).is_ended(LEAF)


def test_only_the_last_leaf_of_a_built_tree_is_not_ended_by_its_last_line(work):
    entries = [Entry(f"f{number:06}", "file", 1, hash_bytes(b"")) for number in range(3000)]
    found = [(entry.path, "file", 1, SETTLED_NS, SETTLED_NS, 1) for entry in entries]
    with work.open() as project:
        marks = PageMarks(project.stat_cache, "data")
        learner = MarkLearner(marks)
        learner.take_files(found[:2000])
        learner.take(entries[2000:], found[2000:])
        pages = list(build_manifest(entries))
        learner.learn(pages)
        marks.save()
        marks = PageMarks(project.stat_cache, "data")
    leaves = [page.told for page in pages if page.level == 0]
    assert len(leaves) > 1
    assert [marks.is_ended(leaf) for leaf in leaves] == [True] * (len(leaves) - 1) + [False]
    assert all(marks.has(leaf.id) for leaf in leaves)
