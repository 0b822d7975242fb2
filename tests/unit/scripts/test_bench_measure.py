"""Running a process and saying what it cost; comparing results byte for byte; tools that are not there."""

import os
import sys
from pathlib import Path

import pytest
from benchmark.dvx_command import isolated_environment, make_dvx
from benchmark.main import main, make_parser
from benchmark.measure import Cost, StepFailed, run_measured
from benchmark.startup import parse_import_times
from benchmark.tool import Peers, ToolMissing, find_program
from benchmark.tools import TOOLS, tool_makers
from benchmark.verify import differences

MIB = 1 << 20
WORK = """
import time
block = bytearray(b"x") * (64 << 20)
end_s = time.process_time() + 0.2
while time.process_time() < end_s:
    pass
"""


def test_cost_holds_time_cpu_and_memory_of_the_process(tmp_path: Path) -> None:
    cost, output = run_measured([sys.executable, "-c", f"{WORK}\nprint('done')"], cwd=tmp_path)
    assert output == "done\n"
    assert cost.seconds >= cost.cpu_s * 0.9 >= 0.18
    assert 64 * MIB < cost.peak_bytes < 200 * MIB


def test_cost_counts_children(tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK!r}], check=True)"
    cost, _ = run_measured([sys.executable, "-c", program], cwd=tmp_path)
    assert cost.cpu_s >= 0.2
    assert cost.peak_bytes > 64 * MIB


def test_memory_of_the_measuring_process_is_not_counted(tmp_path: Path) -> None:
    block = bytearray(b"x") * (256 * MIB)
    cost, _ = run_measured([sys.executable, "-c", "pass"], cwd=tmp_path)
    assert len(block) == 256 * MIB
    assert cost.peak_bytes < 64 * MIB


def test_failure_ends_with_what_the_command_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such luck')"]
    with pytest.raises(StepFailed, match=r"ended with 1: no such luck"):
        run_measured(command, cwd=tmp_path)
    assert run_measured(command, cwd=tmp_path, expect=1)[1] == ""


def test_command_that_does_not_exist_is_a_failed_step(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="could not be started"):
        run_measured([str(tmp_path / "nothing")], cwd=tmp_path)


def test_costs_add_up_and_keep_the_higher_peak() -> None:
    assert Cost(1.0, 2.0, 5).plus(Cost(0.5, 0.25, 3)) == Cost(1.5, 2.25, 5)


def test_isolated_environment_has_nothing_personal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GIT_DIR", "AWS_PROFILE", "DVX_CORE_JOBS", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "1")
    env = isolated_environment(tmp_path)
    assert not env.keys() & {"CI", "GIT_DIR", "AWS_PROFILE", "DVX_CORE_JOBS", "PYTHONDONTWRITEBYTECODE"}
    assert env["HOME"].startswith(str(tmp_path))
    assert env["PATH"] == os.environ["PATH"]


def test_dvx_of_this_checkout_runs(tmp_path: Path) -> None:
    cost, output = make_dvx(tmp_path).run(tmp_path, "--version")
    assert output.startswith("dvx ")
    assert cost.seconds > 0


def test_differences_name_missing_surplus_and_different_files(tmp_path: Path) -> None:
    right, found = tmp_path / "right", tmp_path / "found"
    for top, files in (
        (right, {"a": b"1", "b/c": b"22", "d": b"3"}),
        (found, {"a": b"1", "b/c": b"2x", "e": b""}),
    ):
        for name, data in files.items():
            place = top / "data" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    expected = {f"data/{name}": right / "data" / name for name in ("a", "b/c", "d")}
    assert differences(right, "data", expected) == []
    assert differences(found, "data", expected) == [
        "missing: data/d",
        "surplus: data/e",
        "different: data/b/c",
    ]


def test_differences_of_a_single_file_that_is_absent(tmp_path: Path) -> None:
    (tmp_path / "right").write_bytes(b"x")
    assert differences(tmp_path, "model", {"model": tmp_path / "right"}) == ["missing: model"]


def test_missing_peer_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="run without --no-install"):
        Peers(tmp_path, may_install=False).environment("dvc", ("dvc", "dvc-s3"))
    with pytest.raises(ToolMissing, match="apt-get install borgbackup"):
        find_program("no-such-program-here", "borgbackup", "--version")


def test_every_named_tool_has_a_maker(tmp_path: Path) -> None:
    assert set(tool_makers(make_dvx(tmp_path), Peers(tmp_path, may_install=False))) == set(TOOLS)


def test_unknown_tool_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "--tools", "dvx,nonsense"])
    assert caught.value.code == 2
    assert "'nonsense' is none of dvx, dvc" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["-h"])
    shown = capsys.readouterr().out
    assert all(f" {name} " in shown for name in ("run", "scale", "startup", "profile"))


def test_import_times_are_read_longest_first() -> None:
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:       120 |        120 |   encodings",
        "import time:      5000 |       9000 | click",
        "a line of the program",
    ]
    assert parse_import_times(lines) == [("click", 0.005), ("encodings", 0.00012)]
