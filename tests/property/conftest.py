"""Property tests run hundreds of commands in this process, on folders that nobody needs after a power cut."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Leave out fsync: what it is for is tested in tests/fault, and a busy disk makes seconds of each."""

    def check_only(descriptor: int) -> None:
        os.fstat(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", check_only)
        yield
