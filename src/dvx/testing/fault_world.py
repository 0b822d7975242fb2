"""Clones of one repository over a real S3 server behind a proxy that fails on purpose.

Owns how commands are run with faults and signals, and what holds for every one of them. What the people in the clones
do is for tests to say. Nothing that is asserted depends on when a fault strikes.
"""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dvx.testing.proxy import FaultProxy, WireEffect, WireFault
from dvx.testing.servers import S3Remote
from dvx.testing.shell import (
    Ran,
    Tree,
    commit,
    debris,
    make_repo,
    read_one,
    run_dvx,
    run_git,
    start_dvx,
    wait_for,
)

_EXIT_CODES: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130})
_WIRE: Final = (
    WireEffect.SLOW_DOWN,
    WireEffect.TRUNCATE,
    WireEffect.DROP_ANSWER,
    WireEffect.FLIP_ANSWER,
    WireEffect.IGNORE_RANGE,
    WireEffect.DELAY,
)


@dataclass(slots=True)
class Clone:
    """A clone; `tree` is what its workspace has to hold, `damages` how many commands may yet find damage of
    packs and records, `cuts` of databases."""

    root: Path
    tree: Tree = field(default_factory=dict)
    damages: int = 0
    cuts: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """A commit and the data that belongs to it."""

    revision: str
    tree: Tree


def read_workspace(root: Path) -> Tree:
    """All data of a workspace by path; nothing of Git's and dvx's own files."""
    tree: Tree = {}
    for parent, folders, files in os.walk(root):
        if Path(parent) == root:
            folders[:] = [name for name in folders if name not in (".git", ".dvx")]
        for name in [*folders, *files]:
            path = Path(parent) / name
            if name in (".gitignore", ".gitattributes") or name.endswith(".dvx"):
                continue
            content = read_one(path)
            if content is not None:
                tree[path.relative_to(root).as_posix()] = content
    return tree


def below(tree: Tree, output: str) -> Tree:
    """The part of a tree that is in one output."""
    return {path: item for path, item in tree.items() if path == output or path.startswith(output + "/")}


def differing(found: Tree, wanted: Tree) -> list[str]:
    """The paths in which two trees differ, for a message."""
    return sorted(path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path))


class World:
    """The clones, the bucket and what was added so far."""

    def __init__(self, folder: Path, remote: S3Remote, proxy: FaultProxy, seed: int) -> None:
        self.folder, self.remote, self.proxy = folder, remote, proxy
        self.random = random.Random(seed)  # noqa: S311 - repeatable choices, not secrets
        self.log: list[str] = [f"seed {seed}"]
        self.versions: list[Version] = []
        self.pushed: set[str] = set()  # revisions that a push promised to be complete
        self.has_losses = False  # the bucket may lack data of other paths than those being added
        self.count = 0
        author = make_repo(folder / "author")
        self.origin = folder / "origin.git"
        # Packs go to a server on this machine without a checksum unless it is asked for; a flipped bit gets in then.
        self.wire = _WIRE if seed % 2 else (*_WIRE, WireEffect.FLIP_UPLOAD)
        checksum = "auto" if seed % 2 else "when_required"
        add = ("remote", "add", "origin", remote.url, "--endpoint", proxy.endpoint, "--checksum", checksum)
        self.must(author, *add)
        run_git(author, "add", "-A")
        commit(author, "remote")
        run_git(folder, "clone", "-q", "--bare", str(author), str(self.origin))
        run_git(author, "remote", "add", "origin", str(self.origin))
        run_git(author, "fetch", "-q")
        run_git(author, "branch", "-q", "-u", "origin/main")
        run_git(folder, "clone", "-q", str(self.origin), "colleague")
        self.clones = [Clone(author), Clone(folder / "colleague")]
        self.is_shared = seed % 3 == 0
        if self.is_shared:
            for clone in self.clones:
                self.must(clone.root, "config", "set", "--local", "store.path", str(folder / "store"))
        self.importer = make_repo(folder / "importer")

    # Running commands

    def note(self, text: str) -> None:
        self.log.append(text)

    def check_sane(self, ran: Ran, where: Path, *, killed: bool = False) -> None:
        """What holds for every command, whatever happened to it."""
        is_ended = killed and ran.code in (-signal.SIGKILL, -signal.SIGINT)
        assert ran.code in _EXIT_CODES or is_ended, ran
        if not killed:
            assert "Traceback" not in ran.err, ran
        if ran.code in (1, 2, 3, 4, 6, 7, 8, 9, 10) and "error: " in ran.err:
            assert "hint: " in ran.err, ran
        if ran.code == 0 and not killed:
            assert debris(where) == [], (ran, debris(where))

    def must(self, where: Path, *args: str, env: dict[str, str] | None = None) -> Ran:
        """A command without any fault, which has to succeed."""
        self.proxy.clear()
        ran = run_dvx(where, *args, env=env)
        self.note(f"{where.name}: dvx {' '.join(args)} -> {ran.code}")
        self.check_sane(ran, where)
        assert ran.code == 0, ran
        return ran

    def must_heal(self, clone: Clone, *args: str) -> Ran:
        """A command without any fault; where local packs were damaged before, it may find that first."""
        while True:
            self.proxy.clear()
            ran = run_dvx(clone.root, *args)
            self.note(f"{clone.root.name}: dvx {' '.join(args)} -> {ran.code} (damages {clone.damages})")
            self.check_sane(ran, clone.root)
            if ran.code == 1 and clone.cuts and ".db` is damaged" in ran.err:
                clone.cuts -= 1
                continue
            if ran.code not in (6, 7) or clone.damages == 0:
                assert ran.code == 0, ran
                return ran
            clone.damages -= 1
            if args[0] == "checkout":  # what was moved aside has to be fetched again
                self.must_heal(clone, "fetch")

    def stressed(self, where: Path, *args: str) -> Ran:
        """A command with a random fault, checked only for what holds for every command."""
        kind = self.random.choice(("none", "wire", "wire", "wire", "kill", "interrupt", "both", "twice"))
        self.proxy.clear()
        if kind in ("wire", "both"):
            self.add_faults()
        env = {"DVX_NETWORK_RETRY_DEADLINE_S": "2"}
        if kind == "twice":
            twin = start_dvx(where, *args, env=env)
            ran = run_dvx(where, *args, env=env)
            other = wait_for(twin)
            self.note(f"{where.name}: dvx {' '.join(args)} twice -> {ran.code} and {other.code}")
            self.check_sane(other, where, killed=True)
            assert "Traceback" not in other.err, other
        elif kind in ("kill", "both", "interrupt"):
            sent = signal.SIGINT if kind == "interrupt" else signal.SIGKILL
            ran = self.run_and_signal(where, args, sent)
            self.check_sane(ran, where, killed=True)
        else:
            ran = run_dvx(where, *args, env=env)
            self.check_sane(ran, where)
        self.note(f"{where.name}: dvx {' '.join(args)} under {kind} -> {ran.code} {self.log_of_faults()}")
        self.proxy.clear()
        return ran

    def add_faults(self) -> None:
        for _ in range(self.random.randrange(1, 5)):
            effect = self.random.choice(self.wire)
            reads = effect in (WireEffect.TRUNCATE, WireEffect.FLIP_ANSWER, WireEffect.IGNORE_RANGE)
            method = "PUT" if effect is WireEffect.FLIP_UPLOAD else "GET" if reads else None
            self.proxy.add(
                WireFault(
                    effect,
                    method=method or self.random.choice(("GET", "PUT", "HEAD")),
                    path_part=self.random.choice(("packs/", "packs/", "roots/", "dvx-store.json", "")),
                    times=self.random.choice((1, 1, 2, 3, 1000 if effect is WireEffect.SLOW_DOWN else 2)),
                    delay_s=0.3,
                )
            )

    def log_of_faults(self) -> str:
        faults = [f"{f.effect.value} {f.method} {f.path_part}" for f in self.proxy.planned()]
        return ", ".join(faults)

    def run_and_signal(self, where: Path, args: Sequence[str], sent: signal.Signals) -> Ran:
        process = start_dvx(where, *args, env={"DVX_NETWORK_RETRY_DEADLINE_S": "2"})
        try:
            process.wait(timeout=self.random.uniform(0.15, 1.0))
        except subprocess.TimeoutExpired:
            process.send_signal(sent)
        ran = wait_for(process)
        if sent is signal.SIGINT and ran.code == 130:
            assert "Traceback" not in ran.err, ran
        return ran

    # Checks

    def check_workspace(self, clone: Clone) -> None:
        found = read_workspace(clone.root)
        assert found == clone.tree, differing(found, clone.tree)

    def check_between(self, clone: Clone, old: Tree, new: Tree) -> None:
        """A command that did not end well left every path as it was or as it will be."""
        for path, item in read_workspace(clone.root).items():
            if item[0] != "directory":
                assert item in (old.get(path), new.get(path)) or path.rpartition("/")[2].startswith(
                    ".dvx-"
                ), path

    def check_fresh(self, version: Version, *, ci: bool = False) -> None:
        """A clone without any cache gets everything of a version, past the proxy."""
        self.count += 1
        fresh = self.folder / f"fresh{self.count}"
        run_git(self.folder, "init", "-q", str(fresh))
        run_git(fresh, "fetch", "-q", "--depth", "1", str(self.origin), version.revision)
        run_git(fresh, "checkout", "-q", "FETCH_HEAD")
        env = {"DVX_REMOTE_ORIGIN_ENDPOINT": self.remote.endpoint}
        if ci:
            env["CI"] = "true"
        self.must(fresh, "pull", env=env)
        found = read_workspace(fresh)
        assert found == version.tree, differing(found, version.tree)
        if self.random.random() < 0.2:
            self.must(fresh, "verify", "--all", env=env)
        shutil.rmtree(fresh)
