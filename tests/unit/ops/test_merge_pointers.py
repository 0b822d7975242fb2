import pytest

from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer
from dvx.formats.pointer_merge import PointerSides
from dvx.formats.three_way import Side
from dvx.ops.merge_pointers import Choices, merge_pointers
from dvx.ops.project import Project


def _pointer(content: bytes, **extra: object) -> Pointer:
    return Pointer("file", hash_bytes(content), len(content), None, extra)


def _no_project() -> Project:
    raise AssertionError("a file needs no store")


def test_last_choice_that_covers_a_path_counts() -> None:
    choices = Choices().with_choice("", Side.OURS).with_choice("a", Side.THEIRS).with_choice("a/b", Side.OURS)
    assert [choices.side_of(path) for path in ("x", "a", "a/c", "a/b", "a/b/c", "ab")] == [
        Side.OURS, Side.THEIRS, Side.THEIRS, Side.OURS, Side.OURS, Side.OURS,
    ]  # fmt: skip
    assert choices.with_choice("", Side.THEIRS) == Choices((("", Side.THEIRS),))
    assert choices.with_choice("a", Side.OURS).decided == (("", Side.OURS), ("a", Side.OURS))


def test_choice_for_a_path_decides_no_keys() -> None:
    assert Choices((("a", Side.OURS),)).side_of_rest is None
    assert Choices((("", Side.THEIRS), ("a", Side.OURS))).side_of_rest is Side.THEIRS


@pytest.mark.parametrize("side", [Side.OURS, Side.THEIRS])
def test_choice_ends_every_kind_of_conflict(side: Side) -> None:
    chosen = Choices((("", side),))
    sides = PointerSides(_pointer(b"a", k=1), _pointer(b"b", k=2), _pointer(b"c", k=3))
    expected = sides.ours if side is Side.OURS else sides.theirs
    assert merge_pointers(_no_project, "m", sides, chosen).pointer == expected
    lost = PointerSides(None, sides.ours, sides.theirs, is_base_lost=True)
    assert merge_pointers(_no_project, "m", lost, chosen).pointer == expected
    large = PointerSides(_pointer(b"a"), _pointer(b"a", o="x" * 9000), _pointer(b"a", t="x" * 9000))
    expected = large.ours if side is Side.OURS else large.theirs
    assert merge_pointers(_no_project, "m", large, chosen).pointer == expected


def test_conflicts_of_content_and_keys_are_all_listed() -> None:
    sides = PointerSides(_pointer(b"a", k=1), _pointer(b"b", k=2), _pointer(b"cc", k=3))
    merge = merge_pointers(_no_project, "m", sides, Choices())
    assert merge.pointer is None
    assert [(item.key, item.reason) for item in merge.conflicts] == [
        ("k", "changed on both sides"), (None, "changed on both sides"),
    ]  # fmt: skip
    (content,) = [item for item in merge.conflicts if item.key is None]
    assert content.ours is not None
    assert content.theirs is not None
    assert (content.ours.size, content.theirs.size) == (1, 2)


def test_file_here_and_directory_there_is_a_conflict_of_the_whole() -> None:
    directory = Pointer("directory", hash_bytes(b"root"), 5, 1, {})
    merge = merge_pointers(_no_project, "m", PointerSides(None, _pointer(b"b"), directory), Choices())
    assert [item.reason for item in merge.conflicts] == ["a file on one side, a folder on the other"]
