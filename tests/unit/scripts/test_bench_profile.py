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
from benchmark.stopwatch import Stopwatch, cost_of_counting_s

from dvx.testing.shell import make_repo

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "bench"


@pytest.mark.parametrize("place", [place for places in STAGES.values() for place in places], ids=".".join)
def test_function_of_the_table_exists(place: Place) -> None:
    found = resolve(place)
    assert callable(found) or isinstance(found, classmethod | staticmethod)
    assert place.module.startswith("dvx.") or place.module in EXTERNAL_MODULES


def test_time_in_an_inner_stage_counts_for_that_one_only() -> None:
    stopwatch = Stopwatch()
    inner = stopwatch.wrap(lambda: time.sleep(0.03), "inner")

    def work() -> str:
        inner()
        inner()
        return "result"

    assert stopwatch.wrap(work, "outer")() == "result"
    totals = stopwatch.totals()
    assert (totals["inner"].calls, totals["outer"].calls) == (2, 1)
    assert totals["inner"].wall_s >= 0.06
    assert totals["outer"].wall_s < 0.03
    assert totals["inner"].cpu_s < 0.03


def test_nothing_is_counted_inside_a_stage_that_is_taken_as_a_whole() -> None:
    stopwatch = Stopwatch(frozenset({"Git"}))
    inner = stopwatch.wrap(lambda: time.sleep(0.02), "read")
    stopwatch.wrap(inner, "Git")()
    assert stopwatch.totals()["Git"].wall_s >= 0.02
    assert "read" not in stopwatch.totals()


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


def test_steps_of_a_generator_are_counted_not_what_its_caller_does() -> None:
    stopwatch = Stopwatch()

    def numbers() -> Iterator[int]:
        yield 1
        yield 2

    taken = []
    for number in stopwatch.wrap(numbers, "walk")():
        time.sleep(0.02)
        taken.append(number)
    assert taken == [1, 2]
    assert stopwatch.totals()["walk"].calls == 3
    assert stopwatch.totals()["walk"].wall_s < 0.02


def test_class_written_in_c_is_counted_and_works() -> None:
    from blake3 import blake3

    stopwatch = Stopwatch()
    hasher = counted_class(blake3, stopwatch, "hash")()
    hasher.update(b"abc")
    assert hasher.digest() == blake3(b"abc").digest()
    assert stopwatch.totals()["hash"].calls == 3


def test_counting_a_call_takes_microseconds() -> None:
    assert 0 < cost_of_counting_s() < 0.0005


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
        cwd=repo, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
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
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 10
    assert "is not inside a Git repository" in done.stderr
