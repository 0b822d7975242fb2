"""Everyday work in several clones over a real S3 server, with faults at random places.

An author and a colleague edit, add, push, pull and switch versions through a proxy that fails on purpose, are killed or
interrupted, lose local databases and packs, and objects of the bucket. Another repository imports. What a command
promises when it ends with 0 is compared with a model of what was added; after a fault the same command has to succeed.

A run prints its seed and its steps when it fails. To run more seeds by hand, and longer ones:

    DVX_FAULT_SEEDS=100-140 DVX_FAULT_STEPS=25 scripts/test tests/fault/test_random_faults.py

Nothing that is asserted depends on when a fault strikes: where it strikes decides only whether the command has to be
run again.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dvx.testing.fault_world import Clone, Version, World, below, differing, read_workspace
from dvx.testing.proxy import FaultProxy, start_fault_proxy
from dvx.testing.servers import RunningServer, create_bucket, make_test_client
from dvx.testing.shell import (
    Tree,
    dvx_command,
    dvx_environment,
    run_dvx,
    run_git,
    start_dvx,
    store_of,
    wait_for,
)  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends commands with POSIX signals")

# Read now: tests run without the variables of the person who starts them.
_SEEDS = os.environ.get("DVX_FAULT_SEEDS", "1-2")
_STEPS = int(os.environ.get("DVX_FAULT_STEPS", "3"))

KIB = 1024
# Around the bounds of chunks (32 and 256 KiB), of what is read whole (1 MiB), and of windows (8 MiB).
SIZES = (
    0,
    1,
    100,
    32 * KIB,
    32 * KIB + 1,
    64 * KIB,
    256 * KIB - 1,
    256 * KIB,
    256 * KIB + 1,
    KIB * KIB,
    300_000,
)
LARGE_SIZES = (2_000_000, 3 * KIB * KIB, 8 * KIB * KIB, 8 * KIB * KIB + 1, 9_000_001)
NAMES = (
    "a.bin",
    "b c.txt",
    "-x",
    "ünï/日本.dat",
    "sub/deep/z",
    "sub/a",
    "s",
    ".hidden",
    "sub-/q",
    "sub.d/1",
    "#h!",
)
OUTPUTS = ("data", "large file.bin", "many", "-dash.bin", "flip", "ö/model.bin")


def seeds() -> list[int]:
    first, _, last = _SEEDS.partition("-")
    return list(range(int(first), int(last or first) + 1))


class RandomWork(World):
    """People who do random things."""

    # Data

    def some_bytes(self, size: int) -> bytes:
        if self.random.random() < 0.3:
            line = b"%d,%d\n" % (self.random.randrange(1000), self.random.randrange(1000))
            return (line * (size // len(line) + 1))[:size]
        return self.random.randbytes(size)

    def edited(self, data: bytes) -> bytes:
        """Some places of large data changed: bytes inserted, removed or replaced."""
        for _ in range(self.random.randrange(1, 6)):
            place, length = self.random.randrange(len(data) + 1), self.random.choice((1, 3, 5000, 200_000))
            new = self.random.choice((b"", self.random.randbytes(length), b"x"))
            data = data[:place] + new + data[place + self.random.choice((0, len(new), length)) :]
        return data

    def change_output(self, clone: Clone, output: str) -> list[str]:
        """Change one output in the workspace; returns the paths inside that changed."""
        root = clone.root / output
        if output.endswith(".bin"):
            old = root.read_bytes() if root.is_file() else b""
            root.parent.mkdir(parents=True, exist_ok=True)
            fresh = not old or self.random.random() < 0.2
            size = self.random.choice(LARGE_SIZES if "large" in output else SIZES)
            root.write_bytes(self.some_bytes(size) if fresh else self.edited(old))
            return []
        if output == "flip" and root.exists() and self.random.random() < 0.5:
            if root.is_dir():
                shutil.rmtree(root)
                root.write_bytes(self.some_bytes(self.random.choice(SIZES)))
            else:
                root.unlink()
                root.mkdir()
            return []
        if root.is_file():
            root.write_bytes(self.some_bytes(self.random.choice(SIZES)))
            return []
        root.mkdir(exist_ok=True)
        if output == "many":
            return self.change_many(root)
        return self.change_folder(root)

    def change_many(self, root: Path) -> list[str]:
        changed: list[str] = []
        total = 700 if not any(root.iterdir()) or self.random.random() < 0.1 else self.random.randrange(1, 40)
        first = self.random.randrange(1000)
        for number in range(first, first + total):
            path = root / f"{number % 7}" / f"{number}.txt"
            path.parent.mkdir(exist_ok=True)
            if path.exists() and self.random.random() < 0.3:
                path.unlink()
            else:
                path.write_bytes(b"%d %d\n" % (number, self.random.randrange(10**6)))
            changed.append(path.relative_to(root).as_posix())
        return changed

    def change_folder(self, root: Path) -> list[str]:
        if self.random.random() < 0.15:
            shutil.rmtree(root)
            root.mkdir()
            return []
        changed: list[str] = []
        for name in self.random.sample(NAMES, self.random.randrange(1, 5)):
            path = root / name
            if any(part.is_file() for part in path.parents if part != root and root in part.parents):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists() and self.random.random() < 0.4:
                path.unlink()
            if self.random.random() < 0.1 and not path.exists():
                path.mkdir(parents=True)
            elif self.random.random() < 0.8:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.some_bytes(self.random.choice(SIZES)))
                if self.random.random() < 0.2:
                    path.chmod(path.stat().st_mode ^ stat.S_IXUSR)
            changed.append(name)
        return changed

    # Steps

    def bring_to_head(self, clone: Clone, *, stress: bool = True) -> None:
        """`git pull` and `dvx pull`, in one of the ways there are."""
        run_git(clone.root, "checkout", "-q", "main")
        run_git(clone.root, "pull", "-q", "--ff-only")
        self.bring_to(clone, self.versions[-1] if self.versions else Version("", {}), stress=stress)

    def bring_to(self, clone: Clone, version: Version, *, stress: bool = True) -> None:
        old, new = clone.tree, self.with_untracked(clone, version)
        commands: list[list[str]] = [
            ["pull"],
            ["pull"],
            ["pull", "--no-store"],
            ["fetch"],
            ["fetch", "--all-refs"],
        ]
        if stress and self.random.random() < 0.5:
            commands.append(["pull", self.random.choice(("many/1*", "data", "ö", "data/sub"))])
        command = self.random.choice(commands)
        if stress:
            ran = self.stressed(clone.root, *command)
            if ran.code in (6, 7) and clone.damages:
                clone.damages -= 1
            self.check_between(clone, old, new)
        clone.tree = new
        if command[0] == "fetch":
            self.must_heal(clone, *command)
            self.must_heal(clone, "checkout")
        else:
            self.must_heal(
                clone, *(command if len(command) == 1 or command[1].startswith("--") else command[:1])
            )
        self.check_workspace(clone)

    def with_untracked(self, clone: Clone, version: Version) -> Tree:
        """What a clone has to hold at a version: data whose pointer this version lacks stays without hooks."""
        untracked = [output for output in OUTPUTS if not below(version.tree, output)]
        left = [below(clone.tree, output) for output in untracked]
        return version.tree | {path: item for tree in left for path, item in tree.items()}

    def step_edit(self, clone: Clone) -> None:
        """Change data, add it in one of the ways there are, commit, and let the others have the commit."""
        self.bring_to_head(clone, stress=False)
        outputs = self.random.sample(OUTPUTS, self.random.randrange(1, 3))
        inside: list[str] = []
        for output in outputs:
            changed = self.change_output(clone, output)
            inside += [f"{output}/{name}" for name in changed]
        clone.tree = read_workspace(clone.root)
        tracked = [name for name in outputs if (clone.root / f"{name}.dvx").exists()]
        ways: list[list[str]] = [["add", "--", *outputs]]
        if tracked == outputs:
            ways.append(["add", "--update"])
            if inside and len(outputs) == 1:
                ways += [["add", "--", *inside[:20]]] * 2
        command = self.random.choice(ways)
        if self.random.random() < 0.35:
            command.insert(1, "--push")
        self.stressed(clone.root, *command)
        self.check_workspace(clone)
        ran = run_dvx(clone.root, *command)
        self.note(f"{clone.root.name}: dvx {' '.join(command)} again -> {ran.code}")
        self.check_sane(ran, clone.root)
        if ran.code != 0:
            # A path inside that was removed before it ever was there, for instance, is refused.
            assert ran.code in (1, 2) or (ran.code in (6, 7) and clone.damages), ran
            self.must_heal(clone, "add", *(["--push"] if "--push" in command else []), "--", *outputs)
        self.check_workspace(clone)
        self.must_heal(clone, "verify", "--workspace")
        if self.random.random() < 0.2:
            self.must_heal(clone, "meta", "set", f"./{outputs[0]}", f"meta.n={self.random.randrange(99)}")
        run_git(clone.root, "commit", "-q", "--allow-empty", "-m", "edit")
        run_git(clone.root, "push", "-q", "origin", "main")
        tracked = [output for output in OUTPUTS if (clone.root / f"{output}.dvx").exists()]
        tree = {path: item for output in tracked for path, item in below(clone.tree, output).items()}
        version = Version(run_git(clone.root, "rev-parse", "HEAD"), tree)
        self.versions.append(version)
        if (
            "--push" in command
            and set(command[2:]) >= set(outputs)
            and len(self.pushed) == len(self.versions) - 1
            and not self.has_losses
        ):
            self.pushed.add(version.revision)
            self.check_fresh(version)
        else:
            self.push_version(clone)

    def push_version(self, clone: Clone) -> None:
        """Push what was just committed; other clones may not have its data, so this is not put off."""
        ran = self.stressed(clone.root, "push")
        if self.random.random() < 0.3:
            self.lose_database(clone)
        if ran.code != 0 or self.random.random() < 0.5:
            self.must_heal(clone, "push")
        elif self.random.random() < 0.3:
            self.must_heal(clone, "verify", "--remote")
        self.pushed.add(self.versions[-1].revision)
        self.check_fresh(self.versions[-1], ci=self.random.random() < 0.5)

    def step_follow(self, clone: Clone) -> None:
        self.bring_to_head(clone)

    def step_switch(self, clone: Clone) -> None:
        """Go to another version, perhaps with work in the way."""
        version = self.random.choice(self.versions)
        run_git(clone.root, "fetch", "-q")
        if self.random.random() < 0.4:
            self.switch_with_work(clone, version)
        run_git(clone.root, "checkout", "-q", version.revision)
        self.bring_to(clone, version)

    def switch_with_work(self, clone: Clone, version: Version) -> None:
        """Work that is not stored outlives every command without --force."""
        files = [path for path, item in clone.tree.items() if item[0] != "directory"]
        if not files:
            return
        path = self.random.choice(files)
        work = b"not stored " + self.random.randbytes(20)
        (clone.root / path).write_bytes(work)
        before = read_workspace(clone.root)
        run_git(clone.root, "checkout", "-q", version.revision)
        command = self.random.choice((["pull"], ["checkout"], ["pull", "--no-store"]))
        ran = self.stressed(clone.root, *command)
        assert (clone.root / path).read_bytes() == work, (path, ran)
        if ran.code == 1 and "twice" not in self.log[-1]:  # its twin may have brought the other files
            assert read_workspace(clone.root) == before, ran
        kind, data = clone.tree[path]
        (clone.root / path).write_bytes(data)
        (clone.root / path).chmod(0o755 if kind == "executable" else 0o644)
        # Some paths may be of the new version by now.
        clone.tree = read_workspace(clone.root)

    def lose_database(self, clone: Clone) -> None:
        state = clone.root / ".git" / "dvx"
        names = self.random.choice((("index.db",), ("stat.db",), ("index.db", "stat.db")))
        is_cut = self.random.random() < 0.3
        self.note(f"{clone.root.name}: {names} {'cut' if is_cut else 'lost'}")
        for name in names:
            for path in state.glob(name + "*"):
                if is_cut and path.name == name:
                    os.truncate(path, self.random.randrange(path.stat().st_size + 1))
                    clone.cuts += 1
                else:
                    path.unlink()

    def step_lose(self, clone: Clone) -> None:
        self.lose_database(clone)

    def step_damage_local(self, clone: Clone) -> None:
        """Damage one pack of a clone; all data is pushed by now."""
        store = self.folder / "store" if self.is_shared else store_of(clone.root)
        kind = self.random.choice(("packs", "packs", "roots"))
        packs = sorted(path for path in (store / kind).rglob("*") if path.is_file())
        if not packs:
            return
        pack = self.random.choice(packs)
        how = self.random.choice(("flip", "cut", "remove"))
        self.note(f"{clone.root.name}: {how} {pack.name}")
        data = bytearray(pack.read_bytes())
        pack.chmod(0o644)
        if how == "remove":
            pack.unlink()
        elif how == "cut":
            pack.write_bytes(data[: self.random.randrange(len(data))])
        else:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            pack.write_bytes(data)
        for each in self.clones if self.is_shared else [clone]:
            each.damages += 1
        if self.random.random() < 0.3:
            self.lose_database(clone)

    def step_damage_remote(self, clone: Clone) -> None:
        """Objects of the bucket are gone; a clone that has everything brings them back."""
        if clone.damages:
            return
        run_git(clone.root, "fetch", "-q")
        self.must(clone.root, "fetch", "--all-refs")
        client = make_test_client(self.remote.endpoint)
        keys = [item["Key"] for item in client.list_objects_v2(Bucket=self.remote.bucket).get("Contents", [])]
        keys = [
            key for key in keys if not key.endswith("dvx-store.json")
        ]  # its loss is refused, with instructions
        lost = self.random.sample(keys, min(len(keys), self.random.choice((1, 1, 2, 100))))
        for key in lost:
            client.delete_object(Bucket=self.remote.bucket, Key=key)
        client.close()
        self.note(f"bucket: {len(lost)} objects are lost: {lost[:3]}")
        if self.random.random() < 0.3:
            self.lose_database(clone)
        self.check_verdict(clone)
        other = self.random.choice(self.clones)
        if other is not clone and not other.damages:
            ran = run_dvx(other.root, "push")
            self.note(f"{other.root.name}: dvx push -> {ran.code}")
            self.check_sane(ran, other.root)
            if ran.code == 0:
                revision = run_git(other.root, "rev-parse", "HEAD")
                found = [version for version in self.versions if version.revision == revision]
                if found:
                    self.check_fresh(found[0])
        if self.random.random() < 0.4:
            self.has_losses = True
            self.step_edit(clone)  # what is new must not lean on what is gone
            self.has_losses = False
        self.stressed(clone.root, "push", "--all-refs")
        self.must(clone.root, "push", "--all-refs")
        for version in {self.versions[-1].revision: self.versions[-1], **self.some_versions()}.values():
            self.check_fresh(version)

    def check_verdict(self, clone: Clone) -> None:
        """`verify` and `status` say of a remote that has lost objects whether a clone without a cache can pull."""
        self.proxy.clear()
        verified = run_dvx(clone.root, "verify", "--remote")
        status = run_dvx(clone.root, "status", "--remote", "--exit-code", "--json")
        fresh = self.folder / "verdict"
        run_git(self.folder, "clone", "-q", str(clone.root), str(fresh))
        pulled = run_dvx(fresh, "pull", env={"DVX_REMOTE_ORIGIN_ENDPOINT": self.remote.endpoint})
        self.note(
            f"{clone.root.name}: verify {verified.code}, status {status.code}, fresh pull {pulled.code}"
        )
        for ran in (verified, status, pulled):
            self.check_sane(ran, fresh)
        assert (verified.code, pulled.code) in ((0, 0), (6, 6)), (verified, pulled)
        assert verified.code == 0 or status.code == 5, status
        shutil.rmtree(fresh)

    def some_versions(self) -> dict[str, Version]:
        version = self.random.choice(self.versions)
        return {version.revision: version}

    def step_read(self, clone: Clone) -> None:
        """Ranges of files, and a path without a clone."""
        version = self.random.choice(self.versions)
        files = [path for path, item in version.tree.items() if item[0] != "directory"]
        if not files:
            return
        path = self.random.choice(files)
        data = version.tree[path][1]
        start = self.random.randrange(len(data) + 1)
        end = self.random.randrange(start, len(data) + 1000)
        repo = self.random.choice(([], [], ["--repo", str(self.origin)]))
        where = self.importer if repo else clone.root
        if not repo:
            run_git(clone.root, "fetch", "-q")
        args = ["cat", "--rev", version.revision, *repo, "--range", f"{start}-{end}", "--", path]
        if start >= len(data):
            args = ["cat", "--rev", version.revision, *repo, "--", path]
            start, end = 0, len(data)
        self.proxy.clear()
        if self.random.random() < 0.7:
            self.add_faults()
        for _ in range(2 + clone.damages):
            done = subprocess.run(
                dvx_command(*args), cwd=where, capture_output=True, check=False, stdin=subprocess.DEVNULL,
                env=dvx_environment({"DVX_NETWORK_RETRY_DEADLINE_S": "2"}),
            )  # fmt: skip
            self.note(f"{where.name}: dvx {' '.join(args)} -> {done.returncode}")
            assert data[start : end + 1].startswith(done.stdout), args
            assert b"Traceback" not in done.stderr, done
            if done.returncode == 0:
                break
            self.proxy.clear()
        assert done.returncode == 0, done
        assert done.stdout == data[start : end + 1], args
        self.read_without_clone(version)

    def read_without_clone(self, version: Version) -> None:
        outputs = [output for output in OUTPUTS if below(version.tree, output)]
        if not outputs:
            return
        output = self.random.choice(outputs)
        self.count += 1
        target = self.folder / f"got{self.count}"
        args = ["get", "--rev", version.revision, "-o", str(target), "--", str(self.origin), output]
        ran = self.stressed(self.folder, *args)
        if ran.code != 0:
            self.must(self.folder, *args)
        assert {
            (output + path.removeprefix(target.name)): item
            for path, item in below(read_workspace(self.folder), target.name).items()
        } == below(version.tree, output)
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    def step_import(self, clone: Clone) -> None:
        """Another repository has a path of the newest version."""
        head = self.versions[-1].tree
        outputs = [output for output in OUTPUTS if below(head, output)]
        if not outputs:
            return
        output = self.random.choice(outputs)
        name = "imported " + output.replace("/", "_")
        if (self.importer / f"{name}.dvx").exists():
            command = ["update", "--", name]
        else:
            command = ["import", "-o", name, "--", str(self.origin), output]
        ran = self.stressed(self.importer, *command)
        if ran.code != 0:
            if (self.importer / f"{name}.dvx").exists():
                command = ["update", "--", name]
            self.must(self.importer, *command)
            self.must(self.importer, "pull", name)
        found = below(read_workspace(self.importer), name)
        wanted = {name + path.removeprefix(output): item for path, item in below(head, output).items()}
        assert found == wanted, differing(found, wanted)
        run_git(self.importer, "commit", "-q", "--allow-empty", "-m", "import")

    def step_together(self, clone: Clone) -> None:
        """Different commands at once, in one clone or in two."""
        self.proxy.clear()
        first, second = clone, self.random.choice(self.clones)
        pool = [["push"], ["pull"], ["fetch", "--all-refs"], ["status"], ["add", "--update"], ["checkout"]]
        commands = [self.random.choice(pool), self.random.choice(pool), self.random.choice(pool)]
        wheres = [first, second, first]
        running = [start_dvx(where.root, *command) for where, command in zip(wheres, commands, strict=True)]
        for where, command, process in zip(wheres, commands, running, strict=True):
            ran = wait_for(process)
            self.note(f"{where.root.name}: dvx {' '.join(command)} beside others -> {ran.code}")
            assert "Traceback" not in ran.err, ran
            if ran.code in (6, 7) and where.damages:
                where.damages -= 1
            else:
                assert ran.code == 0, ran
        for where in (first, second):
            self.must_heal(where, "pull")
            self.check_workspace(where)

    def steps(self) -> list[Callable[[Clone], None]]:
        weighted = [
            (self.step_edit, 6),
            (self.step_follow, 3),
            (self.step_switch, 4),
            (self.step_read, 2),
            (self.step_import, 2),
            (self.step_lose, 1),
            (self.step_damage_local, 2),
            (self.step_damage_remote, 1),
            (self.step_together, 2),
        ]
        return [step for step, weight in weighted for _ in range(weight)]

    def go(self, steps: int) -> None:
        self.step_edit(self.clones[0])
        for _ in range(steps - 1):
            step = self.random.choice(self.steps())
            clone = self.random.choice(self.clones)
            self.note(f"-- {step.__name__} {clone.root.name}")
            step(clone)


@pytest.fixture
def server(rclone_server: RunningServer, s3_credentials: None) -> RunningServer:
    return rclone_server


@pytest.fixture
def proxy(server: RunningServer) -> Iterator[FaultProxy]:
    with start_fault_proxy(server.endpoint) as running:
        yield running


@pytest.mark.parametrize("seed", seeds())
def test_work_of_several_clones_with_random_faults_never_loses_or_alters_data(
    tmp_path: Path, server: RunningServer, proxy: FaultProxy, seed: int
) -> None:
    world = RandomWork(tmp_path, create_bucket(server), proxy, seed)
    try:
        world.go(_STEPS)
    except BaseException:
        print("\n".join(world.log))
        raise
