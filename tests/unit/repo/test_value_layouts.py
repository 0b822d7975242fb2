"""The folders that other tools write."""

import pytest

from dvx.core.errors import NotFound, UsageError
from dvx.repo.value_layouts import read_layout, read_run_metric, value_folder

_DVCLIVE = {
    "dvclive/metrics.json": b'{"train": {"loss": 0.4}, "step": 2}',
    "dvclive/params.yaml": b"lr: 1e-3\n",
    "dvclive/report.md": b"",
    "dvclive/plots/metrics/train/loss.tsv": b"step\ttrain/loss\n0\t0.9\n1\t0.5\n2\t0.4\n",
}
_RUN = {
    "mlruns/0/abc/meta.yaml": b"run_id: abc\n",
    "mlruns/0/abc/params/lr": b"0.001",
    "mlruns/0/abc/params/note": b"two\nlines",
    "mlruns/0/abc/metrics/acc": b"1700000000000 0.5 0\n1700000000002 0.7 2\n1700000000001 0.6 1\n",
    "mlruns/0/abc/metrics/val/loss": b"1700000000000 0.5 0\n1700000000005 nan 1\n",
    "mlruns/0/abc/tags/mlflow.runName": b"bold-fish",
    "mlruns/0/abc/artifacts/params.yaml": b"no: 1\n",
}


def test_dvclive_folder_is_found_and_read():
    files = value_folder("dvclive", _DVCLIVE)
    assert (files.layout, files.folder) == ("dvclive", "dvclive")
    assert read_layout(files, _DVCLIVE.__getitem__, "params").values == {"lr": 0.001}
    assert read_layout(files, _DVCLIVE.__getitem__, "metrics").values == {"train.loss": 0.4, "step": 2}
    at_step = read_layout(files, _DVCLIVE.__getitem__, "metrics", step="1").values
    assert at_step == {"step": 1, "train/loss": 0.5}


def test_mlflow_run_is_found_and_read():
    files = value_folder("mlruns/0/abc", _RUN)
    assert (files.layout, files.folder) == ("mlflow", "mlruns/0/abc")
    read = _RUN.__getitem__
    assert read_layout(files, read, "params").values == {"lr": 0.001, "note": "two\nlines"}
    metrics = read_layout(files, read, "metrics").values
    assert metrics["acc"] == 0.7
    assert metrics["val/loss"] != metrics["val/loss"]
    assert read_layout(files, read, "metrics", step="1", keys=["acc"]).values == {"acc": 0.6}
    assert read_layout(files, read, "meta").values == {"mlflow.runName": "bold-fish"}


def test_latest_value_of_a_run_is_that_of_the_highest_step():
    series = read_run_metric(b"2 0.2 5\n9 0.1 1\n3 0.3 5\n", "metrics/x")
    assert [row[2] for row in series.rows] == [0.1, 0.2, 0.3]
    with pytest.raises(UsageError, match="line 1"):
        read_run_metric(b"1 2 3 4\n", "metrics/x")


def test_plain_files_and_trainer_output_are_found():
    top = value_folder("", ["params.yaml", "metrics.json", "notes.py"])
    assert (top.layout, top.params, top.metrics) == ("files", ("params.yaml",), ("metrics.json",))
    out = value_folder("out/checkpoint-5", ["out/checkpoint-5/trainer_state.json"])
    assert out.layout == "transformers"


def test_folder_without_known_files_is_refused():
    with pytest.raises(NotFound, match="no files of parameters"):
        value_folder("src", ["src/a.py"])
