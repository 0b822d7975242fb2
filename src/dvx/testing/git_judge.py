"""A random person who works with Git and dvx, judged after each step: nothing is lost, and the data follows the commit.

Owns what must hold after a step, and the record of steps. What a step does, and which ones there are, is up to the
test that drives it.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dvx.testing.git_model import Picture, WorkTree, is_at, name_of
from dvx.testing.shell import Ran
from dvx.testing.workspace import Workspace

_UNFINISHED: Final = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


class Judge:
    """Work trees of one repository below `folder`; commands run in `tree`, one of `trees`.

    `stored` has (path, id) of everything that any pointer ever named, `committed` the tracked paths that some commit
    has: data of others stays when its pointer goes. `forgetful` are work trees whose stat cache was lost: what
    earlier versions left behind is not known there. A step may set `keeps_clean`, `given_up` and `renamed`.
    """

    def __init__(self, seed: int, folder: Path, tree: WorkTree) -> None:
        """Look at nothing yet."""
        self.random = random.Random(seed)  # noqa: S311 - test data
        self.folder = folder
        self.tree = tree
        self.trees = [tree]
        self.steps: list[str] = []
        self.stored: set[tuple[str, bytes]] = set()
        self.committed: set[str] = set()
        self.forgetful: set[Path] = set()
        self._was_clean: dict[Path, bool] = {}  # before a conflict, and untouched since
        self._begin_step(keeps_clean=False)

    def _begin_step(self, *, keeps_clean: bool) -> None:
        self.keeps_clean = keeps_clean
        self.given_up: Callable[[str], bool] = lambda _: False
        self.renamed: tuple[str, str] = ("", "")

    def judge(self, name: str, action: Callable[[], object], *, keeps_clean: bool, is_edit: bool) -> None:
        """Do one thing and judge it.

        With `keeps_clean`, data that was as its pointers say is so afterwards. An `is_edit` may do away with work.
        """
        self.say(f"-- {name} in {self.tree.root.name}")
        self._begin_step(keeps_clean=keeps_clean)
        before = {tree.root: Picture.of(tree) for tree in self.trees}
        for picture in before.values():
            self.learn(picture)
        self._learn_committed()
        action()
        for tree in self.trees:
            after = Picture.of(tree)
            self.learn(after)
            if tree.root in before:
                self._compare(tree, before[tree.root], after, is_edit=is_edit)
        self._check_status()

    def _compare(self, tree: WorkTree, before: Picture, after: Picture, *, is_edit: bool) -> None:
        is_other = tree is not self.tree
        if is_other or not is_edit:
            self._check_work(before, after)
        was_clean = self.is_clean(tree, before)
        if before.unmerged:
            was_clean = was_clean and self._was_clean.get(tree.root, False) and (is_other or not is_edit)
        if (is_other or self.keeps_clean) and was_clean:
            self.must_be_clean(tree, after)
        self._was_clean[tree.root] = was_clean if after.unmerged else False

    def learn(self, picture: Picture) -> None:
        """Remember what the pointers name: it is stored."""
        for named in picture.named.values():
            self.stored.update((name, content_id) for name, (_, content_id) in named.items())

    def _learn_committed(self) -> None:
        names = self.tree.ask("ls-tree", "-r", "--name-only", "HEAD").splitlines()
        self.committed.update(name.removesuffix(".dvx") for name in names if name.endswith(".dvx"))

    def is_clean(self, tree: WorkTree, picture: Picture) -> bool:
        """Whether all data is as its pointers say, and there is none whose pointer went away."""
        strays = [] if tree.root in self.forgetful else picture.without_pointer()
        is_free = not any(is_at(name, path) for name in strays for path in self.committed)
        return is_free and all(is_at(path, *picture.unmerged) for path, _ in picture.differing())

    def must_be_clean(self, tree: WorkTree, picture: Picture) -> None:
        """Fail with what is not clean."""
        assert self.is_clean(tree, picture), (
            f"in {tree.root}: {list(picture.differing())}, without pointer: {picture.without_pointer()}"
        )

    def _check_work(self, before: Picture, after: Picture) -> None:
        """Work that is not stored is where it was, or where its folder was moved to, with its bytes."""
        for path, content in before.data.items():
            if content[0] == "directory" or (path, name_of(content)[1]) in self.stored or self.given_up(path):
                continue
            old, new = self.renamed
            place = new + path[len(old) :] if old and is_at(path, old) else path
            found = after.data.get(place, after.data.get(path))
            assert found is not None, f"work in {path} is gone"
            assert found[1] == content[1], f"work in {path} was changed"

    def _check_status(self) -> None:
        picture = Picture.of(self.tree)
        differing = list(picture.differing())
        is_clean = Workspace(str(self.tree.root)).status().is_clean
        assert is_clean == (not differing) or picture.unknown, f"status says clean={is_clean}: {differing}"

    # Commands

    def say(self, line: str) -> None:
        """Note it for the report of a failure."""
        self.steps.append(line)

    def must(self, ran: Ran) -> Ran:
        """It has to have succeeded."""
        assert ran.code == 0, f"ended with {ran.code}:\n{ran.out}{ran.err}"
        return ran

    def git(self, *args: str) -> Ran:
        """Run Git in the current work tree."""
        ran = self.tree.git(*args)
        self.say(f"git {' '.join(args)}  => {ran.code} {ran.err.strip()!r}")
        return ran

    def dvx(self, *args: str) -> Ran:
        """Run dvx in the current work tree."""
        ran = self.tree.dvx(*args)
        self.say(f"dvx {' '.join(args)}  => {ran.code} {ran.err.strip()!r}")
        return ran

    def unfinished(self) -> bool:
        """Whether Git is in the middle of something, or has paths in conflict."""
        if any(self.tree.git_path(name).exists() for name in _UNFINISHED):
            return True
        return self.tree.ask("ls-files", "-u") != ""

    def git_is_clean(self) -> bool:
        """Whether Git has nothing to refuse a switch for: no changes, no pointer or ignore file that is untracked."""
        return all(
            line.startswith("??") and ".dvx" not in line and ".gitignore" not in line
            for line in self.tree.ask("status", "--porcelain", "-uall").splitlines()
        )

    def moving(self, *args: str) -> Ran:
        """A Git command that has no reason to fail where Git itself has nothing uncommitted."""
        is_clean = self.git_is_clean()
        ran = self.git(*args)
        assert ran.code == 0 or not is_clean, f"git {args} failed:\n{ran.out}{ran.err}"
        return ran

    def merging(self, *args: str) -> Ran:
        """A Git command that may end in a conflict, or find nothing to do."""
        is_clean = self.git_is_clean()
        ran = self.git(*args)
        is_empty = "nothing to commit" in ran.out or "nothing added to commit" in ran.out
        is_explained = self.unfinished() or is_empty or not is_clean
        assert ran.code == 0 or is_explained, f"git {args} failed:\n{ran.out}{ran.err}"
        return ran

    def committing(self, *args: str) -> None:
        """Commit. The hook may stop it only where the data is not as the pointers say."""
        ran = self.git("commit", "-q", *args)
        if ran.code != 0:
            picture = Picture.of(self.tree)
            is_hidden = self.tree.ask("diff", "--name-only", "--", "*.dvx")
            assert list(picture.differing()) or picture.without_pointer() or is_hidden, ran.err
            assert "fix:" in ran.err, ran.err
            self.must(self.git("commit", "-q", "--no-verify", *args))
