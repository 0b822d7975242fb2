"""Parameters, metrics, labels and sources on the command line, with real Git."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import Ran, clone, commit, make_repo, must_dvx, run, run_dvx, run_git, write_tree

_RULES = """
[track."models/*.pt"]
params = ["params.yaml:train"]
metrics = ["metrics.json"]
from = ["data"]
"""


def _make_repo(folder: Path) -> None:
    repo = make_repo(folder / "repo", remote="../remote")
    write_tree(repo / "data", {"a": b"a"})
    write_tree(repo / "models", {"m.pt": b"m1"})
    (repo / "train.py").write_text("print(1)\n")
    (repo / "params.yaml").write_text("train:\n  lr: 1e-3\n")
    (repo / "metrics.json").write_text('{"acc": 0.9, "loss": NaN}')
    with (repo / ".dvx/config.toml").open("a") as file:
        file.write(_RULES)
    must_dvx(repo, "add", "data")
    run_git(repo, "add", "-A", "--", ".dvx", "train.py", "params.yaml", "metrics.json")
    commit(repo, "start")


@pytest.fixture
def repo(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """A repository with tracked data, code, a model, and rules for models."""
    made_once(_make_repo, tmp_path)
    return tmp_path / "repo"


def _show(repo: Path, path: str) -> dict:
    document = json.loads(must_dvx(repo, "meta", "show", path, "--json").out)
    assert document["schema"] == "dvx.meta-show/1"
    (found,) = document["paths"]
    return found


def test_what_an_add_records_is_what_meta_shows_and_what_git_has(repo: Path) -> None:
    ran = must_dvx(
        repo, "add", "models/m.pt", "--param", "seed=7", "--param", "opt=adam", "--meta", "licence=MIT",
        "--meta", "day=2024-05-01", "--command", "python train.py", "--json",
    )  # fmt: skip
    (added,) = json.loads(ran.out)["paths"]
    shown = _show(repo, "models/m.pt")
    for table in ("params", "metrics", "meta", "source"):
        assert shown[table] == added[table]
    assert shown["params"] == {"opt": "adam", "seed": 7, "train.lr": 0.001}
    assert shown["metrics"] == {"acc": 0.9, "loss": "nan"}
    assert shown["meta"] == {"day": "2024-05-01", "licence": "MIT"}
    assert shown["source"] == {
        "inputs": {"data": _show(repo, "data")["id"]},
        "command": "python train.py",
        "commit": run_git(repo, "rev-parse", "HEAD").strip(),
    }
    assert '"train.lr" = 0.001\n' in run_git(repo, "show", ":models/m.pt.dvx")
    text = must_dvx(repo / "models", "meta", "show", "m.pt").out
    assert text.splitlines()[0] == "m.pt"
    assert "    metrics.loss = nan\n" in text
    assert "    meta.day = 2024-05-01\n" in text


def test_files_are_named_relative_to_the_current_folder_and_may_lie_outside(
    repo: Path, tmp_path: Path
) -> None:
    (repo / "models/here.toml").write_text("a = 1\n")
    (tmp_path / "out.csv").write_text("step,acc\n1,0.1\n2,0.2\n")
    must_dvx(repo / "models", "add", "m.pt", "--params", "here.toml", "--metrics", "../../out.csv:step=1,acc",
             "--from", "../data.dvx")  # fmt: skip
    shown = _show(repo, "models/m.pt")
    assert (shown["params"], shown["metrics"]) == ({"a": 1}, {"acc": 0.1})
    assert list(shown["source"]["inputs"]) == ["data"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--param", "lr"], "KEY=VALUE"),
        (["--param", "x=[[1]]"], "other things than numbers"),
        (["--metric", "x=99999999999999999999"], "64 bits"),
        (["--params", "nowhere.yaml"], "does not exist"),
        (["--params", "params.yaml:trian"], "params.yaml:trian"),
        (["--from", "nowhere"], "not tracked"),
        (["--params", "params.yaml:"], "which values"),
    ],
)
def test_refusals_say_what_and_what_next(repo: Path, args: list[str], words: str, explains) -> None:
    ran = run_dvx(repo, "add", "models/m.pt", *args)
    explains(ran, ran.code, words, affected=False)
    assert ran.code in (1, 2)
    assert not (repo / "models/m.pt.dvx").exists()


def test_an_update_refuses_metadata(repo: Path) -> None:
    assert run_dvx(repo, "add", "--update", "--param", "x=1").code == 2


def test_add_and_push_records_as_well(repo: Path) -> None:
    must_dvx(repo, "add", "models/m.pt", "--push", "--metric", "f1=0.5")
    assert _show(repo, "models/m.pt")["metrics"] == {"acc": 0.9, "f1": 0.5, "loss": "nan"}


def test_set_and_unset_need_no_data(repo: Path, tmp_path: Path) -> None:
    must_dvx(repo, "add", "models/m.pt")
    commit(repo, "model")
    fresh = clone(repo, tmp_path / "fresh")
    must_dvx(fresh, "meta", "set", "models/m.pt", "meta.owner=ann", "params.train.lr=0.5")
    assert run_git(fresh, "diff", "--cached", "--name-only").split() == ["models/m.pt.dvx"]
    assert _show(fresh, "models/m.pt")["params"] == {"train.lr": 0.5}
    must_dvx(fresh, "meta", "unset", "models/m.pt", "meta", "params.train.lr")
    assert _show(fresh, "models/m.pt")["params"] == {}
    assert not (fresh / "models/m.pt").exists()
    assert run_dvx(fresh, "meta", "set", "nothing", "meta.x=1").code == 1


def test_status_and_the_commit_hook_see_parameters_that_moved_on(repo: Path, install_hooks) -> None:
    must_dvx(repo, "add", "models/m.pt")
    commit(repo, "model")
    install_hooks(repo, "pre-commit")
    (repo / "params.yaml").write_text("train:\n  lr: 0.5\n")
    ran = must_dvx(repo, "status")
    assert "        params.train.lr: 0.001 -> 0.5 (params.yaml)" in ran.out
    assert "dvx add models/m.pt" in ran.err
    document = json.loads(must_dvx(repo, "status", "--json").out)
    assert document["clean"]
    assert document["paths"][1]["stale_metadata"] == [
        {"name": "params.train.lr", "file": "params.yaml", "recorded": 0.001, "current": 0.5, "problem": None}
    ]
    must_dvx(repo, "config", "set", "hooks.stale_metadata", "block")
    run_git(repo, "add", "params.yaml")
    blocked = _commit(repo)
    assert blocked.code != 0
    assert "`params.train.lr`" in blocked.err
    must_dvx(repo, "add", "models/m.pt")
    assert _commit(repo).code == 0


def _commit(repo: Path) -> Ran:
    return run(["git", "commit", "-qm", "x"], repo)


def test_all_tables_survive_the_commands_that_rewrite_pointers(repo: Path) -> None:
    must_dvx(repo, "add", "models/m.pt", "--meta", "owner=ann")
    with (repo / "models/m.pt.dvx").open("a") as file:
        file.write('\n[zoo]\nanimals = [["cat"], [1, 2]]\n')
    must_dvx(repo, "hooks", "check", "--fix")
    must_dvx(repo, "add", "models/m.pt")
    before = (repo / "models/m.pt.dvx").read_bytes()
    assert b"[zoo]" in before
    commit(repo, "model")
    must_dvx(repo, "mv", "models/m.pt", "models/n.pt")
    assert (repo / "models/n.pt.dvx").read_bytes() == before
    must_dvx(repo, "add", "--update")
    assert (repo / "models/n.pt.dvx").read_bytes() == before
    commit(repo, "moved")
    must_dvx(repo, "meta", "set", "models/n.pt", "meta.x=1")
    assert b"[zoo]" in (repo / "models/n.pt.dvx").read_bytes()
    commit(repo, "label")
    must_dvx(repo, "checkout", "--rev", "HEAD~1", "models/n.pt")
    assert (repo / "models/n.pt.dvx").read_bytes() == before


def test_branches_that_change_different_keys_merge(repo: Path) -> None:
    must_dvx(repo, "add", "models/m.pt", "--param", "a=1", "--param", "z=1")
    commit(repo, "model")
    run_git(repo, "switch", "-qc", "other")
    must_dvx(repo, "meta", "set", "models/m.pt", "params.a=2")
    commit(repo, "a")
    run_git(repo, "switch", "-q", "main")
    must_dvx(repo, "meta", "set", "models/m.pt", "params.z=2", "meta.owner=bob")
    commit(repo, "z")
    must_dvx(repo, "hooks", "install", "--files")
    run_git(repo, "merge", "-q", "other")
    shown = _show(repo, "models/m.pt")
    assert shown["params"] == {"a": 2, "train.lr": 0.001, "z": 2}
    assert shown["meta"] == {"owner": "bob"}


def test_hostile_values_are_spelled_out_on_a_terminal(repo: Path) -> None:
    must_dvx(repo, "add", "data", "--meta", "x=a\x1b[31mred", "--meta", "y=\u202etxt")
    out = must_dvx(repo, "meta", "show", "data").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert _show(repo, "data")["meta"]["x"] == "a\x1b[31mred"


def test_updated_imports_keep_labels_and_no_results_of_the_older_data(repo: Path, tmp_path: Path) -> None:
    must_dvx(repo, "push")
    user = make_repo(tmp_path / "user", remote="../user-remote")
    must_dvx(user, "import", "../repo", "data")
    must_dvx(user, "meta", "set", "data", "metrics.rows=1", "params.x=1", "meta.owner=ann")
    commit(user, "imported")
    (repo / "data/b").write_bytes(b"b")
    must_dvx(repo, "add", "data", "--push")
    commit(repo, "more")
    must_dvx(user, "update")
    shown = _show(user, "data")
    assert shown["id"] == _show(repo, "data")["id"]
    assert (shown["params"], shown["metrics"], shown["meta"]) == ({}, {}, {"owner": "ann"})
