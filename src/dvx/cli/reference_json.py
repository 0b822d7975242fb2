"""The reference page of JSON documents.

Owns `json.md`: what is said of each document, and an example that a command printed. Runs where the documents are made
and tested, never in a command.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dvx.cli.json_documents import DOCUMENTS
from dvx.cli.json_notation import Field, parse_fields

# An example shows the form; more of the same says nothing.
_LIST_ITEMS: Final = 1
_INTRODUCTION: Final = """\
# JSON documents

Made by `scripts/generate-reference`; change `src/dvx/cli/json_documents.py`, not this page.

<!-- page: not run, page: real output already; tests/integration/test_json_documents.py prints and compares it -->

With `--json` a command prints one document to standard output; text for people goes to standard error as ever.
`schema` names the document and its version: `dvx.COMMAND/1`, with a hyphen before the name of a subcommand. Fields may
be added to a version, never changed or removed. A command that fails before it has printed its document prints
[`dvx.error/1`](#dvxerror1) in its place, also where the command line makes no sense.

Paths are relative to the repository, with `/`. Sizes are bytes, times seconds. Ids of data are `blake3:` and 64
digits, ids of commits are whole. Of values, what JSON lacks is text: `"nan"`, `"inf"`, `"-inf"`, and dates in ISO form.
`null` stands for what is not known or not there; every field is there unless it says otherwise. The examples are real
output, of each list the first item.
"""


def json_page(examples: Mapping[str, Mapping[str, Any]]) -> str:
    """The page; `examples` are documents that commands printed, by schema."""
    return "\n".join([*_INTRODUCTION.splitlines(), *_documents(examples)]) + "\n"


def _documents(examples: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for schema, document in sorted(DOCUMENTS.items()):
        yield from ("", f"## {schema}", "", f"Printed by {_commands(document.commands)}.", "")
        yield from ("| field | type | meaning |", "|---|---|---|")
        yield from _rows(parse_fields(document.fields), "")
        yield from ("", "```json", *json.dumps(_shortened(examples[schema]), indent=2).splitlines(), "```")


def _commands(commands: str) -> str:
    return f"`{commands} --json`" if commands.startswith("dvx ") else commands


def _rows(fields: Sequence[Field], at: str) -> Iterator[str]:
    for field in fields:
        kind = (
            field.kind
            if not field.is_list
            else f"list of {field.kind}s"
            if field.kind != "text"
            else "list of texts"
        )
        kind += " or null" if field.is_nullable else ""
        meaning = field.meaning + ("; not always there" if field.is_optional else "")
        yield f"| `{at}{field.name}` | {kind} | {meaning.replace('|', chr(92) + '|')} |"
        yield from _rows(field.inner, f"{at}{field.name}{'[]' if field.is_list else ''}.")


def _shortened(value: Any) -> Any:
    if isinstance(value, list):
        return [_shortened(item) for item in value[:_LIST_ITEMS]]
    return {name: _shortened(item) for name, item in value.items()} if isinstance(value, dict) else value
