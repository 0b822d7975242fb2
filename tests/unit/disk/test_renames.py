"""disk.renames: what somebody wrote a moment ago is kept."""

import os

import pytest

from dvx.disk import renames
from dvx.disk.folders import FolderCache
from dvx.disk.reading import FileStat
from dvx.disk.renames import ABSENT, CarefulRenames


def stat_of(path):
    found = os.lstat(path)
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@pytest.fixture(params=["exchange", "plain"])
def place(tmp_path, request):
    """Put the file `new` at `name`, with and without a system that can exchange names."""
    (tmp_path / "new").write_bytes(b"new")
    careful = CarefulRenames()
    if request.param == "plain":
        careful._rename2 = None
    elif careful._rename2 is None:
        pytest.skip("this system exchanges no names")
    folder = FolderCache(str(tmp_path)).get("", create=False)

    def act(name, before):
        return careful.place(folder, "new", folder, name, before=before)

    act.careful, act.folder, act.is_exact = careful, folder, request.param == "exchange"
    return act


def test_file_that_is_as_planned_is_replaced(place, tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    assert place("old", stat_of(tmp_path / "old"))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"old": b"new"}


def test_new_name_is_taken_only_if_it_is_free(place, tmp_path):
    (tmp_path / "taken").write_bytes(b"work")
    assert not place("taken", ABSENT)
    assert place("free", ABSENT)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"taken": b"work", "free": b"new"}


def test_file_that_vanished_meanwhile_is_written(place, tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    before = stat_of(tmp_path / "old")
    os.unlink(tmp_path / "old")
    assert place("old", before)
    assert (tmp_path / "old").read_bytes() == b"new"


def test_file_that_was_written_meanwhile_stays_and_so_does_the_new_one(place, tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    before = stat_of(tmp_path / "old")
    (tmp_path / "old").write_bytes(b"work")
    assert not place("old", before)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"old": b"work", "new": b"new"}


def test_write_between_the_look_and_the_rename_is_undone_by_a_second_exchange(place, tmp_path, monkeypatch):
    if not place.is_exact:
        pytest.skip("without an exchange nobody can know")
    (tmp_path / "old").write_bytes(b"old")
    before, look = stat_of(tmp_path / "old"), renames.status

    def look_then_write(folder, name):
        found = look(folder, name)
        (tmp_path / name).write_bytes(b"work")
        return found

    monkeypatch.setattr(renames, "status", look_then_write)
    assert not place("old", before)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"old": b"work", "new": b"new"}


def test_file_is_taken_away_only_as_planned(place, tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    before = stat_of(tmp_path / "old")
    assert place.careful.take_away(place.folder, "old", ".dvx-tmp-x", before=before)
    assert not (tmp_path / "old").exists()
    (tmp_path / "old").write_bytes(b"work")
    assert not place.careful.take_away(place.folder, "old", ".dvx-tmp-x", before=before)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"old": b"work", "new": b"new"}
    with pytest.raises(FileNotFoundError):
        place.careful.take_away(place.folder, "gone", ".dvx-tmp-x", before=before)


def test_write_between_the_look_and_the_removal_is_put_back(place, tmp_path, monkeypatch):
    (tmp_path / "old").write_bytes(b"old")
    before, replace = stat_of(tmp_path / "old"), renames._replace
    calls = []

    def write_then_rename(source, name, target, final):
        if not calls:
            (tmp_path / name).write_bytes(b"work")
        calls.append(name)
        replace(source, name, target, final)

    monkeypatch.setattr(renames, "_replace", write_then_rename)
    assert not place.careful.take_away(place.folder, "old", ".dvx-tmp-x", before=before)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"old": b"work", "new": b"new"}


def test_system_that_cannot_exchange_is_asked_once(place, tmp_path):
    asked = []

    def refuse(*_):
        asked.append(1)
        raise OSError(22, "no such rename")

    place.careful._rename2 = refuse
    (tmp_path / "old").write_bytes(b"old")
    assert place("old", stat_of(tmp_path / "old"))
    (tmp_path / "new").write_bytes(b"newer")
    assert place("other", ABSENT)
    assert asked == [1]
