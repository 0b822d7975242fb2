"""`dvx log`, `params`, `metrics` and `compare` on real repositories, with and without dvx, and hostile ones."""

import csv
import io
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.formats.metadata import Metadata, with_metadata
from dvx.formats.pointer import KIND_FILE, Pointer, format_pointer, parse_pointer
from dvx.testing.shell import (
    HANG_S,
    commit,
    dvx_command,
    dvx_environment,
    file_bytes,
    make_repo,
    must_dvx,
    run_dvx,
    run_git,
)

HOSTILE = "=cmd()|`<script>alert(1)</script>\x1b[2J\u202e\n@everyone #1 [x](http://evil)"


def _annotate(repo: Path, name: str, metadata: Metadata) -> None:
    place = repo / f"{name}.dvx"
    place.write_bytes(format_pointer(with_metadata(parse_pointer(place.read_bytes()), metadata)))
    run_git(repo, "add", "--", place.name)


def _make_runs(folder: Path) -> None:
    repo = make_repo(folder / "repo")
    data = bytearray(file_bytes(2_000_000, seed=5))
    for branch, lr, acc, loss in (
        ("main", 0.01, 0.8, 0.5),
        ("try", 0.001, 0.91, 0.3),
        ("bad", 0.1, 0.2, 2.0),
    ):
        if branch != "main":
            run_git(repo, "switch", "-q", "-c", branch, "v1")
        data[1_000_000] ^= len(branch)
        (repo / "net.bin").write_bytes(data)
        must_dvx(repo, "add", "net.bin")
        params = {"train.lr": lr, "epochs": 5}
        _annotate(repo, "net.bin", Metadata(params=params, metrics={"acc": acc, "loss": loss}))
        commit(repo, f"lr {lr}")
        if branch == "main":
            run_git(repo, "tag", "v1")
    run_git(repo, "switch", "-q", "main")
    run_git(repo, "merge", "-q", "--no-ff", "-m", "merge try", "try")


@pytest.fixture
def runs(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """Three runs: `v1` on main, a better one on `try`, merged, and a worse one on `bad`, which is not."""
    made_once(_make_runs, tmp_path)
    return tmp_path / "repo"


def _log(repo: Path, *args: str) -> list[dict]:
    document = json.loads(must_dvx(repo, "log", "--json", *args).out)
    assert document["schema"] == "dvx.log/1"
    return document["rows"]


def test_log_tells_each_run_with_what_varies(runs: Path) -> None:
    lines = must_dvx(runs, "log", "net.bin").out.splitlines()
    assert lines[0] == "the same in all: epochs = 5"
    assert " ".join(lines[1].split()) == "commit date author tags subject size new train.lr acc loss"
    assert len(lines) == 4
    assert re.search(r"Test Person +lr 0\.001 +2\.00 MB +[\d.]+ kB +0\.001 +0\.91 +0\.3$", lines[2])
    assert re.search(r" v1 +lr 0\.01 +2\.00 MB +2\.00 MB +0\.01 +0\.8 +0\.5$", lines[3])


def test_log_filters_sorts_and_reaches_all_branches(runs: Path) -> None:
    assert [row["subject"] for row in _log(runs)] == ["lr 0.001", "lr 0.01"]
    found = _log(runs, "--all", "--sort", "acc")
    assert [row["metrics"]["acc"] for row in found] == [0.91, 0.8, 0.2]
    found = _log(runs, "--all", "--where", "lr < 1 or train.lr < 0.05 and metrics.loss < 0.4")
    assert [row["subject"] for row in found] == ["lr 0.001"]
    assert [row["branches"] for row in _log(runs, "--rev", "v1..bad")] == [["bad"]]
    found = _log(runs, "--all", "--where", 'size > "1.9MB"', "-n", "2", "--sort", "loss")
    assert len(found) == 2
    assert _log(runs, "--since", "1 hour ago", "--where", "acc > 1") == []


def test_log_says_what_is_new_only_where_the_store_knows_it(runs: Path, tmp_path: Path) -> None:
    new, first = _log(runs)
    assert first["new_bytes"] == 2_000_000
    assert 0 < new["new_bytes"] <= 256 * 1024
    run_git(tmp_path, "clone", "-q", str(runs), "clone")
    assert [row["new_bytes"] for row in _log(tmp_path / "clone")] == [None, None]
    assert " new " not in must_dvx(tmp_path / "clone", "log").out
    assert not (tmp_path / "clone" / ".git" / "dvx" / "store").exists()


def test_a_change_of_metadata_alone_brought_nothing_new(runs: Path) -> None:
    _annotate(runs, "net.bin", Metadata(metrics={"acc": 0.95}))
    commit(runs, "measured again")
    assert _log(runs, "-n", "1")[0]["new_bytes"] == 0


def test_log_in_other_forms(runs: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(must_dvx(runs, "log", "--all", "--csv").out)))
    assert {row["acc"] for row in rows} == {"0.8", "0.91", "0.2"}
    assert {row["epochs"] for row in rows} == {"5"}
    assert {row["size"] for row in rows} == {"2000000"}
    markdown = must_dvx(runs, "log", "--md", "--columns", "commit,params").out.splitlines()
    assert "| commit | <code>epochs</code> | <code>train.lr</code> |" in markdown
    drawn = must_dvx(runs, "log", "--graph", "--all").out
    # The merge took one side as it was, so Git draws a line of the two, and `bad` beside it.
    assert drawn.count("*") == 3
    assert "|/" in drawn
    names = must_dvx(runs, "log", "--columns", "commit,loss").out.splitlines()[-1].split()
    assert len(names) == 2


def test_log_of_a_bare_and_a_shallow_clone(runs: Path, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", "--bare", str(runs), "bare.git")
    assert len(_log(tmp_path / "bare.git", "--all")) == 3
    run_git(tmp_path, "clone", "-q", "--depth", "1", runs.as_uri(), "shallow")
    ran = must_dvx(tmp_path / "shallow", "log")
    assert "merge try" in ran.out
    assert "this clone is shallow" in ran.err
    assert _log(tmp_path / "shallow")[0]["boundary"] is True


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--where", "acc >"], "a value is expected"),
        (["--where", "__import__('os')"], "no function"),
        (["--columns", "acx"], "no commit here has 'acx'"),
        (["--sort", "acx"], "did you mean"),
        (["--since", "some day"], "not a date"),
        (["--rev", "nothing"], "names no commit"),
        (["--json", "--csv"], "exclude each other"),
        (["--graph", "--sort", "acc"], "draws all commits"),
    ],
)
def test_log_refuses_what_it_cannot_read(runs: Path, args: list[str], words: str) -> None:
    ran = run_dvx(runs, "log", *args)
    assert ran.code in (1, 2)
    assert words in ran.err
    assert ran.out == "" or json.loads(ran.out)["schema"] == "dvx.error/1"


def test_compare_sets_runs_side_by_side(runs: Path) -> None:
    out = must_dvx(runs, "compare", "v1", "try").out
    assert re.search(r"params\.train\.lr +0\.01 +0\.001 +-0\.009 +-90 %$", out, re.MULTILINE)
    assert re.search(r"metrics\.acc +0\.8 +0\.91 +\+0\.11 +\+13\.\d %  better$", out, re.MULTILINE)
    assert re.search(r"metrics\.loss +0\.5 +0\.3 +-0\.2 +-40 %  better$", out, re.MULTILINE)
    assert "epochs" not in out
    assert "epochs" in must_dvx(runs, "compare", "--all", "v1..try").out
    three = must_dvx(runs, "compare", "v1", "try", "bad", "--", "net.bin").out
    assert "0.2 (-75 %, worse)" in three
    markdown = must_dvx(runs, "compare", "--md", "v1", "bad").out
    assert (
        "| <code>net.bin</code> | <code>metrics.acc</code> | 0.8 | 0.2 | -0.6 | -75 % | **worse** |"
        in markdown
    )


def test_a_direction_that_is_set_counts(runs: Path) -> None:
    must_dvx(runs, "config", "set", "metrics.direction.loss", "higher")
    document = json.loads(must_dvx(runs, "metrics", "diff", "v1", "try", "--json").out)
    assert document["schema"] == "dvx.metrics-diff/1"
    assert {row["name"]: row["changes"][0]["better"] for row in document["rows"]} == {
        "acc": True,
        "loss": False,
    }
    must_dvx(runs, "config", "set", "metrics.direction.val.tokens", "lower")
    config = (runs / ".dvx" / "config.toml").read_text()
    assert '"val.tokens" = "lower"' in config
    assert run_dvx(runs, "config", "set", "metrics.direction.x", "up").code == 2
    must_dvx(runs, "config", "unset", "metrics.direction.val.tokens")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A repository without dvx, that keeps params.toml and metrics.json."""
    repo = tmp_path / "plain"
    run_git(tmp_path, "init", "-q", str(repo))
    (repo / "params.toml").write_text("seed = 1\n[train]\nlr = 0.1\n")
    (repo / "metrics.json").write_text('{"acc": 0.5, "n": 10}')
    run_git(repo, "add", ".")
    commit(repo, "first")
    return repo


def test_plain_files_are_compared_without_dvx(plain: Path) -> None:
    (plain / "params.toml").write_text("seed = 1\n[train]\nlr = 0.2\n")
    (plain / "metrics.json").write_text('{"acc": 0.6, "f1": 0.4}')
    assert re.search(
        r"^train\.lr +0\.1 +0\.2 +\+0\.1 +\+100 %$", must_dvx(plain, "params", "diff").out, re.MULTILINE
    )
    out = must_dvx(plain, "metrics", "diff", "HEAD").out
    assert re.search(r"^acc +0\.5 +0\.6 +\+0\.1 +\+20 % +better$", out, re.MULTILINE)
    assert re.search(r"^f1 +- +0\.4$", out, re.MULTILINE)
    assert re.search(r"^n +10 +-$", out, re.MULTILINE)
    shown = json.loads(must_dvx(plain, "metrics", "show", "HEAD", "--json").out)
    assert shown["values"] == [
        {"path": "metrics.json", "name": "acc", "value": 0.5},
        {"path": "metrics.json", "name": "n", "value": 10},
    ]
    assert not (plain / ".dvx").exists()
    assert not (plain / ".git" / "dvx").exists()


def test_files_that_the_configuration_names_are_read(plain: Path) -> None:
    (plain / "eval").mkdir()
    (plain / "eval" / "scores.json").write_text('{"bleu": 31.5}')
    (plain / ".gitignore").write_text("eval/\n")
    (plain / ".dvx").mkdir()
    (plain / ".dvx" / "config.toml").write_text('[metrics]\nfiles = "eval/scores.json, logs/*.json"\n')
    out = must_dvx(plain, "metrics", "show").out
    assert "bleu  31.5" in out
    assert "acc" in out


@pytest.mark.parametrize("name", ["../secret.json", "/etc/passwd", ".git/x.json", "a/../../secret.json"])
def test_a_configuration_cannot_name_files_outside(plain: Path, name: str) -> None:
    (plain.parent / "secret.json").write_text('{"key": 1}')
    (plain / ".dvx").mkdir()
    (plain / ".dvx" / "config.toml").write_text(f'[metrics]\nfiles = "{name}"\n')
    ran = run_dvx(plain, "metrics", "show")
    assert ran.code == 2
    assert "no path inside the repository" in ran.err


def test_a_linked_folder_is_not_followed(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "scores.json").write_text('{"key": 1}')
    os.symlink(tmp_path / "elsewhere", plain / "linked")
    (plain / ".dvx").mkdir()
    (plain / ".dvx" / "config.toml").write_text('[metrics]\nfiles = "linked/scores.json"\n')
    assert "key" not in run_dvx(plain, "metrics", "show").out


def test_a_file_that_cannot_be_read_fails_alone_and_by_name(plain: Path) -> None:
    (plain / "metrics.json").write_text("{")
    (plain / "more").mkdir()
    (plain / "more" / "metrics.json").write_text('{"acc": 0.5}')
    os.symlink("/etc/passwd", plain / "params.json")
    ran = run_dvx(plain, "metrics", "show")
    assert (ran.code, "0.5" in ran.out) == (3, True)
    assert "`metrics.json`" in ran.err
    assert "params.json" not in ran.err
    assert "root:" not in run_dvx(plain, "params", "show").out
    assert run_dvx(plain, "metrics", "show", "--", "nothing").code == 1
    assert run_dvx(plain, "metrics", "show", "nothing").code == 1


def test_hostile_metadata_is_neutral_in_every_form(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    run_git(tmp_path, "init", "-q", str(repo))
    name = "=evil|`<b>"
    for number in (1, 2):
        extra = {
            "params": {HOSTILE: HOSTILE + str(number), "x" * 5000: number, "=f()": f"=1+{number}"},
            "metrics": {"acc": float("nan"), "\x1b[31m": number},
        }
        pointer = Pointer(KIND_FILE, bytes([number]) * 32, number, None, extra)
        (repo / f"{name}.dvx").write_bytes(format_pointer(pointer))
        run_git(repo, "add", ".")
        run_git(
            repo,
            "-c",
            "user.name==me\x1b[2J<i>",
            "commit",
            "-q",
            "-m",
            f"@all <img src=x> \x1b]0;t\x07 {number}",
        )
    commands = [
        ["log"], ["log", "--md"], ["log", "--csv"], ["log", "--json"], ["log", "--graph"],
        ["compare", "HEAD~1", "HEAD"], ["compare", "--md", "HEAD~1", "HEAD"],
        ["compare", "--json", "HEAD~1", "HEAD"], ["params", "show"], ["metrics", "diff", "HEAD~1", "HEAD", "--md"],
    ]  # fmt: skip
    for args in commands:
        ran = must_dvx(repo, *args)
        assert ran.out, args
        for sign in ("\x1b", "\x07", "\u202e", "\r"):
            assert sign not in ran.out + ran.err, args
        if "--md" in args:
            for text in ("<script", "<img", "<b>", "<i>", "@everyone", "@all", "](http", "`"):
                assert text not in ran.out, (args, text)
            rows = [line for line in ran.out.splitlines() if line.startswith("|")]
            assert len({line.count("|") for line in rows}) == 1, args
        if "--csv" in args:
            cells = [cell for row in csv.reader(io.StringIO(ran.out)) for cell in row]
            assert not [cell for cell in cells if cell.lstrip()[:1] in ("=", "+", "-", "@")]


def test_a_narrow_terminal_gets_lines_that_fit_and_a_word_on_the_rest(runs: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    env = dvx_environment({"COLUMNS": "60", "NO_COLOR": "1"})
    done = subprocess.run(
        dvx_command("log"), cwd=runs, env=env, stdout=follower, stderr=subprocess.PIPE, check=True, timeout=HANG_S,
    )  # fmt: skip
    os.close(follower)
    text = os.read(leader, 65536).decode()
    os.close(leader)
    assert max(len(line.rstrip("\r")) for line in text.splitlines()[1:]) <= 60
    assert b"the terminal has no room for" in done.stderr or "loss" in text


def test_log_with_a_name_that_no_commit_has_says_which_one_may_be_meant(runs: Path) -> None:
    ran = must_dvx(runs, "log", "--where", "lr < 1")
    assert ran.out == ""
    assert "`--where` is true for no row" in ran.err
    assert "no commit looked at has `lr`; did you mean `train.lr`?" in ran.err
    ran = must_dvx(runs, "log", "--where", "acc > 5")
    assert "`--where` is true for no row" in ran.err
    assert "no commit looked at has" not in ran.err


def test_log_of_a_revision_in_place_of_a_path_says_how_it_is_asked_for(runs: Path) -> None:
    ran = must_dvx(runs, "log", "v1", "nosuch")
    assert ran.out == ""
    assert "`v1` names a commit: `dvx log --rev v1`" in ran.err
    assert "`nosuch` names" not in ran.err


def test_log_of_the_newest_row_names_its_path_unless_it_was_asked_for(runs: Path) -> None:
    assert "net.bin" in must_dvx(runs, "log", "-n", "1").out
    assert "net.bin" not in must_dvx(runs, "log", "-n", "1", "net.bin").out


def test_log_with_a_limit_shows_the_newest_rows_that_match(runs: Path) -> None:
    assert [row["subject"] for row in _log(runs, "--all", "-n", "1", "--where", "acc < 0.9")] == ["lr 0.1"]
    found = _log(runs, "--all", "-n", "2", "--where", "acc > 0.5", "--sort", "acc")
    assert [row["metrics"]["acc"] for row in found] == [0.91, 0.8]
    assert _log(runs, "-n", "0", "--where", "acc > 0") == []


def test_log_of_data_that_was_removed_and_added_again(runs: Path) -> None:
    must_dvx(runs, "rm", "--force", "net.bin")
    commit(runs, "gone")
    lines = must_dvx(runs, "log").out.splitlines()
    assert lines[0] == "the same where they are known: epochs = 5"
    assert re.search(r" gone +removed ", lines[2])
    run_git(runs, "revert", "--no-edit", "HEAD")
    assert [row["change"] for row in _log(runs)] == ["added", "removed", "modified", "added"]
