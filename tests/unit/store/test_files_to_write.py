"""store.files_to_write: a sequence of files in little memory."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from dvx.core.ids import hash_bytes
from dvx.store.files_to_write import FilesToWrite, FileToWrite

PATHS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=30)


def file(path, size=1, start=0, kind="file"):
    return FileToWrite(path, kind, size, hash_bytes(path.encode()), start)


def collect(files):
    collected = FilesToWrite()
    for each in files:
        collected.append(each)
    return collected


def numbered(count, **values):
    return [file(f"data/folder-{n // 100:03}/{n:06}.jpg", start=n, **values) for n in range(count)]


@given(st.lists(PATHS, unique=True, max_size=60))
def test_files_come_back_in_path_order_whatever_order_they_came_in(paths):
    collected = collect(map(file, paths))
    assert list(collected) == [file(path) for path in sorted(paths)]
    assert list(collected.paths()) == sorted(paths)
    assert len(collected) == len(paths)


def test_files_of_many_blocks_come_back_as_they_were():
    files = numbered(5000)
    files[1234] = file(files[1234].path, 2**40, 2**50, "executable")
    files[4321] = file(files[4321].path, 0, 7, "symlink")
    collected = collect(files)
    assert list(collected) == files
    assert list(collected) == files
    assert collected.largest_bytes == 2**40
    assert collected.size_bytes == 2**40 + 4998


def test_second_stretch_of_path_order_is_merged_over_blocks():
    files = numbered(6000)
    assert list(collect(files[::2] + files[1::2])) == files


def test_large_files_are_found_without_the_small_ones():
    files = numbered(3000)
    files[7] = file(files[7].path, 100)
    files[2999] = file(files[2999].path, 101)
    assert list(collect(files).large(100)) == [files[7], files[2999]]
    assert list(collect(files).large(102)) == []


def test_only_keeps_what_is_wanted():
    files = numbered(10)
    assert list(collect(files).only(lambda each: each.start % 2 == 0)) == files[::2]


def test_spans_merge_neighbours_and_leave_out_empty_files():
    files = [file("a", 5, 0), file("b", 0, 5), file("c", 3, 5), file("d", 2, 10), file("e", 0, 99)]
    assert collect(files).spans() == [(0, 8), (10, 12)]
    assert FilesToWrite().spans() == []


def test_many_files_take_less_than_100_bytes_each():
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        collected = FilesToWrite()
        for number in range(50_000):
            path = f"data/train/folder-{number // 500:05}/image-{number:08}.jpg"
            collected.append(FileToWrite(path, "file", 4096, hash_bytes(path.encode()), number * 4096))
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(collected) == 50_000
    assert used < 100 * 50_000
