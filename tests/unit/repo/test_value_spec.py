"""Spellings of files and keys."""

import pytest

from dvx.core.errors import UsageError
from dvx.repo.track_rules import combined, split_rules
from dvx.repo.value_spec import ValueSpec, parse_spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("params.yaml", ValueSpec("params.yaml")),
        ("a/m.csv:acc, val.loss", ValueSpec("a/m.csv", ("acc", "val.loss"))),
        ("m.csv:step=10,acc", ValueSpec("m.csv", ("acc",), "step=10")),
        ("m.csv:epoch=3", ValueSpec("m.csv", (), "epoch=3")),
        (r"C:\runs\m.json:acc", ValueSpec(r"C:\runs\m.json", ("acc",))),
    ],
)
def test_spelling_is_read_and_comes_back(text: str, spec: ValueSpec) -> None:
    assert parse_spec(text) == spec
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize("text", ["", ":", "a:", "a:,", "m:step=1,epoch=2", ":key"])
def test_spelling_without_meaning_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert caught.value.kind == "bad-value-spec"


def test_rules_are_parted_from_settings_and_join_where_several_match() -> None:
    found = {
        "core.remote": "x",
        "track.models/*.pt.params": ["p.yaml:train"],
        "track.models/*.pt.from": ["data/train", "models/a.pt.dvx"],
        "track.models/a.pt.params": ["p.yaml:train", "q.toml"],
    }
    settings, rules, unknown = split_rules(found, origin="x")
    assert settings == {"core.remote": "x"}
    assert unknown == ()
    rule = combined(rules, "models/a.pt")
    assert rule is not None
    assert [str(spec) for spec in rule.params] == ["p.yaml:train", "q.toml"]
    assert rule.inputs == ("data/train",)  # not made from itself
    assert combined(rules, "models/sub/a.pt") is None
    assert combined(rules, "models") is None
