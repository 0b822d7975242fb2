"""How a check reads: on a terminal, and as Markdown in a pull request.

Owns the words around what was found. Names, values and messages come from other people's files: on the terminal they
are escaped, in Markdown they are code. Must not decide what holds.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from dvx.cli.cells import exact_value
from dvx.cli.markdown import code
from dvx.cli.output import Output, escape
from dvx.cli.render import format_count, plural
from dvx.core.ids import short_git_id

if TYPE_CHECKING:
    from dvx.ops.check import CheckReport, Outcome
    from dvx.ops.check_values import Reading

# A comment on GitHub has at most 65 536 characters; a row with four long names and values about 1 500.
_MAX_MARKDOWN_CHARACTERS: Final = 60_000
_VALUE_CHARACTERS: Final = 100


def check_lines(report: "CheckReport", output: Output) -> Iterator[str]:
    """Each rule that does not hold: its problems, its values and where they come from, its message."""
    for outcome in (*report.failed, *report.warnings):
        word = output.paint("failed", "red") if outcome.fails else output.paint("warning", "yellow")
        title = f"{escape(outcome.check.name)} ({escape(outcome.path)})"
        for problem in outcome.problems:
            yield f"{word}: {title}: {escape(problem)}"
        for values in reading_lines(outcome):
            yield f"  {escape(values)}"
        for line in outcome.check.message.splitlines():
            yield f"  {escape(line)}"


def reading_lines(outcome: "Outcome") -> Iterator[str]:
    """`metrics.acc = 0.91 in models/m.dvx at 1a2b3c4d5e; base 0.93 at 5e4d3c2b1a`, one for each name."""
    by_name: dict[str, list[Reading]] = {}
    for reading in outcome.readings:
        by_name.setdefault(reading.name, []).append(reading)
    for name, readings in by_name.items():
        readings.sort(key=lambda reading: reading.is_base)
        first = readings[0]
        head = f"base {name}" if first.is_base else name
        text = f"{head} = {format_value(first.value)} in {first.place} {first.where}"
        for reading in readings[1:]:
            text += f"; base {format_value(reading.value)} {reading.where}"
        yield text


def check_summary(report: "CheckReport") -> str:
    """`2 of 5 checks failed, 1 warning, in the work tree`."""
    checks = plural(len(report.outcomes), "check")
    if not report.outcomes:
        return f"no rules {report.where}"
    said = f"{format_count(len(report.failed))} of {checks} failed" if report.failed else f"{checks} passed"
    if report.warnings:
        if not report.failed:
            said = f"{format_count(len(report.outcomes) - len(report.warnings))} of {checks} passed"
        said += f", {plural(len(report.warnings), 'warning')}"
    compared = f" against {short_git_id(report.base)}" if report.base else ""
    return f"{said} {report.where}{compared}"


def check_markdown(report: "CheckReport") -> Iterator[str]:
    """A heading, a table of what does not hold, and a count of what does."""
    yield f"### {'Checks failed' if report.failed else 'Checks passed'}"
    yield ""
    yield f"{check_summary(report)}."
    rows = [_row(outcome) for outcome in (*report.failed, *report.warnings)]
    if not rows:
        return
    yield from ("", "| | rule | data | why |", "|---|---|---|---|")
    room = _MAX_MARKDOWN_CHARACTERS
    for number, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            yield from ("", f"and {format_count(len(rows) - number)} more")
            return
        yield row


def _row(outcome: "Outcome") -> str:
    why = [code(text, limit=400) for text in (*outcome.problems, *reading_lines(outcome))]
    if outcome.check.message:
        why.append(code(" ".join(outcome.check.message.split()), limit=400))
    word = "failed" if outcome.fails else "warning"
    return f"| {word} | {code(outcome.check.name)} | {code(outcome.path)} | {'<br>'.join(why)} |"


def format_value(value: object) -> str:
    """A value as one would write it in a file, cut where it is long."""
    text = exact_value(value)
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[: _VALUE_CHARACTERS - 1]}…"
