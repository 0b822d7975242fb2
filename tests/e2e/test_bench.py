"""`scripts/bench run` from generating its inputs to the chart, at a two-hundredth of the size.

W2 is measured; a small W3 goes through all steps unmeasured before that. Most of the time is the start of about
60 processes, whatever the size.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from dvx.testing.servers import find_rclone
from dvx.testing.shell import HANG_S

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench"
STEPS_OF_DVX = {
    "add v1", "status", "push v1", "push again", "pull", "pull direct", "add v2", "push v2", "switch v1", "switch v2",
}  # fmt: skip


def test_run_measures_every_step_verifies_it_and_writes_all_reports(tmp_path: Path) -> None:
    outputs = {name: tmp_path / f"out.{name}" for name in ("json", "svg", "markdown")}
    command = [
        sys.executable,
        str(SCRIPT),
        "run",
        "--scale",
        "0.005",
        "--workloads",
        "W2",
        "--tools",
        "dvx,cp",
        "--repetitions",
        "1",
    ]
    command += ["--no-install", "--folder", str(tmp_path / "work"), "--peers", str(tmp_path / "peers")]
    for name, path in outputs.items():
        command += [f"--{name}", str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, done.stderr
    document = json.loads(outputs["json"].read_text())
    remotes = {"folder", "s3"} if find_rclone() else {"folder"}
    for remote in remotes:
        found = [
            sample for sample in document["samples"] if (sample["remote"], sample["tool"]) == (remote, "dvx")
        ]
        assert {sample["step"] for sample in found} == STEPS_OF_DVX
        assert all(sample["cost"]["seconds"] > 0 and not sample["wrong"] for sample in found)
        pushes = {sample["step"]: sample["added"] for sample in found if sample["added"]}
        assert pushes["push again"] == {"size_bytes": 0, "objects": 0}
        assert pushes["push v1"]["size_bytes"] > pushes["push v2"]["size_bytes"] > 0
    assert "W2, remote in a folder: seconds" in done.stdout
    assert "not measured (dvc)" in done.stdout
    assert ET.fromstring(outputs["svg"].read_text()).tag.endswith("svg")
    assert "| dvx |" in outputs["markdown"].read_text()
    assert os.listdir(tmp_path / "work") == ["workloads"]


def test_quick_run_takes_each_tool_to_one_remote_and_warms_up_dvx_alone(tmp_path: Path) -> None:
    report = tmp_path / "out.json"
    command = [sys.executable, str(SCRIPT), "run", "--quick", "--workloads", "W3", "--tools", "dvx,boto3,cp"]
    command += ["--no-install", "--folder", str(tmp_path / "work"), "--peers", str(tmp_path / "peers")]
    command += ["--json", str(report)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, done.stderr
    document = json.loads(report.read_text())
    assert {(sample["tool"], sample["remote"]) for sample in document["samples"]} == (
        {("dvx", "s3"), ("boto3", "s3"), ("cp", "folder")}
        if find_rclone()
        else {("dvx", "folder"), ("cp", "folder")}
    )
    assert {sample["repetition"] for sample in document["samples"]} == {1}
    assert (document["parameters"]["scale"], document["parameters"]["quick"]) == (0.025, True)
    assert not any(sample["wrong"] for sample in document["samples"])
    assert done.stderr.count("warming up: ") == done.stderr.count("warming up: dvx") == 1
