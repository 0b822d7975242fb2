"""The table `[import]` of a pointer: where imported data came from.

Owns its keys and the checks on them. Must not open anything: the address is text here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from dvx.core.errors import FormatError
from dvx.core.shell_words import quote
from dvx.formats.pointer import Pointer

IMPORT_TABLE: Final = "import"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ImportSource:
    """Where imported data is from.

    `repository` is the address without secrets; a relative path counts from the top of the repository that has
    the pointer. `revision` is what was asked for, None for the default branch; `commit` is the full id that it
    was; `path` is the path of the data in that repository.
    """

    repository: str
    commit: str
    path: str
    revision: str | None = None


def import_source(pointer: Pointer, *, name: str = "pointer") -> ImportSource | None:
    """What a pointer says of its source; None if it is not an import. Raises FormatError (kind `bad-import`)."""
    table = pointer.extra.get(IMPORT_TABLE)
    if table is None:
        return None
    found: Mapping[str, object] = table if isinstance(table, Mapping) else {}
    repository, commit, path = (found.get(key) for key in ("repository", "commit", "path"))
    revision = found.get("revision")
    if (
        not (isinstance(repository, str) and isinstance(path, str) and path)
        or not (isinstance(commit, str) and _COMMIT.fullmatch(commit))
        or not (revision is None or isinstance(revision, str))
    ):
        raise FormatError(
            f"the table `[{IMPORT_TABLE}]` of `{name}` does not name a repository, a full commit id and a path",
            affected="the data beside it was not touched",
            hints=[f"restore the last committed version: `git checkout HEAD -- {quote(name)}`"],
            kind="bad-import",
        )
    return ImportSource(repository, commit, path, revision)


def with_import(pointer: Pointer, source: ImportSource) -> Pointer:
    """The pointer with its source."""
    table: dict[str, object] = {"repository": source.repository, "commit": source.commit, "path": source.path}
    if source.revision is not None:
        table["revision"] = source.revision
    return replace(pointer, extra={**pointer.extra, IMPORT_TABLE: table})


def without_import(pointer: Pointer) -> Pointer:
    """The pointer of data that is no longer what the source has."""
    return replace(pointer, extra={key: v for key, v in pointer.extra.items() if key != IMPORT_TABLE})
