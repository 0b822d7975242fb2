"""Lines that are taken over as text: where they may come from, and what is still checked of them."""

import pytest

from dvx.core.errors import FormatError, IntegrityError, PathRefused
from dvx.core.ids import hash_bytes
from dvx.formats.manifest import ChildPage, Entry, LeafPage, format_page
from dvx.formats.manifest_lines import CheckedLines, LeafText
from dvx.formats.manifest_reader import PageRef, PageTree
from dvx.formats.manifest_tree import ManifestBuilder

ENTRIES = tuple(Entry(f"a/{number}", "file", number, hash_bytes(b"%d" % number)) for number in range(5))
PAGE = format_page(LeafPage(ENTRIES))


def lines_of(entries):
    text = format_page(LeafPage(tuple(entries))).partition(b"\n")[2]
    return CheckedLines(text, [entry.path for entry in entries], sum(entry.size for entry in entries))


def text_of(data, *, page_id=None, entries=5):
    page_id = page_id or hash_bytes(data)
    ref = PageRef(page_id, told=ChildPage(entries, 10, page_id, "a/4"), level=0)
    return PageTree(lambda ids: []).text_of(ref, data)


def test_parts_of_a_page_are_its_entries_and_its_lines():
    text = text_of(PAGE)
    assert text.entries(1, 3) == ENTRIES[1:3]
    assert text.entries(2, 2) == ()
    found = text.lines(3, ["a/3", "a/4"], size=7, may_end=False)
    assert found == CheckedLines(lines_of(ENTRIES[3:]).text, ["a/3", "a/4"], 7, may_end=False)


def test_bytes_that_do_not_match_their_id_have_no_text():
    with pytest.raises(IntegrityError) as caught:
        text_of(PAGE.replace(b"a/4", b"a/5"), page_id=hash_bytes(PAGE))
    assert caught.value.kind == "page-mismatch"


@pytest.mark.parametrize("entries", [4, 6])
def test_page_of_another_length_than_was_found_before_is_refused(entries):
    with pytest.raises(FormatError, match="another count"):
        text_of(PAGE, entries=entries)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"f 1 " + b"0" * 64 + b" a/../b", PathRefused),
        (b"f 01 " + b"0" * 64 + b" a/b", FormatError),
        (b"z 1 " + b"0" * 64 + b" a/b", FormatError),
    ],
)
def test_lines_that_are_looked_at_are_checked_like_those_of_a_whole_page(line, error):
    text = LeafText(
        PAGE.replace(b"dvx-manifest 1 leaf\n", b"dvx-manifest 1 leaf\n" + line + b"\n"), entries=6
    )
    assert text.entries(1, 6) == ENTRIES
    with pytest.raises(error):
        text.entries(0, 2)


def test_lines_out_of_order_or_below_an_entry_are_refused_by_the_builder():
    for first in ("a/3", "a"):
        builder = ManifestBuilder()
        builder.add(ENTRIES[0]._replace(path=first))
        with pytest.raises(FormatError):
            builder.add_lines(lines_of(ENTRIES[1:]))


def test_builder_takes_no_lines_after_its_end():
    builder = ManifestBuilder()
    builder.finish()
    with pytest.raises(RuntimeError):
        builder.add_lines(lines_of(ENTRIES))
