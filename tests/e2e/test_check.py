"""`dvx check` in real repositories: work tree, staging area, commits, and a base that has to be fetched."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from dvx.testing.shell import clone, commit, make_repo, must_dvx, run, run_dvx, run_git, write_tree

ACCURACY = '[checks.accuracy]\npath = "models/m"\nrule = "metrics.acc >= base.metrics.acc - 0.005"\n'
IMAGES = {"a.jpg": b"a", "sub/b.jpg": b"b", "sub/c.jpg": b"c"}


def write_rules(repo: Path, text: str) -> None:
    (repo / ".dvx" / "checks.toml").write_text(text)


def set_accuracy(repo: Path, acc: float) -> None:
    pointer = repo / "models" / "m.dvx"
    head = pointer.read_text().partition("\n[metrics]")[0]
    pointer.write_text(f"{head}\n[metrics]\nacc = {acc}\n")


def commit_all(repo: Path, message: str) -> str:
    run_git(repo, "add", ".")
    commit(repo, message)
    return run_git(repo, "rev-parse", "HEAD")


def branch_with_worse_model(repo: Path) -> str:
    run_git(repo, "switch", "-q", "-c", "worse")
    set_accuracy(repo, 0.91)
    return commit_all(repo, "worse")


def _make_repo(folder: Path) -> None:
    repo = make_repo(folder / "repo", remote="../store")
    write_tree(repo / "models", {"m": b"model"})
    write_tree(repo / "data" / "train", IMAGES)
    must_dvx(repo, "add", "models/m", "data/train")
    set_accuracy(repo, 0.93)
    write_rules(repo, ACCURACY)
    commit_all(repo, "first")
    must_dvx(repo, "push")


@pytest.fixture
def repo(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """`models/m` with a metric and `data/train` on branch main, with the rule on accuracy."""
    made_once(_make_repo, tmp_path)
    return tmp_path / "repo"


def shallow_clone(repo: Path, branch: str) -> Path:
    """What CI services make: one commit of one branch."""
    target = repo.parent / "shallow"
    run_git(repo.parent, "clone", "-q", "--depth=1", f"--branch={branch}", repo.as_uri(), str(target))
    assert run_git(target, "rev-list", "--count", "HEAD") == "1"
    return target


def test_worse_metric_fails_with_both_values_and_where_they_come_from(repo: Path) -> None:
    old = run_git(repo, "rev-parse", "HEAD")
    new = branch_with_worse_model(repo)
    ran = run_dvx(repo, "check", "--rev", "HEAD", "--base", "main")
    assert ran.code == 5
    assert ran.out.splitlines() == [
        "failed: accuracy (models/m): `metrics.acc >= base.metrics.acc - 0.005` does not hold",
        f"  metrics.acc = 0.91 in models/m.dvx at {new[:10]}; base 0.93 at {old[:10]}",
    ]
    set_accuracy(repo, 0.9251)
    ran = run_dvx(repo, "check", "--base", "main")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"1 check passed in the work tree against {old[:10]}\n"


def test_work_tree_staging_area_and_commit_are_checked_each_as_it_is(repo: Path) -> None:
    write_rules(repo, '[checks.a]\npath = "models/m"\nrule = "metrics.acc >= 0.92"\n')
    commit_all(repo, "rule")
    set_accuracy(repo, 0.5)
    assert run_dvx(repo, "check", "--staged").code == 0
    ran = run_dvx(repo, "check")
    assert (ran.code, "metrics.acc = 0.5 in models/m.dvx in the work tree" in ran.out) == (5, True)
    run_git(repo, "add", "models/m.dvx")
    set_accuracy(repo, 0.99)
    assert run_dvx(repo, "check").code == 0
    ran = run_dvx(repo, "check", "--staged")
    assert (ran.code, "metrics.acc = 0.5 in models/m.dvx in the staging area" in ran.out) == (5, True)
    assert run_dvx(repo, "check", "--rev", "HEAD").code == 0


def test_names_sizes_and_counts_of_files(repo: Path) -> None:
    write_rules(
        repo,
        '[checks.images]\npath = "data/*"\nrule = "files >= base.files and size <= \'20GB\'"\nnames = "*.jpg"\n'
        'forbid = "sub/b*"\n',
    )
    write_tree(repo / "data" / "train", {"a.jpg": b"a", "sub/b.jpg": b"b", "x ü.txt": b"x"})
    must_dvx(repo, "add", "data/train")
    ran = run_dvx(repo, "check", "--base", "HEAD")
    assert (ran.code, ran.out.splitlines()) == (
        5,
        [
            "failed: images (data/train): `x ü.txt` does not match `*.jpg`",
            "failed: images (data/train): `sub/b.jpg` is forbidden by `sub/b*`",
            "  files = 3 in data/train.dvx in the work tree; base 3 at "
            + run_git(repo, "rev-parse", "HEAD")[:10],
            "  size = 3 in data/train.dvx in the work tree",
        ],
    )
    write_tree(repo / "data" / "train", {"a.jpg": b"a"})
    must_dvx(repo, "add", "data/train")
    assert (
        "`files >= base.files and size <= '20GB'` does not hold"
        in run_dvx(repo, "check", "--base", "HEAD").out
    )


def test_names_are_read_from_the_remote_where_the_listing_is_not_here(repo: Path) -> None:
    write_rules(repo, '[checks.images]\npath = "data/train"\nnames = "*.png"\n')
    commit_all(repo, "rule")
    ran = run_dvx(shallow_clone(repo, "main"), "check")
    assert ran.code == 5
    assert "`a.jpg`, `sub/b.jpg` and `sub/c.jpg` do not match `*.png`" in ran.out.replace(
        ", `sub/c", " and `sub/c"
    )


def test_values_of_plain_files_in_git_are_checked_at_each_revision(repo: Path) -> None:
    (repo / "metrics.json").write_text('{"val": {"acc": 0.9}, "loss": NaN}')
    (repo / "params.yaml").write_text("train:\n  lr: 1e-3\n")
    write_rules(
        repo,
        '[checks.a]\nmetrics = "metrics.json"\nparams = "params.yaml:train"\n'
        'rule = "metrics.val.acc >= base.metrics.val.acc and params.train.lr < 0.01"\n'
        '[checks.b]\nmetrics = "metrics.json"\nrule = "metrics.loss < 1"\nseverity = "warning"\n',
    )
    base = commit_all(repo, "files")
    (repo / "metrics.json").write_text('{"val": {"acc": 0.8}}')
    ran = run_dvx(repo, "check", "--base", "HEAD")
    assert (ran.code, ran.out.splitlines()) == (
        5,
        [
            "failed: a (params.yaml, metrics.json): `metrics.val.acc >= base.metrics.val.acc and"
            " params.train.lr < 0.01` does not hold",
            f"  metrics.val.acc = 0.8 in metrics.json in the work tree; base 0.9 at {base[:10]}",
            "warning: b (metrics.json): `metrics.loss` is not there: not in `metrics.json` in the work tree",
        ],
    )
    ran = run_dvx(repo, "check", "--base", "HEAD", "--rev", "HEAD")
    assert ran.code == 0
    assert f"metrics.loss = nan in metrics.json at {base[:10]}" in ran.out
    assert "the base is the checked commit itself" in ran.err


def test_value_or_path_that_is_not_there_fails_and_says_so(repo: Path) -> None:
    write_rules(
        repo,
        '[checks.a]\npath = "models/*"\nrule = "metrics.f1 > 0"\n'
        '[checks.b]\npath = "gone/*"\nrule = "size > 0"\nseverity = "warning"\n'
        '[checks.c]\nmetrics = "gone.json"\nrule = "metrics.a > 0"\n'
        '[checks.d]\npath = "models/*"\nrule = "metrics.acc >= base.metrics.auc"\n'
        '[checks.e]\npath = "models/*"\nrule = "metrics.acc"\n'
        '[checks.f]\npath = "models/*"\nrule = "metrics.acc > \'high\'"\n',
    )
    head = run_git(repo, "rev-parse", "HEAD")
    ran = run_dvx(repo, "check", "--base", "HEAD")
    assert ran.code == 5
    assert [line.split(": ", 2)[2] for line in ran.out.splitlines() if line.startswith("failed")][:5] == [
        "`metrics.f1` is not there: not in `models/m.dvx` in the work tree",
        "the path `gone/*` matches no tracked data in the work tree",
        "not all of the files gone.json are there in the work tree",
        f"`base.metrics.auc` is not there: not in `models/m.dvx` at {head[:10]}",
        "`metrics.acc` is no comparison: its value is 0.93",
    ]
    assert "failed: f (models/m): a number and the text 'high' have no order" in ran.out


def test_new_data_has_no_base_which_a_rule_may_allow(repo: Path) -> None:
    write_tree(repo / "models", {"m": b"model", "n": b"new"})
    must_dvx(repo, "add", "models/n")
    rule = ACCURACY.replace("models/m", "models/n").replace("metrics.acc", "size")
    write_rules(repo, rule)
    ran = run_dvx(repo, "check", "--base", "HEAD")
    assert ran.code == 5
    assert "`base.size` is not there: the base has no `models/n` at" in ran.out
    write_rules(repo, rule + 'new = "pass"\n')
    assert run_dvx(repo, "check", "--base", "HEAD").code == 0


def test_depth_1_clone_is_enough_where_no_base_is_needed(repo: Path) -> None:
    write_rules(repo, '[checks.a]\npath = "models/m"\nrule = "metrics.acc >= 0.92"\n')
    commit_all(repo, "rule")
    shallow = shallow_clone(repo, "main")
    repo.rename(repo.parent / "unreachable")
    assert run_dvx(shallow, "check", "--base", "never/asked/for").code == 0


@pytest.mark.parametrize("base", ["main", "origin/main", "ID", "v1"])
def test_depth_1_clone_fetches_just_the_base_and_stays_as_it_is(repo: Path, base: str) -> None:
    old = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "tag", "-a", "-m", "tag", "v1")
    run_git(repo, "config", "uploadpack.allowFilter", "true")
    new = branch_with_worse_model(repo)
    shallow = shallow_clone(repo, "worse")
    before = state_of(shallow)
    ran = run_dvx(shallow, "check", "--base", old if base == "ID" else base)
    assert ran.code == 5, ran.err
    assert f"metrics.acc = 0.91 in models/m.dvx in the work tree; base 0.93 at {old[:10]}" in ran.out
    assert (
        f"metrics.acc = 0.91 in models/m.dvx at {new[:10]}"
        in run_dvx(shallow, "check", "--rev", "HEAD", "--base", "main").out
    )
    assert state_of(shallow) == before


def state_of(repo: Path) -> list[str]:
    """What a fetch would change: configuration, references, where history is cut, objects."""
    git = repo / ".git"
    objects = sorted(path.name for path in (git / "objects").rglob("*") if path.is_file())
    texts = [
        (git / name).read_text() for name in ("config", "shallow", "packed-refs") if (git / name).is_file()
    ]
    return [*texts, *objects, run_git(repo, "for-each-ref"), str((git / "FETCH_HEAD").exists())]


def test_parent_is_found_and_fetched_although_the_history_is_cut(repo: Path) -> None:
    old = run_git(repo, "rev-parse", "HEAD")
    branch_with_worse_model(repo)
    ran = run_dvx(shallow_clone(repo, "worse"), "check", "--base", "HEAD^")
    assert ran.code == 5, ran.err
    assert f"base 0.93 at {old[:10]}" in ran.out


def test_base_is_fetched_into_a_clone_with_sha256_ids(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", options=["--object-format=sha256"])
    write_tree(repo / "models", {"m": b"model"})
    must_dvx(repo, "add", "models/m")
    write_rules(repo, ACCURACY.replace("metrics.acc", "size"))
    old = commit_all(repo, "first")
    write_tree(repo / "models", {"m": b"m"})
    must_dvx(repo, "add", "models/m")
    run_git(repo, "branch", "old")
    commit_all(repo, "second")
    ran = run_dvx(shallow_clone(repo, "main"), "check", "--base", "old")
    assert (len(old), ran.code) == (64, 5), ran.err
    assert f"size = 1 in models/m.dvx in the work tree; base 5 at {old[:10]}" in ran.out


def test_only_pointers_of_the_base_are_fetched(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "large.txt").write_text("not wanted\n" * 10)
    unwanted = run_git(repo, "hash-object", "large.txt")
    commit_all(repo, "with a file that no rule is about")
    (repo / "large.txt").unlink()
    run_git(repo, "config", "uploadpack.allowFilter", "true")
    branch_with_worse_model(repo)
    trace = repo.parent / "trace"
    shallow = shallow_clone(repo, "worse")
    ran = run_dvx(shallow, "check", "--base", "main", env={"GIT_TRACE_PACKET": str(trace)})
    assert ran.code == 5, ran.err
    packets = trace.read_text(errors="replace")
    asked = [line.split(" want ")[1].split()[0] for line in packets.splitlines() if "fetch> want " in line]
    wanted = run_git(repo, "rev-parse", "main:models/m.dvx")
    assert asked == [run_git(repo, "rev-parse", "main"), wanted]
    assert unwanted not in packets
    assert packets.count("filter blob:none") >= 1


def test_connection_settings_of_the_clone_reach_the_fetch(repo: Path) -> None:
    branch_with_worse_model(repo)
    shallow = shallow_clone(repo, "worse")
    run_git(shallow, "remote", "set-url", "origin", "short:repo")
    assert run_dvx(shallow, "check", "--base", "main").code == 1
    key, value = f"url.{repo.parent.as_uri()}/.insteadOf", "short:"
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": value}
    assert run_dvx(shallow, "check", "--base", "main", env=given).code == 5
    run_git(shallow, "config", key, value)
    assert run_dvx(shallow, "check", "--base", "main").code == 5
    run_git(shallow, "remote", "set-url", "origin", "../repo")
    assert run_dvx(shallow / "models", "check", "--base", "main").code == 5


def test_full_clone_takes_the_merge_base_by_itself(repo: Path) -> None:
    old = run_git(repo, "rev-parse", "HEAD")
    full = clone(repo, repo.parent / "full")
    branch_with_worse_model(full)
    set_accuracy(repo, 0.95)
    commit_all(repo, "better")
    run_git(full, "fetch", "-q")
    ran = run_dvx(full, "check")
    assert ran.code == 5
    assert f"base 0.93 at {old[:10]}" in ran.out
    run_git(full, "remote", "set-head", "origin", "--delete")
    assert f"base 0.93 at {old[:10]}" in run_dvx(full, "check").out


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ([], 2, "a rule compares with a base, and the default branch of the remote is not known here"),
        (["--base", "nowhere"], 1, "`nowhere` is not in this clone, and cannot be fetched from `origin`"),
        (["--base", "a:b"], 2, "is not a revision"),
        (["--base", "--upload-pack=x"], 2, "is not a revision"),
        (["--base", "HEAD^^^^"], 1, "`HEAD^^^^` is not in this clone"),
        (["--rev", "nowhere"], 1, "`nowhere` names no commit"),
        (["--rev", "HEAD", "--staged"], 2, "exclude each other"),
        (["--json", "--md"], 2, "exclude each other"),
    ],
)
def test_revision_that_cannot_be_had_says_what_to_do(
    repo: Path, explains, args: list[str], code: int, words: str
) -> None:
    branch_with_worse_model(repo)
    run_git(repo, "switch", "-q", "main")
    explains(run_dvx(shallow_clone(repo, "worse"), "check", *args), code, words, affected=False)


def test_base_that_is_head_is_a_warning_unless_something_changed(repo: Path) -> None:
    shallow = shallow_clone(repo, "main")
    ran = run_dvx(shallow, "check")
    assert (ran.code, "warning: the base is the checked commit itself" in ran.err) == (0, True)
    set_accuracy(shallow, 0.94)
    ran = run_dvx(shallow, "check")
    assert (ran.code, "warning" in ran.err) == (0, False)


def test_repository_without_a_remote_names_the_flag(repo: Path, explains) -> None:
    explains(run_dvx(repo, "check"), 2, "`dvx check --base REV`")
    explains(run_dvx(repo, "check", "--base", "nowhere"), 1, "`nowhere` names no commit", affected=False)
    first = run_git(repo, "rev-list", "--max-parents=0", "HEAD")
    explains(run_dvx(repo, "check", "--base", f"{first}^"), 1, "is the first one", affected=False)


def test_broken_or_missing_rules_are_no_passed_check(repo: Path, explains) -> None:
    write_rules(repo, '[checks.a]\npath = "models/m"\nrul = "size > 1"\n')
    explains(run_dvx(repo, "check"), 2, "line 3: in `checks.a`: unknown key `rul`")
    (repo / ".dvx" / "checks.toml").unlink()
    explains(run_dvx(repo, "check"), 2, "there is no `.dvx/checks.toml` in the work tree")


def test_link_to_a_file_of_this_machine_is_not_followed(repo: Path) -> None:
    (repo.parent / "secret.json").write_text('{"key": 42}')
    (repo / "metrics.json").symlink_to("../secret.json")
    write_rules(repo, '[checks.a]\nmetrics = "metrics.json"\nrule = "metrics.key < 1"\n')
    for args in ([], ["--staged"]):
        run_git(repo, "add", ".")
        ran = run_dvx(repo, "check", *args)
        assert ran.code == 5
        assert "42" not in ran.out
        assert "not all of the files metrics.json are there" in ran.out


def test_reports_are_written_beside_what_is_printed(repo: Path) -> None:
    (repo / "metrics.json").write_text('{"acc": 0.5}')
    write_rules(
        repo,
        '[checks.a]\npath = "."\nrule = "size > 1"\n[checks.b]\nmetrics = "metrics.json"\nrule = "metrics.acc > 0.6"\n'
        '[checks.c]\npath = "models/m"\nrule = "metrics.acc > 0.6"\n',
    )
    ran = run_dvx(repo / "data", "check", "--json", "--junit", "j.xml", "--openmetrics", "o.txt")
    assert ran.code == 5
    fields = json.loads(ran.out)
    assert (fields["schema"], fields["passed"], fields["rules"], fields["failures"]) == (
        "dvx.check/1",
        False,
        3,
        2,
    )
    suite = ET.fromstring((repo / "data" / "j.xml").read_bytes()).find("testsuite")
    assert [case.find("failure") is not None for case in suite] == [True, True, False]
    families = text_string_to_metric_families((repo / "data" / "o.txt").read_text())
    found = {
        (each.name, *sorted(each.labels.values())): each.value
        for family in families
        for each in family.samples
    }
    assert found["dvx_check_passed", "b", "error", "metrics.json"] == 0
    assert found["dvx_check_passed", "c", "error", "models/m"] == 1
    assert found["dvx_metrics_acc", "metrics.acc", "models/m"] == 0.93
    assert found["dvx_metrics_acc", "metrics.acc", "metrics.json"] == 0.5
    assert found["dvx_data_size_bytes", "models/m"] == 5
    assert found[("dvx_check_failures",)] == 2


def test_commit_of_a_bare_repository_is_checked(repo: Path) -> None:
    branch_with_worse_model(repo)
    run_git(repo.parent, "clone", "-q", "--bare", str(repo), "bare.git")
    ran = run_dvx(repo.parent / "bare.git", "check", "--rev", "worse", "--base", "main")
    assert ran.code == 5, ran.err
    assert run(["git", "-C", str(repo.parent / "bare.git"), "fsck"], repo).code == 0
