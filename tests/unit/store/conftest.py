"""Stores in memory for the tests of dvx.store."""

import pytest

from dvx.testing.stores import make_store, open_index


@pytest.fixture
def index(tmp_path):
    with open_index(tmp_path) as index:
        yield index


@pytest.fixture
def local(tmp_path, index):
    return make_store(tmp_path, index)


@pytest.fixture
def remote(tmp_path, index):
    return make_store(tmp_path, index, is_remote=True)
