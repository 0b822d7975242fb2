"""What data was made from, and what was made from it: the graph that `[source]` tables spell over history.

Owns the matching of an input's id with the version in history that has it, and the walk both ways. Reads pointers only;
must not draw, and needs no data.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dvx.core.errors import NotFound
from dvx.formats.metadata import DataSource, source_of
from dvx.formats.pointer import Pointer
from dvx.ops.project import Project
from dvx.repo.pointer_history import ALL_REFS, HistoryCommit, HistorySelection, PointerHistory
from dvx.repo.pointers import pointer_path_of, read_pointer

# A version of data: its path and its id (32 bytes).
Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class DataVersion:
    """One version of data. `pointer` is None for an input that no commit here has: only its id is known.

    `commit` is the oldest one that has the version, None if none has it yet.
    """

    key: Key
    pointer: Pointer | None = None
    commit: HistoryCommit | None = None

    @property
    def path(self) -> str:
        """The path of the data."""
        return self.key[0]

    @property
    def source(self) -> DataSource:
        """What its pointer says that it was made from."""
        return source_of(self.pointer) if self.pointer is not None else DataSource()


@dataclass(frozen=True, slots=True)
class Lineage:
    """The versions by key, `start` first. `inputs` and `outputs` hold, sorted, what was reached from `start`: for each
    version the ones it was made from, and the ones that were made from it."""

    start: Key
    versions: dict[Key, DataVersion]
    inputs: dict[Key, list[Key]]
    outputs: dict[Key, list[Key]]

    def edges(self) -> list[tuple[Key, Key]]:
        """(input, output), each once, sorted."""
        up = {(source, key) for key, sources in self.inputs.items() for source in sources}
        down = {(key, made) for key, outputs in self.outputs.items() for made in outputs}
        return sorted(up | down)


def read_lineage(project: Project, path: str, *, rev: str | None = None) -> Lineage:
    """The lineage of the version that `path` has at `rev`, or in the work tree, over all branches and tags.

    Raises NotFound where there is no pointer for `path`, or no such revision.
    """
    history = PointerHistory(project.repository)
    pointer = _pointer_of(project, history, path, rev)
    revs = ALL_REFS if rev is None else [*ALL_REFS, project.git.rev_parse(rev)]
    if project.git.head() is None:
        revs = []
    known = _Versions(_all_versions(history, revs))
    return known.lineage_of(DataVersion((path, pointer.id), pointer))


def _pointer_of(project: Project, history: PointerHistory, path: str, rev: str | None) -> Pointer:
    if rev is None and not project.repository.is_bare:
        return read_pointer(project.repository, pointer_path_of(path)).pointer
    at = rev or "HEAD"
    pointer = history.pointers_at(at).get(path)
    if pointer is None:
        raise NotFound(
            f"`{path}` is not tracked at `{at}`",
            hints=[f"list what is: `dvx ls --rev {at}`"],
            kind="no-pointer",
        )
    return pointer


def _all_versions(history: PointerHistory, revs: Sequence[str]) -> Iterator[DataVersion]:
    """Every version that commits brought in, newest first."""
    commits = history.commits(HistorySelection(revs=revs)) if revs else []
    changes = [(commit, change) for commit in commits for change in commit.changes]
    pointers = history.read(change.new_object for _, change in changes if change.new_object is not None)
    for commit, change in changes:
        pointer = pointers.get(change.new_object or "")
        if pointer is not None:
            yield DataVersion((change.path, pointer.id), pointer, commit)


class _Versions:
    """All versions of a history, and which was made from which."""

    def __init__(self, versions: Iterable[DataVersion]) -> None:
        self._by_key: dict[Key, DataVersion] = {}
        self._by_id: dict[bytes, Key] = {}
        for version in versions:
            self._keep(version)

    def lineage_of(self, start: DataVersion) -> Lineage:
        """Walk up and down from `start`. Each version is visited once, so cycles end."""
        self._keep(start, is_newest=True)
        outputs = self._outputs()
        up = _reached(start.key, self._inputs_of)
        down = _reached(start.key, lambda key: outputs.get(key, []))
        keys = dict.fromkeys([start.key, *up, *down])
        return Lineage(start.key, {key: self._version(key) for key in keys}, up, down)

    def _keep(self, version: DataVersion, *, is_newest: bool = False) -> None:
        """Keep one version for each key: the newest word on its source, the oldest commit."""
        before = self._by_key.get(version.key)
        newest, oldest = (version, before) if is_newest else (before, version)
        if newest is None or oldest is None:
            merged = version
        else:
            told = oldest if newest.source.is_empty and not is_newest else newest
            merged = DataVersion(version.key, told.pointer, oldest.commit)
        self._by_key[version.key] = merged
        self._by_id.setdefault(version.key[1], version.key)

    def _version(self, key: Key) -> DataVersion:
        return self._by_key.get(key) or DataVersion(key)

    def _inputs_of(self, key: Key) -> list[Key]:
        return sorted({self._found(named) for named in self._version(key).source.inputs.items()})

    def _found(self, named: Key) -> Key:
        """The version that a source names. Data that was moved since has its id at another path."""
        return named if named in self._by_key else self._by_id.get(named[1], named)

    def _outputs(self) -> dict[Key, list[Key]]:
        found: defaultdict[Key, set[Key]] = defaultdict(set)
        for key in self._by_key:
            for source in self._inputs_of(key):
                found[source].add(key)
        return {key: sorted(made) for key, made in found.items()}


def _reached(start: Key, following: Callable[[Key], list[Key]]) -> dict[Key, list[Key]]:
    """The neighbours of every version that can be reached, in the order of the walk."""
    found: dict[Key, list[Key]] = {}
    waiting = [start]
    while waiting:
        key = waiting.pop(0)
        if key not in found:
            found[key] = following(key)
            waiting += found[key]
    return found
