"""`scripts/bench hooks`: the cases and limits of its table, and a run with dvx alone."""

import subprocess
import sys
from pathlib import Path

from benchmark.hooks import CASES

from dvx.repo.hook_scripts import HOOK_NAMES
from dvx.testing.shell import HANG_S

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "bench"


def test_every_hook_of_dvx_is_measured() -> None:
    assert {name for name, _ in CASES.values()} == set(HOOK_NAMES)


def test_run_measures_dvx_and_names_a_tool_that_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "hooks", "--times", "1", "--pointers", "2", "--tools", "dvx,dvc"]
    command += ["--no-install", "--peers", str(tmp_path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, done.stderr
    assert "dvc is left out: not in" in done.stdout
    for case, (name, _) in CASES.items():
        assert any(line.split("  ")[0] == case and name in line for line in done.stdout.splitlines())
    assert "5: " in done.stdout
