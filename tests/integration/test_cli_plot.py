"""`dvx plot`: files and pointers of the work tree and of revisions, without data and without a checkout."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dvx.formats.metadata import Metadata, Value, with_metadata
from dvx.formats.pointer import KIND_FILE, Pointer, format_pointer
from dvx.testing.shell import Ran, commit, make_repo, run_dvx, run_git

Points = dict[str, dict[str, list[tuple[float, float]]]]


def _make_repo(folder: Path) -> None:
    repo = make_repo(folder / "repo", options=["-b", "main"])
    (repo / "metrics.csv").write_text("step,loss,acc\n0,3,0.1\n1,2,0.2\n2,1,0.3\n")
    run_git(repo, "add", "-A")
    commit(repo, "main run")
    run_git(repo, "switch", "-q", "-c", "fast")
    (repo / "metrics.csv").write_text("step,loss\n0,3\n1,1\n")
    run_git(repo, "add", "-A")
    commit(repo, "fast run")
    (repo / "metrics.csv").write_text("step,loss\n0,3\n1,2.5\n2,nan\n3,2\n")


@pytest.fixture
def repo(tmp_path: Path, made_once: Callable[..., None]) -> Path:
    """main: loss 3, 2, 1; branch `fast`: loss 3, 1; the work tree: four steps."""
    made_once(_make_repo, tmp_path)
    return tmp_path / "repo"


@pytest.fixture
def record() -> Callable[..., None]:
    """Writes and commits a pointer with metrics."""

    def write(repo: Path, path: str, subject: str, metrics: Mapping[str, Value], size: int = 1) -> None:
        pointer = with_metadata(
            Pointer(KIND_FILE, bytes([size]) * 32, size), Metadata(metrics=metrics, params={"lr": size / 10})
        )
        place = repo / (path + ".dvx")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(format_pointer(pointer))
        run_git(repo, "add", "-A")
        commit(repo, subject)

    return write


def _drawn(repo: Path, *args: str) -> Points:
    ran = run_dvx(repo, "plot", "--json", *args)
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["schema"] == "dvx.plot/1"
    return {
        chart["metric"]: {
            curve["label"]: [(point["x"], point["y"]) for point in curve["points"]]
            for curve in chart["curves"]
        }
        for chart in document["charts"]
    }


def test_a_file_of_the_work_tree_gives_one_curve_for_each_metric(repo: Path) -> None:
    assert _drawn(repo, "metrics.csv") == {"loss": {"metrics.csv": [(0, 3), (1, 2.5), (3, 2)]}}


def test_revisions_give_a_curve_each_where_they_have_the_metric(repo: Path) -> None:
    assert _drawn(repo, "metrics.csv", "main", "fast") == {
        "loss": {"main": [(0, 3), (1, 2), (2, 1)], "fast": [(0, 3), (1, 1)]},
        "acc": {"main": [(0, 0.1), (1, 0.2), (2, 0.3)]},
    }
    assert (repo / "metrics.csv").read_text().startswith("step,loss\n0,3\n1,2.5")


def test_several_files_are_told_apart(repo: Path) -> None:
    (repo / "other.jsonl").write_text('{"step": 5, "loss": 1}\n{"step": 6, "loss": "inf"}\n{"step": 7, "lo')
    assert _drawn(repo, "metrics.csv", "other.jsonl")["loss"] == {
        "metrics.csv": [(0, 3), (1, 2.5), (3, 2)],
        "other.jsonl": [(5, 1)],
    }


def test_curves_are_named_by_what_tells_them_apart(repo: Path) -> None:
    (repo / "other.csv").write_text("step,loss\n0,9\n")
    run_git(repo, "add", "-A")
    commit(repo, "two files")
    assert set(_drawn(repo, "metrics.csv", "other.csv", "HEAD")["loss"]) == {"metrics.csv", "other.csv"}
    run_git(repo, "tag", "v1")
    assert set(_drawn(repo, "metrics.csv", "other.csv", "HEAD", "v1")["loss"]) == {
        "metrics.csv@HEAD", "other.csv@HEAD", "metrics.csv@v1", "other.csv@v1",
    }  # fmt: skip


def test_metric_and_column_of_steps_can_be_chosen(repo: Path) -> None:
    drawn = _drawn(repo, "metrics.csv", "main", "--metric", "loss", "--x", "acc")
    assert drawn == {"loss": {"main": [(0.1, 3), (0.2, 2), (0.3, 1)]}}


def test_a_file_that_is_gone_from_the_work_tree_is_found_in_the_revision(repo: Path) -> None:
    (repo / "metrics.csv").unlink()
    assert _drawn(repo, "metrics.csv", "main", "--metric", "acc") == {
        "acc": {"main": [(0, 0.1), (1, 0.2), (2, 0.3)]}
    }


def test_paths_are_those_of_the_folder_one_is_in(repo: Path) -> None:
    (repo / "sub").mkdir()
    assert _drawn(repo / "sub", "../metrics.csv", "fast") == {"loss": {"fast": [(0, 3), (1, 1)]}}


def test_recorded_metrics_over_the_history_of_a_pointer(repo: Path, record: Callable[..., None]) -> None:
    record(repo, "models/net.bin", "first", {"acc": 0.5, "note": "text"}, 1)
    record(repo, "models/net.bin", "second", {"acc": 0.75, "val.f1": 0.25}, 2)
    assert _drawn(repo, "models/net.bin") == {
        "acc": {"models/net.bin": [(1, 0.5), (2, 0.75)]},
        "val.f1": {"models/net.bin": [(2, 0.25)]},
    }
    assert _drawn(repo, "models/net.bin.dvx", "--metric", "size", "--metric", "params.lr") == {
        "size": {"models/net.bin": [(1, 1), (2, 2)]},
        "params.lr": {"models/net.bin": [(1, 0.1), (2, 0.2)]},
    }


def test_the_history_of_branches_has_one_numbering(repo: Path, record: Callable[..., None]) -> None:
    record(repo, "net", "common", {"acc": 0.5}, 1)
    run_git(repo, "branch", "left")
    record(repo, "net", "right", {"acc": 0.75}, 2)
    run_git(repo, "switch", "-q", "left")
    record(repo, "net", "left", {"acc": 0.25}, 3)
    drawn = _drawn(repo, "net", "fast", "left")["acc"]
    assert drawn["fast"][0] == drawn["left"][0] == (1, 0.5)
    assert {drawn["fast"][1][0], drawn["left"][1][0]} == {2, 3}
    assert [curve[1][1] for curve in drawn.values()] == [0.75, 0.25]


def test_a_folder_of_tracked_data_gives_a_curve_for_each_path(
    repo: Path, record: Callable[..., None]
) -> None:
    record(repo, "models/a", "a", {"acc": 0.5}, 1)
    record(repo, "models/b", "b", {"acc": 0.75}, 2)
    assert _drawn(repo, "models") == {"acc": {"models/a": [(1, 0.5)], "models/b": [(2, 0.75)]}}


def test_points_of_a_history_name_their_commit(repo: Path, record: Callable[..., None]) -> None:
    record(repo, "net", "try it", {"acc": 0.5})
    head = run_git(repo, "rev-parse", "--short=10", "HEAD")
    document = json.loads(run_dvx(repo, "plot", "net", "--json").out)
    assert document["charts"][0]["curves"][0]["points"] == [{"x": 1.0, "y": 0.5, "note": f"{head} try it"}]


def test_a_terminal_gets_a_drawing(repo: Path) -> None:
    ran = run_dvx(
        repo, "plot", "metrics.csv", "main", "fast", "--metric", "loss", env={"PYTHONIOENCODING": "utf-8"}
    )
    assert ran.code == 0
    assert ran.out.startswith("loss\n3 ┤")
    assert ran.out.endswith("  a  main: last 1\n  b  fast: last 1\n")
    ascii_only = run_dvx(repo, "plot", "metrics.csv", env={"PYTHONIOENCODING": "ascii"})
    assert ascii_only.out.isascii()
    assert "3 +a" in ascii_only.out


def test_a_page_is_written_where_the_command_runs(repo: Path) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra `plot`")
    (repo / "sub").mkdir()
    ran = run_dvx(repo / "sub", "plot", "../metrics.csv", "-o", "plot.HTML")
    assert (ran.code, ran.out) == (0, "")
    assert "drew 1 curve of 1 metric: plot.HTML" in ran.err
    assert b"vegaEmbed" in (repo / "sub" / "plot.HTML").read_bytes()


def _explains(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.out + ran.err
    assert ran.out == ""
    assert all(word in ran.err for word in ("error: ", "hint: ", *words)), ran.err
    assert "Traceback" not in ran.err


def test_what_cannot_be_drawn_is_explained(repo: Path, record: Callable[..., None]) -> None:
    (repo / "text.csv").write_text("step,name\n0,a\n")
    (repo / "params.yaml").write_text("lr: 1\n")
    record(repo, "net", "no metrics", {})
    plot = lambda *args: run_dvx(repo, "plot", *args)  # noqa: E731
    _explains(plot("nothing.csv"), 1, "`nothing.csv` is neither a file, nor tracked, nor a revision")
    _explains(plot("main"), 2, "name what to draw")
    _explains(plot("text.csv"), 1, "has no metrics to draw")
    _explains(plot("params.yaml"), 2, "`params.yaml` has no steps")
    _explains(plot("metrics.csv", "--metric", "f1"), 1, "has no number named `f1`")
    _explains(plot("metrics.csv", "--x", "time"), 2, "has no column `time`")
    _explains(plot("net"), 1, "`net` has no metrics to draw", "dvx add PATH --metrics FILE")
    _explains(plot("metrics.csv", "-o", "plot.pdf"), 2, "none of the endings .html, .svg, .png")
    _explains(plot("text.csv", "main"), 1, "there is no file `text.csv` in `main`")


def test_the_file_with_the_steps_is_named_where_another_one_was_given(repo: Path) -> None:
    (repo / "metrics.json").write_text('{"loss": 2}\n')
    ran = run_dvx(repo, "plot", "metrics.json")
    _explains(ran, 2, "`metrics.json` has no steps", "dvx plot metrics.csv")
    (repo / "dvclive" / "plots").mkdir(parents=True)
    (repo / "dvclive" / "plots" / "acc.tsv").write_text("step\tacc\n0\t0.1\n")
    ran = run_dvx(repo, "plot", "dvclive")
    _explains(ran, 1, "`dvclive` has no metrics to draw", "dvx plot dvclive/plots/acc.tsv")
