"""repo.imports: the table `[import]` of a pointer, there and back, and what is refused in it."""

import pytest

from dvx.core.errors import FormatError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer, parse_pointer
from dvx.repo.imports import ImportSource, import_source, with_import, without_import

POINTER = Pointer("file", hash_bytes(b"x"), 1, None, {"meta": {"a": 1}})
COMMIT = "0123456789" * 4


@pytest.mark.parametrize("revision", [None, "main"])
@pytest.mark.parametrize("commit", [COMMIT, "ab" * 32])
def test_source_survives_the_file(revision, commit):
    source = ImportSource("https://host/x.git", commit, "data/train", revision)
    read = parse_pointer(format_pointer(with_import(POINTER, source)))
    assert import_source(read) == source
    assert without_import(read) == POINTER


def test_pointer_without_the_table_is_no_import():
    assert import_source(POINTER) is None


@pytest.mark.parametrize(
    "table",
    [
        "text",
        {},
        {"repository": "x", "path": "y"},
        {"repository": "x", "path": "y", "commit": "main"},
        {"repository": "x", "path": "y", "commit": COMMIT.upper().replace("0", "A")},
        {"repository": 1, "path": "y", "commit": COMMIT},
        {"repository": "x", "path": "", "commit": COMMIT},
        {"repository": "x", "path": "y", "commit": COMMIT, "revision": 3},
    ],
)
def test_incomplete_or_ill_typed_table_is_refused(table):
    pointer = Pointer("file", POINTER.id, 1, None, {"import": table})
    with pytest.raises(FormatError) as caught:
        import_source(pointer, name="x.dvx")
    assert caught.value.kind == "bad-import"
    assert "x.dvx" in caught.value.what
