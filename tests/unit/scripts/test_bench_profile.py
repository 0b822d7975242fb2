"""Where time goes by stage: the table of functions, the nesting, and a whole command."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark.profile_child import counted_class, resolve
from benchmark.profile_command import format_profile
from benchmark.stages import EXTERNAL_MODULES, STAGES, Place
from benchmark.stopwatch import StageTime, Stopwatch, cost_of_counting_s

from dvx.testing.shell import HANG_S, make_repo

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "bench"


@pytest.mark.parametrize("place", [place for places in STAGES.values() for place in places], ids=".".join)
def test_function_of_the_table_exists(place: Place) -> None:
    found = resolve(place)
    assert callable(found) or isinstance(found, classmethod | staticmethod)
    assert place.module.startswith("dvx.") or place.module in EXTERNAL_MODULES


class Clock:
    """Stands for the clocks of the stopwatch: time passes only where a test says so."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 100.0

    def pass_time(self, wall_s: float, cpu_s: float) -> None:
        self.wall_s += wall_s
        self.cpu_s += cpu_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("benchmark.stopwatch.perf_counter", lambda: clock.wall_s)
    monkeypatch.setattr("benchmark.stopwatch.thread_time", lambda: clock.cpu_s)
    return clock


def test_time_in_an_inner_stage_counts_for_that_one_only(clock: Clock) -> None:
    stopwatch = Stopwatch()
    inner = stopwatch.wrap(lambda: clock.pass_time(4.0, 1.0), "inner")

    def work() -> str:
        inner()
        clock.pass_time(0.5, 0.25)
        inner()
        return "result"

    assert stopwatch.wrap(work, "outer")() == "result"
    assert stopwatch.totals() == {"inner": StageTime(2, 8.0, 2.0), "outer": StageTime(1, 0.5, 0.25)}


def test_nothing_is_counted_inside_a_stage_that_is_taken_as_a_whole(clock: Clock) -> None:
    stopwatch = Stopwatch(frozenset({"Git"}))
    inner = stopwatch.wrap(lambda: clock.pass_time(2.0, 1.0), "read")
    stopwatch.wrap(inner, "Git")()
    assert stopwatch.totals() == {"Git": StageTime(1, 2.0, 1.0)}


def test_stopwatch_reads_the_clocks_of_the_machine() -> None:
    stopwatch = Stopwatch()
    stopwatch.wrap(lambda: time.sleep(0.02), "wait")()
    stopwatch.wrap(lambda: sum(range(100_000)), "work")()
    assert stopwatch.totals()["wait"].wall_s >= 0.02
    assert stopwatch.totals()["work"].cpu_s > 0


def test_every_thread_is_counted_and_an_exception_ends_its_stage() -> None:
    stopwatch = Stopwatch()

    def fail() -> None:
        raise KeyError("expected")

    counted = stopwatch.wrap(fail, "write")

    def work() -> None:
        with pytest.raises(KeyError):
            counted()

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stopwatch.totals()["write"].calls == 5


def test_steps_of_a_generator_are_counted_not_what_its_caller_does(clock: Clock) -> None:
    stopwatch = Stopwatch()

    def numbers() -> Iterator[int]:
        clock.pass_time(1.0, 0.5)
        yield 1
        clock.pass_time(2.0, 1.0)
        yield 2

    taken = []
    for number in stopwatch.wrap(numbers, "walk")():
        clock.pass_time(50.0, 50.0)
        taken.append(number)
    assert taken == [1, 2]
    assert stopwatch.totals() == {"walk": StageTime(3, 3.0, 1.5)}


def test_class_written_in_c_is_counted_and_works() -> None:
    from blake3 import blake3

    stopwatch = Stopwatch()
    hasher = counted_class(blake3, stopwatch, "hash")()
    hasher.update(b"abc")
    assert hasher.digest() == blake3(b"abc").digest()
    assert stopwatch.totals()["hash"].calls == 3


def test_cost_of_counting_is_that_of_one_call(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.stopwatch._nothing", lambda: clock.pass_time(0.25, 0.25))
    assert cost_of_counting_s() == pytest.approx(0.25)


def test_table_shows_longest_stages_first_and_totals() -> None:
    document = {
        "wall_s": 2.0, "cpu_s": 3.0, "children_cpu_s": 0.1, "peak_bytes": 50 << 20, "counting_s": 1e-6,
        "stages": {
            "read": {"calls": 10, "wall_s": 0.5, "cpu_s": 0.5},
            "compress": {"calls": 5, "wall_s": 2.5, "cpu_s": 2.0},
            "other": {"calls": 1, "wall_s": 0.1, "cpu_s": 0.1},
        },
    }  # fmt: skip
    lines = format_profile(document, top=2).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["compress", "read"]
    assert "66.7%" in lines[1]
    assert "other" not in lines[3]
    assert lines[4].startswith("wall 2.000 s, CPU 3.000 s, that is ")
    assert "CPU in no stage (threads between tasks, libraries' own threads) 0.400 s" in lines[6]


def test_profile_of_an_add_does_the_add_and_names_its_stages(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo")
    (repo / "data.bin").write_bytes(os.urandom(3_000_000))
    (repo / "small").mkdir()
    (repo / "small" / "one.txt").write_text("text " * 1000)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "profile", "add", "data.bin", "small"],
        cwd=repo, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (repo / "data.bin.dvx").is_file()
    table = done.stderr.partition("stage  ")[2]
    stages = {line.split()[0] for line in table.splitlines() if line.strip()}
    assert {"import", "read", "cut", "hash", "compress", "write", "fsync", "index", "Git", "other"} <= stages
    assert "peak memory" in table


def test_profile_passes_on_the_exit_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "profile", "status"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S,
    )  # fmt: skip
    assert done.returncode == 10
    assert "is not inside a Git repository" in done.stderr
