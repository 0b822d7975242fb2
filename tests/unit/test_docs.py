"""Documents are true where a program can tell: links lead somewhere, commands exist, no machine is named."""

import re
from pathlib import Path

import click
import pytest
from pages.tree import ROOT, pages, project_files

from dvx.cli.root import COMMANDS, LazyGroup

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
# Where a command starts in a line of a code block: alone, behind a prompt or variables, or behind another command.
_COMMAND_AT = r"(?:^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*|(?:&&|;|\|) *)"
_IN_BLOCK = re.compile(_COMMAND_AT + r"dvx +([a-z][a-z-]*)(?=\s|$)", re.MULTILINE)
_IN_SPAN = re.compile(_COMMAND_AT + r"dvx +([a-z][a-z-]*)(?=\s|$)")
_FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^ {4,}\S.*\n?)+", re.MULTILINE)
_OF_THE_PROJECT = re.compile(r"(?<![\w/~.])(?:tests|scripts|src/dvx|ci)/[\w/.-]*[\w-]")
_MACHINE_PATHS = re.compile(r"(?<![\w.}])/" + r"(?:work|root|tmp/bash_jobs)(?=[/.\s`'\"])")


def _ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _anchors(path: Path) -> set[str]:
    """The anchors of a document, as hosting sites make them from headings."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in kept}


def _local_links(path: Path) -> list[str]:
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def _commands(text: str) -> set[str]:
    named = {match[1] for span in _CODE_SPAN.findall(text) for match in _IN_SPAN.finditer(span)}
    blocks = [*_FENCED.findall(text), *_INDENTED.findall(text)]
    return named | {name for block in blocks for name in _IN_BLOCK.findall(block)}


def test_there_are_documents_to_check() -> None:
    names = {_ids(path) for path in pages()}
    assert {"README.md", "ARCHITECTURE.md", "docs/README.md", "docs/reference/format/pack.md"} <= names


@pytest.mark.parametrize("document", pages(), ids=_ids)
def test_links_lead_to_files_and_headings_that_exist(document: Path) -> None:
    broken = []
    for link in _local_links(document):
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", pages(), ids=_ids)
def test_commands_named_in_documents_exist(document: Path) -> None:
    assert _commands(document.read_text(encoding="utf-8")) - set(COMMANDS) == set()


@pytest.mark.parametrize("document", pages(), ids=_ids)
def test_tests_and_scripts_named_in_documents_exist(document: Path) -> None:
    named = _OF_THE_PROJECT.findall(document.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_command_search_finds_commands_wherever_they_are_written() -> None:
    text = "Run `dvx one` or\n\n    $ CI=1 dvx two x\n    git commit && dvx three\n\n```sh\ndvx four\n```\n"
    assert _commands(text) == {"one", "two", "three", "four"}


def test_command_search_leaves_output_and_options_alone() -> None:
    text = "the `dvx` command, `dvx --version`, `pip install x`\n\n    set up dvx in a folder\n    # dvx pointer: x\n"
    assert _commands(text) == set()


def test_every_document_is_reachable_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        seen.add(document)
        linked = {(document.parent / link.partition("#")[0]).resolve() for link in _local_links(document)}
        waiting.extend(
            path for path in linked if path.suffix == ".md" and path.is_file() and path not in seen
        )
    below = {path for path in pages() if (ROOT / "docs") in path.parents}
    assert sorted(_ids(path) for path in below - seen) == []


def test_pre_commit_hooks_run_commands_and_options_that_exist() -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^\s+entry: dvx (\S+)(.*)$", text, re.MULTILINE)
    assert [name for name, _ in entries] == ["hooks", "check", "hooks", "hooks", "hooks", "status"]
    for name, arguments in entries:
        command = LazyGroup().get_command(click.Context(click.Group()), name)
        assert command is not None
        words = arguments.split()
        if isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options


def test_no_file_names_a_path_of_one_machine() -> None:
    naming = []
    for path in project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # golden vectors are bytes
        if _MACHINE_PATHS.search(text):
            naming.append(_ids(path))
    assert naming == []
