"""A repository for the tests of single modules of dvx.ops."""

import pytest

from dvx.testing.workspace import make_repo


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")
