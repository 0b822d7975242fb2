"""How versions look side by side where there is little room."""

import io
import os

import pytest

from dvx.cli.comparison_text import comparison_lines, format_cell
from dvx.cli.output import Output
from dvx.core.ids import format_id
from dvx.formats.metadata import Value
from dvx.ops.directions import Direction
from dvx.ops.value_changes import Comparison, ValueRow, change_between


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _row(kind: str, name: str, *values: Value | None) -> ValueRow:
    direction = Direction.HIGHER if kind == "metrics" else None
    changes = tuple(change_between(values[0], value, direction) for value in values[1:])
    return ValueRow("experiments/2026/models/classifier.safetensors", kind, name, values, changes)


def _lines(monkeypatch: pytest.MonkeyPatch, versions: int) -> list[str]:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
    numbers = [0.8 + place / 1000 + 0.000123 for place in range(versions)]
    rows = [
        _row("params", "train.optimizer.learning_rate", *numbers),
        _row("params", "text", *("a text that is longer than any number" for _ in numbers)),
        _row("metrics", "val.accuracy", *numbers),
    ]
    other = ValueRow("data/train", "data", "size", (1000,) * versions, tuple(r for r in rows[0].changes))
    comparison = Comparison(tuple(f"release-candidate-{place}" for place in range(versions)), (), ())
    output = Output(_Terminal(), io.StringIO(), uses_colour=False)
    return comparison_lines(comparison, [*rows, other], output, with_kind=True)


@pytest.mark.parametrize("versions", [2, 3])
def test_at_80_columns_the_value_and_whether_it_is_better_stay(
    monkeypatch: pytest.MonkeyPatch, versions: int
) -> None:
    lines = _lines(monkeypatch, versions)
    assert max(map(len, lines)) <= 80
    [accuracy] = [line for line in lines if "val.accuracy" in line]
    assert accuracy.count("better") == versions - 1
    assert "0.800123" in accuracy
    assert any("params.train.optimizer" in line for line in lines)


def test_the_id_of_data_is_shown_short() -> None:
    digest = bytes(range(32))
    assert format_cell(_row("data", "id", "x"), format_id(digest)) == digest.hex()[:12]
