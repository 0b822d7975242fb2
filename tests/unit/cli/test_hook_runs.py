"""`dvx hooks run`: which function does the work, with what input, and at what cost."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dvx.cli.hook_runs import IN_HOOK, run_hook
from dvx.cli.invocation import Invocation
from dvx.core.errors import UsageError
from dvx.testing.shell import dvx_environment


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Put a double in place of the work behind the hooks; returns what it was called with."""
    found: list[tuple[Any, ...]] = []

    def note(code: int, name: str) -> Any:
        return lambda _, *args: found.append((name, *args, os.environ.get(IN_HOOK))) or code

    double = ModuleType("dvx.cli.hook_actions")
    double.pre_commit, double.pre_push, double.follow = note(1, "check"), note(6, "guard"), note(0, "follow")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dvx.cli.hook_actions", double)
    monkeypatch.setenv(IN_HOOK, "")
    return found


@pytest.mark.parametrize(
    ("name", "code", "call"),
    [
        ("pre-commit", 1, ("check", ["x"])),
        ("pre-push", 6, ("guard", ["x"], ["a b", "c\udcff d"])),
        ("post-checkout", 0, ("follow", "post-checkout", ["x"])),
        ("post-index-change", 0, ("follow", "post-index-change", ["x"])),
    ],
)
def test_hook_reaches_its_function(calls: list[Any], name: str, code: int, call: tuple[Any, ...]) -> None:
    invocation = Invocation.of_process(os.environ)
    assert run_hook(invocation, name, ["x"], io.BytesIO(b"a b\nc\xff d\n")) == code
    assert calls == [(*call, name)]


def test_name_of_no_hook_is_refused(calls: list[Any]) -> None:
    with pytest.raises(UsageError, match="no hook `post-commit`"):
        run_hook(Invocation.of_process(os.environ), "post-commit", [], io.BytesIO())
    assert calls == []


def test_dispatch_does_not_import_click(tmp_path: Path) -> None:
    program = (
        "import sys, types\n"
        "double = types.ModuleType('dvx.cli.hook_actions')\n"
        "double.follow = lambda invocation, name, args: print(name, args, 'click' in sys.modules) or 0\n"
        "sys.modules['dvx.cli.hook_actions'] = double\n"
        "from dvx.cli.main import main\n"
        "main()\n"
    )
    command = [sys.executable, "-P", "-c", program, "hooks", "run", "post-checkout", "--", "-x"]
    done = subprocess.run(command, cwd=tmp_path, env=dvx_environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "post-checkout ['--', '-x'] False\n"
