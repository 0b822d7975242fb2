"""The file of rules: what it says, and mistakes with their line."""

import re
from pathlib import Path

import pytest

from dvx.core.errors import UsageError
from dvx.formats.checks import Severity, ValuesFile, parse_checks


def parsed(text):
    return parse_checks(text.encode())


def test_rule_over_tracked_data_with_everything_it_can_have():
    (check,) = parsed(
        '[checks."best model"]\npath = "models/*.bin/"\nrule = "metrics.acc >= base.metrics.acc"\n'
        'names = "*.bin"\nforbid = ["*.tmp", "old/*"]\nmessage = "ask"\nseverity = "warning"\nnew = "pass"\n'
    )
    assert (check.name, check.path, check.text) == (
        "best model",
        "models/*.bin",
        "metrics.acc >= base.metrics.acc",
    )
    assert (check.names, check.forbid) == (("*.bin",), ("*.tmp", "old/*"))
    assert (check.message, check.severity, check.passes_if_new) == ("ask", Severity.WARNING, True)
    assert check.needs_base
    assert check.looks_at_names


def test_rule_over_files_takes_keys_and_needs_no_base():
    (check,) = parsed(
        '[checks.a]\nparams = "params.yaml:train, seed"\nmetrics = ["m.json"]\nrule = "params.train.lr < 1"\n'
    )
    assert check.params == (ValuesFile("params.yaml", ("train", "seed")),)
    assert check.metrics == (ValuesFile("m.json"),)
    assert not check.needs_base
    assert check.severity is Severity.ERROR


def test_rules_keep_the_order_of_the_file_and_an_empty_file_has_none():
    text = "".join(f'[checks.{name}]\npath = "x"\nrule = "size > 1"\n' for name in "cab")
    assert [check.name for check in parsed(text)] == ["c", "a", "b"]
    assert parsed("# nothing yet\n") == ()


def test_path_may_be_that_of_a_pointer():
    (check,) = parsed('[checks.a]\npath = "data/train.dvx"\nrule = "files > 1"\n')
    assert check.path == "data/train"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[checks.a]\npath = "x"\n\nrul = "size > 1"\n', 4, "in `checks.a`: unknown key `rul`"),
        ('[checks.a]\npath = "x"\nrule = "size > 1"\n[other]\n', 4, "unknown key `other`"),
        ('[checks.a]\npath = "x"\nrule = "size >"\n', 3, "where a value is expected"),
        ('[checks.a]\npath = "x"\nrule = "acc > 1"\n', 3, "`acc` means nothing here"),
        ('[checks.a]\npath = "x"\nrule = "base.acc > 1"\n', 3, "`base.acc` means nothing here"),
        ('[checks.a]\npath = "x"\nrule = 5\n', 3, "`rule` is text between quotes"),
        ('[checks.a]\npath = ""\nrule = "size > 1"\n', 2, "`path` is text between quotes"),
        ('# one\n[checks.a]\nrule = "size > 1"\n', 2, "either a `path` of tracked data, or"),
        ('[checks.a]\npath = "x"\nmetrics = "m.json"\nrule = "size > 1"\n', 1, "either a `path`"),
        ('[checks.a]\nmetrics = "m.json"\nrule = "size > 1"\n', 3, "`size` is a fact of tracked data"),
        ('[checks.a]\nmetrics = "m.json"\nnames = "*"\n', 1, "need a `path`"),
        ('[checks.a]\npath = "x"\n', 1, "at least one of `rule`, `names` and `forbid`"),
        ('[checks.a]\npath = "x"\nnames = []\n', 3, "or a list of such texts"),
        ('[checks.a]\npath = "x"\nforbid = [1]\n', 3, "or a list of such texts"),
        ('[checks.a]\npath = "x"\nrule = "size > 1"\nseverity = "fatal"\n', 4, "`error` or `warning`"),
        ('[checks.a]\npath = "x"\nrule = "size > 1"\nnew = "pass"\n', 4, "compares with `base.`"),
        ('[checks.a]\nmetrics = "../m.json"\nrule = "metrics.a > 1"\n', 2, "is not `FILE` or"),
        ('[checks.a]\nmetrics = "/m.json"\nrule = "metrics.a > 1"\n', 2, "is not `FILE` or"),
        ('[checks."a\\tb"]\npath = "x"\nnames = "*"\n', 1, "printable text"),
        ("[checks]\na = 1\n", 2, "and `a` is none"),
        ("checks = 1\n", 1, "rules are tables"),
        ('[checks.a]\npath = "x"\nrule = "size > 1"\n[checks."b.c"]\n"x y" = 1\n', 5, "unknown key `x y`"),
        ('[checks]\na.path = "x"\na.bogus = 1\n', 3, "unknown key `bogus`"),
        ('[checks]\na = {path = "x", bogus = 1}\n', 2, "unknown key `bogus`"),
    ],
)
def test_mistakes_are_refused_with_their_line(text, line, words):
    with pytest.raises(UsageError) as caught:
        parsed(text)
    assert caught.value.what.startswith(f"`.dvx/checks.toml`, line {line}: ")
    assert words in caught.value.what
    assert caught.value.kind == "bad-checks"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"[checks.a\n", b"\xff", b"# " + b"x" * 300_000, b"a = " + b"[" * 9000])
def test_what_is_no_toml_is_refused(data):
    with pytest.raises(UsageError, match=r"`\.dvx/checks\.toml` is not valid TOML"):
        parse_checks(data)


def test_rules_of_the_how_to_page_are_valid():
    page = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "gate-changes.md"
    (block,) = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [check.name for check in parsed(block)] == ["accuracy", "train", "loss"]
