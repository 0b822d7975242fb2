"""What `dvx verify --remote --sample 100%` passes, a new clone can pull: no object may be damaged in any place."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from dvx.core.errors import DvxError
from dvx.formats.pack import HEADER_BYTES, INDEX_ENTRY_BYTES, TRAILER_BYTES
from dvx.ops.verify import Outcome, Scope, verify
from dvx.store.sampling import Sample
from dvx.testing.faults import flip_bit
from dvx.testing.workspace import Workspace, clone_repo, make_repo, store_objects

PLACES = {
    "magic": 4, "header": 12, "frame header": HEADER_BYTES, "frame": HEADER_BYTES + 20,
    "index": -TRAILER_BYTES - INDEX_ENTRY_BYTES + 5, "trailer": -TRAILER_BYTES, "digest": -30, "end": -1,
}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    repo = make_repo(tmp_path / "work", remote=tmp_path / "remote")
    repo.write({f"data/{i:02d}": os.urandom(2000) for i in range(20)})
    repo.add("data")
    repo.commit()
    repo.push()
    return repo


def passes(repo: Workspace) -> bool:
    with repo.open() as project:
        scope = Scope((), None, workspace=False, remote=True, remote_name=None, sample=Sample(None, 1.0, 1))
        return verify(project, scope).outcome is Outcome.VERIFIED


def pulls(repo: Workspace, folder: Path) -> bool:
    with suppress(DvxError):
        clone_repo(repo, folder).pull()
        return True
    return False


@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("kind", ["packs", "roots"])
def test_a_flipped_bit_that_stops_a_new_clone_stops_the_verification(
    work: Workspace, tmp_path: Path, kind: str, place: str
) -> None:
    assert passes(work)
    for number, name in enumerate(store_objects(tmp_path / "remote", (kind,))):
        file = tmp_path / "remote" / name
        content = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(flip_bit(content, PLACES[place] % len(content)))
        assert pulls(work, tmp_path / f"clone{number}") or not passes(work)
        file.write_bytes(content)
    assert passes(work)


def test_packs_that_were_swapped_are_found(work: Workspace, tmp_path: Path) -> None:
    first, second = (
        tmp_path / "remote" / name for name in store_objects(tmp_path / "remote", ("packs",))[:2]
    )
    contents = first.read_bytes(), second.read_bytes()
    for file, content in zip((first, second), reversed(contents), strict=True):
        file.chmod(0o644)
        file.write_bytes(content)
    assert not passes(work)
    assert not pulls(work, tmp_path / "clone")
