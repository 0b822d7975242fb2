from dvx.cli.conflict_text import conflict_summary, unresolved_lines
from dvx.core.errors import DataMissing
from dvx.core.ids import hash_bytes
from dvx.formats.manifest import Entry
from dvx.formats.three_way import Side
from dvx.ops.merge_pointers import Conflict
from dvx.ops.resolve import Unresolved
from dvx.repo.unmerged import UnmergedPointer


def test_summary_names_five_conflicts_and_counts_the_rest() -> None:
    conflicts = [Conflict(f"{number}.png", None, "changed on both sides") for number in range(8)]
    line, hint = conflict_summary("my data.dvx", conflicts)
    assert line.startswith("dvx: 8 conflicts in `my data`: `my data/0.png`, ")
    assert line.endswith("`my data/4.png` and 3 more")
    assert "`dvx resolve --ours 'my data'`" in hint


def test_summary_of_a_key_and_of_the_whole() -> None:
    conflicts = [Conflict("", "params.lr", "x"), Conflict("", None, "y")]
    assert "2 conflicts in `m`: `m.dvx: key params.lr`, `m`" in conflict_summary("m.dvx", conflicts)[0]
    assert conflict_summary("m.dvx", []) == []


def test_names_of_other_people_are_escaped() -> None:
    conflict = Conflict("a\x1b[2J\u202e", None, "changed on both sides")
    unresolved = Unresolved(UnmergedPointer("d.dvx", {Side.OURS: "0" * 40}), [conflict])
    for line in [*conflict_summary("d.dvx", [conflict]), *unresolved_lines(unresolved)]:
        assert line.isprintable()


def test_list_has_both_versions_with_size_and_id() -> None:
    entry = Entry("a", "executable", 1500, hash_bytes(b"a"))
    conflict = Conflict("a", None, "deleted by them", None, entry, None)
    lines = unresolved_lines(Unresolved(UnmergedPointer("d.dvx", {}), [conflict]))
    assert lines == [
        "d: 1 conflict",
        f"  d/a  deleted by them  ours 1.50 kB executable {hash_bytes(b'a').hex()[:12]}, theirs none",
    ]


def test_pointer_that_could_not_be_merged_is_listed_without_conflicts() -> None:
    unresolved = Unresolved(UnmergedPointer("d.dvx", {}), error=DataMissing("gone"))
    assert unresolved_lines(unresolved) == ["d: not merged"]
