"""`scripts/bench run`: all tools on all workloads.

Owns which tool runs when, and the server. Must not format results.
"""

import random
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmark.dvx_command import isolated_environment, make_dvx
from benchmark.machine import describe_machine
from benchmark.measure import StepFailed, touch_memory
from benchmark.results import Absence, Results, Sample
from benchmark.sequence import run_sequence
from benchmark.session import RemotePlace, Session
from benchmark.tool import Peers, Tool, ToolMissing
from benchmark.tools import tool_makers
from benchmark.workloads import Workload, prepare_workload
from dvx.testing import servers

# rclone computes an MD5 of a whole object when it is first asked for it; with this it makes up another ETag.
_SERVER_OPTIONS: Final = ("--etag-hash=",)
_WARM_UP_SCALE: Final = 0.001
_TOUCHED_BYTES: Final = 12 << 30
_ORDER_SEED: Final = 1
# A server that fails once under load is no reason to do without a tool.
_MOST_FAILURES: Final = 2


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run. `folder` keeps the generated workloads; everything else in it is removed at the end.

    A quick run takes each tool to one remote only, the last of `remotes` that it speaks to, and warms up dvx alone:
    starting hundreds of processes is most of the time of a small run, whatever its size.
    """

    scale: float
    workloads: Sequence[str]
    tools: Sequence[str]
    remotes: Sequence[str]
    repetitions: int
    folder: Path
    peers: Peers
    is_quick: bool = False


def run_benchmark(request: RunRequest, *, say: Callable[[str], None]) -> Results:
    """Run everything and return what was found; `say` gets a line for each thing that is done.

    A tool that is missing is left out, one that fails twice on a workload for the rest of it; the results say why.
    """
    request.folder.mkdir(parents=True, exist_ok=True)
    scratch = request.folder / f"run-{uuid.uuid4().hex[:8]}"
    scratch.mkdir()
    try:
        with ExitStack() as stack:
            return _Run(request, scratch, say, stack).run()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _last_pairs(pairs: Sequence[tuple[Tool, str]]) -> Iterable[tuple[Tool, str]]:
    """Each tool once, with the last of its remotes."""
    return {tool.name: (tool, remote) for tool, remote in pairs}.values()


def _ignore(_: Sample) -> None:
    """What a warm-up found."""


class _Run:
    """The state of one run."""

    def __init__(
        self, request: RunRequest, scratch: Path, say: Callable[[str], None], stack: ExitStack
    ) -> None:
        self._request = request
        self._scratch = scratch
        self._say = say
        self._buckets = scratch / "buckets"
        self._buckets.mkdir()
        self._env = {**isolated_environment(scratch), **servers.CREDENTIALS_ENVIRONMENT}
        parameters = {
            "scale": request.scale,
            "workloads": list(request.workloads),
            "tools": list(request.tools),
            "remotes": list(request.remotes),
            "repetitions": request.repetitions,
            "quick": request.is_quick,
        }
        self._results = Results(parameters, dict(describe_machine(request.folder)), {})
        self._server = self._start_server(stack) if "s3" in request.remotes else None

    def _start_server(self, stack: ExitStack) -> servers.RunningServer | None:
        try:
            server = servers.start_rclone_server(str(self._buckets), options=_SERVER_OPTIONS)
            return stack.enter_context(server)
        except (FileNotFoundError, RuntimeError) as error:
            self._lack(Absence("every tool", str(error), remote="s3"))
            return None

    def run(self) -> Results:
        """Find the tools, warm them up, then go through workloads and repetitions."""
        tools = self._find_tools()
        tools = self._warm_up(tools)
        touch_memory(self._touched_bytes())
        for name in self._request.workloads:
            self._say(f"{name}: preparing the input")
            workload = prepare_workload(
                name, scale=self._request.scale, folder=self._request.folder / "workloads"
            )
            self._run_workload(workload, tools)
        return self._results

    def _touched_bytes(self) -> int:
        available = int(self._results.machine.get("MemAvailable_bytes", 0))
        return min(available // 2, int(_TOUCHED_BYTES * min(1.0, self._request.scale)))

    def _find_tools(self) -> list[Tool]:
        makers = tool_makers(make_dvx(self._scratch, servers.CREDENTIALS_ENVIRONMENT), self._request.peers)
        found = []
        for name in self._request.tools:
            try:
                found.append(makers[name]())
            except ToolMissing as error:
                self._lack(Absence(name, str(error)))
        self._results.versions = {tool.name: tool.version for tool in found}
        return found

    def _lack(self, absence: Absence) -> None:
        self._results.absences.append(absence)
        where = " ".join(filter(None, (absence.workload, absence.remote)))
        self._say(f"skipped: {absence.tool}{f' ({where})' if where else ''}: {absence.reason}")

    def _pairs(self, tools: Sequence[Tool]) -> list[tuple[Tool, str]]:
        remotes = [remote for remote in self._request.remotes if remote != "s3" or self._server is not None]
        pairs = [(tool, remote) for tool in tools for remote in remotes if remote in tool.remotes]
        return list(_last_pairs(pairs)) if self._request.is_quick else pairs

    def _warm_up(self, tools: Sequence[Tool]) -> list[Tool]:
        """Run each tool once on a small input, so that its bytecode is compiled and what fails is known early."""
        workload = prepare_workload("W3", scale=_WARM_UP_SCALE, folder=self._request.folder / "workloads")
        failed: set[str] = set()
        for tool, remote in _last_pairs(self._pairs(tools)):
            if self._request.is_quick and tool.name != "dvx":
                continue  # installed tools have their bytecode; what fails is known soon enough
            self._say(f"warming up: {tool.name}, {remote}")
            try:
                self._run_pair(tool, remote, workload, repetition=0, accept=_ignore)
            except StepFailed as error:
                failed.add(tool.name)
                self._lack(Absence(tool.name, str(error), remote=remote))
        return [tool for tool in tools if tool.name not in failed]

    def _run_workload(self, workload: Workload, tools: Sequence[Tool]) -> None:
        pairs = self._pairs(tools)
        failures: Counter[tuple[str, str]] = Counter()
        for repetition in range(1, self._request.repetitions + 1):
            # Another order each time, so that no tool always follows the same one.
            random.Random(_ORDER_SEED + repetition).shuffle(pairs)
            for tool, remote in list(pairs):
                failures[tool.name, remote] += not self._try_pair((tool, remote), workload, repetition)
                if failures[tool.name, remote] == _MOST_FAILURES:
                    pairs.remove((tool, remote))

    def _try_pair(self, pair: tuple[Tool, str], workload: Workload, repetition: int) -> bool:
        tool, remote = pair
        self._say(
            f"{workload.name}: repetition {repetition} of {self._request.repetitions}: {tool.name}, {remote}"
        )
        try:
            self._run_pair(tool, remote, workload, repetition=repetition, accept=self._accept)
        except StepFailed as error:
            self._lack(Absence(tool.name, str(error), workload.name, remote))
            return False
        return True

    def _accept(self, sample: Sample) -> None:
        self._results.samples.append(sample)
        for line in sample.wrong:
            self._say(f"  WRONG after {sample.step}: {line}")

    def _run_pair(
        self,
        tool: Tool,
        remote: str,
        workload: Workload,
        *,
        repetition: int,
        accept: Callable[[Sample], None],
    ) -> None:
        with self._session(remote, workload) as session:
            run_sequence(tool, session, repetition=repetition, accept=accept)

    @contextmanager
    def _session(self, remote: str, workload: Workload) -> Iterator[Session]:
        """A folder and an empty remote for the time of the block."""
        folder = self._scratch / f"session-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        if remote == "s3":
            assert self._server is not None
            bucket = servers.create_bucket(self._server).bucket
            place = RemotePlace("s3", self._buckets / bucket, self._server.endpoint, bucket)
        else:
            place = RemotePlace("folder", folder / "remote")
            place.folder.mkdir()
        try:
            yield Session(folder, place, workload, self._env)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(place.folder, ignore_errors=True)
