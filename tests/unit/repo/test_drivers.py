import subprocess
from pathlib import Path

import pytest

from dvx.repo.drivers import driver_state, install_drivers, remove_drivers
from dvx.repo.repository import Repository

_PYTHON = "/usr/bin/my python"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return Repository.discover(str(tmp_path))


def _files(repository: Repository) -> dict[str, bytes]:
    """The files that Git reads settings and attributes from."""
    folder = Path(repository.common_dir)
    places = [folder / "config", *(folder / "info").glob("*")]
    return {str(place.relative_to(folder)): place.read_bytes() for place in places}


def _attributes(repository: Repository) -> Path:
    return Path(repository.common_dir, "info", "attributes")


def _git(repository: Repository, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=repository.root, check=True, capture_output=True, text=True
    ).stdout


def test_git_uses_the_drivers_for_pointers_and_for_nothing_else(repository: Repository) -> None:
    assert not driver_state(repository).is_installed
    assert install_drivers(repository, interpreter=_PYTHON)
    shown = _git(repository, "check-attr", "merge", "diff", "--", "data/x.dvx", "x.txt").splitlines()
    assert shown == [
        "data/x.dvx: merge: dvx", "data/x.dvx: diff: dvx", "x.txt: merge: unspecified", "x.txt: diff: unspecified",
    ]  # fmt: skip
    state = driver_state(repository, interpreter=_PYTHON)
    assert (state.is_installed, state.is_current) == (True, True)
    assert not install_drivers(repository, interpreter=_PYTHON)
    assert "'/usr/bin/my python' -P -c" in _git(repository, "config", "merge.dvx.driver")


def test_another_interpreter_makes_the_drivers_outdated_until_they_are_installed_again(
    repository: Repository,
) -> None:
    install_drivers(repository, interpreter="/old/python")
    state = driver_state(repository, interpreter=_PYTHON)
    assert (state.is_installed, state.is_current) == (True, False)
    assert install_drivers(repository, interpreter=_PYTHON)
    assert driver_state(repository, interpreter=_PYTHON).is_current
    assert _attributes(repository).read_bytes().count(b"*.dvx") == 1


@pytest.mark.parametrize("attributes", [None, b"", b"*.png -text\n", b"# no line end", b"a\r\n\n\n"])
def test_remove_gives_back_exactly_what_was_there(repository: Repository, attributes: bytes | None) -> None:
    if attributes is not None:
        _attributes(repository).parent.mkdir(exist_ok=True)
        _attributes(repository).write_bytes(attributes)
    before = _files(repository)
    install_drivers(repository)
    install_drivers(repository, interpreter=_PYTHON)
    assert _files(repository) != before
    assert remove_drivers(repository)
    assert _files(repository) == before
    assert not remove_drivers(repository)


def test_remove_gives_back_settings_of_the_same_name(repository: Repository) -> None:
    for key, value in (
        ("merge.dvx.driver", "mine %A"),
        ("diff.dvx.textconv", "cat"),
        ("diff.dvx.binary", "true"),
    ):
        _git(repository, "config", key, value)
    before = _git(repository, "config", "--local", "--list")
    install_drivers(repository)
    install_drivers(repository, interpreter=_PYTHON)
    remove_drivers(repository)
    assert sorted(_git(repository, "config", "--local", "--list").splitlines()) == sorted(before.splitlines())


def test_remove_keeps_what_others_wrote_in_between(repository: Repository) -> None:
    install_drivers(repository)
    with _attributes(repository).open("ab") as file:
        file.write(b"*.bin -diff\n")
    remove_drivers(repository)
    assert _attributes(repository).read_bytes() == b"*.bin -diff\n"


def test_remove_with_a_damaged_memory_of_what_was_there_still_removes_the_drivers(
    repository: Repository,
) -> None:
    install_drivers(repository)
    Path(repository.state_dir, "drivers.json").write_bytes(b"[")
    assert remove_drivers(repository)
    assert "dvx" not in _git(repository, "config", "--local", "--list")
    assert not driver_state(repository).has_attributes


def test_linked_work_trees_share_the_drivers(repository: Repository, tmp_path: Path) -> None:
    _git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    _git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    install_drivers(Repository.discover(str(tmp_path / "linked")))
    assert driver_state(repository).is_installed
    remove_drivers(repository)
    assert not driver_state(Repository.discover(str(tmp_path / "linked"))).is_installed
