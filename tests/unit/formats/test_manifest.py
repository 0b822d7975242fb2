"""Manifest pages: exact text, and refusal of everything that is not it."""

import pytest

from dvx.core.errors import FormatError, PathRefused, UnsupportedVersion
from dvx.core.ids import EMPTY_ID
from dvx.formats.manifest import (
    MAX_PAGE_BYTES,
    ChildPage,
    Entry,
    InnerPage,
    LeafPage,
    PathOrder,
    format_page,
    parse_page,
)

ID = bytes(range(32))
HEX = ID.hex()
LEAF = LeafPage(
    (
        Entry("a file", "file", 12, ID),
        Entry("bin/run", "executable", 0, ID),
        Entry("empty", "directory", 0, EMPTY_ID),
        Entry("link", "symlink", 7, ID),
        Entry("日本", "file", 2**62, ID),
    )
)
LEAF_TEXT = f"""\
dvx-manifest 1 leaf
f 12 {HEX} a file
x 0 {HEX} bin/run
d 0 {EMPTY_ID.hex()} empty
l 7 {HEX} link
f {2**62} {HEX} 日本
""".encode()
INNER = InnerPage(2, (ChildPage(600, 12345, ID, "m/z"), ChildPage(1, 0, ID, "n")))
INNER_TEXT = f"dvx-manifest 1 inner 2\n600 12345 {HEX} m/z\n1 0 {HEX} n\n".encode()


def test_leaf_page_has_the_documented_text() -> None:
    assert format_page(LEAF) == LEAF_TEXT
    assert parse_page(LEAF_TEXT) == LEAF
    assert parse_page(memoryview(LEAF_TEXT)) == LEAF


def test_inner_page_has_the_documented_text() -> None:
    assert format_page(INNER) == INNER_TEXT
    assert parse_page(INNER_TEXT) == INNER


def test_empty_leaf_is_one_line() -> None:
    assert format_page(LeafPage(())) == b"dvx-manifest 1 leaf\n"
    assert parse_page(b"dvx-manifest 1 leaf\n") == LeafPage(())


def _leaf(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in ("dvx-manifest 1 leaf", *lines)).encode()


def _inner(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in ("dvx-manifest 1 inner 1", *lines)).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"dvx-manifest 1",
        b"dvx-manifest 1 twig\n",
        b"dvx-manifest 1 inner 0\n",
        b"dvx-manifest 1 inner 8\n1 0 " + HEX.encode() + b" a\n",
        b"dvx-manifest 01 leaf\n",
        b"dvx-manifest 1 leaf \n",
        b"dvx-manifest 1 leaf\r\n",
        LEAF_TEXT[:-1],
        LEAF_TEXT + b"\n",
        LEAF_TEXT.replace(b"\n", b"\r\n"),
        _leaf(f"g 1 {HEX} a"),
        _leaf(f"f 01 {HEX} a"),
        _leaf(f"f +1 {HEX} a"),
        _leaf(f"f -1 {HEX} a"),
        _leaf(f"f ١ {HEX} a"),
        _leaf(f"f 1 {HEX.upper()} a"),
        _leaf(f"f 1 {HEX[:-1]} a"),
        _leaf(f"f 1 {HEX} "),
        _leaf(f"f 1 {HEX}"),
        _leaf(f"f  1 {HEX} a"),
        _leaf(f" f 1 {HEX} a"),
        _leaf(f"f {2**63} {HEX} a"),
        _leaf(f"f {2**62} {HEX} a", f"f {2**62} {HEX} b"),
        _leaf(f"d 1 {EMPTY_ID.hex()} a"),
        _leaf(f"d 0 {HEX} a"),
        _leaf(f"l 0 {HEX} a"),
        _leaf(f"l 4097 {HEX} a"),
        _leaf(f"f 1 {HEX} b", f"f 1 {HEX} a"),
        _leaf(f"f 1 {HEX} a", f"f 1 {HEX} a"),
        _leaf(f"f 1 {HEX} a", f"f 1 {HEX} a/b"),
        _leaf(f"f 1 {HEX} a", f"f 1 {HEX} a-b", f"f 1 {HEX} a-b.c", f"f 1 {HEX} a/b/c"),
        _inner(),
        _inner(f"0 0 {HEX} a"),
        _inner(f"1 0 {HEX} b", f"1 0 {HEX} a"),
        _inner(f"1 {2**62} {HEX} a", f"1 {2**62} {HEX} b"),
        _inner(f"f 0 {HEX} a"),
        _leaf(*(f"f 1 {HEX} {number:06}{'x' * 200}" for number in range(1000))),
    ],
)
def test_parse_page_with_invalid_text_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_page(data)
    assert caught.value.kind == "bad-manifest"


@pytest.mark.parametrize("path", ["../x", "/x", "a/.git/config", "a\\b", "a\rb", ".", "a//b"])
def test_parse_page_with_unsafe_path_is_refused(path: str) -> None:
    for data in (_leaf(f"f 1 {HEX} {path}"), _inner(f"1 1 {HEX} {path}")):
        with pytest.raises(PathRefused) as caught:
            parse_page(data)
        assert caught.value.kind == "unsafe-path"


def test_parse_page_from_newer_version_says_update() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_page(b"dvx-manifest 2 whatever comes\n")


@pytest.mark.parametrize(
    "page",
    [
        LeafPage((Entry("a", "fifo", 0, ID),)),
        LeafPage((Entry("a", "file", -1, ID),)),
        LeafPage((Entry("a", "file", 2**63, ID),)),
        LeafPage((Entry("a", "file", 1, ID[1:]),)),
        LeafPage((Entry("a", "directory", 0, ID),)),
        LeafPage((Entry("b", "file", 1, ID), Entry("a", "file", 1, ID))),
        LeafPage(tuple(Entry(f"{n:04}", "file", 2**60, ID) for n in range(8))),
        LeafPage(tuple(Entry(f"{n:06}{'x' * 200}", "file", 1, ID) for n in range(1000))),
        InnerPage(1, ()),
        InnerPage(0, INNER.children),
        InnerPage(8, INNER.children),
        InnerPage(1, (ChildPage(1, -1, ID, "a"),)),
        InnerPage(1, (ChildPage(1, 1, b"", "a"),)),
    ],
)
def test_format_page_with_what_parse_refuses_is_refused(page: LeafPage | InnerPage) -> None:
    with pytest.raises(FormatError):
        format_page(page)


def test_path_order_orders_by_utf8_bytes() -> None:
    paths = sorted(["a", "a-b", "Z", "é", "\uffff", "\U00010000", "aé"], key=lambda path: path.encode())
    order = PathOrder()
    for path in paths:
        order.accept(path)
    with pytest.raises(FormatError, match="does not sort after"):
        order.accept("\uffff")


def test_parse_page_at_the_size_limit_is_read() -> None:
    line = f"f 1 {HEX} {{:04}}{'x' * 100}"
    data = _leaf(
        *(line.format(number) for number in range((MAX_PAGE_BYTES - 20) // len(line.format(0) + " ")))
    )
    assert MAX_PAGE_BYTES - 200 < len(data) <= MAX_PAGE_BYTES
    page = parse_page(data)
    assert isinstance(page, LeafPage)
    assert format_page(page) == data


@pytest.mark.parametrize(
    "groups",
    [
        [["a", "a-b", "a/c"]],
        [["a"], ["a-b", "a/c"]],
        [["a", "a-b"], ["a-c", "a/b/c"]],
        [["a/b", "a/b-c"], ["a/b.d"], ["a/b/c"]],
        [["b", "a"]],
        [["a", "a"]],
        [["b"], ["a"]],
        [["b"], ["b"]],
    ],
)
def test_paths_in_groups_are_refused_as_they_are_one_by_one(groups: list[list[str]]) -> None:
    def one_by_one() -> None:
        order = PathOrder()
        for path in [path for group in groups for path in group]:
            order.accept(path)

    def in_groups() -> None:
        order = PathOrder()
        for group in groups:
            order.accept_all(group)

    with pytest.raises(FormatError) as expected:
        one_by_one()
    with pytest.raises(FormatError) as found:
        in_groups()
    assert str(found.value) == str(expected.value)


def test_paths_in_groups_leave_the_same_to_be_checked_as_one_by_one() -> None:
    order = PathOrder()
    order.accept_all(["a", "a-b", "a-b.c"])
    order.accept_all([])
    order.accept("a-bc")
    with pytest.raises(FormatError):
        order.accept_all(["a-bc/d"])
    order = PathOrder()
    order.accept_all(["x", "x.y"])
    with pytest.raises(FormatError):
        order.accept("x/y")


def test_page_of_nothing_but_a_first_line_without_end_is_refused() -> None:
    with pytest.raises(FormatError, match="no end"):
        parse_page(b"dvx-manifest 1 leaf")
    assert parse_page(b"dvx-manifest 1 leaf\n") == LeafPage(())
