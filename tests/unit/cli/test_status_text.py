"""A status report on a terminal."""

import io

from dvx.cli.output import Output
from dvx.cli.status_text import StatusText
from dvx.core.errors import FormatError
from dvx.formats.pointer import Pointer
from dvx.ops.differences import Difference, FileState
from dvx.ops.status import PathState, PathStatus, RemoteState, StatusReport
from dvx.repo.pointers import TrackedPointer
from dvx.repo.repository import Repository


def _status(path: str, state: PathState = PathState.CLEAN, **more: object) -> PathStatus:
    pointer = Pointer("directory", bytes(32), 1_068_181_770, 20000)
    return PathStatus(TrackedPointer(path, path + ".dvx", pointer), state, **more)  # type: ignore[arg-type]


def _differences(state: FileState, count: int) -> list[Difference]:
    return [Difference(f"data/f{i:02}", state, None, None, 0) for i in range(count)]


def _text(report: StatusReport, *, shows_all: bool = False, prefix: str = "") -> StatusText:
    repository = Repository(root="/r", git_dir="/r/.git", common_dir="/r/.git", prefix=prefix)
    output = Output(io.StringIO(), io.StringIO(), uses_colour=False)
    return StatusText(report, repository, output, shows_all=shows_all)


def test_clean_report_is_one_line() -> None:
    text = _text(StatusReport(paths=[_status("data"), _status("more")]))
    assert list(text.lines()) == ["clean: 2 tracked paths, 2.14 GB"]
    assert list(text.hints()) == []


def test_changed_path_lists_ten_files_of_each_kind_and_counts_the_rest() -> None:
    differences = _differences(FileState.MODIFIED, 12) + _differences(FileState.DELETED, 1)
    report = StatusReport(paths=[_status("data", PathState.CHANGED, differences=differences)])
    lines = list(_text(report).lines())
    assert lines[0] == "changed: data (20 000 files, 1.07 GB)"
    assert lines[1] == "    modified:  data/f00"
    assert lines[11] == "    modified:  ... and 2 more (use -v)"
    assert lines[12:] == ["    deleted:   data/f00"]


def test_everything_is_listed_when_asked_for() -> None:
    differences = _differences(FileState.UNTRACKED, 12)
    report = StatusReport(paths=[_status("data", PathState.CHANGED, differences=differences), _status("ok")])
    lines = list(_text(report, shows_all=True).lines())
    assert sum("untracked:" in line for line in lines) == 12
    assert "clean: ok (20 000 files, 1.07 GB)" in lines


def test_paths_are_relative_to_the_current_folder_and_escaped() -> None:
    report = StatusReport(paths=[_status("data/a\x1b", PathState.NOT_CHECKED_OUT)])
    assert list(_text(report, prefix="data").lines()) == ["not checked out: a\\x1b (20 000 files, 1.07 GB)"]


def test_pointers_that_are_not_committed_are_listed() -> None:
    report = StatusReport(paths=[_status("a", git="new"), _status("b", git="modified")], removed=["c.dvx"])
    assert list(_text(report).lines()) == [
        "pointers not committed:",
        "    new:       a.dvx",
        "    modified:  b.dvx",
        "    removed:   c.dvx",
        "clean: 2 tracked paths, 2.14 GB",
    ]


def test_broken_pointer_has_its_reason_and_a_way_out() -> None:
    error = FormatError(
        "it has conflict markers", hints=["take one side: `git checkout --ours x.dvx`", "or not"]
    )
    text = _text(StatusReport(broken={"x.dvx": error, "y.dvx": error}))
    assert list(text.lines()) == [
        "broken pointer: x.dvx: it has conflict markers",
        "broken pointer: y.dvx: it has conflict markers",
    ]
    assert list(text.hints()) == ["take one side: `git checkout --ours x.dvx`"]


def test_remote_that_lacks_something_names_it() -> None:
    paths = [_status("a", remote=RemoteState.COMPLETE), _status("b", remote=RemoteState.ABSENT)]
    text = _text(StatusReport(paths=paths, remote="s3://k:pw@bucket"))
    assert list(text.lines())[:2] == [
        "remote s3://k:***@bucket: lacks 1 of 2 tracked paths",
        "    absent:     b",
    ]
    assert list(text.hints()) == ["send what the remote lacks: `dvx push`"]


def test_remote_that_has_all_says_so() -> None:
    report = StatusReport(paths=[_status("a", remote=RemoteState.COMPLETE)], remote="s3://bucket")
    assert next(_text(report).lines()) == "remote s3://bucket: has all of 1 tracked path"


def test_path_of_unknown_state_says_why() -> None:
    report = StatusReport(paths=[_status("a", PathState.UNKNOWN, problem="its listing is nowhere")])
    text = _text(report)
    assert list(text.lines()) == ["unknown: a (20 000 files, 1.07 GB)", "    its listing is nowhere"]
    assert list(text.hints()) == ["get the data: `dvx pull`"]
