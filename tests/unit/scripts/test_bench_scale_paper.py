"""The computed tables of docs/explanation/scale.md: they are in the document, and what they start from is true."""

import os
import random
import sys
import tracemalloc
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT / "scripts") not in sys.path:
    sys.path.insert(0, str(ROOT / "scripts"))

from benchmark import scale_paper as paper  # noqa: E402 - found through the lines above
from benchmark.scale_inputs import file_path  # noqa: E402

from dvx.chunking.encoder import Encoder  # noqa: E402
from dvx.core.ids import hash_bytes  # noqa: E402
from dvx.formats.manifest import Entry  # noqa: E402
from dvx.formats.manifest_tree import BuiltPage, build_manifest  # noqa: E402
from dvx.formats.pack import PackEntry, PackHeader, PackIndex  # noqa: E402
from dvx.formats.placement import PackRef, Placement, Run, format_placement, parse_placement  # noqa: E402
from dvx.store.index import ChunkIndex  # noqa: E402

DOCUMENT = ROOT / "docs" / "explanation" / "scale.md"
CHUNKS_PER_PACK = 1024


@pytest.mark.parametrize("title", paper.paper_tables())
def test_document_has_the_computed_table(title: str) -> None:
    assert f"\n{paper.paper_tables()[title]}\n" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["CHUNK_BYTES", "INDEX_DB_BYTES_PER_CHUNK", "ENTRY_STORED_BYTES"])
def test_document_names_the_measured_constant(name: str) -> None:
    value = getattr(paper, name)
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f" {value} " in text or f" {value:,} ".replace(",", " ") in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (999.4, "999"), (1000, "1.00 k"), (14_902, "14.9 k"), (15_258_790, "15.3 M")],
)
def test_counts_have_three_digits(value: float, text: str) -> None:
    assert paper.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(500, "500 B"), (9_994, "9.99 kB"), (9_996, "10.0 kB"), (99_960, "100 kB"), (10**15, "1.00 PB")],
)
def test_sizes_have_decimal_units(value: float, text: str) -> None:
    assert paper.size(value) == text


def test_money_has_cents_below_a_hundred_dollars() -> None:
    assert (paper.money(0.0745), paper.money(99.994), paper.money(12_207.4)) == ("$0.07", "$99.99", "$12,207")


def test_volume_of_one_pack_has_one_pack() -> None:
    volume = paper.Volume(60 * 1024 * 1024)
    assert (volume.chunks, volume.packs, volume.roots, volume.objects) == (960, 1, 1, 3)
    assert volume.overhead_bytes == 960 * 60


def random_index(size_chunks: int) -> PackIndex:
    entries, offset = [], 32
    for _ in range(size_chunks):
        entries.append(PackEntry(os.urandom(32), offset, 60_000, 65_536, 1))
        offset += 60_012
    return PackIndex(PackHeader(1, 1), tuple(entries), offset + 48 * size_chunks + 64)


def test_index_db_takes_the_stated_bytes_for_each_chunk(tmp_path: Path) -> None:
    index = ChunkIndex(str(tmp_path / "index.db"))
    for _ in range(40):
        index.add_pack(bytes(16), os.urandom(16), random_index(CHUNKS_PER_PACK), digest=os.urandom(32))
    # Until a chunk is missed, packs wait without rows.
    assert index.find_chunks(bytes(16), [os.urandom(32)]) == {}
    index.close()
    bytes_per_chunk = (tmp_path / "index.db").stat().st_size / (40 * CHUNKS_PER_PACK)
    assert bytes_per_chunk == pytest.approx(paper.INDEX_DB_BYTES_PER_CHUNK, rel=0.1)


def make_placement(packs: int, runs_per_pack: int) -> Placement:
    """Packs of about 64 MiB, read from one end to the other, or in runs of uneven length with gaps between them."""
    chance = random.Random(1)
    refs = [PackRef(chance.randbytes(16), 67_200_000 + chance.randrange(65_536)) for _ in range(packs)]
    runs = []
    room = 67_000_000 // runs_per_pack
    for ref in refs:
        offset = 32
        for _ in range(runs_per_pack):
            stored = (
                room - chance.randrange(room // 4) if runs_per_pack > 1 else room - chance.randrange(65_536)
            )
            chunks = stored // 65_536
            runs.append(Run(ref.name, offset, stored, chunks, stored - 12 * chunks))
            offset += stored + chance.randrange(room // 8)
    size = sum(run.plain for run in runs)
    return Placement(chance.randbytes(32), "file", size, tuple(refs), (), tuple(runs))


@pytest.mark.parametrize(
    ("packs", "runs_per_pack", "stored_bytes", "memory_bytes"),
    [
        (1000, 1, paper.WHOLE_STORED_BYTES, paper.WHOLE_MEMORY_BYTES),
        (50, 64, paper.RUN_STORED_BYTES, paper.RUN_MEMORY_BYTES),
    ],
)
def test_record_takes_the_stated_bytes_and_memory(
    packs: int, runs_per_pack: int, stored_bytes: int, memory_bytes: int
) -> None:
    body = format_placement(make_placement(packs, runs_per_pack))
    parse_placement(body)
    tracemalloc.start()
    parse_placement(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    runs = packs * runs_per_pack
    assert len(body) / runs == pytest.approx(stored_bytes, rel=0.1)
    assert peak / runs == pytest.approx(memory_bytes, rel=0.15)


FILES = 60_000
CHANGES = 100


def pages_of(changed: frozenset[int]) -> dict[bytes, BuiltPage]:
    entries = (
        Entry(file_path(number), "file", 4096, hash_bytes(b"%d %d" % (number, number in changed)))
        for number in range(FILES)
    )
    return {page.id: page for page in build_manifest(entries)}


def test_formula_of_rewritten_lines_agrees_with_a_real_manifest() -> None:
    before = pages_of(frozenset())
    after = pages_of(frozenset(random.Random(1).sample(range(FILES), CHANGES)))
    new = [page.data for page in after.values() if page.id not in before]
    lines = sum(data.count(b"\n") - 1 for data in new)
    assert lines == pytest.approx(paper.rewritten_lines(FILES, CHANGES), rel=0.2)


def test_entries_of_a_manifest_take_the_stated_bytes() -> None:
    pages = [page.data for page in pages_of(frozenset()).values()]
    stored = sum(len(Encoder("manifest.txt", len(page)).encode(memoryview(page), 0)[1]) for page in pages)
    assert stored / FILES == pytest.approx(paper.ENTRY_STORED_BYTES, rel=0.05)


def test_every_change_of_a_tiny_directory_rewrites_all_of_it() -> None:
    assert 400 < paper.rewritten_lines(500, 500) <= 501
