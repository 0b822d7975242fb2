"""Files of parameters and metrics: what each format says, and what it refuses."""

import json
import math
from datetime import date

import pytest

from dvx.core.errors import UsageError
from dvx.repo.value_files import read_file_values, read_series, read_values


def _left_out(data: bytes, name: str) -> dict[str, str]:
    return {item.name: item.reason for item in read_file_values(data, name).left_out}


def _refusal(data: bytes, name: str, **options) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_values(data, name, **options)
    return caught.value


# YAML


def test_yaml_follows_the_core_schema_of_yaml_1_2():
    data = b"""\
lr: 1e-3
country: no
truth: True
yes_text: yes
octal: 0o17
not_octal: 017
hex: 0x1F
float: .5
infinite: -.inf
separated: 1_000
binary: 0b11
sexagesimal: 12:30:45
day: 2024-01-01
quoted: "1"
tagged: !!str 1
"""
    assert read_values(data, "params.yaml") == {
        "lr": 0.001, "country": "no", "truth": True, "yes_text": "yes", "octal": 15, "not_octal": 17,
        "hex": 31, "float": 0.5, "infinite": -math.inf, "separated": "1_000", "binary": "0b11",
        "sexagesimal": "12:30:45", "day": "2024-01-01", "quoted": "1", "tagged": "1",
    }  # fmt: skip


def test_yaml_nan_is_kept():
    assert math.isnan(read_values(b"loss: .nan", "p.yml")["loss"])


def test_yaml_nested_names_are_joined_and_keys_that_are_no_text_are_spelled():
    data = b"train:\n  opt: {lr: 1, betas: [0.9, 0.999]}\n1: one\ntrue: t\n"
    expected = {"train.opt.lr": 1, "train.opt.betas": [0.9, 0.999], "1": "one", "true": "t"}
    assert read_values(data, "params.yaml") == expected


def test_yaml_merge_keys_and_aliases_are_followed():
    data = b"base: &b {lr: 1, wd: 2}\nrun:\n  <<: *b\n  lr: 3\nsame: *b\n"
    found = read_values(data, "params.yaml", keys=["run", "same"])
    assert found == {"run.wd": 2, "run.lr": 3, "same.lr": 1, "same.wd": 2}


def test_yaml_aliases_that_spell_a_billion_values_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    assert "more than 100000 values" in _refusal("\n".join(lines).encode(), "params.yaml").what


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a: 1\na: 2\n", "there twice"),
        (b"a: &x [*x]\n", "before or inside its anchor"),
        (b"a: [1\n", "line"),
        (b"a: 1\n---\nb: 2\n", "more than one document"),
        (b"- 1\n- 2\n", "no names with values"),
        (b"\xff\xfe", "UTF-16 text, and has to be saved as UTF-8"),
        (b"a: \xff", "UTF-8"),
        (b"? [1]\n: 2\n", "a key is not a plain value"),
        (b"a: " + b"[" * 200 + b"]" * 200, "nested deeper"),
        (b"x" * (1024 * 1024 + 1), "1048577 bytes"),
    ],
)
def test_yaml_that_cannot_be_meant_is_refused_by_name(data, words):
    error = _refusal(data, "conf/params.yaml")
    assert error.kind == "bad-value-file"
    assert "`conf/params.yaml`" in error.what
    assert words in error.what


def test_yaml_tags_make_no_objects():
    data = b"a: !!python/object/apply:os.system ['x']\nb: !own 1\nc: 2\n"
    assert read_values(data, "p.yaml")["c"] == 2
    assert "b" in _left_out(data, "p.yaml")


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"---\n", b"\xef\xbb\xbf"])
def test_empty_yaml_says_nothing(data):
    assert read_values(data, "params.yaml") == {}


# What cannot be stored


def test_values_that_a_pointer_cannot_hold_are_left_out_by_name():
    document = {
        "null": None, "huge": 10**30, "nested": [[1]], "objects": [{"a": 1}], "with_null": [1, None],
        "long_list": list(range(33)), "long_text": "x" * 2001, "broken": "\ud800", "fine": [1, 2], "x" * 201: 1,
        "bad\nname": 1, "url": "s3://key:secret@bucket", "empty": {},
    }  # fmt: skip
    found = read_file_values(json.dumps(document).encode(), "m.json")
    assert found.values == {"fine": [1, 2]}
    reasons = {item.name: item.reason for item in found.left_out}
    assert reasons["null"] == "it is null"
    assert reasons["huge"] == "it is a number beyond 64 bits"
    assert reasons["long_list"] == "it is a list of 33 items, more than 32"
    assert reasons["nested"] == reasons["with_null"] == "it is a list of other things than numbers and text"
    assert "2001 characters" in reasons["long_text"]
    assert "password" in reasons["url"]
    assert set(reasons) == set(document) - {"fine", "empty"}


def test_one_name_with_two_values_is_left_out():
    found = read_file_values(b'{"a.b": 1, "a": {"b": 2}, "c.d": 1, "c": {"d": 1}}', "m.json")
    assert found.values == {"c.d": 1}
    assert [item.name for item in found.left_out] == ["a.b"]


# Selection


def test_keys_select_names_and_everything_below_them():
    data = b"[train]\nlr = 0.1\n[train.opt]\nname = 'adam'\n[trainer]\nx = 1\n[data]\nseed = 3\n"
    found = read_file_values(data, "params.toml", keys=["train", "data.seed", "nothing"])
    assert found.values == {"train.lr": 0.1, "train.opt.name": "adam", "data.seed": 3}
    assert found.missing_keys == ("nothing",)


def test_a_selected_value_that_is_left_out_is_not_missing():
    found = read_file_values(b"a: null\n", "p.yaml", keys=["a"])
    assert found.missing_keys == ()
    assert [item.name for item in found.left_out] == ["a"]


# TOML, JSON


def test_toml_keeps_dates_and_huge_numbers_are_left_out():
    data = b"day = 2024-01-01\nbig = 99999999999999999999\nx = nan\n"
    found = read_file_values(data, "p.toml")
    assert found.values["day"] == date(2024, 1, 1)
    assert math.isnan(found.values["x"])
    assert [item.name for item in found.left_out] == ["big"]


def test_json_takes_nan_as_python_writes_it_and_whole_floats_stay_floats():
    found = read_values(b'{"a": NaN, "b": -Infinity, "c": 1.0, "d": 1e400}', "metrics.json")
    assert math.isnan(found["a"])
    assert (found["b"], found["d"]) == (-math.inf, math.inf)
    assert isinstance(found["c"], float)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"a": 1, "a": 2}', "m.json"),
        (b"{", "m.json"),
        (b"3", "m.json"),
        (b"[" * 100_000, "m.json"),
        (b"a = 1\na = 2", "p.toml"),
        (b"a = " + b"9" * 5000, "p.toml"),
    ],
)
def test_broken_documents_are_refused(data, name):
    assert _refusal(data, name).kind == "bad-value-file"


def test_digits_without_end_are_left_out_and_not_computed():
    assert "64 bits" in _left_out(b'{"a": ' + b"9" * 100_000 + b"}", "m.json")["a"]


# Environment and INI files


def test_env_file_with_exports_quotes_and_comments():
    data = b"""\
# comment
LR=1e-3
export EPOCHS = 10   # trailing
NAME="two words # no comment"
SINGLE='raw \\n'
ESCAPED="a\\nb"
QUOTED_NUMBER="10"
EMPTY=
HASH=a#b
CRLF=1\r
FLAG=true
ZIP=007
"""
    assert read_values(data, ".env") == {
        "LR": 0.001, "EPOCHS": 10, "NAME": "two words # no comment", "SINGLE": "raw \\n", "ESCAPED": "a\nb",
        "QUOTED_NUMBER": "10", "EMPTY": "", "HASH": "a#b", "CRLF": 1, "FLAG": True, "ZIP": "007",
    }  # fmt: skip


def test_credentials_of_an_env_file_are_left_out():
    data = b"HF_TOKEN=x\nAWS_SECRET_ACCESS_KEY=x\nDB_PASSWORD=x\nWANDB_API_KEY=x\nDB=pg://u:p@h/d\nMAX_TOKENS=5\n"
    assert read_values(data, "prod.env") == {"MAX_TOKENS": 5}
    assert len(_left_out(data, "prod.env")) == 5


@pytest.mark.parametrize("data", [b"not a line\n", b'A="open\n', b"A='x' y\n", b"1A=2\n"])
def test_env_lines_that_cannot_be_read_are_named_by_number(data):
    assert "line 1" in _refusal(b"" + data, ".env").what


def test_ini_sections_are_the_first_part_of_names():
    data = b"[Train]\nLR = 0.1\nname = a%b\npassword = x\n"
    assert read_values(data, "setup.cfg") == {"Train.LR": 0.1, "Train.name": "a%b"}


# Python


def test_python_literals_are_read_and_nothing_is_executed(tmp_path):
    marker = tmp_path / "ran"
    data = f"""\
open({str(marker)!r}, "w")
LR = 1e-3
NAME: str = "x"
LAYERS = (64, 32)
A = B = 2
NOTHING = None
SUM = 1 + 2
CALL = dict(a=1)
CHANGED = 1
CHANGED *= 2
if True:
    BRANCH = 1
OPT = {{"lr": -1.5, "sched": {{"warmup": 10}}}}
FILLED = {{"a": 1}}
FILLED["b"] = 2
class Train:
    epochs: int = 3
    def run(self):
        self.x = 1
    class Inner:
        x = "\\d"
__all__ = ["x"]
""".encode()
    found = read_file_values(data, "config.py")
    assert found.values == {
        "LR": 0.001, "NAME": "x", "LAYERS": [64, 32], "A": 2, "B": 2, "OPT.lr": -1.5, "OPT.sched.warmup": 10,
        "Train.epochs": 3, "Train.Inner.x": "\\d",
    }  # fmt: skip
    assert {item.name for item in found.left_out} == {"NOTHING", "SUM", "CALL", "CHANGED", "BRANCH", "FILLED"}
    assert not marker.exists()


@pytest.mark.parametrize("data", [b"def (", b"x = " + b"(" * 5000 + b"1" + b")" * 5000, b"x = 1\0"])
def test_what_is_not_python_is_refused(data):
    assert _refusal(data, "config.py").kind == "bad-value-file"


# Tables


def test_csv_gives_the_last_row():
    data = b"step,loss,acc\n0,0.9,0.1\n10,0.5,nan\n"
    found = read_values(data, "metrics.csv")
    assert (found["step"], found["loss"]) == (10, 0.5)
    assert math.isnan(found["acc"])


def test_csv_with_rows_of_different_kinds_gives_the_last_value_of_each_column():
    data = b"epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.6\n1,19,0.4,\n1,19,,0.55\n2,29,0.3,\n"
    assert read_values(data, "metrics.csv") == {"epoch": 2, "step": 29, "train_loss": 0.3, "val_loss": 0.55}
    at_step = read_values(data, "metrics.csv", step="9")
    assert at_step == {"epoch": 0, "step": 9, "train_loss": 0.5, "val_loss": 0.6}
    assert read_values(data, "metrics.csv", step="epoch=1", keys=["val_loss"]) == {"val_loss": 0.55}


def test_csv_cells_with_quotes_line_ends_and_semicolons():
    assert read_values(b'name,x\r\n"a, ""b""",1\r\n', "m.csv") == {"name": 'a, "b"', "x": 1}
    assert read_values(b"x;y\n1;2\n", "m.csv") == {"x": 1, "y": 2}
    assert read_values(b"step\tacc\n1\t0.5\n", "acc.tsv") == {"step": 1, "acc": 0.5}


def test_a_row_that_is_still_being_written_is_passed_over():
    assert read_values(b"step,loss\n1,0.5\n2", "m.csv") == {"step": 1, "loss": 0.5}
    assert read_values(b'{"step": 1}\n{"st', "m.jsonl") == {"step": 1}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"1,2\n3,4\n", "names of the columns"),
        (b"a,a\n1,2\n", "there twice"),
        (b"a,b\n1\n2,3\n", "row 2"),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(data, words):
    assert words in _refusal(data, "m.csv").what


def test_a_step_that_is_not_there_is_refused():
    error = _refusal(b"step,x\n1,2\n", "m.csv", step="7")
    assert error.kind == "no-such-step"
    assert _refusal(b"x\n1\n", "m.csv", step="7").kind == "no-such-step"
    assert _refusal(b"a: 1\n", "m.yaml", step="7").kind == "no-such-step"


def test_json_lines_may_have_different_keys():
    data = b'{"step": 1, "loss": 0.5, "eval": {"acc": 0.1}}\n\n{"step": 2, "loss": 0.4}\n'
    assert read_values(data, "log.jsonl") == {"step": 2, "loss": 0.4, "eval.acc": 0.1}
    assert "line 1" in _refusal(b"{\n{}\n", "log.jsonl").what
    series = read_series(data, "log.jsonl")
    assert series.columns == ("step", "loss", "eval.acc")
    assert series.rows == ((1, 0.5, 0.1), (2, 0.4, None))
    assert series.step_column == "step"


# Trainer state, Keras

_STATE = {
    "best_metric": 0.91,
    "best_model_checkpoint": "out/checkpoint-20",
    "epoch": 2.0,
    "global_step": 20,
    "max_steps": 20,
    "is_world_process_zero": True,
    "log_history": [
        {"epoch": 1.0, "learning_rate": 5e-5, "loss": 0.7, "step": 10},
        {"epoch": 1.0, "eval_loss": 0.6, "step": 10},
        {"epoch": 2.0, "learning_rate": 0.0, "loss": 0.5, "step": 20},
        {"epoch": 2.0, "eval_loss": 0.55, "step": 20},
    ],
}


def test_trainer_state_gives_last_logged_values_and_the_best():
    data = json.dumps(_STATE).encode()
    assert read_values(data, "out/trainer_state.json") == {
        "best_metric": 0.91, "best_model_checkpoint": "out/checkpoint-20", "epoch": 2.0, "global_step": 20,
        "learning_rate": 0.0, "loss": 0.5, "eval_loss": 0.55,
    }  # fmt: skip
    assert read_values(data, "out/trainer_state.json", step="10")["loss"] == 0.7
    assert read_values(data, "trainer_state.json", keys=["max_steps"]) == {"max_steps": 20}
    series = read_series(data, "trainer_state.json")
    assert series.columns == ("epoch", "learning_rate", "loss", "step", "eval_loss")
    assert series.rows[1] == (1.0, None, None, 10, 0.6)


def test_lists_of_one_length_are_a_series():
    series = read_series(b'{"loss": [0.5, 0.4], "acc": [0.1, 0.2]}', "history.json")
    assert series.columns == ("loss", "acc")
    assert series.rows == ((0.5, 0.1), (0.4, 0.2))


def test_unknown_formats_are_refused_with_the_known_ones():
    error = _refusal(b"", "model.bin")
    assert error.kind == "unknown-value-format"
    assert ".yaml" in error.hints[0]


def test_table_of_very_many_columns_is_read() -> None:
    names = ",".join(f"c{number}" for number in range(100_000))
    data = f"{names}\n{','.join(['1'] * 100_000)}\n".encode()
    assert len(read_values(data, "wide.csv")) == 100_000
