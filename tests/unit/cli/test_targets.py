"""Paths between what is typed and what the repository calls them."""

import os

import pytest

from dvx.cli.targets import shown_path, typed_address
from dvx.repo.repository import Repository


def _repository(prefix: str) -> Repository:
    return Repository(root="/r", git_dir="/r/.git", common_dir="/r/.git", prefix=prefix)


@pytest.mark.parametrize(
    ("prefix", "path", "shown"),
    [
        ("", "data/x", "data/x"),
        ("data", "data/x", "x"),
        ("other", "data/x", "../data/x"),
        ("data/x", "data/x", "."),
    ],
)
def test_path_is_shown_as_one_types_it_in_the_current_folder(prefix: str, path: str, shown: str) -> None:
    assert shown_path(_repository(prefix), path) == shown


@pytest.mark.parametrize(
    ("prefix", "url", "address"),
    [
        ("", "../store", "../store"),
        ("sub", "../store", "store"),
        ("sub", "../../store", "../store"),
        ("sub", "s3://b/p", "s3://b/p"),
        ("sub", "~/store", "~/store"),
        ("sub", os.path.abspath("/mnt/store"), os.path.abspath("/mnt/store")),
    ],
)
def test_folder_of_a_remote_becomes_relative_to_the_repository(prefix: str, url: str, address: str) -> None:
    assert typed_address(_repository(prefix), url) == address
