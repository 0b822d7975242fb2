"""`dvx check`: whether the rules of `.dvx/checks.toml` hold, at one version or between two.

Owns what counts as holding. The file of rules is read from the version that is checked; the base is looked for only if
a rule needs it. Must not need data: metadata is in the pointers, names are in listings.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from dvx.core.errors import DvxError, UsageError, name_some
from dvx.disk.temporary import temporary_folder
from dvx.formats.checks import CHECKS_PATH, Check, Severity, parse_checks
from dvx.formats.manifest_reader import walk_entries
from dvx.formats.pointer import KIND_FILE
from dvx.ops.check_values import BASE, Reading, Subject, SubjectReader, files_of
from dvx.ops.project import Project
from dvx.repo.base_commit import default_base, open_base
from dvx.repo.snapshots import CommitSnapshot, Snapshot, StagedSnapshot, WorkTreeSnapshot
from dvx.repo.targets import matches_inside

_NAMED: Final = 5
_Matcher = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class CheckScope:
    """What is checked: the commit `rev`, the staging area, or the work tree; `base` is what it is compared with."""

    rev: str | None = None
    base: str | None = None
    is_staged: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule for one subject: it holds if there are no `problems`. `readings` are the values it looked at."""

    check: Check
    path: str
    problems: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    matches_nothing: bool = False

    @property
    def fails(self) -> bool:
        """Whether it fails the command: a rule that is about nothing does, whatever its severity."""
        return bool(self.problems) and (self.check.severity is Severity.ERROR or self.matches_nothing)

    @property
    def warns(self) -> bool:
        """Whether it does not hold, and only a warning was asked for."""
        return bool(self.problems) and not self.fails


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All outcomes, in the order of the file and of paths; `subjects` are what the rules were about, each once.

    `where` is the version in words, `commit` and `base` are full ids, "" where there is none. `compares_with_itself`:
    the base is the checked commit, or HEAD without a change, so that nothing can have become worse.
    """

    where: str
    commit: str
    base: str
    rules: int
    outcomes: tuple[Outcome, ...]
    subjects: tuple[Subject, ...]
    compares_with_itself: bool = False

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes that fail the command."""
        return tuple(outcome for outcome in self.outcomes if outcome.fails)

    @property
    def warnings(self) -> tuple[Outcome, ...]:
        """The outcomes that are only to be looked at."""
        return tuple(outcome for outcome in self.outcomes if outcome.warns)


def run_checks(project: Project, scope: CheckScope) -> CheckReport:
    """Check every rule.

    Raises UsageError (kind `bad-checks`, `no-checks`, `no-base`), NotFound for a revision, FormatError for a pointer
    that a rule is about and that cannot be read, DataMissing where listings are nowhere.
    """
    now = _snapshot(project, scope)
    checks = _read_checks(now)
    with ExitStack() as opened:
        reader = SubjectReader(now, checks)
        base: SubjectReader | None = None
        comparing = [check for check in checks if check.needs_base]
        if comparing:
            base = SubjectReader(_open_base(project, scope, now, opened), comparing)
        judge = _Judge(project, reader, base)
        outcomes = tuple(outcome for check in checks for outcome in judge.outcomes(check))
    return CheckReport(
        where=now.shown,
        commit=now.commit,
        base=base.snapshot.commit if base is not None else "",
        rules=len(checks),
        outcomes=outcomes,
        subjects=tuple(judge.seen.values()),
        compares_with_itself=base is not None and _is_same(project, reader, base, comparing),
    )


def _snapshot(project: Project, scope: CheckScope) -> Snapshot:
    if scope.rev is not None:
        return CommitSnapshot(project.git, project.git.rev_parse(scope.rev))
    if scope.is_staged:
        return StagedSnapshot(project.git)
    return WorkTreeSnapshot(project.repository)


def _read_checks(snapshot: Snapshot) -> tuple[Check, ...]:
    data = snapshot.files([CHECKS_PATH]).get(CHECKS_PATH)
    if data is None:
        raise UsageError(
            f"there is no `{CHECKS_PATH}` {snapshot.shown}",
            affected="no rule was checked",
            hints=["write rules into it: docs/reference/checks.md says what they may hold"],
            kind="no-checks",
        )
    return parse_checks(data)


def _open_base(project: Project, scope: CheckScope, now: Snapshot, opened: ExitStack) -> CommitSnapshot:
    git = project.git
    rev = scope.base or default_base(git, now.commit or git.rev_parse("HEAD"))
    folder = opened.enter_context(temporary_folder("dvx-base-"))
    return open_base(git, rev, root=project.repository.root, folder=folder, env=project.env)


def _is_same(project: Project, now: SubjectReader, base: SubjectReader, checks: Sequence[Check]) -> bool:
    commit = now.snapshot.commit or project.git.head()
    return commit == base.snapshot.commit and all(
        base.same(subject, check) == subject for check in checks for subject in now.subjects(check)
    )


class _Judge:
    """Decides. `seen` are the subjects so far, by path."""

    def __init__(self, project: Project, now: SubjectReader, base: SubjectReader | None) -> None:
        self._project = project
        self._now = now
        self._base = base
        self.seen: dict[str, Subject] = {}

    def outcomes(self, check: Check) -> Iterator[Outcome]:
        """One for each subject of the rule; one that says so where there is none."""
        subjects = self._now.subjects(check)
        if not subjects:
            yield self._about_nothing(check)
        for subject in subjects:
            self._see(subject)
            yield self._outcome(check, subject)

    def _see(self, subject: Subject) -> None:
        """Remember it; rules may take different keys of the same files."""
        known = self.seen.get(subject.path)
        values = {**known.values, **subject.values} if known is not None else subject.values
        self.seen[subject.path] = Subject(subject.path, values, subject.places, subject.pointer)

    def _about_nothing(self, check: Check) -> Outcome:
        where = self._now.snapshot.shown
        if check.path:
            problem = f"the path `{check.path}` matches no tracked data {where}"
        else:
            problem = f"not all of the files {files_of(check)} are there {where}"
        return Outcome(check, check.path or files_of(check), (problem,), matches_nothing=True)

    def _outcome(self, check: Check, subject: Subject) -> Outcome:
        rule = _RuleReading(self._now, self._base, check, subject)
        problems = [*rule.problems()]
        if check.looks_at_names:
            problems += _name_problems(check, self._names(subject))
        return Outcome(check, subject.path, tuple(problems), tuple(rule.readings.values()))

    def _names(self, subject: Subject) -> Iterator[str]:
        """The paths inside tracked data; a file has its own name."""
        pointer = subject.pointer
        assert pointer is not None
        if pointer.kind == KIND_FILE:
            yield subject.path.rpartition("/")[2]
            return
        with self._project.pages() as pages:
            for entry in walk_entries(pointer.id, pages.for_root(pointer.id)):
                if entry.kind != "directory":
                    yield entry.path


class _RuleReading:
    """One rule about one subject: finds the values of its names, and keeps those that it looked at."""

    def __init__(
        self, now: SubjectReader, base: SubjectReader | None, check: Check, subject: Subject
    ) -> None:
        self._check = check
        self._now = now
        self._base = base
        self._subject = subject
        self._before = base.same(subject, check) if base is not None and check.needs_base else None
        self._missing = ""
        self.readings: dict[str, Reading] = {}

    def problems(self) -> Iterator[str]:
        """Why the rule does not hold; nothing if it does."""
        rule = self._check.rule
        if rule is None or (self._check.passes_if_new and self._before is None):
            return
        try:
            answer = rule.evaluate(self._look_up)
        except DvxError as error:
            yield self._missing or error.what
            return
        if not isinstance(answer, bool):
            yield f"`{rule.text}` is no comparison: its value is {answer!r:.60}"
        elif not answer:
            yield f"`{rule.text}` does not hold"

    def _look_up(self, name: str) -> object:
        """The value of a name. A KeyError says that it is not there, `_missing` says why."""
        is_base = name.startswith(BASE)
        plain = name.removeprefix(BASE)
        reader = self._base if is_base else self._now
        assert reader is not None
        subject, where = (self._before if is_base else self._subject), reader.snapshot.shown
        if subject is None:
            self._missing = f"`{name}` is not there: the base has no `{self._subject.path}` {where}"
            raise KeyError(name)
        place = subject.place_of(plain)
        if plain not in subject.values:
            self._missing = f"`{name}` is not there: not in `{place}` {where}"
            raise KeyError(name)
        value = subject.values[plain]
        self.readings[name] = Reading(plain, value, place, where, is_base)
        return value


def _name_problems(check: Check, paths: Iterator[str]) -> Iterator[str]:
    """Compare every path of a listing, which may have millions, in one pass."""
    wanted = [_name_matcher(pattern) for pattern in check.names]
    banned = [_name_matcher(pattern) for pattern in check.forbid]
    other, forbidden = _Found(), _Found()
    for path in paths:
        if wanted and not any(match(path) for match in wanted):
            other.add(path)
        if any(match(path) for match in banned):
            forbidden.add(path)
    if other.count:
        verb = "does not match" if other.count == 1 else "do not match"
        yield f"{other.words} {verb} {_either(check.names)}"
    if forbidden.count:
        yield f"{forbidden.words} {'is' if forbidden.count == 1 else 'are'} forbidden by {_either(check.forbid)}"


def _name_matcher(pattern: str) -> _Matcher:
    """A pattern with `/` is about the path inside the directory, one without about the last name of it."""
    matches = matches_inside((pattern.removeprefix("/"),))
    if "/" in pattern:
        return matches
    return lambda path: matches(path.rpartition("/")[2])


def _either(patterns: Sequence[str]) -> str:
    return " or ".join(f"`{pattern}`" for pattern in patterns)


class _Found:
    """Names that were found: how many, and the first few."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, path: str) -> None:
        """Count one."""
        self.count += 1
        if len(self._first) < _NAMED:
            self._first.append(path)

    @property
    def words(self) -> str:
        """The first names and the number of the others."""
        rest = self.count - len(self._first)
        return name_some(self._first) + (f" and {rest} more" if rest else "")
