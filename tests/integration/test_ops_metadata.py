"""What adds record beside the data, keep and drop; what status and the pre-commit check say of it."""

import json
import math
import os
from pathlib import Path

import pytest

from dvx.core.errors import DvxError, NotFound, PathRefused, UsageError
from dvx.formats.metadata import metadata_of
from dvx.formats.pointer import MAX_POINTER_BYTES, format_pointer
from dvx.ops.add import AddResult, run_add
from dvx.ops.add_targets import plan_add, plan_update
from dvx.ops.metadata_edit import set_metadata, unset_metadata
from dvx.ops.metadata_of_add import AskedMetadata
from dvx.ops.staged_check import Finding, check_staged
from dvx.repo.value_spec import parse_spec
from dvx.testing.workspace import Workspace, make_repo

_RULES = """
[track."*.pt"]
params = ["params.yaml:train"]
metrics = ["metrics.json"]
from = ["data"]
"""


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    """Tracked `data`, an untracked model, committed code, and files of parameters and metrics."""
    repo = make_repo(tmp_path / "repo")
    repo.write({"data/a": b"a", "model.pt": b"m1", "train.py": b"print(1)\n"})
    repo.write({"params.yaml": b"train: {lr: 1e-3, epochs: 3}\nother: 1\n", "metrics.json": b'{"acc": 0.9}'})
    repo.add("data")
    repo.git("add", "-A", "--", "train.py", "params.yaml", "metrics.json", ".dvx")
    repo.commit("code")
    return repo


def _asked(**named) -> AskedMetadata:
    for name in ("params_files", "metrics_files"):
        named[name] = tuple(parse_spec(text) for text in named.get(name, ()))
    return AskedMetadata(**named)


def _add(repo: Workspace, *paths: str, **named) -> AddResult:
    with repo.open() as project:
        plan = plan_add(project, paths) if paths else plan_update(project)
        return run_add(project, plan, metadata=_asked(**named))


def _rules(repo: Workspace, text: str = _RULES) -> None:
    with open(repo.path(".dvx/config.toml"), "a", encoding="utf-8") as file:
        file.write(text)


def _of(repo: Workspace, path: str = "model.pt"):
    return metadata_of(repo.pointer(path))


def test_add_without_metadata_writes_the_pointer_as_ever(repo: Workspace) -> None:
    _add(repo, "model.pt")
    lines = repo.read("model.pt.dvx").decode().splitlines()
    assert [line.split(" ")[0] for line in lines] == ["#", "version", "kind", "id", "size"]


def test_files_and_single_values_are_recorded_flat_and_in_order(repo: Workspace) -> None:
    result = _add(
        repo, "model.pt", params_files=["params.yaml:train"], metrics_files=["metrics.json"],
        params={"seed": 7, "train.lr": 0.5}, metrics={"loss": math.nan}, meta={"licence": "MIT"},
    )  # fmt: skip
    assert result.warnings == []
    assert repo.read("model.pt.dvx").decode().split("\n\n", 1)[1] == (
        '[meta]\nlicence = "MIT"\n\n[metrics]\nacc = 0.9\nloss = nan\n\n'
        '[params]\nseed = 7\n"train.epochs" = 3\n"train.lr" = 0.5\n'
    )


def test_adding_the_same_again_changes_nothing_even_with_nan(repo: Workspace) -> None:
    named = {"metrics": {"loss": float("nan")}, "params_files": ["params.yaml"], "inputs": ("data",)}
    _add(repo, "model.pt", **named)
    before = repo.read("model.pt.dvx")
    repo.commit("model")  # HEAD moves, and what the data was made from does not
    result = _add(repo, "model.pt", **named)
    assert repo.read("model.pt.dvx") == before
    assert not result.added[0].is_changed


def test_metadata_of_several_paths_goes_to_each(repo: Workspace) -> None:
    repo.write({"other.pt": b"o"})
    _add(repo, "model.pt", "other.pt", params={"lr": 1})
    assert _of(repo).params == _of(repo, "other.pt").params == {"lr": 1}


def test_changed_data_drops_what_was_of_the_older_data_and_keeps_labels_and_unknown_tables(
    repo: Workspace,
) -> None:
    _add(repo, "model.pt", params={"lr": 1}, metrics={"acc": 1}, meta={"owner": "a"}, inputs=("data",))
    with open(repo.path("model.pt.dvx"), "a", encoding="utf-8") as file:
        file.write('\n[zoo]\nkeep = [[1], ["x"]]\n')
    repo.write({"model.pt": b"m2"})
    result = _add(repo, "model.pt")
    assert set(repo.pointer("model.pt").extra) == {"meta", "zoo"}
    assert repo.pointer("model.pt").extra["zoo"] == {"keep": [[1], ["x"]]}
    assert [word for word in ("[params]", "[metrics]", "[source]") if word in result.warnings[0]] == [
        "[params]",
        "[metrics]",
        "[source]",
    ]


def test_single_values_join_those_of_the_same_data_and_replace_those_of_older_data(repo: Workspace) -> None:
    _add(repo, "model.pt", params={"lr": 1}, metrics={"acc": 0.5})
    _add(repo, "model.pt", metrics={"f1": 0.4})
    assert _of(repo).metrics == {"acc": 0.5, "f1": 0.4}
    assert _of(repo).params == {"lr": 1}
    repo.write({"model.pt": b"m2"})
    _add(repo, "model.pt", metrics={"f1": 0.6})
    assert _of(repo).metrics == {"f1": 0.6}
    assert _of(repo).params == {}


def test_source_names_inputs_command_and_commit(repo: Workspace) -> None:
    _add(repo, "model.pt", inputs=("data",), command="python train.py")
    source = _of(repo).source
    assert source.inputs == {"data": repo.pointer("data").id}
    assert source.command == "python train.py"
    assert source.commit == repo.git("rev-parse", "HEAD").strip()


def test_changed_code_marks_the_commit_and_recorded_files_do_not(repo: Workspace) -> None:
    repo.write({"params.yaml": b"train: {lr: 2}\n", "notes.txt": b"untracked"})
    _add(repo, "model.pt", inputs=("data",), params_files=["params.yaml"])
    head = repo.git("rev-parse", "HEAD").strip()
    assert _of(repo).source.commit == head
    repo.write({"train.py": b"print(2)\n", "model.pt": b"m2"})
    _add(repo, "model.pt", inputs=("data",), params_files=["params.yaml"])
    assert _of(repo).source.commit == head + "-dirty"


def test_inputs_of_the_same_add_have_their_new_ids(repo: Workspace) -> None:
    repo.write({"data/b": b"b", "extra.csv": b"e"})
    _add(repo, "data", "extra.csv")
    repo.write({"data/c": b"c", "extra.csv": b"f"})
    with pytest.raises(UsageError, match="made from itself"):
        _add(repo, "model.pt", "data", inputs=("data",))
    _rules(repo, '[track."model.pt"]\nfrom = ["data", "extra.csv", "nowhere"]\n')
    result = _add(repo, "model.pt", "data", "extra.csv")
    assert _of(repo).source.inputs == {
        "data": repo.pointer("data").id,
        "extra.csv": repo.pointer("extra.csv").id,
    }
    assert any("`nowhere` is not tracked" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ({"params_files": ["nowhere.yaml"]}, "no-value-files"),
        ({"params_files": ["params.yaml:train.lrr"]}, "no-such-key"),
        ({"params_files": ["train.txt"]}, "no-value-files"),
        ({"params_files": ["model.pt"]}, "unknown-value-format"),
        ({"metrics_files": ["data"]}, "no-value-files"),
        ({"params_files": ["params.yaml", "again.yaml"]}, "two-values"),
        ({"inputs": ("nowhere",)}, "no-pointer"),
        ({"params": {f"p{i}": "x" * 1000 for i in range(17)}}, "metadata-too-large"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_data_is_read(
    repo: Workspace, named: dict, kind: str
) -> None:
    repo.write({"again.yaml": b"other: 2\n"})
    state = repo.state_files()
    with pytest.raises(DvxError) as caught:
        _add(repo, "model.pt", **named)
    assert caught.value.kind == kind
    assert caught.value.hints
    assert not os.path.exists(repo.path("model.pt.dvx"))
    assert repo.state_files() == state


def test_a_refusal_for_size_names_the_largest_values(repo: Workspace) -> None:
    repo.write({"big.json": json.dumps({f"key{i}": i for i in range(3000)} | {"log": "y" * 1900}).encode()})
    with pytest.raises(UsageError) as caught:
        _add(repo, "model.pt", metrics_files=["big.json"])
    assert "`metrics.log`" in caught.value.what
    assert str(MAX_POINTER_BYTES) in caught.value.what


def test_values_that_cannot_be_stored_are_warnings_of_files(repo: Workspace) -> None:
    repo.write({"odd.json": b'{"a": null, "b": [[1]], "c": 1}'})
    result = _add(repo, "model.pt", params_files=["odd.json"])
    assert _of(repo).params == {"c": 1}
    assert result.warnings == [
        "not recorded from `odd.json`: `a` (it is null); `b` (it is a list of other things than numbers and text)"
    ]


def test_run_folder_is_recorded(repo: Workspace) -> None:
    repo.write(
        {
            "dvclive/metrics.json": b'{"acc": 0.5, "step": 3}',
            "dvclive/params.yaml": b"lr: 0.1\n",
            "dvclive/plots/metrics/acc.tsv": b"step\tacc\n1\t0.4\n3\t0.5\n",
        }
    )
    _add(repo, "model.pt", params_files=["dvclive"], metrics_files=["dvclive:acc"])
    assert (_of(repo).params, _of(repo).metrics) == ({"lr": 0.1}, {"acc": 0.5})


# Rules of the configuration


def test_rules_are_followed_without_being_asked(repo: Workspace) -> None:
    _rules(repo)
    _add(repo, "model.pt")
    found = _of(repo)
    assert found.params == {"train.lr": 0.001, "train.epochs": 3}
    assert found.metrics == {"acc": 0.9}
    assert found.source.inputs == {"data": repo.pointer("data").id}
    assert repo.pointer("data").extra == {}


def test_the_command_line_takes_the_place_of_a_rule_table_by_table(repo: Workspace) -> None:
    _rules(repo)
    repo.write({"conf.toml": b"x = 1\n"})
    _add(repo, "model.pt", params_files=["conf.toml"], metrics={"extra": 1})
    assert _of(repo).params == {"x": 1}
    assert _of(repo).metrics == {"acc": 0.9, "extra": 1}


def test_an_update_leaves_what_is_recorded_with_unchanged_data(repo: Workspace) -> None:
    _rules(repo)
    _add(repo, "model.pt")
    before = repo.read("model.pt.dvx")
    repo.write({"params.yaml": b"train: {lr: 5}\n", "data/a": b"A"})
    _add(repo)
    assert repo.read("model.pt.dvx") == before
    repo.write({"model.pt": b"m2"})
    _add(repo)
    assert _of(repo).params == {"train.lr": 5}
    assert _of(repo).source.inputs == {"data": repo.pointer("data").id}


def test_naming_unchanged_data_takes_new_values_with_a_warning_but_no_new_inputs(repo: Workspace) -> None:
    _rules(repo)
    _add(repo, "model.pt")
    inputs = _of(repo).source.inputs
    repo.write({"params.yaml": b"train: {lr: 5}\n", "data/a": b"A"})
    _add(repo, "data")
    result = _add(repo, "model.pt")
    assert _of(repo).params == {"train.lr": 5}
    assert _of(repo).source.inputs == inputs
    assert any("is as it was" in warning for warning in result.warnings)


def test_files_of_a_rule_that_are_not_there_are_warnings(repo: Workspace) -> None:
    _rules(repo)
    repo.remove("metrics.json")
    result = _add(repo, "model.pt")
    assert _of(repo).metrics == {}
    assert any("`metrics.json` is not there" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    "text",
    [
        '[track."*.pt"]\nparams = "params.yaml"\n',
        '[track."*.pt"]\nparams = ["../out.yaml"]\n',
        '[track."*.pt"]\nparams = ["/etc/x.yaml"]\n',
        '[track."*.pt"]\nmetrics = [".git/config"]\n',
        '[track."*.pt"]\nfrom = ["a/../../b"]\n',
        '[track."*.pt"]\nparams = [":"]\n',
    ],
)
def test_rules_that_cannot_be_meant_are_refused(repo: Workspace, text: str) -> None:
    _rules(repo, text)
    with pytest.raises(UsageError) as caught:
        _add(repo, "model.pt")
    assert caught.value.kind in ("bad-setting", "bad-value-spec")


def test_a_rule_never_follows_a_link_out_of_the_repository(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("train: {x: 1}\n")
    repo.remove("params.yaml")
    os.symlink(tmp_path / "secret.yaml", repo.path("params.yaml"))
    _rules(repo)
    with pytest.raises(PathRefused):
        _add(repo, "model.pt")


# Status and the pre-commit check


def _check(repo: Workspace, setting: str = "warn") -> list:
    with repo.with_overrides({"hooks.stale_metadata": setting}).open() as project:
        report = check_staged(project)
        return [(p.path, p.what, p.is_error) for p in report.problems if p.finding is Finding.STALE_METADATA]


def test_status_names_values_that_the_files_have_and_the_pointer_has_not(repo: Workspace) -> None:
    _rules(repo)
    _add(repo, "model.pt")
    assert repo.status().paths[1].stale_metadata == []
    repo.write({"params.yaml": b"train: {lr: 1e-3, epochs: 4}\n", "metrics.json": b'{"acc": 0.9, "f1": 0.5}'})
    report = repo.status()
    found = [(item.name, item.file, item.recorded, item.current) for item in report.paths[1].stale_metadata]
    assert found == [
        ("params.train.epochs", "params.yaml", 3, 4),
        ("metrics.f1", "metrics.json", None, 0.5),
    ]
    assert report.is_clean
    repo.add("model.pt")
    assert repo.status().paths[1].stale_metadata == []


def test_status_goes_on_where_a_file_cannot_be_read(repo: Workspace) -> None:
    _rules(repo)
    _add(repo, "model.pt")
    repo.write({"metrics.json": b"{"})
    stale = repo.status().paths[1].stale_metadata
    assert [item.name for item in stale] == [""]
    assert "`metrics.json` cannot be read" in (stale[0].problem or "")


def test_check_looks_at_staged_files_and_follows_its_setting(repo: Workspace) -> None:
    _rules(repo)
    _add(repo, "model.pt")
    repo.git("add", ".dvx")
    repo.commit("model")
    repo.write({"params.yaml": b"train: {lr: 9, epochs: 3}\n"})
    assert _check(repo) == []  # not staged
    repo.git("add", "params.yaml")
    (found,) = _check(repo)
    assert found[0] == "model.pt"
    assert "`params.train.lr`" in found[1]
    assert not found[2]
    assert _check(repo, "block")[0][2]
    assert _check(repo, "off") == []
    repo.git("commit", "-qm", "changed")
    repo.write({"train.py": b"2\n"})
    repo.git("add", "train.py")
    assert _check(repo, "block") == []  # a commit that has nothing to do with it


# Changing pointers only


def test_set_and_unset_write_the_pointer_alone_and_stage_it(repo: Workspace) -> None:
    _add(repo, "model.pt", params={"train.lr": 1, "train.wd": 2, "seed": 3}, inputs=("data",))
    repo.remove("model.pt")
    state = repo.state_files()
    with repo.open() as project:
        values = {"meta.licence": "MIT", "params.seed": 4, "source.command": "make"}
        assert set_metadata(project, "model.pt", values).is_changed
        assert not set_metadata(project, "model.pt.dvx", {"params.seed": 4}).is_changed
        unset_metadata(project, "model.pt", ["params.train"])
    assert _of(repo).params == {"seed": 4}
    assert _of(repo).meta == {"licence": "MIT"}
    assert _of(repo).source.command == "make"
    assert set(_of(repo).source.inputs) == {"data"}
    assert repo.state_files() == state
    assert repo.git("diff", "--name-only") == ""
    data = repo.read("model.pt.dvx")
    assert format_pointer(repo.pointer("model.pt")) == data
    with repo.open() as project:
        unset_metadata(project, "model.pt", ["params", "meta.licence", "source.inputs.data", "source"])
    assert repo.pointer("model.pt").extra == {}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"licence": "MIT"}, "unknown-table"),
        ({"zoo.x": 1}, "unknown-table"),
        ({"meta": 1}, "bad-metadata"),
        ({"meta.": 1}, "bad-metadata"),
        ({"source.inputs.x": "y"}, "bad-metadata"),
        ({"meta.x": 2**63}, "bad-metadata"),
        ({"meta.x": [[1]]}, "bad-metadata"),
        ({"meta.x": "y" * 2001}, "bad-metadata"),
        ({"meta.bad\x1b": 1}, "bad-metadata"),
        ({"meta.url": "https://u:p@host/"}, "bad-metadata"),
        ({f"meta.x{i}": "y" * 1500 for i in range(12)}, "metadata-too-large"),
    ],
)
def test_set_refuses_what_no_pointer_can_hold(repo: Workspace, values: dict, kind: str) -> None:
    _add(repo, "model.pt")
    before = repo.read("model.pt.dvx")
    with repo.open() as project, pytest.raises(UsageError) as caught:
        set_metadata(project, "model.pt", values)
    assert caught.value.kind == kind
    assert repo.read("model.pt.dvx") == before


def test_unset_of_what_is_not_there_names_what_is(repo: Workspace) -> None:
    _add(repo, "model.pt", params={"lr": 1})
    with repo.open() as project, pytest.raises(NotFound) as caught:
        unset_metadata(project, "model.pt", ["params.l"])
    assert "`params.lr`" in caught.value.hints[0]
