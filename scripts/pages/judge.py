"""What is wrong with a page after it ran, and the page as it should be.

Owns the report and the rewriting; neither runs anything.
"""

from collections.abc import Iterator, Sequence

from pages.blocks import Block, Page
from pages.compare import ANY, is_as_shown
from pages.run import Result

Ran = Sequence[tuple[Block, Sequence[Result]]]


def complaints(page: Page, ran: Ran) -> Iterator[str]:
    """Yield what differs from the page, in its order."""
    for block, results in ran:
        for result in results:
            if _failed(block, result):
                yield _failure(block, result)
                return  # what follows was not reached
        if block.exit_code and all(result.code == 0 for result in results):
            yield f"line {block.line + 1}: no command ended with {block.exit_code}"
        if block.compares:
            yield from (_difference(result) for result in results if not _is_right(page, result))


def rewritten(text: str, page: Page, ran: Ran, *, is_fresh: bool = False) -> str:
    """The page with what was printed in place of what it showed, where that differs; parts with `…` stay.

    `is_fresh` also takes over what may differ, so that ids and times of the page are those of one run.
    """
    lines = text.splitlines()
    changes = [
        (result, block.indent)
        for block, results in ran
        if block.compares
        for result in results
        if result.code is not None and (is_fresh or not _is_right(page, result)) and not _has_gap(result)
    ]
    for result, indent in reversed(changes):
        start, end = result.command.first_line, result.command.end_line
        lines[start:end] = [f"{indent}{line}".rstrip() for line in result.lines]
    return "\n".join(lines) + "\n"


def _failed(block: Block, result: Result) -> bool:
    return result.code not in (0, block.exit_code)


def _is_right(page: Page, result: Result) -> bool:
    return is_as_shown(result.command.shown, result.lines, ids_differ=page.ids_differ)


def _has_gap(result: Result) -> bool:
    return any(line.strip() == ANY for line in result.command.shown)


def _failure(block: Block, result: Result) -> str:
    printed = "\n  ".join(result.lines)
    return f"line {block.line + 1}: exit code {result.code}: {result.command.text}\n  {printed}"


def _difference(result: Result) -> str:
    shown = "\n  ".join(result.command.shown)
    printed = "\n  ".join(result.lines)
    return (
        f"line {result.command.first_line}: {result.command.text}\n shown:\n  {shown}\n printed:\n  {printed}"
    )
