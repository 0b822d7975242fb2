"""Changing one value in a configuration file, keeping its comments and order.

Owns the edit. Must not decide which file; and a secret or a value that would not be read back never gets in.
"""

import os
from typing import TYPE_CHECKING

from dvx.core.errors import NotFound, UsageError
from dvx.core.text_marks import UTF8_MARK, decode_text
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.disk.small_files import read_small_file
from dvx.repo.config import MAX_CONFIG_BYTES
from dvx.repo.settings import check_shareable, find_setting, key_parts, parse_value

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Table


def set_value(
    path: str, key: str, value: str, *, committed: bool = True, foretold: list[str] | None = None
) -> None:
    """Set `key` in the file at `path`, making the file and its folder where they are missing.

    With `committed` (the safe assumption), secrets and settings of one machine are refused. Raises NotFound
    for an unknown key, UsageError for a bad value or file, LocalDiskError; the file is then as it was. With
    `foretold` nothing is written, and that list is told what would be.
    """
    after = with_value(_load(path), key, value, path=path, committed=committed)
    save_config(path, after, foretold=foretold)


def unset_value(path: str, key: str, *, foretold: list[str] | None = None) -> None:
    """Remove `key`, or a whole `remote.<name>`, and the tables that this leaves empty.

    Raises NotFound (kind `not-set`) when the file does not have it. `foretold` as with set_value.
    """
    save_config(path, without_value(_load(path), key, path=path), foretold=foretold)


def with_value(data: bytes, key: str, value: str, *, path: str, committed: bool = True) -> bytes:
    """Return the bytes of a configuration file with `key` set; `path` is what messages call it. As set_value."""
    if committed:
        check_shareable(key, value, origin=f"`{path}`")
    parsed = parse_value(find_setting(key), value, key=key, origin="the command")
    document = _parse(data, path=path)
    table = _descend(document, key_parts(key)[:-1], path=path)
    table[key_parts(key)[-1]] = parsed
    return _dump(data, document)


def without_value(data: bytes, key: str, *, path: str) -> bytes:
    """Return the bytes of a configuration file without `key`. As unset_value."""
    document = _parse(data, path=path)
    names = key_parts(key)
    tables: list[TOMLDocument | Table] = [document]
    for name in names[:-1]:
        below = tables[-1].get(name)
        if not isinstance(below, dict):
            raise _not_set(path, key)
        tables.append(below)  # type: ignore[arg-type]
    if names[-1] not in tables[-1]:
        raise _not_set(path, key)
    for table, name in zip(reversed(tables), reversed(names), strict=True):
        if (name == names[-1] and table is tables[-1]) or not table[name]:
            del table[name]
    return _dump(data, document)


def _load(path: str) -> bytes:
    return read_small_file(path, limit_bytes=MAX_CONFIG_BYTES) or b""


def _parse(data: bytes, *, path: str) -> "TOMLDocument":
    import tomlkit  # 40 ms, and only editing needs it
    from tomlkit.exceptions import TOMLKitError

    try:
        if len(data) > MAX_CONFIG_BYTES:
            raise ValueError(f"more than {MAX_CONFIG_BYTES} bytes")
        return tomlkit.parse(decode_text(data))
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise UsageError(
            f"`{path}` is not valid TOML: {str(error)[:200]}",
            affected="the file was not changed",
            hints=[f"correct it in an editor: `{path}`"],
            kind="bad-config",
        ) from error


def _dump(before: bytes, document: "TOMLDocument") -> bytes:
    """The new bytes, with the byte order mark that the file starts with, if any."""
    import tomlkit

    mark = UTF8_MARK if before.startswith(UTF8_MARK) else b""
    return mark + tomlkit.dumps(document).encode("utf-8")


def _descend(document: "TOMLDocument", names: list[str], *, path: str) -> "TOMLDocument | Table":
    import tomlkit

    table: TOMLDocument | Table = document
    for depth, name in enumerate(names):
        below = table.get(name)
        if below is None:
            # `[remote]` itself holds only tables, and needs no line of its own.
            table[name] = tomlkit.table(is_super_table=depth < len(names) - 1)
            below = table[name]
        if not isinstance(below, dict):
            raise UsageError(f"`{path}` has `{name}` as a value where a table is needed", kind="bad-config")
        table = below  # type: ignore[assignment]
    return table


def save_config(path: str, data: bytes, *, foretold: list[str] | None = None) -> None:
    """Write a file of settings, with its folder; with `foretold`, tell this list only."""
    if foretold is not None:
        foretold.append(f"write `{path}`")
        return
    folder = os.path.dirname(path)
    with disk_errors(folder, "create"):
        os.makedirs(folder, exist_ok=True)
    write_atomic(path, data)


def _not_set(path: str, key: str) -> NotFound:
    return NotFound(
        f"`{key}` is not set in `{path}`",
        hints=["see where it is set: `dvx config list --show-origin`"],
        kind="not-set",
    )
