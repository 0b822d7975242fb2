"""Pointers: the canonical text, every other spelling, and the messages for broken ones."""

import pytest

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.formats.pointer import Pointer, format_pointer, parse_pointer

ID = bytes(range(32))
FILE = Pointer(kind="file", id=ID, size=5)
DIRECTORY = Pointer(kind="directory", id=ID, size=1068181770, files=20000)
DIRECTORY_TEXT = f"""\
# dvx pointer: run `dvx pull` to get the data
version = 1
kind = "directory"
id = "blake3:{ID.hex()}"
size = 1068181770
files = 20000
""".encode()


def _with(**lines: str) -> bytes:
    fields = {"version": "1", "kind": '"file"', "id": f'"blake3:{ID.hex()}"', "size": "5"} | lines
    return "".join(f"{key} = {value}\n" for key, value in fields.items() if value).encode()


def test_format_pointer_of_directory_gives_the_documented_text() -> None:
    assert format_pointer(DIRECTORY) == DIRECTORY_TEXT
    assert parse_pointer(DIRECTORY_TEXT) == DIRECTORY


def test_format_pointer_of_file_has_no_files_line() -> None:
    assert b"files" not in format_pointer(FILE)
    assert parse_pointer(format_pointer(FILE)) == FILE


def test_parse_pointer_keeps_unknown_keys_and_tables() -> None:
    data = _with(zeta="1", alpha='"x"') + b"[params]\nlr = 1e-3\n[meta.owner]\nname = 'me'\n"
    pointer = parse_pointer(data)
    assert pointer.extra == {
        "alpha": "x",
        "zeta": 1,
        "meta": {"owner": {"name": "me"}},
        "params": {"lr": 0.001},
    }
    assert format_pointer(pointer).decode().partition("size = 5\n")[2] == (
        'alpha = "x"\nzeta = 1\n\n[meta.owner]\nname = "me"\n\n[params]\nlr = 0.001\n'
    )


@pytest.mark.parametrize(
    "data",
    [
        DIRECTORY_TEXT.replace(b"\n", b"\r\n"),
        b"\n# other comment\n" + DIRECTORY_TEXT.partition(b"\n")[2],
        DIRECTORY_TEXT.replace(b"1068181770", b"1_068_181_770"),
        DIRECTORY_TEXT.replace(b"20000", b"0x4e20"),
        DIRECTORY_TEXT.replace(b'"directory"', b"'directory'"),
    ],
)
def test_parse_pointer_with_other_spelling_gives_the_same_value_and_is_not_canonical(data: bytes) -> None:
    assert parse_pointer(data) == DIRECTORY
    assert format_pointer(parse_pointer(data)) == DIRECTORY_TEXT


def test_parse_pointer_with_conflict_markers_says_how_to_resolve() -> None:
    mine, theirs = DIRECTORY_TEXT.splitlines(True), format_pointer(FILE).splitlines(True)
    data = b"".join([*mine[:2], b"<<<<<<< HEAD\n", *mine[2:], b"=======\n", *theirs[2:], b">>>>>>> other\n"])
    with pytest.raises(FormatError) as caught:
        parse_pointer(data, name="data/my set.dvx")
    assert caught.value.kind == "conflict-markers"
    assert "`data/my set.dvx`" in caught.value.what
    assert "`dvx resolve`" in caught.value.hints[0]
    assert "`git checkout --ours 'data/my set.dvx'`" in caught.value.hints[1]
    assert "`git checkout --theirs 'data/my set.dvx'`" in caught.value.hints[2]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"version https://git-lfs.github.com/spec/v1\n",
        _with(version=""),
        _with(version="true"),
        _with(version="0"),
        _with(version='"1"'),
        _with(kind=""),
        _with(kind='"tree"'),
        _with(kind="['file']"),
        _with(id=""),
        _with(id="1"),
        _with(id='"blake3:abc"'),
        _with(id=f'"blake3:{ID.hex().upper()}"'),
        _with(size=""),
        _with(size="-1"),
        _with(size="true"),
        _with(size="5.0"),
        _with(size=str(2**63)),
        _with(files="1"),
        _with(kind='"directory"'),
        _with(kind='"directory"', files="-1"),
        _with(kind='"directory"', files="false"),
        _with(x="[" * 500 + "]" * 500),
        _with(x="[" * 7000 + "]" * 7000),
        b".".join([b"a"] * 5000) + b" = 1\n" + _with(),
        _with(x="0x" + "f" * 5000),
        _with(x="9" * 5000),
        _with(x=str(2**63)),
        _with() + b"#" * 16384,
        _with() + b"size = 6\n",
    ],
)
def test_parse_pointer_with_invalid_bytes_names_the_pointer(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_pointer(data, name="x.dvx")
    assert caught.value.kind == "bad-pointer"
    assert "`x.dvx`" in caught.value.what
    assert caught.value.hints == ("restore the last committed version: `git checkout HEAD -- x.dvx`",)


@pytest.mark.parametrize("data", [_with(version="2"), _with(id='"sha256:00"')])
def test_parse_pointer_from_newer_version_says_update(data: bytes) -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        parse_pointer(data)
    assert "pip install --upgrade git-dvx" in caught.value.hints[0]


@pytest.mark.parametrize(
    "pointer",
    [
        Pointer(kind="file", id=ID, size=-1),
        Pointer(kind="file", id=ID, size=True),
        Pointer(kind="file", id=ID[:31], size=1),
        Pointer(kind="file", id=ID, size=1, files=1),
        Pointer(kind="directory", id=ID, size=1),
        Pointer(kind="tree", id=ID, size=1),
        Pointer(kind="file", id=ID, size=1, extra={"kind": "x"}),
        Pointer(kind="file", id=ID, size=1, extra={"x": (1,)}),
        Pointer(kind="file", id=ID, size=1, extra={"x": "\ud800"}),
        Pointer(kind="file", id=ID, size=1, extra={"x": "y" * 16384}),
    ],
)
def test_format_pointer_with_what_no_reader_accepts_is_refused(pointer: Pointer) -> None:
    with pytest.raises(FormatError):
        format_pointer(pointer)
