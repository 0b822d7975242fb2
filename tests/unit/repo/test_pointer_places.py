"""Whether a pointer may be written under its name."""

import os
from collections.abc import Callable

import pytest

from dvx.core.errors import PathRefused
from dvx.formats.pointer import Pointer, format_pointer
from dvx.repo import pointer_places
from dvx.repo.pointer_places import check_pointer_place
from dvx.repo.repository import Repository


@pytest.fixture
def repo(tmp_path) -> Repository:
    root = os.path.realpath(tmp_path)
    (tmp_path / "model.dvx").write_bytes(format_pointer(Pointer("file", bytes(32), 5)))
    return Repository(root, os.path.join(root, ".git"), os.path.join(root, ".git"))


@pytest.fixture
def names(repo) -> Callable[..., None]:
    """Give the pointer more names, on a disk that tells them apart."""

    def link(*names: str) -> None:
        if os.path.exists(repo.absolute("MODEL.DVX")):
            pytest.skip("the disk ignores upper and lower case")
        for name in names:
            os.link(repo.absolute("model.dvx"), repo.absolute(name))

    return link


def test_pointer_may_be_written_again_without_a_look_at_the_others(repo, monkeypatch):
    def refuse(folder: str) -> list[str]:
        raise AssertionError(
            f"{folder} was listed: a thousand pointers in one folder would list a million names"
        )

    monkeypatch.setattr(pointer_places.os, "listdir", refuse)
    check_pointer_place(repo, "model.dvx")
    check_pointer_place(repo, "new.dvx")


def test_name_that_the_disk_takes_for_another_is_refused(repo, names, monkeypatch):
    # Such a disk is rare where tests run: one that finds the file by this name, too, and lists it by its own.
    names("Model.dvx", "Model.DVX")
    monkeypatch.setattr(pointer_places.os, "listdir", lambda _: ["model.dvx"])
    with pytest.raises(PathRefused, match=r"`Model\.dvx` and `model\.dvx` are one file here") as refused:
        check_pointer_place(repo, "Model.dvx")
    assert refused.value.kind == "case-collision"


def test_files_of_several_names_on_a_disk_that_tells_them_apart_are_none_of_another(repo, names):
    names("model.DVX")
    check_pointer_place(repo, "model.dvx")


def test_file_of_somebody_else_is_refused(repo, tmp_path):
    (tmp_path / "notes.dvx").write_bytes(b"notes of mine\n")
    with pytest.raises(PathRefused) as refused:
        check_pointer_place(repo, "notes.dvx")
    assert refused.value.kind == "not-a-pointer"
