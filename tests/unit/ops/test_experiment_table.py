"""Columns, order and constants of the table over history."""

from collections.abc import Mapping

import pytest

from dvx.core.errors import NotFound
from dvx.formats.metadata import Value
from dvx.formats.pointer import KIND_FILE, Pointer
from dvx.ops.directions import Directions
from dvx.ops.experiment_rows import KINDS, LogRow, Tables
from dvx.ops.experiment_table import Column, make_table, sort_rows
from dvx.repo.history_log import ChangeKind, HistoryCommit, PointerChange


def _row(name: str, values: Mapping[str, Value], *, path: str = "m", is_removed: bool = False) -> LogRow:
    commit = HistoryCommit(name, (), "Ann", 0, name, (), (), False, ())
    kind = ChangeKind.REMOVED if is_removed else ChangeKind.MODIFIED
    pointer = None if is_removed else Pointer(KIND_FILE, bytes(32), 5)
    return LogRow(commit, PointerChange(path, kind, None, None), pointer, _tables(values))


def _tables(values: Mapping[str, Value]) -> Tables:
    params, metrics, meta = (
        {name.partition(".")[2]: value for name, value in values.items() if name.startswith(kind + ".")}
        for kind in KINDS
    )
    return params, metrics, meta


def _titles(rows: list[LogRow], *wanted: str) -> list[str]:
    return [column.title for column in make_table(rows, wanted=wanted).columns]


def _told(same: tuple[tuple[Column, object], ...]) -> list[tuple[str, object]]:
    return [(column.title, value) for column, value in same]


def test_values_that_vary_are_columns_and_the_others_are_constants() -> None:
    rows = [
        _row("b", {"params.lr": 0.1, "params.seed": 1, "metrics.acc": 0.5}),
        _row("a", {"params.lr": 0.2, "params.seed": 1, "metrics.acc": 0.5, "metrics.f1": 1.0}),
        _row("gone", {}, is_removed=True),
    ]
    table = make_table(rows)
    assert [each.title for each in table.columns][-3:] == ["new", "lr", "f1"]
    assert table.constants == ()  # the row of the removal has no values
    assert _told(table.shared) == [("seed", 1), ("acc", 0.5)]
    assert _told(make_table(rows[:2]).constants) == [("seed", 1), ("acc", 0.5)]


def test_a_single_row_shows_all_its_values() -> None:
    table = make_table([_row("a", {"params.lr": 0.1, "metrics.acc": 0.5, "meta.owner": "x"})])
    assert [each.title for each in table.columns] == [
        "commit", "date", "author", "subject", "size", "new", "lr", "acc",
    ]  # fmt: skip
    assert table.constants == ()


def test_names_of_two_kinds_and_of_facts_are_shown_in_full() -> None:
    rows = [_row("a", {"params.acc": 1, "metrics.acc": 2, "params.size": 3, "params.lr": 4})]
    assert _titles(rows)[-4:] == [
        "params.acc", "lr", "params.size", "metrics.acc",
    ]  # fmt: skip


def test_columns_are_chosen_by_name_and_by_kind() -> None:
    rows = [_row("a", {"params.lr": 0.1, "metrics.acc": 0.5, "meta.owner": "x"})]
    assert _titles(rows, "commit", "metrics", "lr", "meta.owner") == ["commit", "acc", "lr", "meta.owner"]
    with pytest.raises(NotFound, match="no commit here has 'acx'") as caught:
        make_table(rows, wanted=["acx"])
    assert "`acc`" in caught.value.hints[0]


def _sorted(rows: list[LogRow], key: str) -> list[str]:
    return [row.commit.id for row in sort_rows(rows, key, Directions())]


def test_metrics_are_sorted_from_best_to_worst_and_others_upwards() -> None:
    rows = [
        _row("a", {"metrics.acc": 0.5, "metrics.loss": 1, "params.lr": 3}),
        _row("none", {}),
        _row("b", {"metrics.acc": 0.9, "metrics.loss": 0.1, "params.lr": 2}),
        _row("nan", {"metrics.acc": float("nan"), "metrics.loss": float("nan"), "params.lr": float("nan")}),
    ]
    assert _sorted(rows, "acc") == ["b", "a", "none", "nan"]
    assert _sorted(rows, "-metrics.acc") == ["a", "b", "none", "nan"]
    assert _sorted(rows, "loss") == ["b", "a", "none", "nan"]
    assert _sorted(rows, "lr") == ["b", "a", "none", "nan"]
    assert _sorted(rows, "-lr") == ["a", "b", "none", "nan"]
    assert _sorted(rows, "commit") == ["a", "b", "nan", "none"]


def test_an_unknown_key_is_refused_unless_there_are_no_rows() -> None:
    with pytest.raises(NotFound, match="no commit here has"):
        _sorted([_row("a", {})], "acc")
    assert _sorted([], "acc") == []


def test_constants_are_told_where_the_newest_row_has_nothing_to_say() -> None:
    rows = [
        _row("gone", {}, is_removed=True),
        _row("b", {"params.lr": 0.1, "params.seed": 1}),
        _row("a", {"params.lr": 0.2, "params.seed": 1}),
    ]
    table = make_table(rows)
    assert (_told(table.constants), _told(table.shared)) == ([], [("seed", 1)])
    assert [each.title for each in table.columns][-1] == "lr"


def test_data_without_parameters_does_not_make_those_of_models_vary() -> None:
    rows = [
        _row("c", {"meta.owner": "Ana"}, path="data"),
        _row("b", {"params.lr": 0.1, "params.seed": 1, "metrics.acc": 0.5}, path="model"),
        _row("a", {"params.lr": 0.2, "params.seed": 1, "metrics.acc": 0.5}, path="model"),
    ]
    table = make_table(rows)
    assert (_told(table.constants), _told(table.shared)) == ([], [("seed", 1), ("acc", 0.5)])
    assert [each.title for each in table.columns][-2:] == ["new", "lr"]


def test_a_parameter_that_one_model_lacks_varies() -> None:
    rows = [_row("b", {"params.lr": 0.1, "params.seed": 1}), _row("a", {"params.lr": 0.1})]
    assert [each.title for each in make_table(rows).columns][-1] == "seed"


def test_rows_are_sorted_by_what_was_new() -> None:
    rows = [_row("a", {}), _row("b", {}), _row("c", {})]
    new = {"a": 5, "b": None, "c": 3}
    table = make_table(rows, sort="new", find_new=lambda row: new[row.commit.id])
    assert [row.commit.id for row in table.rows] == ["c", "a", "b"]
    table = make_table(rows, sort="-new", find_new=lambda row: new[row.commit.id])
    assert [row.commit.id for row in table.rows] == ["a", "c", "b"]


def test_a_name_without_the_tables_around_it_is_recognized() -> None:
    with pytest.raises(NotFound) as caught:
        make_table([_row("a", {"params.train.lr": 0.1})], wanted=["lr"])
    assert "did you mean `train.lr`" in caught.value.hints[0]


def test_one_number_spelled_in_two_ways_does_not_vary() -> None:
    rows = [
        _row("b", {"params.lr": 1, "metrics.acc": 0.5}),
        _row("a", {"params.lr": 1.0, "metrics.acc": 0.6}),
    ]
    assert _told(make_table(rows).constants) == [("lr", 1)]


def test_the_path_is_named_where_rows_were_left_out() -> None:
    rows = [_row("a", {})]
    assert "path" not in _titles(rows)
    assert "path" in [column.title for column in make_table(rows, names_path=True).columns]
