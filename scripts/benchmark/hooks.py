"""What the Git hooks of dvx, git-lfs and DVC take when there is nothing for them to do.

Owns the repository, which is the same for every tool, the hooks that are run, and the limits of dvx. Each hook is
started as Git starts it, from the top of the work tree with its arguments and its input.
"""

import argparse
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmark.dvx_command import DvxCommand, isolated_environment, make_dvx
from benchmark.measure import Cost, run_measured
from benchmark.tool import Peers, ToolMissing, find_program

_TIMES: Final = 11
_SLOW_TIMES: Final = 5
# A hook is run so often in one shell, because starting and watching that shell takes as long as a short hook.
_IN_A_ROW: Final = 10
_SLOW: Final = frozenset({"dvc"})  # half a second each
_FILE_BYTES: Final = 1000
_COMMIT: Final = "0" * 40
# The hooks by what brings them about: name and arguments. A branch has the same data as the one before.
CASES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "git commit": ("pre-commit", ()),
    "git push": ("pre-push", ("origin", "../origin")),
    "git switch": ("post-checkout", (_COMMIT, _COMMIT, "1")),
    "git merge": ("post-merge", ("0",)),
    "git commit --amend": ("post-rewrite", ("amend",)),
    "git status": ("post-index-change", ("0", "0")),
    "git reset --hard": ("post-index-change", ("1", "0")),
}
# Milliseconds at most, for up to so many pointers.
_LIMITS_MS: Final[Mapping[str, Mapping[int, float]]] = {
    "git commit": {100: 100, 1000: 300},
    "git push": {1000: 150},
    "git switch": {1000: 60},
    "git status": {1000: 5},
}


@dataclass(frozen=True, slots=True)
class _Taken:
    """Milliseconds from start to end, and of CPU with all child processes."""

    wall_ms: float
    cpu_ms: float

    def __str__(self) -> str:
        return f"{self.wall_ms:.1f} ({self.cpu_ms:.1f})"


@dataclass(frozen=True, slots=True)
class _Place:
    """The repository of one tool, and the environment of its commands."""

    root: Path
    env: Mapping[str, str]

    def run(self, *command: str) -> None:
        run_measured(command, cwd=self.root, env=self.env)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `scripts/bench hooks`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dvx-bench"
    add = parser.add_argument
    add("--times", type=int, default=_TIMES, metavar="N", help=f"samples of {_IN_A_ROW} runs ({_TIMES})")
    add("--pointers", type=_counts, default=[10, 1000], metavar="N1,N2", help="tracked files (10,1000)")
    add("--tools", type=_tools, default=list(_MAKERS), metavar="T1,T2", help=f"of {','.join(_MAKERS)} (all)")
    add("--peers", type=Path, default=cache / "peers", help="a virtual environment for DVC is here")
    add("--no-install", action="store_true", help="install nothing")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    peers = Peers(arguments.peers.resolve(), not arguments.no_install)
    for pointers in arguments.pointers:
        columns: dict[str, dict[str, _Taken]] = {}
        for tool in arguments.tools:
            times = min(arguments.times, _SLOW_TIMES) if tool in _SLOW else arguments.times
            try:
                columns[tool] = _measure_tool(tool, peers, pointers=pointers, times=times)
            except ToolMissing as error:
                print(f"{tool} is left out: {error}")
        print(f"\n{pointers} tracked files, nothing to do, milliseconds (of CPU):")
        print("\n".join(_table(columns, pointers)))
    return 0


def _measure_tool(tool: str, peers: Peers, *, pointers: int, times: int) -> dict[str, _Taken]:
    in_a_row = 1 if tool in _SLOW else _IN_A_ROW
    scratch = Path(tempfile.mkdtemp(prefix=f"dvx-bench-hooks-{tool}-"))
    try:
        place = _MAKERS[tool](scratch, peers, pointers)
        return {
            case: _median_ms([_run_hook(place, name, args, in_a_row) for _ in range(times + 1)][1:], in_a_row)
            for case, (name, args) in CASES.items()
            if _is_installed(place, name)
        }
    finally:
        shutil.rmtree(scratch)


def _median_ms(costs: list[Cost], in_a_row: int) -> _Taken:
    wall_s, cpu_s = median(cost.seconds for cost in costs), median(cost.cpu_s for cost in costs)
    return _Taken(wall_s * 1000 / in_a_row, cpu_s * 1000 / in_a_row)


def _run_hook(place: _Place, name: str, args: tuple[str, ...], times: int = 1) -> Cost:
    """Start a hook from a shell, which hands it its input, `times` times one after the other."""
    one = f"{shlex.join(['.git/hooks/' + name, *args])} < ../input-{name} || exit"
    return run_measured(["sh", "-c", "\n".join([one] * times)], cwd=place.root, env=place.env)[0]


def _is_installed(place: _Place, name: str) -> bool:
    return os.access(place.root / ".git" / "hooks" / name, os.X_OK)


def _write_inputs(place: _Place) -> None:
    for name, _ in CASES.values():
        (place.root.parent / f"input-{name}").write_bytes(b"")
    _, tip = run_measured(["git", "rev-parse", "HEAD"], cwd=place.root, env=place.env)
    _, base = run_measured(["git", "rev-parse", "origin/main"], cwd=place.root, env=place.env)
    line = f"refs/heads/main {tip.strip()} refs/heads/main {base.strip()}\n"
    (place.root.parent / "input-pre-push").write_text(line)


def _make_repository(scratch: Path, env: Mapping[str, str]) -> _Place:
    place = _Place(scratch / "repository", env)
    (place.root / "data").mkdir(parents=True)
    place.run("git", "init", "-q", "--bare", "../origin")
    place.run("git", "init", "-q")
    place.run("git", "remote", "add", "origin", "../origin")
    return place


def _write_files(place: _Place, count: int) -> list[str]:
    for number in range(count):
        (place.root / "data" / f"{number:05}.bin").write_bytes(number.to_bytes(4, "big") * (_FILE_BYTES // 4))
    return [f"data/{number:05}.bin" for number in range(count)]


def _finish(place: _Place) -> _Place:
    """Commit and push the data, then commit code alone, and let every hook run once."""
    place.run("git", "add", "-A")
    place.run("git", "commit", "-q", "--no-verify", "-m", "data")
    place.run("git", "push", "-q", "--no-verify", "origin", "main")
    place.run("git", "fetch", "-q", "origin")
    (place.root / "code.py").write_text("print()\n")
    place.run("git", "add", "code.py")
    place.run("git", "commit", "-q", "--no-verify", "-m", "code")
    _write_inputs(place)
    return place


def _make_dvx_place(scratch: Path, _: Peers, pointers: int) -> _Place:
    dvx: DvxCommand = make_dvx(scratch)
    place = _make_repository(scratch, dvx.env)
    place.run(*dvx.argv("init", "--remote", str(scratch / "remote")))
    place.run(*dvx.argv("add", *_write_files(place, pointers)))
    place.run(*dvx.argv("push"))
    place.run(*dvx.argv("hooks", "install", "--files"))
    _finish(place)
    _run_hook(place, "post-checkout", (_COMMIT, _COMMIT, "0"))  # the workspace has followed from here on
    return place


def _make_lfs_place(scratch: Path, _: Peers, pointers: int) -> _Place:
    find_program("git-lfs", "git-lfs", "version")
    place = _make_repository(scratch, isolated_environment(scratch))
    place.run("git", "remote", "set-url", "origin", f"file://{scratch}/origin")
    place.run("git", "lfs", "install")
    place.run("git", "lfs", "track", "data/*.bin")
    _write_files(place, pointers)
    place.run("git", "add", "-A")
    place.run("git", "commit", "-q", "-m", "data")
    place.run("git", "push", "-q", "origin", "main")
    (place.root / "note").write_text("")
    return _finish(place)


def _make_dvc_place(scratch: Path, peers: Peers, pointers: int) -> _Place:
    programs, _ = peers.environment("dvc", ("dvc", "dvc-s3"))
    env = dict(isolated_environment(scratch))
    env |= {"PATH": f"{programs}{os.pathsep}{env['PATH']}", "DVC_NO_ANALYTICS": "true"}
    env |= {"DVC_SITE_CACHE_DIR": str(scratch / "site")}
    place = _make_repository(scratch, env)
    for command in (
        ["init", "-q"],
        ["config", "core.analytics", "false"],
        ["config", "core.check_update", "false"],
        ["remote", "add", "-q", "-d", "r", str(scratch / "remote")],
        ["add", "-q", *_write_files(place, pointers)],
        ["push", "-q"],
        ["install"],
    ):
        place.run("dvc", *command)
    return _finish(place)


_MAKERS: Final[Mapping[str, Callable[[Path, Peers, int], _Place]]] = {
    "dvx": _make_dvx_place,
    "git-lfs": _make_lfs_place,
    "dvc": _make_dvc_place,
}


def _table(columns: Mapping[str, Mapping[str, _Taken]], pointers: int) -> list[str]:
    rows = [["brought about by", "hook", *columns, "limit of dvx"]]
    for case, (name, _) in CASES.items():
        cells = [str(column[case]) if case in column else "-" for column in columns.values()]
        rows.append([case, name, *cells, _verdict(case, pointers, columns.get("dvx", {}).get(case))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _verdict(case: str, pointers: int, taken: _Taken | None) -> str:
    limits = [limit for count, limit in sorted(_LIMITS_MS.get(case, {}).items()) if pointers <= count]
    if not limits or taken is None:
        return ""
    return f"{limits[0]:g}: {'met' if taken.wall_ms <= limits[0] else 'missed'}"


def _counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _tools(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(_MAKERS))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(_MAKERS)}")
    return names
