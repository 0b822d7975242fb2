"""Reading a page: its blocks of code, and what is to be done with each.

Owns the small language in which a page says how it is run; runs nothing. A block is executed as it stands, unless an
HTML comment directly above it says otherwise:

    <!-- page: file PATH -->            the block is the content of a file; `append PATH` adds to one
    <!-- page: output of COMMAND -->    the block is what COMMAND prints
    <!-- page: exit CODE -->            one command of the block ends with CODE, all others with 0
    <!-- page: not run: REASON -->      the block is only read

Above the first block, four others are about the whole page: `needs s3` brings a server with the bucket `my-bucket`,
`needs git` one of the repositories in `../served` (its address is in GIT_SERVER),
`ids differ` says that the data is computed and not the same on every machine, and `not run, page: REASON` leaves out
all blocks. Hidden commands, for what a reader has already:

    <!-- page: setup
    git init
    -->

In a block, lines that start with `$ ` are commands, and what follows one is its output. A line `…` in it stands for any
lines. A block without such a line holds commands alone. A backslash at the end of a line continues a command.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["commands", "session", "output", "file", "append", "setup", "not run"]
# Drawings of the hosting site.
_DRAWINGS: Final = frozenset({"mermaid"})
_DIRECTIVE: Final = re.compile(r"<!-- page: (.*?)\s*-->$", re.DOTALL)
_FENCE: Final = re.compile(r"```(\w*)$")
_WHOLE_PAGE: Final = "not run, page: "


class PageError(Exception):
    """A page that says something the runner does not know."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a block, with what the page shows of its output. Lines count from 0 in the page."""

    text: str
    shown: tuple[str, ...] = ()
    first_line: int = 0
    end_line: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page. `argument` is the path, the command or the reason of its directive."""

    kind: Kind
    line: int
    commands: tuple[Command, ...] = ()
    argument: str = ""
    content: str = ""
    exit_code: int = 0
    indent: str = ""

    @property
    def compares(self) -> bool:
        """Whether the page shows output of this block."""
        return self.kind in ("session", "output")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds, in its order."""

    blocks: tuple[Block, ...]
    needs: frozenset[str] = frozenset()
    ids_differ: bool = False


@dataclass(frozen=True, slots=True)
class _Raw:
    language: str
    first_line: int
    lines: tuple[str, ...]
    indent: str


def parse_page(text: str) -> Page:
    """Read a page. Raises PageError for an unknown directive, and for one without its block."""
    blocks: list[Block] = []
    said_of_page: set[str] = set()
    directive, left_out = "", ""
    for item in _items(text.splitlines()):
        if isinstance(item, _Raw):
            blocks.append(_block(item, directive or (left_out and f"not run: {left_out}")))
            directive = ""
            continue
        line, said = item
        if directive:
            raise PageError(f"line {line + 1}: no block for `{directive}`")
        if said in ("needs s3", "needs git", "ids differ"):
            said_of_page.add(said)
        elif said.startswith(_WHOLE_PAGE):
            left_out = said.removeprefix(_WHOLE_PAGE)
        elif said.startswith("setup\n"):
            blocks.append(_setup(line, said.removeprefix("setup\n")))
        else:
            directive = said
    if directive:
        raise PageError(f"no block for `{directive}` at the end")
    needs = frozenset(words.removeprefix("needs ") for words in said_of_page if words.startswith("needs "))
    return Page(tuple(blocks), needs, "ids differ" in said_of_page)


def _items(lines: Sequence[str]) -> Iterator[_Raw | tuple[int, str]]:
    """Yield blocks of code, and directives with their line."""
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence:
            end = lines.index("```", at + 1)
            yield _Raw(fence[1], at + 1, tuple(lines[at + 1 : end]), "")
            at = end + 1
        elif lines[at].startswith("<!-- page: "):
            end = next(number for number in range(at, len(lines)) if lines[number].endswith("-->"))
            found = _DIRECTIVE.match("\n".join(lines[at : end + 1]))
            assert found is not None
            yield at, found[1]
            at = end + 1
        elif lines[at].startswith("    ") and _can_start(lines, at):
            end = _end_of_indented(lines, at)
            yield _Raw("", at, tuple(line[4:] for line in lines[at:end]), "    ")
            at = end
        else:
            at += 1


def _can_start(lines: Sequence[str], at: int) -> bool:
    """Whether an indented line is code, and not the rest of a paragraph or of an entry of a list."""
    before = lines[at - 1].strip() if at else ""
    return not before or before == "```" or before.endswith("-->")


def _end_of_indented(lines: Sequence[str], start: int) -> int:
    end = start + 1
    for number in range(start, len(lines)):
        if lines[number].startswith("    "):
            end = number + 1
        elif lines[number].strip():
            break
    return end


def _setup(line: int, script: str) -> Block:
    return Block("setup", line, (Command(script),))


def _block(raw: _Raw, directive: str) -> Block:
    content = "\n".join(raw.lines) + "\n"
    word, _, rest = directive.partition(" ")
    if directive.startswith("not run: "):
        return Block("not run", raw.first_line, argument=directive.removeprefix("not run: "))
    if raw.language in _DRAWINGS:
        return Block("not run", raw.first_line, argument="a drawing")
    if word in ("file", "append") and rest:
        kind: Kind = "file" if word == "file" else "append"
        return Block(kind, raw.first_line, argument=rest, content=content)
    if directive.startswith("output of "):
        end = raw.first_line + len(raw.lines)
        command = Command(directive.removeprefix("output of "), raw.lines, raw.first_line, end)
        return Block("output", raw.first_line, (command,), indent=raw.indent)
    code = int(rest) if word == "exit" else 0
    if directive and word != "exit":
        raise PageError(f"line {raw.first_line + 1}: there is no directive `{directive}`")
    if raw.language not in ("", "sh", "console"):
        raise PageError(f"line {raw.first_line + 1}: what to do with a block of `{raw.language}`?")
    return _executed(raw, code)


def _executed(raw: _Raw, code: int) -> Block:
    is_session = any(line.startswith("$ ") for line in raw.lines)
    commands = tuple(_session(raw) if is_session else _commands(raw))
    kind: Kind = "session" if is_session else "commands"
    return Block(kind, raw.first_line, commands, exit_code=code, indent=raw.indent)


def _session(raw: _Raw) -> Iterator[Command]:
    """Yield the commands behind a prompt, each with the lines up to the next one or to a blank line before it."""
    lines, at = raw.lines, 0
    if not lines[0].startswith("$ "):
        raise PageError(f"line {raw.first_line + 1}: output without a command")
    while at < len(lines):
        text, start = lines[at][2:], at + 1
        while text.endswith("\\"):
            text, start = f"{text}\n{lines[start]}", start + 1
        at = next((n for n in range(start, len(lines)) if lines[n].startswith("$ ")), len(lines))
        end = at
        while end > start and not lines[end - 1].strip():
            end -= 1
        yield Command(text, lines[start:end], raw.first_line + start, raw.first_line + end)


def _commands(raw: _Raw) -> Iterator[Command]:
    text = ""
    for line in raw.lines:
        text = f"{text}\n{line}" if text else line
        if not line.endswith("\\") and text.strip():
            yield Command(text)
            text = ""
