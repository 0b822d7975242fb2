"""What commands print with `--json` is what docs/reference/json.md says, field by field."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dvx.cli.json_documents import DOCUMENTS
from dvx.cli.json_notation import parse_fields, problems_of
from dvx.cli.reference_json import json_page
from dvx.testing.json_session import JsonSession

ROOT = Path(__file__).resolve().parents[2]
_EXAMPLE = re.compile(r"```json\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module", name="session")
def _session(tmp_path_factory: pytest.TempPathFactory) -> tuple[JsonSession, Mapping[str, Mapping[str, Any]]]:
    session = JsonSession(tmp_path_factory.mktemp("session").resolve())
    return session, session.run()


def test_every_document_that_commands_print_is_described_exactly(
    session: tuple[JsonSession, Mapping[str, Mapping[str, Any]]],
) -> None:
    printed = session[0].documents
    assert {document["schema"] for document in printed} == set(DOCUMENTS)
    wrong = {
        f"{document['schema']}: {problem}"
        for document in printed
        for problem in problems_of(document, parse_fields(DOCUMENTS[document["schema"]].fields))
    }
    assert wrong == set()


def test_the_session_meets_what_is_seldom_there(
    session: tuple[JsonSession, Mapping[str, Mapping[str, Any]]],
) -> None:
    """A list that is always empty, or an object that is always null, would be compared with nothing."""
    text = json.dumps(session[0].documents)
    for name in (
        "unresolved",
        "conflicts",
        "differences",
        "deviations",
        "push",
        "curves",
        "edges",
        "findings",
    ):
        assert re.search(rf'"{name}": (\[\{{|\{{)', text), name


def test_every_schema_of_the_source_is_described() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/dvx/cli").rglob("*.py"))
    names = set(re.findall(r'"(dvx\.[a-z-]+/[0-9]+)"', source)) - {"dvx.receipt/1"}
    assert names == set(DOCUMENTS)


def test_the_page_is_made_from_the_descriptions(
    session: tuple[JsonSession, Mapping[str, Mapping[str, Any]]],
) -> None:
    """The examples differ with the versions of Git and of the compression; everything else is the same."""
    page = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    made = json_page(session[1])
    assert _EXAMPLE.sub("", page) == _EXAMPLE.sub("", made), "run scripts/generate-reference"
    for example in map(json.loads, _EXAMPLE.findall(page)):
        fields = parse_fields(DOCUMENTS[example["schema"]].fields)
        assert list(problems_of(example, fields)) == [], "run scripts/generate-reference"
