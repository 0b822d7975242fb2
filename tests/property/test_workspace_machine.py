"""A repository with a folder remote against a model: for each commit, the bytes of every file.

The machine edits, adds, commits, pushes, switches branches and clones. After each checkout the workspace must be
exactly what was committed, and files that were never added must stay.
"""

import os
import random
import shutil
import tempfile
from contextlib import ExitStack, suppress

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dvx.core.errors import DataMissing, WorkspaceConflict
from dvx.testing.workspace import EMPTY_FOLDER, clone_repo, make_repo

NAMES = ["a", "b", "b-c", "sub/a", "sub/b", "sub/deep/c", "x"]
CONTENTS = [
    b"",
    b"1",
    b"2",
    b"22",
    b"text " * 400,
    bytes(range(256)) * 600,
    random.Random(1).randbytes(40_000),
]

names = st.sampled_from(NAMES)
contents = st.sampled_from(CONTENTS)


def conflicts_with(name, tree):
    """The names that cannot be there together with `name`."""
    return [other for other in tree if other.startswith(name + "/") or name.startswith(other + "/")]


class WorkspaceMachine(RuleBasedStateMachine):
    """`tree` is the workspace, `added` what the pointer says, `commits` what each commit has."""

    @initialize()
    def begin(self):
        self.stack = ExitStack()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.remote = os.path.join(self.folder, "remote")
        self.work = make_repo(os.path.join(self.folder, "work"), remote=self.remote)
        self.tree = {"a": b"first"}
        self.work.write({"data/a": b"first"})
        self.work.add("data")
        self.added = dict(self.tree)
        self.commits = {self.work.commit(): dict(self.tree)}
        self.branches = ["main"]
        self.pushed = set()
        self.clones = 0

    def teardown(self):
        if hasattr(self, "stack"):
            self.stack.close()

    # Editing

    @rule(name=names, content=contents)
    def write(self, name, content):
        if conflicts_with(name, self.tree):
            return
        self.work.write({f"data/{name}": content})
        self.tree[name] = content

    @rule(name=names, content=st.binary(min_size=1, max_size=3))
    def edit(self, name, content):
        if name in self.tree:
            self.tree[name] = self.tree[name][:100] + content + self.tree[name][100:]
            self.work.write({f"data/{name}": self.tree[name]})

    @rule(name=names)
    def delete(self, name):
        if name in self.tree:
            del self.tree[name]
            self.work.remove(f"data/{name}")
            self._remove_empty_folders()

    @rule(old=names, new=names)
    def rename(self, old, new):
        if old in self.tree and new not in self.tree and not conflicts_with(new, set(self.tree) - {old}):
            content = self.tree.pop(old)
            self.work.remove(f"data/{old}")
            self._remove_empty_folders()
            self.work.write({f"data/{new}": content})
            self.tree[new] = content

    def _remove_empty_folders(self):
        for folder in ("data/sub/deep", "data/sub"):
            place = self.work.path(folder)
            if os.path.isdir(place) and not os.listdir(place):
                os.rmdir(place)

    # Commands

    @rule()
    def add(self):
        self.work.add("data")
        self.added = dict(self.tree)
        assert self.work.status().is_clean

    @rule(name=names)
    def add_one(self, name):
        if name in self.tree and not conflicts_with(name, self.added):
            self.work.add(f"data/{name}")
            self.added[name] = self.tree[name]

    @rule()
    def commit(self):
        self.commits[self.work.commit()] = dict(self.added)

    @rule()
    def push(self):
        self.work.push()
        self.pushed.add(self.work.pointer("data").id)

    @precondition(lambda self: len(self.branches) < 3)
    @rule()
    def new_branch(self):
        self.branches.append(f"branch{len(self.branches)}")
        self.work.git("switch", "-q", "-c", self.branches[-1])

    @rule(number=st.integers(0, 2))
    def switch(self, number):
        self.commit()
        branch = self.branches[number % len(self.branches)]
        self.work.git("switch", "-q", branch)
        wanted = self.commits[self.work.git("rev-parse", "HEAD").strip()]
        if self.tree == self.added:
            self.work.checkout()
            self.tree = dict(wanted)
            self._forget_empty_folders()
        else:
            self._switch_with_work(wanted)
        self.added = dict(wanted)

    def _switch_with_work(self, wanted):
        """Work that was not added is either kept or in the way; with force the wanted files are there."""
        before = self.work.snapshot("data")
        work = {name: content for name, content in self.tree.items() if self.added.get(name) != content}
        # An edit of a file that is the same in both versions is not in the way.
        untouched = {name: work[name] for name in work if self.added.get(name, 0) == wanted.get(name)}
        try:
            self.work.checkout()
        except WorkspaceConflict:
            assert self.work.snapshot("data") == before
            self.work.checkout(force=True)
            untouched = {}
        after = self._files()
        expected = wanted | untouched
        assert {name: after[name] for name in wanted} == {name: expected[name] for name in wanted}
        kept = {name for name in work if name not in wanted and not conflicts_with(name, wanted)}
        assert {name: after[name] for name in kept} == {name: work[name] for name in kept}
        assert set(after) <= set(wanted) | set(work)
        self.tree = after

    def _files(self):
        found = self.work.snapshot("data")
        return {name[5:]: content for name, content in found.items() if content != EMPTY_FOLDER}

    def _forget_empty_folders(self):
        assert [name for name, content in self.work.snapshot().items() if content == EMPTY_FOLDER] in (
            [],
            ["data"],
        )

    @rule(no_store=st.booleans())
    def clone_and_pull(self, no_store):
        self.commit()
        self.clones += 1
        clone = clone_repo(self.work, os.path.join(self.folder, f"clone{self.clones}"))
        if self.work.pointer("data").id in self.pushed:
            clone.pull(no_store=no_store)
            files = {name: content for name, content in clone.snapshot().items() if content != EMPTY_FOLDER}
            assert files == {f"data/{name}": content for name, content in self.added.items()}
            assert clone.status(with_remote=True).is_clean
        else:
            with pytest.raises(DataMissing):
                clone.pull(no_store=no_store)
            assert clone.snapshot() == {}
        shutil.rmtree(clone.root)

    @rule(cache=st.sampled_from(["index.db", "stat.db"]))
    def lose_a_cache(self, cache):
        if cache == "index.db" or self.tree == self.added:
            with suppress(FileNotFoundError):
                os.unlink(self.work.path(f".git/dvx/{cache}"))

    @invariant()
    def workspace_is_as_the_model_says(self):
        if hasattr(self, "tree"):
            assert self._files() == self.tree


WorkspaceMachine.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    # Shrinking a sequence of commands takes longer than a test may, and the sequence is readable as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestWorkspaceMachine(WorkspaceMachine.TestCase):
    """The machine as a test."""
