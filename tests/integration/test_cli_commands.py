"""Each command as a process, with real Git and a folder as the remote: output, documents, exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dvx.testing.shell import HANG_S, make_repo

SRC = Path(__file__).resolve().parents[2] / "src"


class Clone:
    """A work tree, and commands run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *args: str) -> str:
        return subprocess.run(
            ["git", *args], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def run(self, *args: str, code: int = 0, env: dict[str, str] | None = None, cwd: str = ".") -> Any:
        """Run dvx; the exit code must be `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "dvx", *args],
            cwd=self.root / cwd,
            env={**os.environ, "PYTHONPATH": str(SRC), **(env or {})},
            capture_output=True,
            text=True,
            timeout=HANG_S,
        )
        assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *args: str, code: int = 0, env: dict[str, str] | None = None) -> Any:
        return json.loads(self.run(*args, "--json", code=code, env=env).stdout)

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def commit(self, message: str = "change") -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A Git repository that dvx knows nothing of."""
    root = tmp_path / "clone"
    root.mkdir()
    clone = Clone(root)
    clone.git("init", "-q")
    return clone


def _make_ready(folder: Path) -> None:
    clone = Clone(folder / "clone")
    make_repo(clone.root, remote="../store")
    for name in ("a", "b", "c"):
        clone.write(f"data/train/{name}.csv", name * 5000)
    clone.write("model.bin", "m" * 100)
    clone.run("add", "data/train", "model.bin")
    clone.commit("data")


def _make_pushed(folder: Path) -> None:
    _make_ready(folder)
    Clone(folder / "clone").run("push")


@pytest.fixture
def ready(tmp_path: Path, made_once: Callable[..., None]) -> Clone:
    """Set up, with a remote, a tracked folder and a tracked file, committed."""
    made_once(_make_ready, tmp_path)
    return Clone(tmp_path / "clone")


@pytest.fixture
def pushed(tmp_path: Path, made_once: Callable[..., None]) -> Clone:
    """Everything is on the remote too."""
    made_once(_make_pushed, tmp_path)
    return Clone(tmp_path / "clone")


def _colleague(clone: Clone, tmp_path: Path) -> Clone:
    """Another clone of the same repository, without any data."""
    subprocess.run(["git", "clone", "-q", str(clone.root), str(tmp_path / "other")], check=True)
    return Clone(tmp_path / "other")


# init


def test_init_writes_and_stages_its_files_once(clone: Clone) -> None:
    done = clone.run("init", "--remote", "s3://bucket/prefix")
    assert done.stderr.startswith(f"set up dvx in {clone.root}\nremote `origin` is s3://bucket/prefix\n")
    assert clone.git("diff", "--cached", "--name-only").split() == [".dvx/config.toml", ".gitattributes"]
    assert clone.run("init").stderr == f"dvx is set up already in {clone.root}\n"


def test_init_outside_of_git_exits_10_and_names_git_init(tmp_path: Path) -> None:
    done = Clone(tmp_path).run("init", code=10)
    assert done.stderr.startswith("error: ")
    assert "`git init`" in done.stderr


# add


def test_add_before_init_exits_10_and_names_dvx_init(clone: Clone) -> None:
    clone.write("x", "x")
    assert "hint: set it up: `dvx init`" in clone.run("add", "x", code=10).stderr


def test_add_document_has_paths_and_bytes(ready: Clone) -> None:
    ready.write("new.bin", "new" * 1000)
    document = ready.json("add", "new.bin")
    assert document["schema"] == "dvx.add/1"
    (path,) = document["paths"]
    assert (path["path"], path["pointer"], path["kind"], path["size"], path["files"], path["changed"]) == (
        "new.bin", "new.bin.dvx", "file", 3000, 1, True,
    )  # fmt: skip
    assert path["id"].startswith("blake3:")
    assert path["id"] in (ready.root / "new.bin.dvx").read_text()
    assert (document["files"], document["size"], document["new_bytes"]) == (1, 3000, 3000)
    assert 0 < document["stored_bytes"] <= 3100
    assert document["again_bytes"] == 0


def test_add_summary_counts_files_bytes_and_savings(clone: Clone) -> None:
    clone.run("init")
    clone.write("text.csv", "0123456789" * 10_000)
    done = clone.run("add", "text.csv")
    assert done.stdout == ""
    assert done.stderr.startswith("added 1 file, 100 kB in ")
    assert done.stderr.rstrip().endswith("% saved")


def test_add_again_says_that_nothing_changed(ready: Clone) -> None:
    assert ready.run("add", "data/train").stderr.startswith("nothing changed: 3 files, 15.0 kB checked in ")


def test_add_update_takes_what_changed(ready: Clone) -> None:
    ready.write("data/train/b.csv", "changed")
    document = ready.json("add", "--update")
    assert {path["path"]: path["changed"] for path in document["paths"]} == {
        "data/train": True,
        "model.bin": False,
    }


def test_add_path_is_relative_to_the_current_folder(ready: Clone) -> None:
    ready.write("data/extra.txt", "extra")
    ready.run("add", "extra.txt", cwd="data")
    assert (ready.root / "data" / "extra.txt.dvx").exists()


def test_add_pattern_that_the_shell_left_alone(ready: Clone) -> None:
    ready.write("runs/one.pt", "1")
    ready.write("runs/two.pt", "2")
    document = ready.json("add", "runs/*.pt")
    assert [path["path"] for path in document["paths"]] == ["runs/one.pt", "runs/two.pt"]


@pytest.mark.parametrize("args", [(), ("--update", "model.bin")])
def test_add_without_or_with_contradicting_paths_is_a_usage_error(
    ready: Clone, args: tuple[str, ...]
) -> None:
    assert ready.run("add", *args, code=2).stderr.startswith("error: ")


def test_add_missing_path_exits_1_and_changes_nothing(ready: Clone) -> None:
    done = ready.run("add", "nowhere", code=1)
    assert "error: `nowhere` does not exist\n  affected: nothing was added\n" in done.stderr
    assert ready.git("status", "--porcelain") == ""


def test_add_quietly_prints_nothing(ready: Clone) -> None:
    ready.write("new.bin", "n")
    done = ready.run("-q", "add", "new.bin")
    assert (done.stdout, done.stderr) == ("", "")


def test_add_with_autostage_off_says_what_to_stage(ready: Clone) -> None:
    ready.write("new.bin", "n")
    done = ready.run("add", "new.bin", env={"DVX_AUTOSTAGE": "false"})
    assert "hint: stage it: `git add .gitignore new.bin.dvx`" in done.stderr


# status


def test_status_of_nothing_tracked_is_friendly(clone: Clone) -> None:
    done = clone.run("status")
    assert done.stdout == ""
    assert done.stderr == "dvx is not set up here; `dvx init` does that, then `dvx add PATH` tracks data\n"
    clone.run("init")
    done = clone.run("status")
    assert done.stderr == "nothing is tracked yet; `dvx add PATH` starts it\n"


def test_status_of_a_clean_workspace(ready: Clone) -> None:
    done = ready.run("status", "--exit-code")
    assert (done.stdout, done.stderr) == ("clean: 2 tracked paths, 15.1 kB\n", "")


def test_status_lists_what_changed_and_exits_5_on_request(ready: Clone) -> None:
    ready.write("data/train/a.csv", "other")
    (ready.root / "data/train/b.csv").unlink()
    ready.write("data/train/new.csv", "new")
    (ready.root / "model.bin").unlink()
    done = ready.run("status", "--exit-code", code=5)
    assert done.stdout.splitlines() == [
        "changed: data/train (3 files, 15.0 kB)",
        "    modified:  data/train/a.csv",
        "    deleted:   data/train/b.csv",
        "    untracked: data/train/new.csv",
        "not checked out: model.bin (100 B)",
    ]
    assert ready.run("status").returncode == 0


def test_status_document_has_paths_states_and_differences(ready: Clone) -> None:
    ready.write("data/train/a.csv", "other")
    document = ready.json("status", "--exit-code", code=5)
    assert (document["schema"], document["clean"], document["remote"]) == ("dvx.status/1", False, None)
    train, model = document["paths"]
    assert (train["path"], train["state"], train["git"], train["files"]) == (
        "data/train",
        "changed",
        "unchanged",
        3,
    )
    assert train["differences"] == [
        {"path": "data/train/a.csv", "state": "modified", "old_size": 5000, "new_size": 5}
    ]
    assert (model["state"], model["differences"]) == ("clean", [])


def test_status_shows_new_removed_and_broken_pointers(ready: Clone) -> None:
    ready.write("new.bin", "n")
    ready.run("add", "new.bin")
    ready.git("rm", "-q", "model.bin.dvx")
    ready.write("bad.bin.dvx", "<<<<<<< HEAD\n")
    document = ready.json("status")
    assert {path["path"]: path["git"] for path in document["paths"]} == {
        "data/train": "unchanged",
        "new.bin": "new",
    }
    assert document["removed"] == ["model.bin.dvx"]
    assert [(item["pointer"], item["kind"]) for item in document["broken"]] == [
        ("bad.bin.dvx", "conflict-markers")
    ]
    assert "broken pointer: bad.bin.dvx: " in ready.run("status").stdout


def test_status_with_remote_before_and_after_a_push(ready: Clone) -> None:
    before = ready.json("status", "--remote")
    assert [path["remote"] for path in before["paths"]] == ["absent", "absent"]
    assert before["clean"] is False
    ready.run("push", "model.bin")
    after = ready.json("status", "-r", "origin")
    assert [path["remote"] for path in after["paths"]] == ["absent", "complete"]


# diff


def test_diff_of_the_workspace_has_letters_and_sizes(ready: Clone) -> None:
    ready.write("data/train/a.csv", "x" * 7000)
    (ready.root / "data/train/b.csv").unlink()
    ready.write("data/train/new.csv", "n" * 10)
    done = ready.run("diff", "--exit-code", code=5)
    assert done.stdout.splitlines() == [
        "M  data/train/a.csv  5.00 kB -> 7.00 kB",
        "D  data/train/b.csv  5.00 kB",
        "A  data/train/new.csv  10 B",
    ]
    assert done.stderr == "1 added, 1 modified, 1 removed; -2.99 kB\n"


def _second_version(clone: Clone) -> None:
    clone.git("tag", "v1")
    (clone.root / "data/train/a.csv").rename(clone.root / "data/train/z.csv")
    clone.write("model.bin", "m" * 300)
    clone.run("add", "--update")
    clone.commit("second")


def test_diff_document_between_revisions_has_renames(ready: Clone) -> None:
    _second_version(ready)
    document = ready.json("diff", "v1", "HEAD")
    assert (document["schema"], document["old"], document["new"]) == ("dvx.diff/1", "v1", "HEAD")
    assert document["counts"] == {"added": 0, "modified": 1, "removed": 0, "renamed": 1}
    assert document["size_change"] == 200
    assert document["changes"] == [
        {"change": "renamed", "path": "data/train/z.csv", "old_path": "data/train/a.csv", "old_size": 5000,
         "new_size": 5000},
        {"change": "modified", "path": "model.bin", "old_path": None, "old_size": 100, "new_size": 300},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "args", [("v1", "HEAD"), ("v1..HEAD",), ("v1...HEAD",), ("v1..",), ("v1",), ("v1", "--", "model.bin")]
)
def test_diff_accepts_revisions_as_git_does(ready: Clone, args: tuple[str, ...]) -> None:
    _second_version(ready)
    separator = args.index("--") if "--" in args else len(args)
    done = ready.run("diff", "--name-only", *args[:separator], *args[separator:])
    expected = ["model.bin"] if "--" in args else ["data/train/z.csv", "model.bin"]
    assert done.stdout.split() == expected


def test_diff_with_a_path_and_no_revision(ready: Clone) -> None:
    ready.write("data/train/a.csv", "x")
    ready.write("model.bin", "x")
    assert ready.run("diff", "--name-only", "data/train").stdout.split() == ["data/train/a.csv"]
    assert ready.run("diff", "--name-only", "train", cwd="data").stdout.split() == ["data/train/a.csv"]


def test_diff_of_an_unknown_revision_is_not_an_empty_answer(ready: Clone) -> None:
    done = ready.run("diff", "v9", code=1)
    assert "error: `v9` is neither a revision nor a tracked path" in done.stderr


def test_diff_with_three_revisions_is_a_usage_error(ready: Clone) -> None:
    assert "error: " in ready.run("diff", "HEAD..HEAD", "HEAD", "--", "model.bin", code=2).stderr


def test_diff_markdown(ready: Clone) -> None:
    _second_version(ready)
    lines = ready.run("diff", "--md", "v1").stdout.splitlines()
    assert lines[0] == "### Data changes: <code>v1</code> → <code>the workspace</code>"
    assert "| renamed | <code>a.csv</code> → <code>z.csv</code> | 5.00 kB | 5.00 kB |" in lines
    (section,) = (line for line in lines if line.startswith("<details"))
    assert section.startswith("<details><summary><code>data/train</code>: ")


# ls


def test_ls_lists_tracked_paths_and_what_is_in_them(ready: Clone) -> None:
    assert [line.split()[-1] for line in ready.run("ls").stdout.splitlines()] == ["data/train/", "model.bin"]
    inside = ready.run("ls", "data/train").stdout.splitlines()
    assert [line.split() for line in inside] == [["5.00", "kB", f"data/train/{name}.csv"] for name in "abc"]


def test_ls_document_of_an_older_revision(ready: Clone) -> None:
    _second_version(ready)
    document = ready.json("ls", "-R", "--rev", "v1")
    assert (document["schema"], document["rev"]) == ("dvx.ls/1", "v1")
    assert [(entry["path"], entry["kind"], entry["size"]) for entry in document["entries"]] == [
        ("data/train/a.csv", "file", 5000),
        ("data/train/b.csv", "file", 5000),
        ("data/train/c.csv", "file", 5000),
        ("model.bin", "file", 100),
    ]


def test_ls_document_of_nothing_tracked_is_empty(clone: Clone) -> None:
    assert clone.json("ls") == {"schema": "dvx.ls/1", "rev": None, "entries": [], "failures": []}


def test_ls_of_a_path_that_is_not_tracked_prints_the_error_alone(ready: Clone) -> None:
    done = ready.run("ls", "nowhere", "--json", code=1)
    assert json.loads(done.stdout)["schema"] == "dvx.error/1"
    assert "error: `nowhere` is not tracked by dvx" in done.stderr


# push, fetch, pull, checkout


def test_push_document_and_the_push_after_it(ready: Clone) -> None:
    document = ready.json("push")
    assert document["schema"] == "dvx.push/1"
    assert document["remote"] == str(ready.root.parent / "store")
    assert (document["roots"], document["present"], document["size"]) == (2, 0, 15100)
    assert document["packs"] > 0
    assert document["sent_bytes"] > 0
    again = ready.run("push")
    assert again.stderr == f"nothing to push: everything is on {ready.root.parent / 'store'}\n"


def test_push_without_a_remote_names_the_command_that_adds_one(clone: Clone) -> None:
    clone.run("init")
    clone.write("x", "x")
    clone.run("add", "x")
    done = clone.run("push", code=1)
    assert "error: no remote is configured\nhint: add one: `dvx remote add origin URL`" in done.stderr


def test_push_of_a_part_says_that_the_whole_goes(ready: Clone) -> None:
    done = ready.run("push", "data/train/a.csv", "-v")
    assert "`data/train` is pushed whole\n" in done.stderr
    assert "pushed 1 root (15.0 kB) in " in done.stderr


def test_push_of_a_revision_does_not_need_the_work_tree(ready: Clone) -> None:
    _second_version(ready)
    for path in ready.root.glob("**/*.dvx"):
        if path.is_file():
            path.unlink()
    assert ready.json("push", "--rev", "v1")["roots"] == 2
    assert ready.json("push", "--all-refs")["roots"] == 2


def test_push_with_rev_and_all_refs_is_a_usage_error(ready: Clone) -> None:
    assert "exclude each other" in ready.run("push", "--rev", "HEAD", "--all-refs", code=2).stderr


def test_fetch_then_checkout_brings_the_data(pushed: Clone, tmp_path: Path) -> None:
    other = _colleague(pushed, tmp_path)
    fetched = other.json("fetch")
    assert (fetched["schema"], fetched["roots"], fetched["present"]) == ("dvx.fetch/1", 2, 0)
    assert fetched["received_bytes"] > 0
    assert not (other.root / "model.bin").exists()
    assert other.run("fetch").stderr == "nothing to fetch: 2 roots in the local store already\n"
    document = other.json("checkout")
    assert (document["schema"], document["paths"], document["written"]) == ("dvx.checkout/1", 2, 4)
    assert document["written_bytes"] == 15100
    assert (other.root / "data/train/b.csv").read_text() == "b" * 5000
    assert other.run("checkout").stderr == "everything is up to date: 2 tracked paths\n"


def test_pull_document_and_content(pushed: Clone, tmp_path: Path) -> None:
    other = _colleague(pushed, tmp_path)
    document = other.json("pull")
    assert (document["schema"], document["direct"]) == ("dvx.pull/1", False)
    assert document["fetched"]["roots"] == 2
    assert document["checkout"] == {
        "paths": 2, "written": 4, "removed": 0, "written_bytes": 15100, "kept": [], "refused": [],
    }  # fmt: skip
    assert (other.root / "model.bin").read_text() == "m" * 100
    assert (other.root / "data/train/c.csv").read_text() == "c" * 5000
    assert other.run("status", "--exit-code").stdout.startswith("clean: ")


@pytest.mark.parametrize(
    ("ci", "flag", "direct"),
    [
        ("true", (), True),
        ("false", (), False),
        ("0", (), False),
        ("1", ("--store",), False),
        ("", ("--no-store",), True),
    ],
)
def test_pull_keeps_no_copy_in_ci_unless_told(
    pushed: Clone, tmp_path: Path, ci: str, flag: tuple[str, ...], direct: bool
) -> None:
    other = _colleague(pushed, tmp_path)
    document = other.json("pull", *flag, env={"CI": ci})
    assert document["direct"] is direct
    assert (document["fetched"] is None) is direct
    assert (other.root / "data/train/a.csv").read_text() == "a" * 5000


def test_pull_of_a_part_brings_only_that(pushed: Clone, tmp_path: Path) -> None:
    other = _colleague(pushed, tmp_path)
    other.run("pull", "data/train/a*")
    assert [path.name for path in (other.root / "data/train").iterdir()] == ["a.csv"]


def test_pull_of_data_that_nobody_pushed_exits_6(ready: Clone, tmp_path: Path) -> None:
    ready.run("push", "model.bin")
    done = _colleague(ready, tmp_path).run("pull", code=6)
    assert "data/train" in done.stderr
    assert "hint: " in done.stderr


def test_pull_in_a_folder_of_the_repository_that_tracks_nothing_names_what_is(pushed: Clone) -> None:
    done = pushed.run("pull", "modle.bin", code=1)
    assert "did you mean `model.bin`?" in done.stderr


def test_checkout_never_overwrites_work_without_force(ready: Clone) -> None:
    ready.write("model.bin", "unsaved work")
    done = ready.run("checkout", code=1)
    assert "affected: nothing was changed" in done.stderr
    assert (ready.root / "model.bin").read_text() == "unsaved work"
    ready.run("checkout", "--force", "model.bin")
    assert (ready.root / "model.bin").read_text() == "m" * 100


# rm, mv


def test_rm_removes_pointer_and_files(ready: Clone) -> None:
    done = ready.run("rm", "data/train")
    assert done.stderr == "stopped tracking `data/train`; 3 files removed from the workspace\n"
    assert not (ready.root / "data/train").exists()
    assert ready.git("status", "--porcelain").splitlines()[-1] == "D  data/train.dvx"


def test_rm_keep_leaves_the_files(ready: Clone) -> None:
    assert (
        ready.run("rm", "--keep", "model.bin").stderr == "stopped tracking `model.bin`; the files were kept\n"
    )
    assert (ready.root / "model.bin").read_text() == "m" * 100
    assert not (ready.root / "model.bin.dvx").exists()


def test_mv_moves_data_and_pointer(ready: Clone) -> None:
    assert ready.run("mv", "train", "eval", cwd="data").stderr == "moved `train` to `data/eval`\n"
    assert (ready.root / "data/eval/a.csv").read_text() == "a" * 5000
    assert (ready.root / "data/eval.dvx").exists()
    assert not (ready.root / "data/train.dvx").exists()
    assert ready.run("status", "--exit-code").stdout.splitlines()[-1] == "clean: 2 tracked paths, 15.1 kB"


# remote


def test_remote_add_list_default_remove(clone: Clone) -> None:
    clone.run("init")
    clone.run("remote", "add", "one", "../one")
    clone.run("remote", "add", "two", "s3://bucket/x", "--endpoint", "http://127.0.0.1:1", "--anonymous")
    assert clone.run("remote", "default").stdout == "one\n"
    clone.run("remote", "default", "two")
    document = clone.json("remote", "list")
    assert document["schema"] == "dvx.remote-list/1"
    assert document["remotes"] == [
        {"name": "one", "url": str(clone.root.parent / "one"), "options": {}, "origin": ".dvx/config.toml",
         "default": False},
        {"name": "two", "url": "s3://bucket/x", "options": {"anonymous": True, "endpoint": "http://127.0.0.1:1"},
         "origin": ".dvx/config.toml", "default": True},
    ]  # fmt: skip
    assert clone.run("remote", "list").stdout.splitlines()[1].startswith("* two  s3://bucket/x")
    clone.run("remote", "remove", "one")
    assert [item["name"] for item in clone.json("remote", "list")["remotes"]] == ["two"]


def test_remote_add_of_a_taken_name_needs_force(ready: Clone) -> None:
    done = ready.run("remote", "add", "origin", "../elsewhere", code=2)
    assert "hint: replace it: `dvx remote add --force origin ../elsewhere`" in done.stderr
    ready.run("remote", "add", "--force", "origin", "../elsewhere")
    assert ready.run("config", "get", "remote.origin.url").stdout == "../elsewhere\n"


def test_remote_add_of_a_folder_is_relative_to_the_current_one(ready: Clone) -> None:
    ready.run("remote", "add", "near", "../../near", cwd="data")
    assert ready.run("config", "get", "remote.near.url").stdout == "../near\n"


def test_remote_add_local_is_not_committed(ready: Clone) -> None:
    ready.run("remote", "add", "mine", "../mine", "--local")
    assert ready.git("status", "--porcelain") == ""
    assert "mine" in ready.run("remote", "list").stdout


def test_remote_check_document_of_a_folder(ready: Clone) -> None:
    document = ready.json("remote", "check")
    assert (document["schema"], document["name"], document["usable"]) == (
        "dvx.remote-check/1",
        "origin",
        True,
    )
    assert {"write", "read", "list"} <= {item["name"] for item in document["findings"] if item["ok"]}


def test_remote_check_exits_1_where_nothing_can_be_written(ready: Clone) -> None:
    (ready.root.parent / "store").write_text("a file, not a folder")
    done = ready.run("remote", "check", code=1)
    assert "FAIL" in done.stdout or "error: " in done.stderr


# config


def test_config_set_get_unset_in_each_file(ready: Clone) -> None:
    ready.run("config", "set", "core.jobs", "3")
    assert ready.run("config", "get", "core.jobs").stdout == "3\n"
    assert ".dvx/config.toml" in ready.git("diff", "--cached", "--name-only")
    ready.run("config", "set", "--local", "core.jobs", "5")
    assert ready.run("config", "get", "core.jobs").stdout == "5\n"
    ready.run("config", "unset", "--local", "core.jobs")
    ready.run("config", "unset", "core.jobs")
    assert ready.run("config", "get", "core.jobs", env={"DVX_JOBS": "7"}).stdout == "7\n"


def test_config_list_shows_origins(ready: Clone) -> None:
    document = ready.json("config", "list", "--show-origin")
    assert document["schema"] == "dvx.config-list/1"
    settings = {item["key"]: (item["value"], item["origin"]) for item in document["settings"]}
    assert settings["core.remote"] == ("origin", ".dvx/config.toml")
    assert settings["core.autostage"] == (True, "default")
    line = next(
        line for line in ready.run("config", "list", "--show-origin").stdout.splitlines() if "autost" in line
    )
    assert line.split() == ["core.autostage", "true", "default"]


def test_config_works_outside_of_a_repository(tmp_path: Path) -> None:
    place = Clone(tmp_path)
    env = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    place.run("config", "set", "--user", "core.jobs", "2", env=env)
    assert place.run("config", "get", "core.jobs", env=env).stdout == "2\n"
    place.run("config", "set", "core.jobs", "2", code=10)


def test_config_repairs_a_file_with_an_unknown_key(ready: Clone) -> None:
    with (ready.root / ".dvx/config.toml").open("a") as file:
        file.write("\n[typo]\nkey = 1\n")
    warned = ready.run("status")
    assert warned.stdout.startswith("clean: ")
    assert warned.stderr.count("`typo.key`") == 1
    ready.run("config", "unset", "typo.key")
    assert "typo" not in ready.run("status").stderr


def test_config_refuses_secrets_and_unknown_keys(ready: Clone) -> None:
    assert "did you mean `core.jobs`" in ready.run("config", "get", "core.job", code=1).stderr
    ready.run("config", "set", "remote.origin.secret_access_key", "x", code=2)
    assert "secret" not in (ready.root / ".dvx/config.toml").read_text()
    ready.run("config", "set", "--local", "--user", "core.jobs", "1", code=2)


def test_config_get_of_an_unset_key_exits_1(clone: Clone) -> None:
    assert "error: `core.remote` is not set" in clone.run("config", "get", "core.remote", code=1).stderr


# completion and the rest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_of_each_shell(clone: Clone, shell: str) -> None:
    script = clone.run("completion", shell).stdout
    assert "_DVX_COMPLETE" in script
    assert f"{shell}_complete" in script


def test_completion_of_command_and_remote_names(ready: Clone) -> None:
    env = {"_DVX_COMPLETE": "bash_complete", "COMP_WORDS": "dvx pu", "COMP_CWORD": "1"}
    assert ready.run(env=env).stdout.split() == ["plain,push", "plain,pull"]
    env = {"_DVX_COMPLETE": "bash_complete", "COMP_WORDS": "dvx push -r or", "COMP_CWORD": "3"}
    assert ready.run(env=env).stdout.split() == ["plain,origin"]


def test_folder_option_runs_elsewhere(ready: Clone) -> None:
    place = Clone(ready.root.parent)
    assert place.run("-C", "clone", "status").stdout.startswith("clean: ")
    assert place.run("status", "-C", "clone/data", "train").stdout.startswith("clean: 1 tracked path")


def test_unknown_option_exits_2_and_names_the_help(clone: Clone) -> None:
    done = clone.run("add", "--nope", code=2)
    assert done.stderr.startswith("error: no such option")
    assert "--nope" in done.stderr
    assert done.stderr.endswith("hint: see how it is used: `dvx add --help`\n")


def test_no_command_shows_the_help(clone: Clone) -> None:
    done = clone.run(code=2)
    assert "Usage: dvx" in done.stdout + done.stderr


# Damage that a command finds which only reads


def test_cat_moves_a_damaged_pack_aside_and_the_next_cat_reads_the_remote(pushed: Clone) -> None:
    store = pushed.root / ".git/dvx/store"
    packs = sorted(path for path in (store / "packs").rglob("*") if path.is_file())
    for pack in packs:
        data = bytearray(pack.read_bytes())
        data[60] ^= 1  # in the first frame
        pack.chmod(0o644)
        pack.write_bytes(data)
    for _ in packs:
        done = subprocess.run(
            [sys.executable, "-m", "dvx", "cat", "data/train/a.csv"],
            cwd=pushed.root, env={**os.environ, "PYTHONPATH": str(SRC)}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode == 0:
            break
        assert done.returncode == 7, done
        assert "hint: run `dvx pull`: the damaged pack was moved aside" in done.stderr
        assert done.stdout == ""
    assert pushed.run("cat", "data/train/a.csv").stdout == "a" * 5000
    assert len(list((store / "damaged").iterdir())) >= 1
    pushed.run("pull")
    assert pushed.run("cat", "data/train/b.csv").stdout == "b" * 5000


@pytest.mark.parametrize("name", ["two words.bin", "-dash.bin"])
def test_hints_spell_paths_as_a_shell_takes_them(clone: Clone, tmp_path: Path, name: str) -> None:
    clone.run("init", "--remote", "../store")
    clone.write(name, "content")
    clone.run("add", "--", name)
    clone.commit()
    other = _colleague(clone, tmp_path)
    done = other.run("checkout", code=6)
    typed = "'two words.bin'" if " " in name else "./-dash.bin"
    assert f"hint: fetch it: `dvx pull {typed}`" in done.stderr
    clone.write(name, "work")
    assert f"`dvx checkout --force {typed}`" in clone.run("checkout", code=1).stderr
    clone.run("checkout", "--force", "./" + name)
    assert (clone.root / name).read_text() == "content"


def test_log_of_no_commit_says_what_was_asked_for(ready: Clone) -> None:
    said = ready.run("log", "-n", "0").stderr
    assert "`-n 0` asks for no commit" in said
    assert "--where" not in said


def test_file_with_a_colon_in_its_name_is_read_as_that_file(ready: Clone) -> None:
    ready.write("run:1.json", '{"acc": 0.5}')
    ready.write("net.bin", "x")
    ready.run("add", "net.bin", "--metrics", "run:1.json")
    assert "acc = 0.5" in (ready.root / "net.bin.dvx").read_text()
