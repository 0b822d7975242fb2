"""Real Git, its hooks and dvx against a model, in random order: no byte is lost, and the data follows the commit.

Each seed makes a repository with all hooks and lets a random person work in it. After each step:

- content that was never stored is still where it was, unless the step was told to give it up;
- where the data was as its pointers say before a step that only moves commits, it is so after it;
- the status of dvx agrees with what the bytes in the work tree say;
- nothing ended with a traceback, and Git commands that have no reason to fail did not.

At the end everything is pushed, and a clone has the same bytes on each branch. A failure prints its seed and steps.
More seeds by hand, from 100 up to 199: `DVX_TEST_SEEDS=100:200 pytest tests/property/test_git_machine.py`;
`DVX_TEST_STEPS` is how many steps each has (40 and more meet conflicts in every seed or two).

What a person decides stays out of the judgement: data that was left after `dvx resolve` or `git rm`, work in a
conflict, what a lost stat cache no longer knows, and data whose pointer was never committed.
"""

import os
import shutil
from pathlib import Path

import pytest

from dvx.testing.git_judge import Judge
from dvx.testing.git_model import CODE_FOLDER, Picture, WorkTree, is_at, name_of
from dvx.testing.shell import Ran, file_bytes, make_repo, must_dvx, write_tree

# Read now: no variable of dvx reaches a test.
_SEEDS = os.environ.get("DVX_TEST_SEEDS", "1:3")
_STEPS = int(os.environ.get("DVX_TEST_STEPS", "11"))

_NAMES = ["a", "b.bin", "b-c", "sub/c", "sub/b", "sub/deep/d", "x", "x/y", "x/z", "void/e", "run.sh", "link"]
_FREE_PATHS = ["model.bin", "exp/weights", "data", "moved/data", "other.bin", "exp/more"]
_BRANCHES = ["main", "one", "two", "three"]


class Machine(Judge):
    """One random person."""

    def __init__(self, seed: int, folder: Path) -> None:
        work = make_repo(folder / "work", remote=str(folder / "remote"))
        super().__init__(seed, folder, WorkTree(work))
        self.number = 0
        self.known: list[bytes] = [b"", b"text\n" * 200]
        self.set_up = self.tree.ask("rev-parse", "HEAD")
        self.tree.ask("init", "-q", "--bare", str(folder / "origin.git"))
        self.tree.ask("remote", "add", "origin", str(folder / "origin.git"))
        must_dvx(work, "hooks", "install", "--files")
        write_tree(work / "data", {
            "a": b"a", "b.bin": file_bytes(60_000, seed=1), "sub/c": b"c" * 3000, "sub/deep/d": b"",
            "void": ("directory", b""), "run.sh": ("executable", b"#!/bin/sh\n"), "link": ("symlink", b"sub/c"),
        })  # fmt: skip
        (work / "model.bin").write_bytes(file_bytes(20_000, seed=2))
        (work / "exp").mkdir()
        (work / "exp" / "weights").write_bytes(b"weights")
        self.must(self.tree.dvx("add", "data", "model.bin", "exp/weights"))
        self.commit()
        self.tree.ask("branch", "one")
        self.learn(Picture.of(self.tree))

    def run(self, steps: int) -> None:
        """Do random things, then the end."""
        for _ in range(steps):
            self.tree = self.random.choice(self.trees)
            weights = _WHEN_UNFINISHED if self.unfinished() else _ACTIONS
            self.step(self.random.choices(list(weights), list(weights.values()))[0])
        self.finish()

    def step(self, name: str) -> None:
        action = getattr(self, name)
        self.judge(name, action, keeps_clean=name in _KEEPS_CLEAN, is_edit=name in _EDITS)

    # Editing

    def fresh(self) -> bytes:
        if self.random.random() < 0.3:
            return self.random.choice(self.known)
        self.number += 1
        size = self.random.choice([0, 1, 10, 1000, 70_000])
        content = f"work {self.number}".encode() + self.random.randbytes(size)
        self.known.append(content)
        return content

    def tracked(self) -> list[str]:
        return [path for path, pointer in self.tree.pointers().items() if pointer is not None]

    def some_place(self) -> Path:
        folders = [path for path in self.tracked() if (self.tree.root / path).is_dir()]
        if not folders or self.random.random() < 0.2:
            return self.tree.root / self.random.choice(self.tracked() or ["model.bin"])
        return self.tree.root / self.random.choice(folders) / self.random.choice(_NAMES)

    def clear(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or path.exists():
            path.unlink()

    def make_room(self, path: Path) -> None:
        for parent in reversed(path.relative_to(self.tree.root).parents):
            above = self.tree.root / parent
            if above.is_symlink() or (above.exists() and not above.is_dir()):
                above.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.clear(path)

    def edit(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            path = self.some_place()
            kind = self.random.choices(["file", "executable", "symlink", "directory"], [12, 2, 1, 1])[0]
            self.say(f"write {path.relative_to(self.tree.root)} {kind}")
            self.make_room(path)
            if kind == "directory":
                path.mkdir()
            elif kind == "symlink" and str(path.relative_to(self.tree.root)) not in self.tracked():
                self.number += 1
                path.symlink_to(f"target{self.number}")
            else:
                path.write_bytes(self.fresh())
                path.chmod(0o755 if kind == "executable" else 0o644)

    def delete(self) -> None:
        path = self.some_place()
        self.say(f"delete {path.relative_to(self.tree.root)}")
        self.clear(path)

    def empty_folder(self) -> None:
        for path in self.tracked():
            place = self.tree.root / path
            if place.is_dir() and not place.is_symlink():
                self.say(f"empty {path}")
                for child in place.iterdir():
                    self.clear(child)

    def rename(self) -> None:
        old, new = self.some_place(), self.some_place()
        if old != new and old.exists() and old not in new.parents and new not in old.parents:
            self.say(f"rename {old.relative_to(self.tree.root)} {new.relative_to(self.tree.root)}")
            self.make_room(new)
            is_link_for_root = old.is_symlink() and str(new.relative_to(self.tree.root)) in self.tracked()
            if (old.is_symlink() or old.exists()) and not is_link_for_root:
                old.rename(new)

    # dvx

    def add(self) -> None:
        paths = [path for path in self.tracked() if os.path.lexists(self.tree.root / path)]
        way = self.random.choice(["update", "all", "whole", "part", "new"])
        before = Picture.of(self.tree)
        if way == "new":
            path = self.random.choice(_FREE_PATHS)
            taken = [other for other in paths if is_at(path, other) or is_at(other, path)]
            if taken or (self.tree.root / path).is_dir():
                return
            self.make_room(self.tree.root / path)
            (self.tree.root / path).write_bytes(self.fresh())
            chosen = [path]
        elif way == "part":
            names = sorted({*before.data, *(name for named in before.named.values() for name in named)})
            inside = [name for name in names if is_at(name, *paths) and name not in paths]
            chosen = self.random.sample(inside, min(len(inside), self.random.randint(1, 2)))
            if chosen and chosen[0].count("/") > 1 and self.random.random() < 0.3:
                chosen = [chosen[0].rpartition("/")[0]]
        else:
            chosen = {"update": ["--update"], "all": paths, "whole": paths[:1]}[way]
        if chosen:
            here = Picture.of(self.tree)
            ran = self.dvx("add", *chosen)
            self.check_added(ran, here, Picture.of(self.tree), chosen, way)

    def check_added(self, ran: Ran, here: Picture, after: Picture, chosen: list[str], way: str) -> None:
        assert ran.code in (0, 1, 2, 3, 7) or self.unfinished(), ran.err
        assert here.data == after.data
        if ran.code != 0:
            return
        for path in [] if way == "update" else chosen:
            for name, named in here.below(path).items():
                root = next(top for top in after.pointers if is_at(name, top))
                assert after.named[root].get(name) == named, (
                    f"{name} was added as {after.named[root].get(name)}"
                )
        for path, named in here.named.items():
            added = after.named[path]
            for name in named:
                is_meant = way == "update" or is_at(name, *chosen)
                if is_meant and here.below(path):
                    assert name in after.data or name not in added, (
                        f"{name} is gone and was not added as gone"
                    )
                if (
                    way == "part"
                    and not is_meant
                    and not is_at(chosen[0], name)
                    and not is_at(chosen[-1], name)
                ):
                    assert added.get(name) == named[name], f"{name} was not meant"

    def work(self) -> None:
        """The everyday round: edit, add, and mostly commit or stash."""
        self.random.choice([self.edit, self.edit, self.delete, self.empty_folder, self.rename])()
        self.must(self.dvx("add", "--force", "--update"))
        self.random.choice([self.commit, self.commit, self.commit, self.stash, lambda: None])()

    def checkout(self) -> None:
        before = Picture.of(self.tree)
        ran = self.dvx("checkout")
        after = Picture.of(self.tree)
        if ran.code != 0:
            assert before.data == after.data or ran.code in (3, 6)

    def checkout_force(self) -> None:
        before = Picture.of(self.tree)
        wanted = {name for named in before.named.values() for name in named} | set(before.pointers)
        self.given_up = lambda path: (
            any(is_at(path, name) or is_at(name, path) for name in wanted)
            and (path in wanted or not (self.tree.root / path).exists())
        )
        ran = self.dvx("checkout", "--force")
        after = Picture.of(self.tree)
        if ran.code == 0:
            for named in after.named.values():
                for name, wanted_name in named.items():
                    assert (name in after.data and name_of(after.data[name]) == wanted_name) or wanted_name[
                        0
                    ] == "directory", name

    def checkout_revision(self) -> None:
        revision = self.random.choice([*self.branches(), "HEAD~1", "HEAD~2"])
        before = Picture.of(self.tree)
        targets = self.random.choice([[], [], self.tracked()[:1]])
        ran = self.dvx("checkout", "--rev", revision, *targets)
        if ran.code not in (0, 3):
            assert before.data == Picture.of(self.tree).data, ran.err

    def checkout_part(self) -> None:
        """Of one path inside: nothing else moves."""
        before = Picture.of(self.tree)
        names = [name for named in before.named.values() for name in named]
        if not names:
            return
        name = self.random.choice(names)
        name = self.random.choice([name, name.rpartition("/")[0] or name])
        ran = self.dvx(self.random.choice(["checkout", "pull"]), name)
        after = Picture.of(self.tree)
        for path in before.data.keys() | after.data.keys():
            if not (is_at(path, name) or is_at(name, path)) or ran.code == 1:
                is_folder = "directory" in (before.data.get(path, after.data.get(path)) or ("",))[0]
                assert is_folder or before.data.get(path) == after.data.get(path), f"{path} was not meant"

    def remove(self) -> None:
        if paths := self.tracked():
            before = Picture.of(self.tree)
            ran = self.dvx("rm", self.random.choice(paths))
            assert ran.code == 0 or before.data == Picture.of(self.tree).data

    def remove_and_keep(self) -> None:
        if paths := self.tracked():
            before = Picture.of(self.tree)
            self.dvx("rm", "--keep", self.random.choice(paths))
            assert before.data == Picture.of(self.tree).data

    def move(self) -> None:
        if paths := self.tracked():
            old, new = self.random.choice(paths), self.random.choice(_FREE_PATHS)
            before = Picture.of(self.tree)
            ran = self.dvx("mv", old, new)
            if ran.code == 0:
                self.renamed = (
                    old,
                    new
                    if not (self.tree.root / new / Path(old).name).exists()
                    else f"{new}/{Path(old).name}",
                )
            else:
                assert before.data == Picture.of(self.tree).data

    def git_move(self) -> None:
        old, new = self.random.choice([("exp", "exp2"), ("exp2", "exp")])
        if (
            (self.tree.root / old).exists()
            and not (self.tree.root / new).exists()
            and self.git("mv", old, new).code == 0
        ):
            self.renamed = (old, new)

    def status(self) -> None:
        self.must(self.dvx("status"))

    def pull(self) -> None:
        before = Picture.of(self.tree)
        ran = self.dvx("pull", *self.random.choice([[], [], ["--no-store"]]))
        assert ran.code == 0 or before.data == Picture.of(self.tree).data or ran.code in (3, 6)

    def push(self) -> None:
        self.must(self.dvx("push", "--all-refs"))
        self.must(self.git("push", "-q", "-f", "--all", "origin"))

    def lose_a_cache(self) -> None:
        name = self.random.choice(["index.db", "stat.db", "followed"])
        path = self.tree.git_path("dvx") / name
        if name == "index.db":
            path = (
                Path(self.tree.ask("rev-parse", "--path-format=absolute", "--git-common-dir")) / "dvx" / name
            )
        elif name == "stat.db":
            self.forgetful.add(self.tree.root)
        self.say(f"lose {name}")
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    # Git

    def branches(self) -> list[str]:
        return self.tree.ask("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def free_branches(self) -> list[str]:
        used = [
            line
            for line in self.tree.ask("worktree", "list", "--porcelain").splitlines()
            if line.startswith("branch")
        ]
        return [name for name in self.branches() if f"branch refs/heads/{name}" not in used]

    def commit(self) -> None:
        self.number += 1
        code = self.tree.root / CODE_FOLDER / f"{self.number}.py"
        code.parent.mkdir(exist_ok=True)
        code.write_text(f"{self.number}\n")
        self.tree.ask("add", CODE_FOLDER)
        way = self.random.choice([[], [], ["-a"]])
        self.committing(*way, "-m", f"commit {self.number}")

    def amend(self) -> None:
        self.committing("--amend", "--allow-empty", "-m", "amended")

    def tag(self) -> None:
        self.must(self.git("tag", "-f", f"tag{self.random.randint(1, 3)}"))

    def switch(self) -> None:
        if names := self.free_branches():
            self.moving("switch", "-q", self.random.choice(names))

    def switch_with_changes(self) -> None:
        if names := self.free_branches():
            self.moving("switch", "-q", "-m", self.random.choice(names))

    def commit_one(self) -> None:
        names = [
            line[3:] for line in self.tree.ask("status", "--porcelain").splitlines() if line.endswith(".dvx")
        ]
        if names:
            self.git("commit", "-q", "--no-verify", "-m", "one", "--", self.random.choice(names))

    def unstage(self) -> None:
        self.must(self.git("reset", "-q"))

    def remove_pointer(self) -> None:
        if paths := self.tracked():
            self.git("rm", "-q", f"{self.random.choice(paths)}.dvx")

    def new_branch(self) -> None:
        if names := [name for name in _BRANCHES if name not in self.branches()]:
            start = self.random.choice(["HEAD", "HEAD", "HEAD~1"])
            if self.tree.git("rev-parse", "-q", "--verify", start).code == 0:
                self.moving("switch", "-q", "-c", names[0], start)

    def merge(self) -> None:
        way = self.random.choice([["--no-edit"], ["--no-edit"], ["--no-ff", "--no-edit"], ["--squash"]])
        self.merging("merge", "-q", *way, self.random.choice(self.branches()))

    def rebase(self) -> None:
        self.merging(
            "rebase", "-q", *self.random.choice([[], ["--autostash"]]), self.random.choice(self.branches())
        )

    def some_commit(self, *about: str) -> str | None:
        commits = self.tree.ask("rev-list", "--no-merges", "--max-count=8", *about, f"^{self.set_up}").split()
        return self.random.choice(commits) if commits else None

    def cherry_pick(self) -> None:
        if commit := self.some_commit("--all"):
            self.merging("cherry-pick", "--allow-empty", "--keep-redundant-commits", commit)

    def revert(self) -> None:
        if commit := self.some_commit("HEAD"):
            self.merging("revert", "--no-edit", commit)

    def reset_hard(self) -> None:
        if commit := self.some_commit("--all"):
            self.must(self.git("reset", "-q", "--hard", commit))

    def reset_hard_here(self) -> None:
        self.must(self.git("reset", "-q", "--hard"))

    def reset_soft(self) -> None:
        if self.tree.git("rev-parse", "-q", "--verify", "HEAD~1").code == 0:
            self.must(self.git("reset", "-q", self.random.choice(["--soft", "--mixed"]), "HEAD~1"))

    def stash(self) -> None:
        self.must(self.git("stash", "-q"))

    def stash_pop(self) -> None:
        if self.tree.ask("stash", "list"):
            self.git("stash", "pop", "-q")

    def checkout_pointer(self) -> None:
        revision = self.random.choice(["HEAD", *self.branches()])
        names = [
            name
            for name in self.tree.ask("ls-tree", "-r", "--name-only", revision).splitlines()
            if name.endswith(".dvx")
        ]
        if names:
            self.must(self.git("checkout", "-q", revision, "--", self.random.choice(names)))
            self.keeps_clean = False  # the ignore line may not be there

    def detach(self) -> None:
        if commit := self.some_commit("--all"):
            self.moving("switch", "-q", "--detach", commit)

    def new_worktree(self) -> None:
        names = self.free_branches()
        if len(self.trees) > 1 or not names:
            return
        self.must(self.git("worktree", "add", "-q", str(self.folder / "side"), self.random.choice(names)))
        side = WorkTree(self.folder / "side")
        self.trees.append(side)
        picture = Picture.of(side)
        self.must_be_clean(side, picture)

    def colleague(self) -> None:
        """Somebody else changes a branch, pushes, and it is merged here."""
        self.push()
        branch = self.random.choice(self.branches())
        friend = self.folder / f"friend{self.number}"
        self.tree.ask("clone", "-q", "-b", branch, str(self.folder / "origin.git"), str(friend))
        here, self.tree = self.tree, WorkTree(friend)
        must_dvx(friend, "hooks", "install", "--files")
        self.must(self.dvx("pull"))
        picture = Picture.of(self.tree)
        assert not list(picture.differing()), list(picture.differing())
        self.say("a colleague:")
        self.edit()
        self.dvx("add", "--update")
        self.commit()
        if self.dvx("push").code == 0:
            self.git("push", "-q", "origin", branch)
        self.learn(Picture.of(self.tree))
        self.tree = here
        self.must(self.git("fetch", "-q", "origin"))
        self.merging("merge", "-q", "--no-edit", f"origin/{branch}")
        if self.unfinished():
            self.keeps_clean = False  # what merged is not here yet
        else:
            ran = self.dvx("pull")
            assert ran.code in (0, 1), ran.err
        shutil.rmtree(friend)

    # After a conflict

    def abort(self) -> None:
        if self.has("rebase-merge"):
            self.must(self.git("rebase", "--abort"))
            return
        for name in ("merge", "cherry-pick", "revert"):
            if self.has(name.upper().replace("-", "_") + "_HEAD"):
                self.must(self.git(name, "--abort"))
                return
        self.must(self.git("reset", "-q", "--hard"))

    def has(self, name: str) -> bool:
        return self.tree.git_path(name).exists()

    def resolve(self) -> None:
        side = self.random.choice(["--ours", "--theirs"])
        ran = self.dvx("resolve", side)
        self.keeps_clean = "not tracked any more" not in ran.err and ran.code == 0
        assert ran.code in (0, 1, 3, 5, 6), ran.err
        unmerged = {line.partition("\t")[2] for line in self.tree.ask("ls-files", "-u").splitlines()}
        for name in sorted(name for name in unmerged if not name.endswith(".dvx")):
            is_there = self.git("checkout", side, "--", name).code == 0
            self.git(*(["add"] if is_there else ["rm", "-q", "-f"]), "--", name)
        if self.tree.ask("ls-files", "-u"):
            return
        if self.has("rebase-merge"):
            self.git("rebase", "--continue")
        elif self.unfinished():
            self.committing("--allow-empty", "--no-edit")

    # The end

    def finish(self) -> None:
        """Push everything; a clone has the bytes that the pointers name, on each branch."""
        for tree in self.trees:
            self.tree = tree
            if self.unfinished():
                self.step("abort")
        self.tree = self.trees[0]
        self.step("push")
        clone = WorkTree(self.folder / "clone")
        self.tree.ask("clone", "-q", str(self.folder / "origin.git"), str(clone.root))
        for branch in self.branches():
            clone.ask("switch", "-q", branch)
            self.must(clone.dvx("pull"))
            picture = Picture.of(clone)
            assert not list(picture.differing()), f"{branch} in a clone: {list(picture.differing())}"
            for name, content in picture.data.items():
                ours = (name, name_of(content)[1])
                assert content[0] == "directory" or ours in self.stored, f"{name} has bytes that nobody added"
            clone.ask("status")


# What each thing is called, and how often it is done.
_ACTIONS = {
    "work": 22, "edit": 8, "delete": 3, "empty_folder": 1, "rename": 3, "add": 14,
    "checkout": 3, "checkout_part": 2, "checkout_force": 1, "checkout_revision": 2,
    "remove": 2, "remove_and_keep": 1, "remove_pointer": 1, "move": 2, "git_move": 2,
    "status": 1, "pull": 1, "push": 1, "lose_a_cache": 2, "new_worktree": 2, "colleague": 1,
    "commit": 10, "commit_one": 2, "amend": 2, "unstage": 1, "tag": 1,
    "switch": 8, "switch_with_changes": 2, "new_branch": 5, "detach": 1, "checkout_pointer": 2,
    "merge": 6, "rebase": 4, "cherry_pick": 3, "revert": 3,
    "reset_hard": 3, "reset_hard_here": 2, "reset_soft": 2, "stash": 3, "stash_pop": 4,
}  # fmt: skip
_EDITS = {"work", "edit", "delete", "empty_folder", "rename", "add"}
# After these the data need not be as its pointers say, though it was before.
_LEAVES_WORK = (_EDITS - {"add"}) | {"checkout_revision", "remove_and_keep", "remove_pointer", "lose_a_cache"}
_KEEPS_CLEAN = {*_ACTIONS, "abort", "resolve"} - _LEAVES_WORK
_WHEN_UNFINISHED = {"resolve": 6, "abort": 4, "edit": 1, "status": 1, "checkout": 1}


def _seeds() -> range:
    first, _, end = _SEEDS.partition(":")
    return range(int(first), int(end or int(first) + 1))


@pytest.mark.parametrize("seed", _seeds())
def test_git_and_dvx_together_lose_nothing_and_the_data_follows(seed: int, tmp_path: Path) -> None:
    machine = Machine(seed, tmp_path)
    try:
        machine.run(_STEPS)
    except BaseException:
        print(f"seed {seed}, {_STEPS} steps", *machine.steps, sep="\n")
        raise
