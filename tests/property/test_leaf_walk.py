"""Comparing and adding a directory leaf by leaf of its manifest, against doing it entry by entry."""

import os
import random
import shutil
import tempfile
import time
from contextlib import contextmanager
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dvx.core.errors import DvxError
from dvx.formats import manifest_tree
from dvx.ops import add_targets, differences, page_marks
from dvx.ops.selection import trees_of, workspace_pointers
from dvx.repo.targets import Target
from dvx.testing.workspace import EMPTY_FOLDER, Workspace, make_repo

FOLDERS = ["", "a/", "a.b/", "a/b/", "a0/", "é/", "deep/er/"]
# Longer than one tick of the clock that stamps files.
TICK_S = 0.03


def random_content(chance):
    return chance.choice([b"", b"x", b"y", bytes([chance.randrange(256)]) * chance.randrange(1, 50)])


def random_tree(chance):
    count = chance.choice([0, 1, 5, 150, 150])
    names = {f"{chance.choice(FOLDERS)}{chance.choice('fgh')}{chance.randrange(60):02}" for _ in range(count)}
    tree = {f"data/{name}": random_content(chance) for name in names} or {"data": EMPTY_FOLDER}
    for name in chance.sample(sorted(tree), min(4, len(names) // 3)):
        tree[name] = chance.choice(["-> f01", "-> a", EMPTY_FOLDER])
    return tree


def change(work, chance):
    """Change some files of the workspace in every way there is."""
    if chance.random() < 0.1:
        work.remove("data")
        work.write({"data": EMPTY_FOLDER})
    for _ in range(chance.randrange(8)):
        files = sorted(name for name in work.snapshot("data") if os.path.lexists(work.path(name)))
        name = chance.choice(files) if files else ""
        kind = chance.randrange(6) if name not in ("", "data") else 0
        if kind == 0:
            work.write({f"data/{chance.choice(FOLDERS)}new{chance.randrange(100)}": b"new"})
        elif kind == 1 and os.path.isfile(work.path(name)) and not os.path.islink(work.path(name)):
            os.chmod(work.path(name), chance.choice([0o644, 0o755]))
        elif kind == 2 and os.path.isfile(work.path(name)) and not os.path.islink(work.path(name)):
            size = os.path.getsize(work.path(name))
            work.write({name: bytes([chance.randrange(256)]) * size})  # of the same size
        else:
            work.remove(name)
            if kind > 3:
                work.write({name: chance.choice([b"other", "-> f02", "-> a0", EMPTY_FOLDER])})


@contextmanager
def entry_by_entry():
    """Make everything go the way that knows no leaves."""
    with (
        mock.patch.object(differences, "is_walked_by_leaf", return_value=False),
        mock.patch.object(add_targets, "is_walked_by_leaf", return_value=False),
    ):
        yield


def found_differences(work):
    with work.open() as project, project.pages() as pages:
        targets = [Target(item) for item in workspace_pointers(project).readable]
        (tree,) = trees_of(project, targets)
        found = [
            (item.path, item.state, item.entry, item.found and item.found[:3], item.offset)
            for item in differences.find_differences(project, tree, pages)
        ]
        return sorted(found, key=lambda item: item[0])


def copy_of(work, folder, name):
    target = os.path.join(folder, name)
    shutil.copytree(work.root, target, symlinks=True)
    return Workspace(target, work.overrides)


def added(work, *paths):
    pointer = work.add(*paths, force=True).added[0].pointer
    return pointer.id, pointer.files, pointer.size


def added_entry_by_entry(work, *paths):
    with entry_by_entry():
        return added(work, *paths)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_leaf_by_leaf_finds_and_adds_the_same_as_entry_by_entry(seed):
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(manifest_tree, "LEAF_MODULUS", 6),
        mock.patch.object(manifest_tree, "INNER_MODULUS", 3),
        mock.patch.object(manifest_tree, "FULL_PAGE_BYTES", chance.choice([600, 160 * 1024])),
        mock.patch.object(page_marks, "GROUP_ENTRIES", 2),
        mock.patch.object(page_marks, "_COARSEST_TIME_NS", int(TICK_S * 1e9)),
    ):
        work = make_repo(os.path.join(folder, "work"), remote=os.path.join(folder, "remote"))
        work.write(random_tree(chance))
        time.sleep(TICK_S)
        work.add("data")
        if chance.random() < 0.7:
            assert found_differences(work) == []
        for _ in range(2):
            change(work, chance)
            time.sleep(TICK_S)
            check_one_state(work, folder, chance)


def check_one_state(work, folder, chance):
    with entry_by_entry():
        expected = found_differences(work)
    assert found_differences(work) == expected
    assert found_differences(work) == expected

    changed = [path for path, *_ in expected if os.path.lexists(work.path(path))]
    if changed:
        named = chance.choice([chance.choice(changed), chance.choice(["data/a", "data/é", "data/deep"])])
        if os.path.lexists(work.path(named)) and not os.path.islink(work.path(named)):
            check_named(work, folder, named)
    twin = copy_of(work, folder, "twin")
    assert added(work, "data") == added_entry_by_entry(twin, "data")
    shutil.rmtree(twin.root)
    check_stored(work)


def check_named(work, folder, named):
    """An add of one path is refused alike, or gives the same directory."""
    twin = copy_of(work, folder, "named-twin")
    outcomes = []
    for workspace, add in ((work, added), (twin, added_entry_by_entry)):
        try:
            outcomes.append(add(workspace, named))
        except DvxError as error:  # for example a file that was a folder before
            outcomes.append(error.kind)
    assert outcomes[0] == outcomes[1]
    shutil.rmtree(twin.root)


def check_stored(work):
    """What was added comes back whole: the record covers every byte."""
    before = work.snapshot("data")
    shutil.rmtree(work.path("data"))
    work.checkout()
    assert work.snapshot("data") == before
    time.sleep(TICK_S)
