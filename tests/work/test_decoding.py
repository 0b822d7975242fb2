"""How often a transfer decodes what it moves: work, not time."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dvx.chunking.codecs import Stored
from dvx.chunking.parts import Buffer
from dvx.store import chunk_reader
from dvx.testing.workspace import clone_repo, make_repo


def test_pull_decodes_every_chunk_once_for_the_store_and_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = tmp_path / "remote"
    author = make_repo(tmp_path / "author", remote=remote)
    files: dict[str, Any] = {f"data/{number:03}.bin": os.urandom(70_000) for number in range(100)}
    files["data/large.bin"] = os.urandom(12 * 1024 * 1024)
    author.write(files)
    author.add("data")
    author.commit()
    author.push()
    clone = clone_repo(author, tmp_path / "clone")
    decoded: list[int] = []
    inner = chunk_reader.decode_all

    def count(chunks: Sequence[Stored]) -> list[Buffer]:
        decoded.extend(plain_length for _, _, plain_length in chunks)
        return inner(chunks)

    monkeypatch.setattr(chunk_reader, "decode_all", count)
    result = clone.pull()
    assert clone.snapshot() == files
    assert result.fetched is not None
    size_bytes = sum(map(len, files.values()))
    assert size_bytes <= sum(decoded) < size_bytes + 100_000  # the rest is pages
    # What is in the local store now serves a checkout without the remote.
    clone.remove("data")
    os.rename(remote, tmp_path / "gone")
    clone.checkout()
    assert clone.snapshot() == files
