"""The notation of JSON documents notices what is not as described."""

import pytest

from dvx.cli.json_notation import parse_fields, problems_of

FIELDS = parse_fields("""
name text what it is called
sizes integer[]? bytes
note? text a word
inner object[] things
  ok boolean whether
  table table values by name
""")
RIGHT = {"schema": "dvx.x/1", "name": "a", "sizes": None, "inner": [{"ok": True, "table": {"x": [1, "a"]}}]}


def test_a_document_as_described_has_no_problem() -> None:
    assert list(problems_of(RIGHT, FIELDS)) == []
    assert list(problems_of({**RIGHT, "note": "n", "sizes": [1, 2]}, FIELDS)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"more": 1}, "more is not described"),
        ({"name": None}, "name is null"),
        ({"name": 1}, "name is no text: 1"),
        ({"sizes": [True]}, "sizes[0] is no integer: True"),
        ({"sizes": 1}, "sizes is no list"),
        ({"inner": [{"ok": True}]}, "inner[0].table is not there"),
        ({"inner": [{"ok": True, "table": {"x": {}}}]}, "inner[0].table is no table: {'x': {}}"),
        ({"inner": [{"ok": True, "table": {}, "schema": 1}]}, "inner[0].schema is not described"),
    ],
)
def test_every_deviation_is_named(change: dict[str, object], problem: str) -> None:
    assert list(problems_of({**RIGHT, **change}, FIELDS)) == [problem]
