"""Every command, killed before every single thing that it changes: the next command of any kind finishes or undoes it.

Each command is killed at its first change, at its second, and so on until it survives, counted from the one that writes
down what it is about to do: before that, only stores change. Half of the time `dvx status` is the next command, half of
the time the same command again. DVX_TEST_ALL_KILLS=1 does both each time, and kills at what comes before, too.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.testing.kill_points import KILLED, CommandForks
from dvx.testing.shell import commit, make_repo, must_dvx, read_tree, run_git, write_tree

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a command is killed in a fork")
ALL = bool(os.environ.get("DVX_TEST_ALL_KILLS"))
INTENTION = os.path.join("dvx", "intention")
# No command of these changes as many things; one that is never through has a step that it repeats for ever.
MOST_CHANGES = 400

V1 = {"a": ("file", b"one"), "s/b": ("file", b"two"), "s/t/c": ("file", b"three")}
V2 = {"a": ("file", b"ONE"), "s/n": ("file", b"new"), "s/t/c": ("file", b"three"), "x": ("file", b"x")}


@dataclass(frozen=True)
class Scene:
    """A folder with the repository `repo`, its remote, and another repository to import from."""

    folder: Path

    @property
    def repo(self) -> Path:
        return self.folder / "repo"


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandForks]:
    with CommandForks(str(tmp_path_factory.mktemp("forks"))) as running:
        yield running


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of `d`, committed, pushed and tagged, and the file `m`; `source` has data to import."""
    folder = tmp_path_factory.mktemp("template")
    repo = make_repo(folder / "repo", remote="../remote")
    write_tree(repo / "d", V1)
    (repo / "m").write_bytes(b"model")
    must_dvx(repo, "add", "d", "m")
    commit(repo, "v1")
    run_git(repo, "tag", "v1")
    shutil.rmtree(repo / "d")
    write_tree(repo / "d", V2)
    must_dvx(repo, "add", "d", "--push")
    commit(repo, "v2")
    run_git(repo, "tag", "v2")
    must_dvx(repo, "push", "--all-refs")
    source = make_repo(folder / "source", remote="../source-remote")
    write_tree(source / "data", V1)
    must_dvx(source, "add", "data")
    commit(source, "data")
    must_dvx(source, "push")
    run_git(source, "tag", "first")
    return folder


def plain(scene: Scene) -> None:
    """As it is in the template."""


def with_new_data(scene: Scene) -> None:
    write_tree(scene.repo / "new" / "set", V1)


def with_edits(scene: Scene) -> None:
    shutil.rmtree(scene.repo / "d")
    write_tree(scene.repo / "d", V1)


def at_v1(scene: Scene) -> None:
    run_git(scene.repo, "checkout", "-q", "v1")


def in_a_clone(scene: Scene) -> None:
    shutil.rmtree(scene.repo / ".git" / "dvx")
    shutil.rmtree(scene.repo / "d")


def in_conflict(scene: Scene) -> None:
    """Both sides changed `a`; theirs has a file more."""
    repo = scene.repo
    must_dvx(repo, "hooks", "install")
    run_git(repo, "checkout", "-q", "-b", "side")
    (repo / "d" / "a").write_bytes(b"theirs")
    (repo / "d" / "more").write_bytes(b"more")
    must_dvx(repo, "add", "--update")
    commit(repo, "side")
    run_git(repo, "checkout", "-q", "-")
    must_dvx(repo, "checkout")
    (repo / "d" / "a").write_bytes(b"ours")
    must_dvx(repo, "add", "--update")
    commit(repo, "ours")
    with pytest.raises(AssertionError):
        run_git(repo, "merge", "-q", "side")


def with_an_import(scene: Scene) -> None:
    must_dvx(scene.repo, "import", "../source", "data", "-o", "imp")
    commit(scene.repo, "import")
    source = scene.folder / "source"
    (source / "data" / "a").write_bytes(b"changed")
    must_dvx(source, "add", "--update", "--push")
    commit(source, "changed")


def with_hooks(scene: Scene) -> None:
    must_dvx(scene.repo, "hooks", "install")


def with_a_second_remote(scene: Scene) -> None:
    must_dvx(scene.repo, "remote", "add", "second", "../elsewhere")
    commit(scene.repo, "second")
    must_dvx(scene.repo, "config", "set", "--local", "remote.second.url", "../nearer")


def without_dvx(scene: Scene) -> None:
    shutil.rmtree(scene.repo)
    scene.repo.mkdir()
    run_git(scene.repo, "init", "-q")


COMMANDS: list[tuple[str, Callable[[Scene], None]]] = [
    ("add new/set", with_new_data),
    ("mv d new/dd", plain),
    ("rm d", plain),
    ("checkout", at_v1),
    ("checkout --rev v1 d", plain),
    ("pull", in_a_clone),
    ("resolve --theirs", in_conflict),
    ("import ../source data -o imp/here", plain),
    ("update", with_an_import),
    ("meta set d meta.note=1", plain),
    ("hooks install", plain),
    ("hooks uninstall", with_hooks),
    ("init --remote ../elsewhere", without_dvx),
    ("remote add second ../elsewhere", plain),
    ("remote remove second", with_a_second_remote),
    ("config set store.compression none", plain),
    ("config set --local core.jobs 3", plain),
    ("config unset core.remote", plain),
]
# The same steps as others, with more or fewer of them.
VARIANTS: list[tuple[str, Callable[[Scene], None]]] = [
    ("add --update", with_edits),
    ("mv m other", plain),
    ("rm --keep d m", plain),
]
if ALL:
    COMMANDS += VARIANTS


def read_if_there(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def state_of(repo: Path) -> dict[str, object]:
    """All that a person sees: the files, the staging area, what Git says, its configuration and its hooks."""
    common = repo / ".git"
    return {
        "files": {path: entry for path, entry in read_tree(repo).items() if not path.startswith(".git/")},
        "staged": run_git(repo, "ls-files", "-s"),
        "status": run_git(repo, "status", "--porcelain", "-uall"),
        "config": (common / "config").read_text(encoding="utf-8"),
        "settings": read_if_there(common / "dvx" / "config.toml"),
        "hooks": sorted(path.name for path in (common / "hooks").glob("*"))
        if (common / "hooks").exists()
        else [],
    }


def leftovers(folder: Path) -> list[str]:
    """Temporary files and records of dvx, wherever they are; those of stores are swept by age."""
    return sorted(
        str(Path(parent, name).relative_to(folder))
        for parent, folders, files in os.walk(folder)
        for name in [*folders, *files]
        if name.startswith((TEMPORARY_PREFIX, "intention"))
    )


@pytest.mark.parametrize(("line", "prepare"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_command_killed_at_any_change_is_finished_by_the_next(
    line: str, prepare: Callable[[Scene], None], template: Path, forks: CommandForks, tmp_path: Path
) -> None:
    args = line.split()
    start = tmp_path / "start"
    shutil.copytree(template, start, symlinks=True)
    prepare(Scene(start))
    scene = Scene(tmp_path / "scene")

    def begin() -> Path:
        shutil.rmtree(scene.folder, ignore_errors=True)
        shutil.copytree(start, scene.folder, symlinks=True)
        return scene.repo

    repo = begin()
    ended = forks.run(repo, *args)
    assert ended.code == 0, ended.text
    expected = state_of(repo)
    number = 1
    while number < MOST_CHANGES:
        repo = begin()
        ended = forks.run(repo, *args, kill_at=number, after="" if ALL else INTENTION)
        if ended.code != KILLED:
            break
        if number % 2 or ALL:
            looked = forks.run(repo, "status")
            assert looked.code != 70, f"killed at {number}: {looked.text}"
            assert leftovers(repo) == [], f"killed at {number}, then status"
            if "it is finished now" in looked.text:
                assert state_of(repo) == expected, f"killed at {number}, then status: {looked.text}"
        if not leftovers(repo) and state_of(repo) == expected:
            number += 1  # all is done, and some commands cannot be done twice
            continue
        again = forks.run(repo, *args)
        assert again.code == 0, f"killed at {number}, then again: {again.text}"
        assert state_of(repo) == expected, f"killed at {number}, then again: {again.text}"
        assert leftovers(repo) == [], f"killed at {number}, then again"
        number += 1
    assert ended.code == 0, ended.text
    assert state_of(repo) == expected
    assert number > 2
