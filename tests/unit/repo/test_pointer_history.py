"""The history of pointers: which commits changed which, at any revision, in any kind of repository."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.core.errors import FormatError, NotFound, UsageError
from dvx.formats.metadata import Metadata
from dvx.formats.pointer import KIND_FILE, MAX_POINTER_BYTES, Pointer, format_pointer, parse_pointer
from dvx.repo.history_log import ChangeKind
from dvx.repo.pointer_history import ALL_REFS, HistoryCommit, HistorySelection, PointerHistory
from dvx.repo.repository import Repository
from dvx.testing.pointer_commits import make_history
from dvx.testing.shell import run_git


def _pointer(number: int) -> bytes:
    return format_pointer(Pointer(KIND_FILE, bytes([number]) * 32, number))


def _write(repo: Path, name: str, data: bytes) -> None:
    (repo / name).parent.mkdir(parents=True, exist_ok=True)
    (repo / name).write_bytes(data)
    run_git(repo, "add", "--", name)


def _commit(repo: Path, message: str) -> str:
    run_git(repo, "commit", "-q", "--allow-empty", "-m", message)
    return run_git(repo, "rev-parse", "HEAD")


@pytest.fixture(params=["sha1", "sha256"])
def repo(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An empty repository, of both hash functions in turn."""
    folder = tmp_path / "repo"
    run_git(tmp_path, "init", "-q", f"--object-format={request.param}", str(folder))
    return folder


def _history(repo: Path) -> PointerHistory:
    return PointerHistory(Repository.discover(str(repo), allows_bare=True))


def _told(commits: list[HistoryCommit]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(each.subject, [(change.path, change.kind.value) for change in each.changes]) for each in commits]


def test_each_commit_that_changed_a_pointer_is_told_with_its_changes(repo: Path) -> None:
    _write(repo, "a.bin.dvx", _pointer(1))
    first = _commit(repo, "first")
    run_git(repo, "tag", "v1")
    run_git(repo, "tag", "-a", "-m", "note", "v1,annotated")
    _write(repo, "code.py", b"x = 1\n")
    _commit(repo, "only code")
    _write(repo, "a.bin.dvx", _pointer(2))
    _write(repo, "data/b c.dvx", _pointer(3))
    _write(repo, ".dvx/config.toml.dvx", b"not a pointer")
    second = _commit(repo, "second\n\nwith a body")
    run_git(repo, "rm", "-q", "a.bin.dvx")
    _commit(repo, "third")

    found = _history(repo).commits()

    assert _told(found) == [
        ("third", [("a.bin", "removed")]),
        ("second", [("a.bin", "modified"), ("data/b c", "added")]),
        ("first", [("a.bin", "added")]),
    ]
    assert found[1].id == second
    assert found[1].parents == (run_git(repo, "rev-parse", f"{second}^"),)
    assert found[2].id == first
    assert found[2].tags == ("v1", "v1,annotated")
    assert found[0].branches == ("main",)
    assert found[0].author == "Test Person"
    assert found[0].time_s == int(run_git(repo, "log", "-1", "--format=%at"))
    assert not any(each.is_boundary for each in found)


def test_versions_are_read_by_object_each_once(repo: Path) -> None:
    for number in (1, 2, 1):
        _write(repo, "a.dvx", _pointer(number))
        _commit(repo, f"run {number}")
    history = _history(repo)
    objects = [each.changes[0].new_object or "" for each in history.commits()]
    assert [history.read(objects)[name].size for name in objects] == [1, 2, 1]
    assert len(history.read(objects)) == 2
    assert history.commits()[0].changes[0].old_object == objects[1]


def test_versions_are_streamed_in_order_and_not_kept(repo: Path) -> None:
    for name, data in (("a", _pointer(1)), ("b", b"no pointer"), ("c", _pointer(3))):
        _write(repo, f"{name}.dvx", data)
    _commit(repo, "all")
    ids = [run_git(repo, "rev-parse", f"HEAD:{name}.dvx") for name in ("c", "b", "a", "c")]
    history = _history(repo)
    kept = history.read(ids[:1])
    found = list(history.stream(ids))
    assert [each and each.size for each in found] == [3, None, 1, 3]
    assert found[0] is found[3] is kept[ids[0]]
    assert list(history.problems) == [ids[1]]
    assert next(history.stream(ids[2:])) is not found[2]


def test_a_rename_is_one_removed_and_one_added(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "first")
    run_git(repo, "mv", "a.dvx", "b.dvx")
    _commit(repo, "rename")
    assert _told(_history(repo).commits())[0] == ("rename", [("a", "removed"), ("b", "added")])


def test_both_sides_of_a_merge_are_told_even_where_one_was_thrown_away(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "base")
    run_git(repo, "switch", "-q", "-c", "try")
    _write(repo, "a.dvx", _pointer(2))
    _commit(repo, "try it")
    run_git(repo, "switch", "-q", "main")
    _write(repo, "a.dvx", _pointer(3))
    _commit(repo, "other")
    run_git(repo, "merge", "-q", "-s", "ours", "-m", "merge, ours", "try")
    assert {name for name, _ in _told(_history(repo).commits())} == {"base", "try it", "other"}


def test_a_merge_that_resolved_a_pointer_anew_is_told_against_its_first_parent(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "base")
    run_git(repo, "switch", "-q", "-c", "try")
    _write(repo, "a.dvx", _pointer(2))
    _commit(repo, "try it")
    run_git(repo, "switch", "-q", "main")
    _write(repo, "a.dvx", _pointer(3))
    other = _commit(repo, "other")
    subprocess.run(["git", "merge", "-q", "try"], cwd=repo, capture_output=True, check=False)
    _write(repo, "a.dvx", _pointer(4))
    _commit(repo, "merge")
    history = _history(repo)
    merge = history.commits()[0]
    assert merge.subject == "merge"
    assert merge.parents[0] == other
    change = merge.changes[0]
    assert change.kind is ChangeKind.MODIFIED
    read = history.read([change.old_object or "", change.new_object or ""])
    assert [each.size for each in read.values()] == [3, 4]


def test_a_graph_has_the_merges_between(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "base")
    run_git(repo, "switch", "-q", "-c", "try")
    _write(repo, "a.dvx", _pointer(2))
    _commit(repo, "try it")
    run_git(repo, "switch", "-q", "main")
    _write(repo, "b.dvx", _pointer(3))
    _commit(repo, "other")
    run_git(repo, "merge", "-q", "--no-ff", "-m", "merge", "try")
    lines = _history(repo).graph(HistorySelection())
    assert next(commit.subject for _, commit in lines if commit is not None) == "merge"
    assert {commit.subject for _, commit in lines if commit is not None} == {
        "merge",
        "try it",
        "other",
        "base",
    }
    assert all("*" in signs for signs, commit in lines if commit is not None)
    assert any("\\" in signs or "/" in signs for signs, commit in lines if commit is None)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["models/a.bin"], {"models/a.bin"}),
        (["models/a.bin.dvx"], {"models/a.bin"}),
        (["models"], {"models/a.bin", "models/deep/c.bin"}),
        (["models/*.bin"], {"models/a.bin"}),
        (["data/train/cats/1.png"], {"data/train"}),
        (["data/train", "models/a.bin"], {"data/train", "models/a.bin"}),
        (["od[d]*"], {"od[d]*"}),
        ([""], {"models/a.bin", "models/deep/c.bin", "data/train", "od[d]*", "odd"}),
        (["nothing"], set()),
        (["mod"], set()),
    ],
)
def test_paths_select_data_pointers_folders_and_patterns(
    tmp_path: Path, paths: list[str], expected: set[str]
) -> None:
    repo = tmp_path / "repo"
    run_git(tmp_path, "init", "-q", str(repo))
    for number, name in enumerate(["models/a.bin", "models/deep/c.bin", "data/train", "od[d]*", "odd"], 1):
        _write(repo, f"{name}.dvx", _pointer(number))
        _commit(repo, name)
    found = _history(repo).commits(HistorySelection(paths=paths))
    # A name with signs of a pattern is looked for as it is, and as the pattern.
    assert {change.path for each in found for change in each.changes} - {"odd"} == expected - {"odd"}


def test_all_references_count_with_all_refs_only(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "base")
    run_git(repo, "switch", "-q", "-c", "side")
    _write(repo, "a.dvx", _pointer(2))
    _commit(repo, "side")
    run_git(repo, "switch", "-q", "main")
    history = _history(repo)
    assert [each.subject for each in history.commits()] == ["base"]
    assert [each.subject for each in history.commits(HistorySelection(ALL_REFS))] == ["side", "base"]
    assert [each.subject for each in history.commits(HistorySelection(["main..side"]))] == ["side"]


def test_the_newest_commits_are_those_that_changed_pointers(repo: Path) -> None:
    for number in range(1, 6):
        _write(repo, "a.dvx", _pointer(number))
        _commit(repo, f"run {number}")
    history = _history(repo)
    assert [each.subject for each in history.commits(HistorySelection(limit=2))] == ["run 5", "run 4"]
    assert history.commits(HistorySelection(limit=0)) == []
    assert len(history.commits(HistorySelection(limit=100))) == 5


def test_a_limit_is_reached_behind_many_merges_without_pointers(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    run_git(tmp_path, "init", "-q", str(repo))
    for number in (1, 2):
        _write(repo, "a.dvx", _pointer(number))
        _commit(repo, f"run {number}")
    # Merges of a line without the pointer: Git's own `-n` counts them.
    run_git(repo, "switch", "-q", "--orphan", "other")
    _commit(repo, "other root")
    run_git(repo, "switch", "-q", "main")
    for number in range(26):
        run_git(repo, "switch", "-q", "other")
        _commit(repo, f"other {number}")
        run_git(repo, "switch", "-q", "main")
        run_git(
            repo, "merge", "-q", "--no-ff", "--allow-unrelated-histories", "-m", f"merge {number}", "other"
        )
    found = _history(repo).commits(HistorySelection(limit=1))
    assert [each.subject for each in found] == ["run 2"]


def test_since_takes_what_git_takes_and_refuses_what_git_guesses(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, day in ((1, "2020-01-01T00:00:00Z"), (2, "2024-01-01T00:00:00Z")):
        monkeypatch.setenv("GIT_COMMITTER_DATE", day)
        _write(repo, "a.dvx", _pointer(number))
        _commit(repo, f"run {number}")
    history = _history(repo)
    assert [each.subject for each in history.commits(HistorySelection(since="2022-06-01"))] == ["run 2"]
    assert history.commits(HistorySelection(since="1 hour ago")) == []
    with pytest.raises(UsageError, match="not a date") as caught:
        history.commits(HistorySelection(since="the day it broke"))
    assert caught.value.kind == "bad-date"


def test_a_shallow_clone_says_where_it_ends(repo: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        _write(repo, "a.dvx", _pointer(number))
        _commit(repo, f"run {number}")
    run_git(tmp_path, "clone", "-q", "--depth", "2", repo.as_uri(), "shallow")
    found = _history(tmp_path / "shallow").commits()
    assert [(each.subject, each.is_boundary) for each in found] == [("run 3", False), ("run 2", True)]
    assert found[1].changes[0].kind is ChangeKind.ADDED


def test_a_bare_repository_and_one_without_commits_are_read(repo: Path, tmp_path: Path) -> None:
    assert _history(repo).commits() == []
    assert _history(repo).commits(HistorySelection(ALL_REFS)) == []
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "first")
    run_git(tmp_path, "clone", "-q", "--bare", str(repo), "bare.git")
    history = _history(tmp_path / "bare.git")
    assert [each.subject for each in history.commits()] == ["first"]
    assert history.pointers_at("HEAD")["a"].size == 1


def test_pointers_of_any_revision_are_read_without_checkout(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _write(repo, "sub/b.dvx", _pointer(2))
    _commit(repo, "first")
    run_git(repo, "rm", "-q", "a.dvx")
    _commit(repo, "second")
    history = _history(repo)
    assert {path: each.size for path, each in history.pointers_at("HEAD~1").items()} == {"a": 1, "sub/b": 2}
    assert set(history.pointers_at("HEAD")) == {"sub/b"}


@pytest.mark.parametrize("rev", ["nothing", "--all-evil", "main..nothing", "-x..main", ""])
def test_unknown_revisions_are_refused(repo: Path, rev: str) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "first")
    with pytest.raises(NotFound):
        _history(repo).commits(HistorySelection([rev]))


def test_what_is_no_pointer_is_a_problem_not_a_failure(repo: Path) -> None:
    _write(repo, "good.dvx", _pointer(1))
    _write(repo, "huge.dvx", b"x" * (MAX_POINTER_BYTES + 1))
    _write(repo, "foreign.dvx", b"<<<<<<< ours\n")
    _write(repo, "newer.dvx", b'version = 99\nkind = "file"\n')
    os.symlink("good.dvx", repo / "link.dvx")
    run_git(repo, "add", "link.dvx")
    _commit(repo, "all")
    history = _history(repo)
    assert set(history.pointers_at("HEAD")) == {"good"}
    assert len(history.problems) == 3
    assert "link" not in {change.path for change in history.commits()[0].changes}


_HEAD = _pointer(1)
_TABLES = b"\n[params]\nlr = 0.1\n"


@pytest.mark.parametrize(
    "data",
    [
        _HEAD + _TABLES,
        _pointer(2) + _TABLES,
        _HEAD.replace(b"version", b'note = """\n\n[params]\nlr = 0.1\n"""\nversion') + _TABLES,
        _HEAD + b'note = """' + _TABLES + b'"""\n' + _TABLES,
        _HEAD + b"note = 1\n" + _TABLES,
        _HEAD.replace(b"size = 1", b"size = -1") + _TABLES,
        _HEAD + _TABLES + _TABLES,
        b"size = 1\n" + _TABLES,
        _HEAD.replace(b"\n", b"\r\n") + _TABLES,
        _HEAD + b"\n[files]\na = 1\n",
        _HEAD + b"\n[size]\na = 1\n",
        _HEAD + b"\n\n[params]\nlr = 0.1\n",
        _HEAD + b"\n[params]\nlr = \n",
    ],
)
def test_tables_that_pointers_share_are_read_as_each_alone(repo: Path, data: bytes) -> None:
    for name, content in (("a", _pointer(7) + _TABLES), ("b", data), ("c", _pointer(8) + _TABLES)):
        _write(repo, f"{name}.dvx", content)
    _commit(repo, "all")
    found = _history(repo).pointers_at("HEAD")
    try:
        expected = parse_pointer(data)
    except FormatError:
        expected = None
    assert found.get("b") == expected
    assert found["c"].extra == {"params": {"lr": 0.1}}


def test_settings_of_git_that_change_its_log_change_nothing(repo: Path) -> None:
    _write(repo, "a.dvx", _pointer(1))
    _commit(repo, "first")
    for key, value in (
        ("log.showRoot", "false"),
        ("log.follow", "true"),
        ("log.decorate", "full"),
        ("log.showSignature", "true"),
        ("diff.renames", "copies"),
        ("color.ui", "always"),
        ("log.excludeDecoration", "refs/heads/*"),
        ("core.quotePath", "true"),
        ("diff.noprefix", "true"),
        ("format.pretty", "oneline"),
        ("log.date", "relative"),
    ):
        run_git(repo, "config", key, value)
    found = _history(repo).commits()
    assert _told(found) == [("first", [("a", "added")])]
    assert found[0].branches == ("main",)


def test_hostile_names_and_messages_do_not_shift_the_fields(repo: Path) -> None:
    name = "a\n:100644 100644 x y M\ncommit z.dvx"
    _write(repo, name, _pointer(1))
    _commit(repo, "commit 0000\n:000000 evil\x01")
    found = _history(repo).commits()
    assert [change.path for change in found[0].changes] == [name.removesuffix(".dvx")]
    assert found[0].subject.startswith("commit 0000")


def test_a_thousand_commits_take_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_history(tmp_path / "h", commits=1000, pointers=50, changed=1, metadata=lambda number: Metadata())
    started: list[list[str]] = []
    popen: Callable[..., object] = subprocess.Popen.__init__

    def counting(self: object, args: list[str], *rest: object, **named: object) -> object:
        started.append(args)
        return popen(self, args, *rest, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", counting)
    history = _history(tmp_path / "h")
    commits = history.commits()
    read = history.read(change.new_object or "" for each in commits for change in each.changes)
    assert len(commits) == 1000
    assert len(read) == 1049
    assert [args[-3] if args[1] == "rev-parse" else args[1] for args in started][-1] == "cat-file"
    # One more asks for HEAD, which may not be born.
    assert len(started) == 3


def test_pattern_with_many_stars_is_not_left_to_git(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    name = "a" * 200
    for path in (name, "b"):
        (tmp_path / f"{path}.dvx").write_bytes(format_pointer(Pointer(KIND_FILE, bytes(32), 1)))
    run_git(tmp_path, "add", "-A")
    run_git(tmp_path, "commit", "-qm", "x")
    history = PointerHistory(Repository.discover(str(tmp_path), env={}))
    assert history.commits(HistorySelection(paths=["*a" * 25 + "b"])) == []
    (commit,) = history.commits(HistorySelection(paths=["*a" * 25]))
    assert [change.path for change in commit.changes] == [name]
