"""Every command, killed before every single thing that it changes: the next command of any kind finishes or undoes it.

Each command is killed at its first change, at its second, and so on until it survives, counted from the one that writes
down what it is about to do: before that, only stores change. Whatever this leaves on the disk is looked at once: from
there the same command is run again, and, every other time, `dvx status` before it. DVX_TEST_ALL_KILLS=1 does so each
time, and kills at what comes before, too. Finishing is killed in the same way.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dvx.disk.atomic import TEMPORARY_PREFIX
from dvx.testing.kill_points import KILLED, CommandForks, Ended
from dvx.testing.shell import Tree, commit, make_repo, must_dvx, read_tree, run_git, write_tree

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a command is killed in a fork")
ALL = bool(os.environ.get("DVX_TEST_ALL_KILLS"))
INTENTION = os.path.join("dvx", "intention")
# No command of these changes as many things; one that is never through has a step that it repeats for ever.
MOST_CHANGES = 400
RANDOM_NAME = re.compile(re.escape(TEMPORARY_PREFIX) + "[0-9a-f]+")

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
    repo = make_repo(folder / "repo", remote="../remote", options=["--template="])
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
    source = make_repo(folder / "source", remote="../source-remote", options=["--template="])
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


def without_the_pointer(scene: Scene) -> None:
    """As a hook finds it after Git went to a commit that has no `d.dvx`."""
    run_git(scene.repo, "rm", "-q", "d.dvx")
    commit(scene.repo, "without d")


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


Prepare = Callable[[Scene], None]
COMMANDS: list[tuple[str, Prepare]] = [
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
    ("hooks run post-checkout 1 2 1", at_v1),
    ("hooks run post-checkout 1 2 0", without_the_pointer),
    ("init --remote ../elsewhere", without_dvx),
    ("remote add second ../elsewhere", plain),
    ("remote add --local second ../elsewhere", plain),
    ("remote remove second", with_a_second_remote),
    ("config set store.compression none", plain),
    ("config unset core.remote", plain),
    ("config set --local store.compression none", plain),
]
# The same steps as others, with more or fewer of them.
VARIANTS: list[tuple[str, Prepare]] = [
    ("add --update", with_edits),
    ("mv m other", plain),
    ("rm --keep d m", plain),
]
if ALL:
    COMMANDS += VARIANTS
# Those whose lists of steps have every kind of step.
FINISHED_LATER: list[tuple[str, Prepare]] = [
    ("mv d new/dd", plain),
    ("rm d", plain),
    ("checkout --rev v1 d", plain),
    ("resolve --theirs", in_conflict),
]


def state_of(repo: Path) -> dict[str, object]:
    """All that a person sees: the files, the staging area, what Git says, its configuration and its hooks."""
    common = repo / ".git"
    hooks = common / "hooks"
    return {
        "files": {path: entry for path, entry in read_tree(repo).items() if not path.startswith(".git/")},
        "staged": run_git(repo, "ls-files", "-s"),
        "status": run_git(repo, "status", "--porcelain", "-uall"),
        "config": (common / "config").read_text(encoding="utf-8"),
        "local": [path.read_bytes() for path in (common / "dvx").glob("config.toml")],
        "hooks": sorted(path.name for path in hooks.glob("*")) if hooks.exists() else [],
    }


def bytes_of(repo: Path) -> Tree:
    """All that is on the disk, with one name for all temporary files."""
    return {RANDOM_NAME.sub("temporary", path): entry for path, entry in read_tree(repo).items()}


def leftovers(folder: Path) -> list[str]:
    """Temporary files and records of dvx, wherever they are; those of stores are swept by age."""
    return sorted(
        str(Path(parent, name).relative_to(folder))
        for parent, folders, files in os.walk(folder)
        for name in [*folders, *files]
        if name.startswith((TEMPORARY_PREFIX, "intention"))
    )


class Walk:
    """One command in one situation, from which it can be run, and killed, again and again."""

    def __init__(self, line: str, prepare: Prepare, *, template: Path, forks: CommandForks, folder: Path):
        self.args = line.split()
        self.forks = forks
        shutil.copytree(template, folder, symlinks=True, dirs_exist_ok=True)
        prepare(Scene(folder))
        self.repo = folder / "repo"
        self.start = folder / "start"
        shutil.copytree(self.repo, self.start, symlinks=True)
        ended = self.run()
        assert ended.code == 0, ended.text
        self.expected = state_of(self.repo)

    def go_back(self) -> None:
        """Let the repository be as it was at the start."""
        shutil.rmtree(self.repo)
        shutil.copytree(self.start, self.repo, symlinks=True)

    def run(self, *, kill_at: int = 0) -> Ended:
        return self.forks.run(self.repo, *self.args, kill_at=kill_at, after="" if ALL else INTENTION)

    def kills(self) -> Iterator[int]:
        """The repository after each kill that leaves what no other left; at the end, after none."""
        seen: Tree = {}
        for number in range(1, MOST_CHANGES):
            self.go_back()
            ended = self.run(kill_at=number)
            if ended.code != KILLED:
                assert ended.code == 0, ended.text
                assert state_of(self.repo) == self.expected
                assert number > 2
                return
            left = bytes_of(self.repo)
            if left != seen:
                yield number
            seen = left
        pytest.fail("it never ends")

    def look(self, where: str) -> None:
        """Run `dvx status`: it leaves nothing, and when it says that it finished the command, it did."""
        looked = self.forks.run(self.repo, "status")
        assert looked.code != 70, f"{where}: {looked.text}"
        assert leftovers(self.repo) == [], f"{where}, then status: {looked.text}"
        if "it is finished now" in looked.text:
            assert state_of(self.repo) == self.expected, f"{where}, then status: {looked.text}"

    def end(self, where: str) -> None:
        """Run the command again: everything is as if it had never been killed."""
        if not leftovers(self.repo) and state_of(self.repo) == self.expected:
            return  # all is done, and some commands cannot be done twice
        again = self.forks.run(self.repo, *self.args)
        assert again.code == 0, f"{where}, then again: {again.text}"
        assert state_of(self.repo) == self.expected, f"{where}, then again: {again.text}"
        assert leftovers(self.repo) == [], f"{where}, then again"


@pytest.mark.parametrize(("line", "prepare"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_command_killed_at_any_change_is_finished_by_the_next(
    line: str, prepare: Prepare, template: Path, forks: CommandForks, tmp_path: Path
) -> None:
    walk = Walk(line, prepare, template=template, forks=forks, folder=tmp_path)
    for count, number in enumerate(walk.kills()):
        if count % 2 or ALL:
            walk.look(f"killed at {number}")
        walk.end(f"killed at {number}")


@pytest.mark.parametrize(("line", "prepare"), FINISHED_LATER, ids=[line for line, _ in FINISHED_LATER])
def test_finishing_that_is_killed_at_any_change_is_finished_by_the_next(
    line: str, prepare: Prepare, template: Path, forks: CommandForks, tmp_path: Path
) -> None:
    walk = Walk(line, prepare, template=template, forks=forks, folder=tmp_path)
    begun = [number for number in walk.kills() if (walk.repo / ".git" / INTENTION).exists()]
    assert len(begun) > 2
    # Finishing starts with the first step in any case; ALL walks it from each.
    for number in begun if ALL else begun[1 :: len(begun) // 2]:
        finishing = 1
        while True:
            walk.go_back()
            walk.run(kill_at=number)
            if forks.run(walk.repo, "status", kill_at=finishing).code != KILLED:
                break
            walk.end(f"killed at {number}, finishing killed at {finishing}")
            finishing += 1
        assert finishing > 2
