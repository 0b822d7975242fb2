"""`dvx metrics show --openmetrics`, read by the official parser."""

from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from dvx.core.errors import ExitCode
from dvx.testing.shell import commit, make_repo, must_dvx, run_dvx, run_git

Samples = dict[tuple[str, str], float]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A model with metrics in two versions, and a file of metrics beside it."""
    repo = make_repo(tmp_path / "repo")
    for accuracy, content in (("0.9", b"one"), ("0.95", b"model two")):
        (repo / "model").write_bytes(content)
        must_dvx(
            repo, "add", "model", "--metric", f"acc={accuracy}", "--param", "lr=0.1", "--param", "name=x"
        )
        (repo / "metrics.json").write_text(f'{{"val/loss": {1 - float(accuracy):.2f}}}')
        run_git(repo, "add", "metrics.json")
        commit(repo, accuracy)
    return repo


def read(text: str) -> Samples:
    return {
        (sample.name, sample.labels["path"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_parameters_and_sizes_of_the_workspace_and_of_a_version(repo: Path) -> None:
    now = read(must_dvx(repo, "metrics", "show", "--openmetrics").out)
    assert now == {
        ("dvx_data_size_bytes", "model"): 9.0,
        ("dvx_data_files", "model"): 1.0,
        ("dvx_metrics_acc", "model"): 0.95,
        ("dvx_params_lr", "model"): 0.1,
        ("dvx_metrics_val_loss", "metrics.json"): 0.05,
    }
    before = read(must_dvx(repo, "metrics", "show", "--openmetrics", "HEAD~1").out)
    assert before["dvx_metrics_acc", "model"] == 0.9
    assert before["dvx_data_size_bytes", "model"] == 3.0
    assert before["dvx_metrics_val_loss", "metrics.json"] == 0.1


def test_paths_limit_what_is_printed_and_json_excludes_it(repo: Path) -> None:
    only = read(must_dvx(repo, "metrics", "show", "--openmetrics", "--", "model").out)
    assert {path for _, path in only} == {"model"}
    assert run_dvx(repo, "metrics", "show", "--openmetrics", "--json").code == ExitCode.USAGE
