"""The short way to read canonical pointers: it never reads anything as something else than the TOML reader does."""

import math
from datetime import date

import pytest

from dvx.formats.pointer import KIND_DIRECTORY, KIND_FILE, Pointer, format_pointer, parse_pointer
from dvx.formats.pointer_lines import PointerReader

_HEAD = format_pointer(Pointer(KIND_FILE, bytes(32), 1))


def test_what_dvx_writes_is_read_as_by_the_toml_reader() -> None:
    pointers = [
        Pointer(KIND_FILE, bytes(32), 5),
        Pointer(KIND_DIRECTORY, bytes(32), 5, 2),
        Pointer(
            KIND_FILE,
            bytes(range(32)),
            5,
            None,
            {
                "meta": {"owner": "Ana Müller", "quoted": 'a "b"\n', "day": date(2026, 1, 31)},
                "metrics": {"acc": 0.5, "nan": math.nan, "neg": -1e-07, "val.f1": math.inf},
                "params": {"betas": [0.9, 0.999], "is on": True, "n": -(2**63), "off": False, "z": 0},
                "source": {"command": "x = [1]", "inputs": {"data/train": "blake3:" + "0" * 64}},
            },
        ),
    ]
    reader = PointerReader()
    for pointer in [*pointers, *pointers]:
        data = format_pointer(pointer)
        read = reader.read(data)
        assert read == pointer == parse_pointer(data)
        assert repr(read) == repr(parse_pointer(data))


def test_tables_that_pointers_share_are_one_object_and_stay_as_they_are() -> None:
    tables = b'\n[params]\nlr = 0.1\n\n[source]\ncommand = "x"\n'
    inputs = b'\n[source.inputs]\n"data/train" = "y"\n'
    reader = PointerReader()
    first, second = reader.read(_HEAD + tables + inputs), reader.read(_HEAD + tables)
    third = reader.read(_HEAD + tables + inputs)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.extra["params"] is second.extra["params"]
    assert first.extra["source"] is third.extra["source"]
    assert second.extra["source"] == {"command": "x"}
    assert third.extra["source"] == {"command": "x", "inputs": {"data/train": "y"}}


@pytest.mark.parametrize(
    "tail",
    [
        b"\n[params]\nlr = 0.1\nlr = 0.2\n",
        b"\n[params]\nlr = 0.1\n\n[params]\nlr = 0.1\n",
        b"\n[params]\nb = 1\na = 2\n",
        b"\n[params]\na = 1\n\n[meta]\na = 1\n",
        b"\n[size]\na = 1\n",
        b"\n[kind.x]\na = 1\n",
        b"\n[source]\ninputs = 1\n\n[source.inputs]\na = 1\n",
        b"\n[a.b.c]\nd = 1\n",
        b"\n[[params]]\na = 1\n",
        b"\n[params]\na.b = 1\n",
        b"\n[params]\na = {b = 1}\n",
        b"\n[params]\na = [{b = 1}]\n",
        b"\n[params]\na = [[1]]\n",
        b'\n[params]\na = """x\n\n[metrics]\nb = 1\n"""\n',
        b"\n[params]\na = '''\n\n[metrics]\nb = 1\n'''\n",
        b"\n[params]\na = [\n\n[metrics]\n]\n",
        b"\n[params]\na = 1 # comment\n\n# comment\n",
        b"\n[params]\n# a = 1\n",
        b"\n[params]\na = 1\n\nb = 2\n",
        b"\n[params]\na = 01\n",
        b"\n[params]\na = 1_000\n",
        b"\n[params]\na = 1.\n",
        b"\n[params]\na = .5\n",
        b"\n[params]\na = nan\nb = -inf\n",
        b"\n[params]\na = 9223372036854775807\nb = 9223372036854775808\n",
        b"\n[params]\na = 123456789012345678901234567890\n",
        b"\n[params]\na = 1e400\nb = -0.0\nc = -0\n",
        b'\n[params]\na = "\x1b[2J"\n',
        b'\n[params]\na = "\\u001b[2J"\n',
        b'\n[params]\n"\\u001b" = 1\n',
        b"\n[params]\na = '\x7f'\n",
        b'\n[params]\na = "\xff"\n',
        b'\n[params]\na = "b"c"\n',
        b"\n[params]\ra = 1\n",
        b"\n[params]\r\na = 1\r\n",
        b"\n[params]\na = 1",
        b"\n[params]\n\n",
        b"\n[params\n",
        b"\n[params\na = 1\n",
        b"\n[source]\n\n[source.inputs\n",
        b"\n[params]\n",
        b"\n[params]\n\n[source]\n",
        b"\n[]\na = 1\n",
        b'\n[""]\na = 1\n',
        b'\n[params]\n"" = 1\n',
        b'\n[params]\n"a" = 1\na = 2\n',
        b"\n",
        b"\n[",
        b"x",
        b"files = 2\n\n[params]\na = 1\n",
        b"note = 1\n\n[params]\na = 1\n",
        b'\n[params]\na = "' + b"x" * 17_000 + b'"\n',
    ],
)
def test_any_other_spelling_is_left_to_the_toml_reader_or_means_the_same(tail: bytes) -> None:
    reader = PointerReader()
    for _ in range(2):
        found = reader.read(_HEAD + tail)
        if found is not None:
            assert repr(found) == repr(parse_pointer(_HEAD + tail))


def test_many_different_tables_are_read_as_each_alone() -> None:
    reader = PointerReader()
    for number in range(10_000):
        data = _HEAD + b"\n[a]\nx = %d\n\n[a.b]\ny = %d\n\n[c]\nz = [%d]\n" % (number, number % 7, number)
        read = reader.read(data)
        assert read is not None
        assert read.extra == {"a": {"x": number, "b": {"y": number % 7}}, "c": {"z": [number]}}
