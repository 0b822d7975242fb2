"""benchmark.bounds: the work that is measured is the real work."""

import os
from pathlib import Path

from benchmark.bounds import Bound, bound_of_add, bound_of_checkout, describe
from benchmark.measure import Cost


def test_what_is_stored_spells_the_files_again(tmp_path: Path) -> None:
    contents = [os.urandom(40_000), b"text " * 2_000_000, b"x", os.urandom(5_000_000)]
    files = [tmp_path / f"file-{number}" for number in range(len(contents))]
    for path, content in zip(files, contents, strict=True):
        path.write_bytes(content)
    add, segments = bound_of_add(files, tmp_path / "pack")
    checkout = bound_of_checkout(segments, tmp_path / "pack", tmp_path / "restored")
    assert [(tmp_path / "restored" / str(number)).read_bytes() for number in range(4)] == contents
    assert len(os.listdir(tmp_path / "restored")) == 4
    assert (tmp_path / "pack").stat().st_size < 6_000_000  # the text was compressed
    assert list(add.stages) == ["read", "cut", "hash", "encode", "write"]
    assert list(checkout.stages) == ["read", "decode", "hash", "write"]
    assert min(add.stages.values()) > 0
    assert min(checkout.stages.values()) > 0


def test_bound_is_the_time_of_all_stages_on_all_cores() -> None:
    bound = Bound({"read": 1.0, "write": 3.0}, flush_s=0.5)
    first, second = describe("add", bound, Cost(5.0, 6.0, 0), cores=2)
    assert first == "  add: read 1.00, write 3.00; together 4.00 CPU s, then 0.50 s for the disk"
    assert second == "    on 2 cores at least 2.00 s; dvx took 5.00 s (2.50 x) and 6.00 CPU s (1.50 x)"
