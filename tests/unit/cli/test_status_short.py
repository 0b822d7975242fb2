"""`dvx status --short`."""

from dvx.cli.status_short import short_lines
from dvx.core.errors import FormatError
from dvx.formats.pointer import Pointer
from dvx.ops.differences import Difference, FileState
from dvx.ops.status import PathState, PathStatus, StatusReport
from dvx.repo.pointers import TrackedPointer
from dvx.repo.repository import Repository


def _status(path: str, state: PathState, git: str = "unchanged", *files: tuple[str, FileState]) -> PathStatus:
    tracked = TrackedPointer(path, f"{path}.dvx", Pointer("directory", bytes(32), 1, 1))
    return PathStatus(
        tracked, state, git=git, differences=[Difference(n, k, None, None, 0) for n, k in files]
    )


def test_two_letters_say_where_the_pointer_and_the_data_stand() -> None:
    repository = Repository(root="/r", git_dir="/r/.git", common_dir="/r/.git", prefix="")
    report = StatusReport(
        paths=[
            _status("clean", PathState.CLEAN),
            _status(
                "d", PathState.CHANGED, "modified", ("d/a", FileState.MODIFIED), ("d/n", FileState.UNTRACKED)
            ),
            _status("here", PathState.CLEAN, "new"),
            _status("gone", PathState.NOT_CHECKED_OUT),
            _status("old", PathState.OUTDATED),
            _status("odd", PathState.UNKNOWN, "unmerged"),
        ],
        broken={"x.dvx": FormatError("bad")},
        removed=["r.dvx"],
    )
    assert list(short_lines(report, repository)) == [
        "!! x.dvx", "MM d", " M d/a", "?? d/n", "A  here", " D gone", " < old", "U! odd", "D  r.dvx",
    ]  # fmt: skip
