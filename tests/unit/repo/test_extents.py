"""repo.extents: what is wanted of each directory survives, and a file that nobody here wrote says nothing."""

import os

import pytest

from dvx.core.errors import LocalDiskError
from dvx.repo.extents import Extent, Extents

ROOT, OTHER = b"r" * 32, b"o" * 32
NAMES = ["plain", "with space", "tab\tand\nline", "back\\slash", "ünï", "\udcff", "* ?[x]", "  path x", ""]


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "dvx" / "checked-out")


def test_no_file_says_nothing(place):
    extents = Extents(place)
    assert extents.get("data") is None
    assert not extents.is_damaged


def test_what_is_written_is_read_again(place):
    written = {
        "data/whole": Extent(ROOT, is_whole=True),
        "data/pending": Extent(None, is_whole=True),
        "part": Extent(OTHER, patterns=("**/*0.json", *NAMES), paths=frozenset(NAMES)),
        "none yet": Extent(None),
    }
    Extents(place).update(written)
    assert dict(Extents(place).items()) == written


def test_none_forgets_and_others_stay(place):
    Extents(place).update({"a": Extent(ROOT), "b": Extent(OTHER)})
    extents = Extents(place)
    extents.update({"a": None, "c": None})
    assert dict(Extents(place).items()) == {"b": Extent(OTHER)}


def test_nothing_is_written_where_nothing_changes(place):
    Extents(place).update({"a": Extent(ROOT)})
    before = os.stat(place).st_ino
    Extents(place).update({"a": Extent(ROOT), "b": None})
    assert os.stat(place).st_ino == before


def test_hooks_hear_of_another_version_only(place):
    moves = []
    extents = Extents(place, on_move=lambda: moves.append(1))
    extents.update({"a": Extent(ROOT)})
    extents.update({"a": Extent(ROOT, patterns=("x",))})
    assert len(moves) == 1
    extents.update({"a": Extent(OTHER)})
    extents.update({"a": None})
    assert len(moves) == 3


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"dvx checked-out 2\nend\n",
        b"dvx checked-out 1\n",
        b"dvx checked-out 1\nall - a\n",
        b"dvx checked-out 1\npart 00 a\nend\n",
        b"dvx checked-out 1\n  match x\nend\n",
        b"dvx checked-out 1\nelse - a\nend\n",
        b"dvx checked-out 1\nall - \\x\nend\n",
        b"dvx checked-out 1\nall - \xff\nend\n",
    ],
)
def test_a_file_that_nobody_here_wrote_is_damaged_and_replaced_by_the_next_change(place, text):
    os.makedirs(os.path.dirname(place))
    with open(place, "wb") as file:
        file.write(text)
    extents = Extents(place)
    assert extents.is_damaged
    assert dict(extents.items()) == {}
    extents.update({"a": Extent(ROOT)})
    assert dict(Extents(place).items()) == {"a": Extent(ROOT)}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LocalDiskError):
        Extents(str(tmp_path / "dvx" / "checked-out")).update({"a": Extent(ROOT)})


def test_wanted_names_the_part_and_nothing_for_the_whole():
    part = Extent(ROOT, patterns=("sub", "**/*.png"), paths=frozenset({"b", "a[1]"}))
    assert part.wanted == ("sub", "**/*.png", "a[1]", "b")
    assert Extent(ROOT, is_whole=True).wanted == ()
    matches = part.matcher()
    assert [matches(p) for p in ("sub", "sub/x", "d/i.png", "a[1]", "a1", "b/c")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip
    assert Extent(ROOT, is_whole=True).matcher()("anything")
    assert not Extent(ROOT).matcher()("anything")


def test_more_patterns_are_named_once():
    assert Extent(ROOT, patterns=("a",)).with_patterns(("b", "a")).patterns == ("a", "b")
