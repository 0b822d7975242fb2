"""The pointer: the small TOML file in Git that names a file or directory by content id.

Owns the one canonical encoding and the reading of every valid spelling of it. Must not touch a disk; where
a pointer lies and what data belongs to it is known elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn, TypeGuard

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.core.ids import format_id, parse_id
from dvx.core.text_marks import decode_text

KIND_FILE: Final = "file"
KIND_DIRECTORY: Final = "directory"
POINTER_VERSION: Final = 1
# A pointer is about 200 bytes; parameters and metrics may follow. More than this is not a pointer.
MAX_POINTER_BYTES: Final = 16 * 1024

_COMMENT: Final = "# dvx pointer: run `dvx pull` to get the data\n"
_UNTOUCHED: Final = "the data beside it was not touched"
HEAD_KEYS: Final = frozenset({"version", "kind", "id", "size", "files"})
# A pointer as `format_pointer` writes it, without extra keys: 20 times as fast as reading TOML, for those who have
# thousands. Everything else, and every refusal, is for the TOML reader.
_PLAIN: Final = re.compile(
    re.escape(_COMMENT).encode("ascii")
    + rb'version = 1\nkind = "(?:(file)|directory)"\nid = "blake3:([0-9a-f]{64})"\n'
    rb"size = (0|[1-9][0-9]{0,17})\n(?:files = (0|[1-9][0-9]{0,17})\n)?"
)
_CONFLICT_MARKERS: Final = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says.

    `id` is the 32-byte id of the file, or of the root manifest page of the directory; `size` is the number of
    bytes of the file, or of the directory's byte stream; `files` is the number of files in a directory
    (entries other than empty directories) and None for a file. `extra` holds all other keys and tables, in
    canonical order.
    """

    kind: str
    id: bytes
    size: int
    files: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


def parse_pointer(data: bytes, *, name: str = "pointer") -> Pointer:
    """Read a pointer in any valid TOML spelling; `name` is what messages call it.

    Raises FormatError of kind `conflict-markers` or `bad-pointer`, and UnsupportedVersion for a newer
    version or an unknown hash function.
    """
    head = read_head(data)
    if head is not None and head[-1] == len(data):
        return Pointer(*head[:-1])
    return _parse_table(_load(data, name=name), name=name)


def read_head(data: bytes) -> tuple[str, bytes, int, int | None, int] | None:
    """Return kind, id, size and files where `data` starts with them in canonical spelling, and where they end.

    None for any other spelling. What follows is not looked at, and may make the whole no pointer.
    """
    plain = _PLAIN.match(data)
    if plain is None or (plain[1] is None) == (plain[4] is None):
        return None
    files = int(plain[4]) if plain[4] is not None else None
    kind = KIND_FILE if files is None else KIND_DIRECTORY
    return kind, bytes.fromhex(plain[2].decode("ascii")), int(plain[3]), files, plain.end()


def _parse_table(table: dict[str, object], *, name: str) -> Pointer:
    _check_version(table.pop("version", None), name=name)
    kind, size, files = table.pop("kind", None), table.pop("size", None), table.pop("files", None)
    content_id = _parse_content_id(table.pop("id", None), name=name)
    if not _is_count(size):
        _refuse(name, "`size` must be a whole number of bytes")
    if kind == KIND_FILE and files is None:
        return Pointer(kind=KIND_FILE, id=content_id, size=size, extra=table)
    if kind != KIND_DIRECTORY or not _is_count(files):
        _refuse(name, "`kind` must be `file`, or `directory` with a whole number of `files`")
    return Pointer(kind=KIND_DIRECTORY, id=content_id, size=size, files=files, extra=table)


def format_pointer(pointer: Pointer) -> bytes:
    """Return the one canonical encoding of `pointer`.

    Raises FormatError (kind `bad-pointer`) for everything that parse_pointer would not give back.
    """
    # 2 ms, with dates, that reading a plain pointer does without.
    from dvx.formats.canonical_toml import canonical_table

    if not HEAD_KEYS.isdisjoint(pointer.extra):
        _refuse("pointer", "an extra key has the name of a key that every pointer has")
    try:
        data = pointer_text(pointer).encode("utf-8")
    except (FormatError, UnicodeEncodeError) as error:
        _refuse("pointer", str(error), cause=error)
    if parse_pointer(data) != replace(pointer, extra=canonical_table(pointer.extra)):
        _refuse("pointer", "a value has no exact TOML spelling")
    return data


def pointer_text(pointer: Pointer) -> str:
    """Return the text of `pointer`, not checked: for its length. Raises FormatError for what TOML lacks."""
    from dvx.formats.canonical_toml import format_document  # as above

    head: dict[str, object] = {"version": POINTER_VERSION, "kind": pointer.kind}
    head |= {"id": format_id(pointer.id), "size": pointer.size}
    head |= {} if pointer.files is None else {"files": pointer.files}
    return _COMMENT + format_document(head, pointer.extra)


def _load(data: bytes, *, name: str) -> dict[str, object]:
    if len(data) > MAX_POINTER_BYTES:
        _refuse(name, f"it is larger than {MAX_POINTER_BYTES} bytes")
    import tomli  # 5 ms that pointers without extra keys do not need

    from dvx.formats.canonical_toml import canonical_table

    try:
        return canonical_table(tomli.loads(decode_text(data)))
    except (ValueError, RecursionError, OverflowError, FormatError) as error:
        if _has_conflict_markers(data):
            _refuse_conflict(name, cause=error)
        _refuse(name, str(error), cause=error)


def _has_conflict_markers(data: bytes) -> bool:
    return any(line.startswith(_CONFLICT_MARKERS) for line in data.splitlines())


def _check_version(version: object, *, name: str) -> None:
    if not _is_count(version) or version == 0:
        _refuse(name, "`version` is missing or not a positive whole number")
    if version != POINTER_VERSION:
        raise UnsupportedVersion(
            f"`{name}` is a pointer of version {version}; this dvx knows version {POINTER_VERSION}",
            affected=_UNTOUCHED,
        )


def _parse_content_id(text: object, *, name: str) -> bytes:
    if not isinstance(text, str):
        _refuse(name, "`id` is missing or not text")
    try:
        return parse_id(text)
    except UnsupportedVersion as error:
        what = f"`{name}`: {error.what}"
        raise UnsupportedVersion(
            what, affected=_UNTOUCHED, hints=error.hints, kind=error.kind
        ) from error.__cause__
    except FormatError as error:
        _refuse(name, error.what, cause=error)


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**63


def _refuse(name: str, reason: str, *, cause: Exception | None = None) -> NoReturn:
    restore = f"restore the last committed version: `git checkout HEAD -- {_quoted(name)}`"
    raise FormatError(
        f"`{name}` is not a valid pointer: {reason[:300]}",
        affected=_UNTOUCHED,
        hints=[] if name == "pointer" else [restore],
        kind="bad-pointer",
    ) from cause


def _refuse_conflict(name: str, *, cause: Exception) -> NoReturn:
    quoted = _quoted(name)
    raise FormatError(
        f"`{name}` has unresolved merge conflict markers",
        affected=_UNTOUCHED,
        hints=[
            "merge what can be merged, and list the rest: `dvx resolve`",
            f"or keep your version: `git checkout --ours {quoted}`",
            f"or theirs: `git checkout --theirs {quoted}`",
            f"then mark it resolved: `git add {quoted}`",
        ],
        kind="conflict-markers",
    ) from cause


def _quoted(name: str) -> str:
    import shlex  # only a refusal suggests a command

    return shlex.quote(name)
