"""Parameters and metrics of one version of the repository: what its pointers say, and what plain files of values hold.

Owns which files count, and reading them from Git objects or the work tree. Nothing is checked out, and a repository
without dvx will do. Must not compare versions.
"""

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from dvx.core.errors import DvxError, LocalDiskError
from dvx.disk.atomic import disk_errors
from dvx.disk.small_files import read_small_file
from dvx.formats.metadata import Value, metadata_of
from dvx.formats.pointer import Pointer
from dvx.repo.git import Git
from dvx.repo.pointer_history import PointerHistory
from dvx.repo.pointers import POINTER_SUFFIX, find_pointers, read_pointer
from dvx.repo.repository import Repository
from dvx.repo.small_objects import read_small_objects
from dvx.repo.targets import is_pattern, matches_inside
from dvx.repo.value_flat import MAX_FILE_BYTES

Kind = Literal["params", "metrics"]
IsMeant = Callable[[str], bool]
KindAndKeys = tuple[Kind, tuple[str, ...]]
KindsOf = Callable[[str], list[KindAndKeys]]

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
    """All sources of one version, pointers first, each by path; `problems` are files that cannot be read, by path."""

    sources: tuple[ValueSource, ...]
    problems: Mapping[str, DvxError]


def values_at(
    repository: Repository,
    rev: str | None,
    *,
    paths: Sequence[str] = (),
    wanted: Sequence[WantedFile] = (),
    kinds: Collection[str] = ("params", "metrics"),
    history: PointerHistory | None = None,
) -> RevisionValues:
    """Read the values of a revision, or of the work tree (None), at or below `paths` (none: everywhere).

    Files that hold nothing of `kinds` are not looked at. `history` keeps pointers once read. Raises NotFound for an
    unknown revision, and GitError.
    """
    is_meant = _selector(paths)
    problems: dict[str, DvxError] = {}
    kinds_of = partial(_kinds_of, wanted=wanted, only=kinds)
    if rev is None:
        pointers = _work_tree_pointers(repository, is_meant, problems)
        files = _work_tree_files(repository, is_meant, wanted, kinds_of)
    else:
        reader = history or PointerHistory(repository)
        found, broken = reader.read_at(rev)
        pointers = {path: each for path, each in found.items() if is_meant(path)}
        problems.update(
            (path, error) for path, error in broken.items() if is_meant(path.removesuffix(POINTER_SUFFIX))
        )
        files = _committed_files(repository.git(), rev, is_meant, kinds_of)
    sources = [_of_pointer(path, pointer) for path, pointer in sorted(pointers.items())]
    sources += _of_files(files, kinds_of, problems)
    return RevisionValues(tuple(sources), problems)


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
    files: Iterator[tuple[str, bytes | DvxError]], kinds_of: KindsOf, problems: dict[str, DvxError]
) -> Iterator[ValueSource]:
    from dvx.repo.value_files import read_values  # YAML: 40 ms that pointers alone do not need

    for path, data in files:
        tables: dict[str, Mapping[str, Value]] = {}
        for kind, keys in kinds_of(path):
            try:
                if isinstance(data, DvxError):
                    raise data
                tables[kind] = {**tables.get(kind, {}), **read_values(data, path, keys=keys)}
            except DvxError as error:
                problems[path] = error
                break
        if tables:
            yield ValueSource(path, tables.get("params", {}), tables.get("metrics", {}))


def _kinds_of(path: str, wanted: Sequence[WantedFile], only: Collection[str]) -> list[KindAndKeys]:
    """What a file holds, of the kinds that are asked for: as configured, else as its name says."""
    found: list[KindAndKeys] = [(each.kind, each.keys) for each in wanted if _matches_file(each.path, path)]
    usual = None if found else _NAMES.fullmatch(path)
    if usual is not None:
        found = [("params" if usual[1] else "metrics", ())]
    return [each for each in found if each[0] in only]


def _matches_file(pattern: str, path: str) -> bool:
    return pattern == path or (("*" in pattern or "?" in pattern) and matches_inside((pattern,))(path))


def _committed_files(
    git: Git, rev: str, is_meant: IsMeant, kinds_of: KindsOf
) -> Iterator[tuple[str, bytes | DvxError]]:
    found = {
        path: object_id
        for path, object_id in git.ls_tree(git.rev_parse(rev), suffix="")
        if is_meant(path) and kinds_of(path)
    }
    ids = list(dict.fromkeys(found.values()))
    contents = dict(read_small_objects(git, ids, limit_bytes=MAX_FILE_BYTES))
    for path, object_id in sorted(found.items()):
        data = contents[object_id]
        yield path, _no_values(path) if data is None else data


def _work_tree_pointers(
    repository: Repository, is_meant: IsMeant, problems: dict[str, DvxError]
) -> dict[str, Pointer]:
    found: dict[str, Pointer] = {}
    for pointer_path in find_pointers(repository):
        if not is_meant(pointer_path.removesuffix(POINTER_SUFFIX)):
            continue
        try:
            tracked = read_pointer(repository, pointer_path)
            found[tracked.path] = tracked.pointer
        except DvxError as error:
            problems[pointer_path] = error
    return found


def _work_tree_files(
    repository: Repository, is_meant: IsMeant, wanted: Sequence[WantedFile], kinds_of: KindsOf
) -> Iterator[tuple[str, bytes | DvxError]]:
    # A pattern from the settings is not given to Git, whose matching takes exponential time in the number of stars.
    patterns = [] if any(is_pattern(each.path) for each in wanted) else list(_PATTERNS)
    listed = repository.git().ls_files(patterns, others=True)
    found = {path for path in listed if kinds_of(path)}
    # Files of metrics are often ignored by Git: those that are named count nevertheless.
    found |= {each.path for each in wanted if os.path.lexists(repository.absolute(each.path))}
    for path in sorted(path for path in found if is_meant(path)):
        place = repository.absolute(path)
        if os.path.lexists(place):
            yield path, _read(place, path)


def _read(place: str, path: str) -> bytes | DvxError:
    """The bytes of a plain file; an error for links, which may lead anywhere, and for what cannot be read."""
    try:
        with disk_errors(path, "read"):
            if not stat.S_ISREG(os.lstat(place).st_mode) or os.path.realpath(place) != place:
                return _no_values(path)
        data = read_small_file(place, limit_bytes=MAX_FILE_BYTES)
    except DvxError as error:
        return error
    return data if data is not None and len(data) <= MAX_FILE_BYTES else _no_values(path)


def _no_values(path: str) -> LocalDiskError:
    return LocalDiskError(f"`{path}` has more than {MAX_FILE_BYTES} bytes, or is no file")
