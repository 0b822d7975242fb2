"""Merging directories whose pointers or listings lie, and what a merge costs."""

from dataclasses import replace
from pathlib import Path

import pytest

from dvx.core.errors import DvxError, IntegrityError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer
from dvx.formats.pointer_merge import PointerSides
from dvx.ops.merge_pointers import Choices, PointerMerge, merge_pointers
from dvx.testing.workspace import Workspace, make_repo, store_objects


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Workspace, Pointer, Pointer, Pointer]:
    """A repository with three versions of `data` in its local store: base, ours, theirs."""
    workspace = make_repo(tmp_path / "repo")
    found = []
    for name in ("base", "ours", "theirs"):
        files = {"data/base": b"base", "data/big": b"x" * 100_000, f"data/{name}": name.encode()}
        workspace.write(files)
        workspace.add("data", force=True)
        found.append(workspace.pointer("data"))
        workspace.remove("data")
    return workspace, found[0], found[1], found[2]


def _merge(workspace: Workspace, sides: PointerSides) -> PointerMerge:
    with workspace.open() as project:
        return merge_pointers(lambda: project, "data", sides, Choices())


def test_merged_version_is_in_the_local_store_without_storing_data_again(
    versions: tuple[Workspace, Pointer, Pointer, Pointer],
) -> None:
    workspace, base, ours, theirs = versions
    store = Path(workspace.root, ".git/dvx/store")
    before = store_objects(store)
    merged = _merge(workspace, PointerSides(base, ours, theirs)).pointer
    assert merged is not None
    assert (merged.files, merged.size) == (4, 4 + 100_000 + 4 + 6)
    with workspace.open() as project:
        assert set(project.local.complete_placements([merged.id], jobs=1)) == {merged.id}
    added = [path for path in store_objects(store) if path not in before]
    assert len(added) == 2  # one pack of pages, one record
    assert sum(Path(path).stat().st_size for path in added) < 2000
    assert _merge(workspace, PointerSides(base, theirs, ours)).pointer == merged
    assert len([path for path in store_objects(store) if path not in before]) == 2


@pytest.mark.parametrize(
    "lie",
    [
        {"size": 7},
        {"id": hash_bytes(b"base")},
        {"id": hash_bytes(b"nowhere")},
        {"id": hash_bytes(b"x" * 100_000)},
    ],
)
def test_pointer_that_lies_about_its_data_is_refused_and_nothing_is_recorded(
    versions: tuple[Workspace, Pointer, Pointer, Pointer], lie: dict[str, object]
) -> None:
    workspace, base, ours, theirs = versions
    records = store_objects(Path(workspace.root, ".git/dvx/store"), ["roots"])
    false = replace(theirs, **lie)  # type: ignore[arg-type]
    with pytest.raises(DvxError) as caught:
        _merge(workspace, PointerSides(base, ours, false))
    assert caught.value.kind in ("size-mismatch", "bad-manifest", "manifest-missing")
    assert store_objects(Path(workspace.root, ".git/dvx/store"), ["roots"]) == records


def test_base_that_lies_about_its_size_only_does_no_harm(
    versions: tuple[Workspace, Pointer, Pointer, Pointer],
) -> None:
    workspace, base, ours, theirs = versions
    merged = _merge(workspace, PointerSides(replace(base, size=1, files=9), ours, theirs)).pointer
    assert merged == _merge(workspace, PointerSides(base, ours, theirs)).pointer


def test_size_that_is_wrong_on_our_side_is_found(
    versions: tuple[Workspace, Pointer, Pointer, Pointer],
) -> None:
    workspace, base, ours, theirs = versions
    with pytest.raises(IntegrityError):
        _merge(workspace, PointerSides(base, replace(ours, size=ours.size + 1), theirs))
