"""dvx.live: which files there are, what is in them, and what a crash, a full disk or a resumption leaves."""

import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import yaml

import dvx
from dvx.core.errors import LocalDiskError, UsageError
from dvx.testing.shell import dvx_environment
from dvx.training import run as run_module


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RANK", raising=False)


def _json(path: str = "metrics.json") -> object:
    def refuse(name: str) -> object:
        raise ValueError(f"{name} is no JSON")

    return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=refuse)


def _lines(path: str = "metrics.csv") -> list[str]:
    text = Path(path).read_text(encoding="utf-8")
    assert text.endswith("\n")
    return text.splitlines()


def test_a_run_leaves_parameters_latest_metrics_and_steps() -> None:
    with dvx.live("metrics.json") as run:
        run.params(lr=0.1, model={"layers": 2, "names": ["a", "b"]})
        run.log(step=0, loss=0.5)
        run.log(step=1, loss=0.25)
    assert _json("params.json") == {"lr": 0.1, "model": {"layers": 2, "names": ["a", "b"]}}
    assert _json() == {"step": 1, "loss": 0.25}
    assert _lines() == ["step,loss", "0,0.5", "1,0.25"]


def test_steps_count_by_themselves() -> None:
    with dvx.live() as run:
        run.log(loss=3)
        run.log(loss=2)
        run.log(step=10, loss=1)
        run.log(loss=0)
    assert _lines() == ["step,loss", "0,3", "1,2", "10,1", "11,0"]


def test_a_metric_that_comes_later_gets_a_column() -> None:
    with dvx.live() as run:
        run.log(step=0, loss=0.5)
        run.log(step=1, loss=0.4)
        run.log({"val": {"acc": 0.9}}, step=1)
    assert _lines() == ["step,loss,val.acc", "0,0.5,", "1,0.4,", "1,,0.9"]
    assert _json() == {"step": 1, "loss": 0.4, "val.acc": 0.9}


def test_lines_of_json_by_the_name_of_the_history() -> None:
    with dvx.live("out/m.json", history="out/steps.jsonl", params="out/p.yaml") as run:
        run.params(lr=1e-5, text="no", none=None, inner={"x": 1}, empty={}, rates=[1e-3, True])
        run.log(loss=float("nan"))
        run.log(loss=1.5, phase="warm, up")
    assert [json.loads(line) for line in _lines("out/steps.jsonl")] == [
        {"step": 0, "loss": "nan"},
        {"step": 1, "loss": 1.5, "phase": "warm, up"},
    ]
    assert _json("out/m.json") == {"step": 1, "loss": 1.5, "phase": "warm, up"}
    assert yaml.safe_load(Path("out/p.yaml").read_text()) == {
        "lr": 1e-5, "text": "no", "none": None, "inner": {"x": 1}, "empty": {}, "rates": [0.001, True],
    }  # fmt: skip


class _Tensor:
    """As torch: `.item()` of one element, an error otherwise."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def item(self) -> float:
        if len(self.values) != 1:
            raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
        return self.values[0]


def test_scalars_of_numpy_and_torch_are_numbers() -> None:
    with dvx.live() as run:
        run.log(
            a=np.float32(0.5),
            b=np.float64(0.25),
            c=np.int64(3),
            d=np.bool_(True),
            e=_Tensor(1.5),
            step=np.int32(7),
        )
        run.params(lr=np.float64(1e-3))
    assert _json() == {"step": 7, "a": 0.5, "b": 0.25, "c": 3, "d": True, "e": 1.5}
    assert _lines()[1] == "7,0.5,0.25,3,True,1.5"


@pytest.mark.parametrize("value", [_Tensor(1, 2), np.zeros(2), [1], None, object(), "two\nlines"])
def test_a_value_that_is_no_number_is_refused_and_nothing_is_written(value: object) -> None:
    with dvx.live() as run:
        with pytest.raises(UsageError, match="`loss` is not one number"):
            run.log(acc=1, loss=value)
        run.log(acc=0.5)
    assert _lines() == ["step,acc", "0,0.5"]


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J", "x" * 201])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with dvx.live() as run, pytest.raises(UsageError, match="cannot be the name"):
        run.log({name: 1})


def test_infinities_and_nan_leave_valid_files() -> None:
    with dvx.live() as run:
        run.log(a=float("nan"), b=float("inf"), c=float("-inf"))
    assert _json() == {"step": 0, "a": "nan", "b": "inf", "c": "-inf"}
    assert _lines()[1] == "0,nan,inf,-inf"


def test_what_belongs_to_no_step_is_in_the_latest_metrics_only() -> None:
    with dvx.live() as run:
        run.log(loss=1)
        run.metrics(test_acc=0.75)
    assert _json() == {"step": 0, "loss": 1, "test_acc": 0.75}
    assert _lines() == ["step,loss", "0,1"]


def test_a_new_run_replaces_the_files_of_the_earlier_one() -> None:
    with dvx.live() as run:
        run.log(loss=1, old=2)
    with dvx.live() as run:
        assert _json() == {}
        assert not Path("metrics.csv").exists()
        run.log(loss=3)
    assert _json() == {"step": 0, "loss": 3}
    assert _lines() == ["step,loss", "0,3"]


@pytest.mark.parametrize("history", ["metrics.csv", "metrics.jsonl"])
def test_a_resumed_run_goes_on_and_repeats_no_step(history: str) -> None:
    with dvx.live(history=history) as run:
        run.params(lr=1, seed=2)
        for step in range(5):
            run.log(step=step, loss=step / 10)
        run.metrics(best=9)
    with dvx.live(history=history, resume=True) as run:
        run.params(lr=3)
        run.log(step=3, loss=33)
        run.log(loss=44, extra=1)
    rows = dict(_rows(history))
    assert rows == {0: 0.0, 1: 0.1, 2: 0.2, 3: 33, 4: 44}
    assert len(_rows(history)) == 5
    assert _json() == {"step": 4, "loss": 44, "best": 9, "extra": 1}
    assert _json("params.json") == {"lr": 3, "seed": 2}


def _rows(history: str) -> list[tuple[int, float]]:
    if history.endswith(".csv"):
        return [(int(line.split(",")[0]), float(line.split(",")[1])) for line in _lines(history)[1:]]
    return [(row["step"], row["loss"]) for row in map(json.loads, _lines(history))]


@pytest.mark.parametrize("torn", ["3,0.", '2,"unfinished'])
def test_a_line_that_a_crash_tore_is_cut_off(torn: str) -> None:
    Path("metrics.csv").write_text("step,loss\n0,1.0\n1,2.0\n" + torn)
    with dvx.live(resume=True) as run:
        run.log(loss=5)
    assert _lines() == ["step,loss", "0,1.0", "1,2.0", "2,5"]


def test_resuming_with_nothing_there_is_a_start() -> None:
    Path("metrics.csv").write_text("step,lo")
    with dvx.live(resume=True) as run:
        run.log(loss=5)
    assert _lines() == ["step,loss", "0,5"]


def test_an_error_in_the_training_leaves_whole_files_and_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        _train_until_it_fails()
    assert len(_lines()) == 51
    assert _json() == {"step": 49, "loss": 1.0}


def _train_until_it_fails() -> None:
    with dvx.live() as run:
        for step in range(100):
            run.log(loss=1 / (50 - step))


def test_files_stay_where_they_were_when_the_training_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dvx.live() as run:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        run.params(lr=1)
        run.log(loss=1)
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "metrics.csv", "metrics.json", "params.json"]
    assert os.listdir() == []


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "raise SystemExit(3)", "1 / 0"])
def test_a_process_that_ends_anyhow_leaves_whole_files(tmp_path: Path, end: str) -> None:
    script = (
        f"import dvx, os\nrun = dvx.live()\nfor i in range(3000): run.log(loss=i, text='x' * 50)\n{end}\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=dvx_environment(), capture_output=True)
    lines = _lines()
    assert lines[-1] == f"2999,2999,{'x' * 50}"
    assert len(lines) == 3001
    table = _json()
    assert isinstance(table, dict)
    assert set(table) == {"step", "loss", "text"}
    if "kill" not in end:
        assert table["loss"] == 2999


def test_only_the_first_rank_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with dvx.live() as run:
        assert not run.is_writer
        run.params(lr=1)
        run.log(loss=1)
        run.metrics(acc=1)
    assert os.listdir() == []
    monkeypatch.setenv("RANK", "0")
    with dvx.live() as run:
        run.log(loss=1)
    assert _lines() == ["step,loss", "0,1"]
    with dvx.live(rank=3) as run:
        run.log(loss=2)
    assert _lines() == ["step,loss", "0,1"]


def test_threads_may_log_at_once() -> None:
    def work(run: run_module.LiveRun, name: str) -> None:
        for _ in range(200):
            run.log({name: 1})

    with dvx.live() as run:
        threads = [threading.Thread(target=work, args=(run, f"m{number}")) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = _lines()
    assert len(lines) == 801
    assert sorted(int(line.split(",")[0]) for line in lines[1:]) == list(range(800))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_writes_nothing() -> None:
    script = (
        "import dvx, os\nrun = dvx.live()\nrun.log(loss=1)\nchild = os.fork()\n"
        "run.log(loss=2 if child else 99)\n"
        "child and os.waitpid(child, 0)\n"
    )
    subprocess.run([sys.executable, "-c", script], env=dvx_environment(), check=True)
    assert _lines() == ["step,loss", "0,1", "1,2"]


def test_a_disk_that_refuses_for_a_while_costs_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    with dvx.live() as run:
        run.log(loss=0)
        with monkeypatch.context() as patch:
            patch.setattr("dvx.training.history.write_all", _full_disk)
            with pytest.warns(UserWarning, match="no space left"):
                run.log(loss=1)
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # said once
                run.log(loss=2)
        assert _lines() == ["step,loss", "0,0"]
        run.log(loss=3)
    assert _lines() == ["step,loss", "0,0", "1,1", "2,2", "3,3"]


def test_a_column_that_a_full_disk_refuses_comes_with_the_next_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, data: bytes, *, durable: bool) -> None:
        raise LocalDiskError("no space left on the disk")

    with dvx.live() as run:
        run.log(loss=0)
        with monkeypatch.context() as patch:
            patch.setattr("dvx.training.history.write_atomic", refuse)
            with pytest.warns(UserWarning, match="no space left"):
                run.log(loss=1, acc=5)
        assert _lines() == ["step,loss", "0,0"]
        run.log(loss=2)
    assert _lines() == ["step,loss,acc", "0,0,", "1,1,5", "2,2,"]


def test_a_table_without_steps_gets_a_column_for_them() -> None:
    Path("metrics.csv").write_text("loss\n3\n2\n")
    with dvx.live(resume=True) as run:
        run.log(loss=1)
    assert _lines() == ["loss,step", "3,", "2,", "1,0"]


def test_a_disk_that_still_refuses_at_the_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    run = dvx.live()
    run.log(loss=0)
    monkeypatch.setattr("dvx.training.history.write_all", _full_disk)
    with pytest.warns(UserWarning, match="no space left"):
        run.log(loss=1)
    with pytest.raises(LocalDiskError, match="no space left"):
        run.close()


def _full_disk(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data[:2])  # a part of the line gets through
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "arguments",
    [{"metrics": "metrics.txt"}, {"history": "steps.xlsx"}, {"params": "params.py"}],
)
def test_names_of_unknown_form_are_refused(arguments: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="cannot hold"):
        dvx.live(**arguments)
    assert os.listdir() == []


def test_importing_dvx_imports_nothing_else() -> None:
    script = "import sys, dvx; print([m for m in sys.modules if m.startswith('dvx.')])"
    ran = subprocess.run(
        [sys.executable, "-c", script], env=dvx_environment(), capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_training_imports_neither_git_nor_the_command_line() -> None:
    script = (
        "import sys, dvx; dvx.live; unwanted = {'click', 'numpy', 'git', 'boto3', 'dvx.cli', 'dvx.store', 'dvx.repo'}\n"
        "print(sorted(unwanted & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], env=dvx_environment(), capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_what_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'dvx' has no attribute 'alive'"):
        dvx.alive  # noqa: B018


def test_parameters_in_yaml_spell_special_numbers() -> None:
    with dvx.live(params="p.yml") as run:
        run.params(a=float("nan"), b=float("inf"), c=float("-inf"), d=1e300, e=1.5)
    text = Path("p.yml").read_text()
    assert text == '"a": .nan\n"b": .inf\n"c": -.inf\n"d": 1.0e+300\n"e": 1.5\n'
