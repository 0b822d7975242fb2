"""One tool going through its steps: the order, what is measured, and that wrong results are found."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmark.measure import Cost, StepFailed
from benchmark.results import Sample
from benchmark.sequence import run_sequence
from benchmark.session import RemotePlace, Session, Size, size_below
from benchmark.tool import Step, Tool
from benchmark.workloads import prepare_workload

COST = Cost(1.0, 0.5, 10)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session of W2 at its smallest with a folder as remote."""
    workload = prepare_workload("W2", scale=0.001, folder=tmp_path / "workloads")
    for name in ("session/work", "session/remote"):
        (tmp_path / name).mkdir(parents=True)
    remote = RemotePlace("folder", tmp_path / "session" / "remote")
    return Session(tmp_path / "session", remote, workload, {})


def make_tool(steps: dict[str, Step]) -> Tool:
    """A tool with these steps and nothing to prepare."""
    return Tool("copier", "1", ("folder",), lambda session: session, steps)


def copying(source: Callable[[Session], Path], target: Callable[[Session], Path]) -> Step:
    """A step that makes one folder a copy of the other."""

    def step(session: Session) -> Cost:
        shutil.rmtree(target(session), ignore_errors=True)
        shutil.copytree(source(session), target(session))
        return COST

    return step


def run(tool: Tool, session: Session) -> list[Sample]:
    """All samples of a run."""
    samples: list[Sample] = []
    run_sequence(tool, session, repetition=3, accept=samples.append)
    return samples


PUSH = copying(lambda session: session.work / "images", lambda session: session.remote.folder / "images")
PULL = copying(lambda session: session.remote.folder, lambda session: session.clone)


def test_right_results_are_accepted_and_pushes_are_weighed(session: Session) -> None:
    samples = run(make_tool({"push v2": PUSH, "pull": PULL, "push v1": PUSH, "push again": PUSH}), session)
    assert [sample.step for sample in samples] == ["push v1", "push again", "pull", "push v2"]
    assert [sample.wrong for sample in samples] == [()] * 4
    size_bytes = size_below(session.workload.folder / "v1").size_bytes
    assert samples[0].added == Size(size_bytes, 100)
    assert samples[1].added == Size(0, 0)
    assert samples[2].added is None
    assert {(sample.repetition, sample.tool, sample.cost) for sample in samples} == {(3, "copier", COST)}
    assert not session.clone.exists()


def test_second_version_is_applied_before_it_is_pushed(session: Session) -> None:
    run(make_tool({"push v1": PUSH, "push v2": PUSH}), session)
    expected = session.workload.expected("v2")
    for name, place in expected.items():
        assert (session.remote.folder / name).read_bytes() == place.read_bytes()
    assert size_below(session.remote.folder).objects == len(expected)


def test_one_flipped_byte_is_wrong(session: Session) -> None:
    def pull_badly(session: Session) -> Cost:
        PULL(session)
        victim = session.clone / sorted(session.workload.expected("v1"))[7]
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
        return COST

    samples = run(make_tool({"push v1": PUSH, "pull": pull_badly}), session)
    assert samples[1].wrong == (f"different: {sorted(session.workload.expected('v1'))[7]}",)


def test_switch_that_leaves_the_other_version_is_wrong_and_named_five_times_at_most(session: Session) -> None:
    samples = run(make_tool({"push v1": PUSH, "add v2": PUSH, "switch v1": lambda _: COST}), session)
    assert samples[-1].step == "switch v1"
    assert 1 <= len(samples[-1].wrong) <= 5
    assert samples[-1].wrong[0].startswith(("missing: ", "surplus: "))


def test_failure_of_a_step_ends_the_sequence_with_what_was_measured_before(session: Session) -> None:
    def fail(_: Session) -> Cost:
        raise StepFailed("`copier` ended with 1: no")

    samples: list[Sample] = []
    with pytest.raises(StepFailed, match="no"):
        run_sequence(make_tool({"push v1": PUSH, "pull": fail}), session, repetition=1, accept=samples.append)
    assert [sample.step for sample in samples] == ["push v1"]
