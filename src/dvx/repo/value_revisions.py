"""Parameters and metrics of one version of the repository: what its pointers say, and what plain files of values hold.

Owns which files count, and reading them from Git objects or the work tree. Nothing is checked out, and a repository
without dvx will do. Must not compare versions.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from dvx.core.errors import DvxError, LocalDiskError
from dvx.disk.atomic import disk_errors
from dvx.disk.small_files import read_small_file
from dvx.formats.metadata import Value, metadata_of
from dvx.formats.pointer import Pointer
from dvx.repo.git import Git
from dvx.repo.pointer_history import PointerHistory
from dvx.repo.pointers import find_pointers, read_pointer
from dvx.repo.repository import Repository
from dvx.repo.small_objects import read_small_objects
from dvx.repo.targets import is_pattern, matches_inside
from dvx.repo.value_flat import MAX_FILE_BYTES

Kind = Literal["params", "metrics"]
IsMeant = Callable[[str], bool]

_NAMES: Final = re.compile(
    r"(?:.*/)?(?:(params)\.(?:yaml|yml|toml|json)|metrics\.(?:json|yaml|yml|toml|csv|tsv|jsonl)|trainer_state\.json)",
    re.DOTALL,
)
# The same names for `git ls-files`.
_PATTERNS: Final = tuple(
    f":(glob)**/{name}"
    for name in (
        *(f"params.{end}" for end in ("yaml", "yml", "toml", "json")),
        *(f"metrics.{end}" for end in ("json", "yaml", "yml", "toml", "csv", "tsv", "jsonl")),
        "trainer_state.json",
    )
)


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file of values beyond those with usual names: its path or pattern, and the keys that are meant (none: all)."""

    kind: Kind
    path: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where values are from: tracked data (`pointer` is set), or a file. `path` is that of the data or the file."""

    path: str
    params: Mapping[str, Value] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)
    pointer: Pointer | None = None


@dataclass(frozen=True, slots=True)
class RevisionValues:
    """All sources of one version, pointers first, each by path; `problems` are files that cannot be read."""

    sources: tuple[ValueSource, ...]
    problems: tuple[str, ...]


def values_at(
    repository: Repository,
    rev: str | None,
    *,
    paths: Sequence[str] = (),
    wanted: Sequence[WantedFile] = (),
    history: PointerHistory | None = None,
) -> RevisionValues:
    """Read the values of a revision, or of the work tree (None), at or below `paths` (none: everywhere).

    `history` keeps pointers once read. Raises NotFound for an unknown revision, GitError and LocalDiskError.
    """
    is_meant = _selector(paths)
    problems: list[str] = []
    if rev is None:
        pointers = _work_tree_pointers(repository, is_meant, problems)
        files = _work_tree_files(repository, is_meant, wanted)
    else:
        reader = history or PointerHistory(repository)
        pointers = {path: each for path, each in reader.pointers_at(rev).items() if is_meant(path)}
        files = _committed_files(repository.git(), rev, is_meant, wanted)
    sources = [_of_pointer(path, pointer) for path, pointer in sorted(pointers.items())]
    sources += _of_files(files, wanted, problems)
    return RevisionValues(tuple(sources), tuple(problems))


def _selector(paths: Sequence[str]) -> IsMeant:
    """Whether a path is one of, below, or the pointer of what was asked for; also patterns."""
    names = [path.rstrip("/").removesuffix(".dvx") for path in paths]
    return matches_inside([] if "" in names else names)


def _of_pointer(path: str, pointer: Pointer) -> ValueSource:
    if not pointer.extra:
        return ValueSource(path, pointer=pointer)
    metadata = metadata_of(pointer)
    return ValueSource(path, metadata.params, metadata.metrics, pointer)


def _of_files(
    files: Iterator[tuple[str, bytes | None]], wanted: Sequence[WantedFile], problems: list[str]
) -> Iterator[ValueSource]:
    from dvx.repo.value_files import read_values  # YAML: 40 ms that pointers alone do not need

    for path, data in files:
        tables: dict[str, Mapping[str, Value]] = {}
        for kind, keys in _kinds_of(path, wanted):
            try:
                if data is None:
                    raise LocalDiskError(f"`{path}` has more than {MAX_FILE_BYTES} bytes, or is no file")
                tables[kind] = {**tables.get(kind, {}), **read_values(data, path, keys=keys)}
            except DvxError as error:
                problems.append(error.what)
                break
        if tables:
            yield ValueSource(path, tables.get("params", {}), tables.get("metrics", {}))


def _kinds_of(path: str, wanted: Sequence[WantedFile]) -> list[tuple[Kind, tuple[str, ...]]]:
    """What a file holds: as configured, else as its name says; nothing for other files."""
    found = [(each.kind, each.keys) for each in wanted if _matches_file(each.path, path)]
    if found:
        return found
    usual = _NAMES.fullmatch(path)
    if usual is None:
        return []
    return [("params" if usual[1] else "metrics", ())]


def _matches_file(pattern: str, path: str) -> bool:
    return pattern == path or (("*" in pattern or "?" in pattern) and matches_inside((pattern,))(path))


def _committed_files(
    git: Git, rev: str, is_meant: IsMeant, wanted: Sequence[WantedFile]
) -> Iterator[tuple[str, bytes | None]]:
    found = {
        path: object_id
        for path, object_id in git.ls_tree(git.rev_parse(rev), suffix="")
        if is_meant(path) and _kinds_of(path, wanted)
    }
    ids = list(dict.fromkeys(found.values()))
    contents = dict(read_small_objects(git, ids, limit_bytes=MAX_FILE_BYTES))
    return ((path, contents[object_id]) for path, object_id in sorted(found.items()))


def _work_tree_pointers(repository: Repository, is_meant: IsMeant, problems: list[str]) -> dict[str, Pointer]:
    found: dict[str, Pointer] = {}
    for pointer_path in find_pointers(repository):
        if not is_meant(pointer_path.removesuffix(".dvx")):
            continue
        try:
            tracked = read_pointer(repository, pointer_path)
            found[tracked.path] = tracked.pointer
        except DvxError as error:
            problems.append(error.what)
    return found


def _work_tree_files(
    repository: Repository, is_meant: IsMeant, wanted: Sequence[WantedFile]
) -> Iterator[tuple[str, bytes | None]]:
    # A pattern from the settings is not given to Git, whose matching takes exponential time in the number of stars.
    patterns = [] if any(is_pattern(each.path) for each in wanted) else list(_PATTERNS)
    listed = repository.git().ls_files(patterns, others=True)
    found = {path for path in listed if _kinds_of(path, wanted)}
    # Files of metrics are often ignored by Git: those that are named count nevertheless.
    found |= {each.path for each in wanted if os.path.lexists(repository.absolute(each.path))}
    for path in sorted(path for path in found if is_meant(path)):
        place = repository.absolute(path)
        if os.path.lexists(place):
            yield path, _read(place)


def _read(place: str) -> bytes | None:
    """The bytes of a plain file; None for links, which may lead anywhere, and for what is too long."""
    with disk_errors(place, "read"):
        if not stat.S_ISREG(os.lstat(place).st_mode) or os.path.realpath(place) != place:
            return None
    data = read_small_file(place, limit_bytes=MAX_FILE_BYTES)
    return data if data is not None and len(data) <= MAX_FILE_BYTES else None
