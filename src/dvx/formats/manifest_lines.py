"""Lines of a leaf that was checked before: taken over as text, or parsed where somebody looks at them.

Owns what is known of such lines without parsing them. They are never taken on trust from a store: PageTree.text_of
makes a LeafText of bytes that match their id, and is asked to for pages only that passed parse_page before, under a
parent that said the same of them. Who asks knows that from a record of dvx's own: the marks of dvx.ops.page_marks,
which are noted for pages that were parsed or built on this machine. Must not decide which pages these are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dvx.formats.manifest import Entry, LeafPage, parse_page, refuse_manifest


@dataclass(frozen=True, slots=True)
class CheckedLines:
    """Neighbouring lines of files in a leaf that was checked, each with its LF; none of symlinks or directories.

    `paths` are those of the lines, `size` is the sum of their sizes in bytes. `may_end` says that a line before the
    last may have a path that ends a page, which is not so in a leaf that a builder made.
    """

    text: bytes
    paths: Sequence[str]
    size: int
    may_end: bool = True


class LeafText:
    """The text of a leaf that was checked before, by number of entry."""

    __slots__ = ("_header", "_lines")

    def __init__(self, data: bytes, *, entries: int) -> None:
        """`data` matches its id, `entries` is what was found in it. Raises FormatError where that is not so."""
        self._header, *self._lines = data.split(b"\n")
        if len(self._lines) != entries + 1:
            refuse_manifest("a page has another count than its parent says")

    def entries(self, start: int, end: int) -> tuple[Entry, ...]:
        """The entries in the places [start, end), checked as parse_page does. Raises as parse_page."""
        page = parse_page(b"\n".join([self._header, *self._lines[start:end], b""]))
        assert isinstance(page, LeafPage)
        return page.entries

    def lines(self, start: int, paths: Sequence[str], *, size: int, may_end: bool) -> CheckedLines:
        """The lines from `start` on, all of files, of which everything else is known."""
        end = start + len(paths)
        return CheckedLines(b"\n".join([*self._lines[start:end], b""]), paths, size, may_end)
