"""A clone with parts of a directory against a model: a dataset loses only what was here and was deleted.

The machine pulls parts, edits, deletes, adds, loses state and meets a clone with all of the data. After each add the
listing of the new version is what the model says; now and then all of it is pushed, and the other clone gets exactly
these bytes.
"""

import os
import random
import tempfile
from contextlib import ExitStack, suppress

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dvx.core.errors import DataMissing
from dvx.core.ids import hash_bytes
from dvx.formats.manifest_reader import walk_entries
from dvx.repo.targets import matches_inside
from dvx.testing.workspace import EMPTY_FOLDER, clone_repo, make_repo

NAMES = [f"{folder}/{name}" for folder in ("a", "b", "sub/deep") for name in ("x", "y", "z")]
SELECTORS = ["a", "a/x", "**/y", "b/*", "sub"]
_RANDOM = random.Random(3)
CONTENTS = [b"", b"1", b"22", *(_RANDOM.randbytes(9_000) for _ in range(3))]

names = st.sampled_from(NAMES)
contents = st.sampled_from(CONTENTS)


class PartMachine(RuleBasedStateMachine):
    """`dataset` is what the pointer says, `here` the workspace; `wanted` and `paths` what was asked for or added."""

    @initialize()
    def begin(self):
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.full = make_repo(os.path.join(folder, "full"), remote=os.path.join(folder, "remote"))
        self.dataset = {name: _RANDOM.randbytes(9_000) for name in NAMES}
        self.full.write({f"data/{name}": content for name, content in self.dataset.items()})
        self._publish(self.full)
        self.part = clone_repo(self.full, os.path.join(folder, "part"))
        self.here = {}
        self._forget()

    def teardown(self):
        if hasattr(self, "stack"):
            self.stack.close()

    def _forget(self):
        self.is_known, self.is_whole, self.wanted, self.paths = False, False, [], set()

    def _was_here(self, name):
        """Whether a name that is missing was deleted."""
        if not self.is_known:
            return False
        matches = matches_inside(self.wanted) if self.wanted else lambda _: False
        return self.is_whole or name in self.paths or matches(name)

    def _publish(self, clone):
        clone.add("data")
        clone.commit()
        clone.push()

    @property
    def is_clean(self):
        return all(self.dataset.get(name) == content for name, content in self.here.items())

    # The part

    @precondition(lambda self: self.is_clean)
    @rule(selector=st.sampled_from(SELECTORS), no_store=st.booleans())
    def pull_a_part(self, selector, no_store):
        found = [name for name in self.dataset if matches_inside([selector])(name)]
        if not found:
            return
        if not self.here:
            self._forget()
        self.part.pull(f"data/{selector}", no_store=no_store)
        self.here.update({name: self.dataset[name] for name in found})
        self.is_known = True
        self.wanted.append(selector)

    @precondition(lambda self: self.is_clean)
    @rule()
    def pull_all(self):
        self.part.pull()
        self.here = dict(self.dataset)
        self.is_known, self.is_whole = True, True

    @precondition(lambda self: self.is_clean)
    @rule()
    def check_out(self):
        before = dict(self.here)
        is_all = not self.is_known or self.is_whole
        try:
            self.part.checkout()
        except DataMissing:
            assert is_all or any(self._was_here(name) and name not in before for name in self.dataset)
            return
        self.here.update({n: c for n, c in self.dataset.items() if is_all or self._was_here(n)})
        self.is_known, self.is_whole = True, is_all

    @rule(name=names, content=contents)
    def write(self, name, content):
        self.part.write({f"data/{name}": content})
        self.here[name] = content

    @rule(name=names)
    def delete(self, name):
        if name in self.here:
            del self.here[name]
            self.part.remove(f"data/{name}")
            folder = os.path.dirname(self.part.path(f"data/{name}"))
            with suppress(OSError):
                while folder != self.part.root:
                    os.rmdir(folder)
                    folder = os.path.dirname(folder)

    # New versions

    @precondition(lambda self: self.here)
    @rule(is_update=st.booleans())
    def add(self, is_update):
        self.part.add(*([] if is_update else ["data"]))
        kept = {n: c for n, c in self.dataset.items() if n not in self.here and not self._was_here(n)}
        self.dataset = {**kept, **self.here}
        self._know(self.here, is_whole=not kept)
        self._check_listing()
        assert self.part.status().is_clean

    @rule(name=names)
    def add_one(self, name):
        if name in self.here:
            self.part.add(f"data/{name}")
            self.dataset[name] = self.here[name]
            self._know([name], is_whole=self.is_whole)
            self._check_listing()

    @precondition(lambda self: self.here)
    @rule(name=names)
    def remove_what_is_not_here(self, name):
        if name in self.dataset and name not in self.here:
            self.part.add(f"data/{name}", leaves_out=True)
            del self.dataset[name]
            self._know([], is_whole=self.is_whole)
            self._check_listing()

    def _know(self, added, *, is_whole):
        if not self.is_known:
            self.is_known, self.is_whole, self.wanted, self.paths = True, False, [], set()
        self.is_whole = is_whole
        self.paths |= set(added)

    def _check_listing(self):
        with self.part.open() as project, project.pages() as pages:
            root = self.part.pointer("data").id
            listed = {entry.path: entry.id for entry in walk_entries(root, pages.for_root(root))}
        assert listed == {name: hash_bytes(content) for name, content in self.dataset.items()}

    # The other clone

    @rule(name=names, content=st.none() | contents)
    def meet_the_whole(self, name, content):
        self.part.commit()
        self.part.push()
        self.full.git("pull", "-q", self.part.root, "main")
        self.full.pull()
        files = {n: c for n, c in self.full.snapshot().items() if c != EMPTY_FOLDER}
        assert files == {f"data/{n}": c for n, c in self.dataset.items()}
        if not (
            self.is_clean and self.is_known and self.wanted and not self.is_whole and len(self.dataset) > 1
        ):
            return
        if content is None and name in self.dataset:
            self.full.remove(f"data/{name}")
        elif content is not None:
            self.full.write({f"data/{name}": content})
        self._publish(self.full)
        missing = {n for n in self.dataset if n not in self.here}
        self.part.git("pull", "-q")
        if content is None:
            self.dataset.pop(name, None)
        else:
            self.dataset[name] = content
        self.part.fetch()
        self.part.checkout()
        self.here = {n: c for n, c in self.dataset.items() if self._was_here(n) or n in self.here}
        assert missing or self.here

    # State that is lost

    @rule()
    def lose_the_stat_cache(self):
        if self.is_clean:
            with suppress(FileNotFoundError):
                os.unlink(self.part.path(".git/dvx/stat.db"))

    @rule()
    def lose_what_is_checked_out(self):
        with suppress(FileNotFoundError):
            os.unlink(self.part.path(".git/dvx/checked-out"))
        with self.part.open() as project:
            is_whole_by_stat = project.stat_cache.get_root("data") is not None
        if not (self.is_whole and is_whole_by_stat):
            self._forget()

    @invariant()
    def workspace_is_as_the_model_says(self):
        if hasattr(self, "here"):
            files = {n: c for n, c in self.part.snapshot().items() if c != EMPTY_FOLDER}
            assert files == {f"data/{name}": content for name, content in self.here.items()}


PartMachine.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=25,
    # Shrinking a sequence of commands takes longer than a test may, and the sequence is readable as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestPartMachine(PartMachine.TestCase):
    """The machine as a test."""
