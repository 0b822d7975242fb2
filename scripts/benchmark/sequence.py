"""One tool going through all steps of one workload on one remote, once.

Owns the order of steps and what happens between them: applying the second version, tags, checking results,
making room. Must not decide which tools run.
"""

import shutil
from collections.abc import Callable

from benchmark.measure import Cost, settle
from benchmark.results import Sample
from benchmark.session import Session, git, size_below
from benchmark.tool import PUSHES, RESULTS, STEPS, Tool
from benchmark.verify import differences

_MOST_DIFFERENCES = 5


def run_sequence(tool: Tool, session: Session, *, repetition: int, accept: Callable[[Sample], None]) -> None:
    """Run every step that the tool has and give each outcome to `accept`; raises StepFailed at the first failure.

    The session's folder is left behind.
    """
    session = tool.prepare(session)
    session.workload.place_v1(session.work)
    is_v2 = False
    for step in filter(tool.steps.__contains__, STEPS):
        if step in ("add v2", "push v2") and not is_v2:
            session.workload.apply_v2(session.work)
            is_v2 = True
        accept(_run_step(tool, session, step, repetition))
        _tidy(session, step)


def _run_step(tool: Tool, session: Session, step: str, repetition: int) -> Sample:
    before = size_below(tool.stored(session)) if step in PUSHES else None
    settle()
    cost: Cost = tool.steps[step](session)
    added = size_below(tool.stored(session)).minus(before) if before is not None else None
    wrong: list[str] = []
    if step in RESULTS:
        version, place = RESULTS[step]
        wrong = differences(place(session), session.path, session.workload.expected(version))
    return Sample(
        workload=session.workload.name,
        remote=session.remote.kind,
        tool=tool.name,
        step=step,
        repetition=repetition,
        cost=cost,
        added=added,
        wrong=tuple(wrong[:_MOST_DIFFERENCES]),
    )


def _tidy(session: Session, step: str) -> None:
    """Tag what was committed, and remove a clone that has been looked at."""
    if step.startswith("add") and (session.work / ".git").exists():
        session.set_up(git("tag", step.removeprefix("add ")))
    if step in RESULTS and RESULTS[step][1](session) != session.work:
        shutil.rmtree(RESULTS[step][1](session))
