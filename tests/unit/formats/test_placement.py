"""Placement records: exact JSON, and refusal of numbers that cannot be."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import zstandard

from dvx.core.errors import FormatError, UnsupportedVersion
from dvx.formats.placement import (
    PackRef,
    Placement,
    Run,
    format_placement,
    parse_placement,
)

ROOT, DATA, PAGES = bytes(range(32)), b"D" * 16, b"P" * 16
DIRECTORY = Placement(
    root=ROOT,
    kind="directory",
    size=300,
    packs=(PackRef(DATA, 1000), PackRef(PAGES, 500)),
    pages=(PAGES,),
    runs=(Run(DATA, 32, 212, 2, 200), Run(DATA, 500, 112, 1, 100)),
)
FILE = replace(DIRECTORY, kind="file", packs=DIRECTORY.packs[:1], pages=())
EMPTY_FILE = Placement(ROOT, "file", 0, (), (), ())
FIELDS = {
    "dvx": "placement",
    "version": 1,
    "root": ROOT.hex(),
    "kind": "directory",
    "size": 300,
    "packs": [[DATA.hex(), 1000], [PAGES.hex(), 500]],
    "pages": [1],
    "runs": [[0, 32, 212, 2, 200], [0, 500, 112, 1, 100]],
}


def _record(**changes: Any) -> bytes:
    return zstandard.compress(json.dumps(FIELDS | changes).encode())


@pytest.mark.parametrize("placement", [DIRECTORY, FILE, EMPTY_FILE])
def test_placement_is_read_back(placement: Placement) -> None:
    assert parse_placement(format_placement(placement)) == placement


def test_record_is_canonical_json_in_zstd() -> None:
    text = zstandard.decompress(format_placement(DIRECTORY))
    assert text == json.dumps(FIELDS, sort_keys=True, separators=(",", ":")).encode()
    assert parse_placement(_record(later="ignored")) == DIRECTORY


@pytest.mark.parametrize(
    "change",
    [
        {"root": ROOT.hex().upper()},
        {"root": None},
        {"kind": "tree"},
        {"kind": "file"},
        {"kind": ["file"]},
        {"size": 299},
        {"size": -1},
        {"size": "300"},
        {"size": 300.0},
        {"packs": None},
        {"packs": [[DATA.hex(), 1000]]},
        {"packs": [[DATA.hex(), 1000], [DATA.hex(), 500]]},
        {"packs": [[DATA.hex(), 1000], [PAGES.hex(), 500], ["00" * 16, 500]]},
        {"packs": [[DATA.hex(), 1000], [PAGES.hex(), 10]]},
        {"packs": [[DATA.hex(), 2**32], [PAGES.hex(), 500]]},
        {"packs": [[DATA.hex(), True], [PAGES.hex(), 500]]},
        {"packs": [["x", 1000], [PAGES.hex(), 500]]},
        {"packs": [DATA.hex()]},
        {"pages": []},
        {"pages": [2]},
        {"pages": [-1]},
        {"pages": [True]},
        {"pages": [1, 1]},
        {"pages": "1"},
        {"runs": {}},
        {"runs": []},
        {"runs": [[0, 32, 212, 2]]},
        {"runs": [[2, 32, 312, 1, 300]]},
        {"runs": [[-1, 32, 312, 1, 300]]},
        {"runs": [[0, 31, 312, 1, 300]]},
        {"runs": [[0, 32, 312, 0, 300]]},
        {"runs": [[0, 32, 312, True, 300]]},
        {"runs": [[0, 577, 312, 1, 300]]},
        {"runs": [[0, 32, 11, 1, 300]]},
        {"runs": [[0, 32, 377, 1, 300]]},
        {"runs": [[0, 32, 212, 2, 400], [0, 500, 112, 1, -100]]},
        {"runs": [[0, 32, 212, 1, 2**18 + 1]], "size": 2**18 + 1},
    ],
)
def test_parse_placement_with_impossible_fields_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as caught:
        parse_placement(_record(**change))
    assert caught.value.kind == "bad-placement"


def test_run_that_ends_just_before_the_index_is_read() -> None:
    record = _record(runs=[[0, 1000 - 64 - 48 - 312, 312, 1, 300]])
    assert parse_placement(record).runs == (Run(DATA, 576, 312, 1, 300),)


def test_parse_placement_from_newer_version_says_update() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_placement(_record(version=2))


def _without_size(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(text)


def _bomb(text: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor().compressobj(size=257 * 2**20)
    piece = b" " * 2**20
    return b"".join([*(compressor.compress(piece) for _ in range(257)), compressor.flush()])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: b"",
        lambda text: text,
        lambda text: zstandard.compress(text)[:-5],
        lambda text: zstandard.compress(text) + b"x",
        lambda text: zstandard.compress(text) + zstandard.compress(b""),
        lambda text: zstandard.compress(b""),
        _without_size,
        _bomb,
    ],
)
def test_parse_placement_with_invalid_compression_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FormatError) as caught:
        parse_placement(spoil(json.dumps(FIELDS).encode()))
    assert caught.value.kind == "bad-placement"


@pytest.mark.parametrize(
    "placement",
    [
        replace(DIRECTORY, size=1),
        replace(DIRECTORY, root=b""),
        replace(DIRECTORY, pages=()),
        replace(DIRECTORY, pages=(b"X" * 16,)),
        replace(DIRECTORY, packs=(PackRef(DATA, 1000), PackRef(PAGES[:4], 500)), pages=(PAGES[:4],)),
        replace(FILE, pages=(DATA,)),
        replace(FILE, packs=()),
    ],
)
def test_format_placement_with_what_parse_refuses_is_refused(placement: Placement) -> None:
    with pytest.raises(FormatError):
        format_placement(placement)


MIB = 1024 * 1024
FILLINGS = {
    "lists": b"[]",
    "tables": b"{}",
    "nested lists": b"[[]]",
    "texts": b'"ab"',
    "runs": b"[0,0,0,0,0]",
}


@pytest.mark.parametrize("filling", list(FILLINGS))
def test_record_that_inflates_beyond_what_its_root_can_need_is_not_expanded(filling: str) -> None:
    many = b",".join([FILLINGS[filling]] * (MIB // len(FILLINGS[filling])))
    bomb = zstandard.compress(b'{"dvx":"placement","version":1,"junk":[' + many + b"]}", 19)
    assert len(bomb) < MIB // 100
    with pytest.raises(FormatError) as caught:
        parse_placement(bomb, size_bytes=300)
    assert caught.value.kind == "bad-placement"


@pytest.mark.parametrize("filling", ["lists", "tables", "nested lists", "texts"])
def test_record_that_would_become_many_more_objects_than_runs_is_not_parsed(filling: str) -> None:
    """Also for a root that is claimed to be large enough for it."""
    many = b",".join([FILLINGS[filling]] * (8 * MIB // len(FILLINGS[filling])))
    bomb = zstandard.compress(b'{"dvx":"placement","version":1,"junk":[' + many + b"]}")
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            parse_placement(bomb, size_bytes=2**60)
        assert tracemalloc.get_traced_memory()[1] < 30 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("spaces", [True, False])
def test_record_of_the_shortest_possible_runs_and_packs_is_within_the_bounds(spaces: bool) -> None:
    packs = [[number.to_bytes(16, "big").hex(), 200] for number in range(3000)]
    runs = [[number % 3000, 32, 13, 1, 1] for number in range(53_000)]
    fields = FIELDS | {"kind": "file", "size": 53_000, "packs": packs, "pages": [], "runs": runs}
    separators = (", ", ": ") if spaces else (",", ":")
    record = zstandard.compress(json.dumps(fields, separators=separators).encode())
    assert len(parse_placement(record, size_bytes=53_000).runs) == 53_000
