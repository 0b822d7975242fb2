import os

from dvx.ops.named_paths import NamedPaths, is_at_or_below
from dvx.ops.trees import Tree


def named(root, *names, ignore=None):
    return NamedPaths(Tree(str(root), "data", None), [f"data/{name}" for name in names], ignore=ignore)


def make(root, *names):
    for name in names:
        (root / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "data" / name).write_bytes(b"x")


def test_walk_shows_only_named_paths_in_path_order(tmp_path):
    make(tmp_path, "a/x", "a.b", "a0", "other/y", "z")
    found = [path for path, _ in named(tmp_path, "a", "a.b", "z", "a/x", "gone").walk()]
    assert found == ["data/a.b", "data/a/x", "data/z"]


def test_walk_leaves_out_what_a_walk_of_everything_leaves_out(tmp_path):
    make(tmp_path, "real/x", "kept/x", "kept/no")
    os.symlink("real", tmp_path / "data/link")
    found = named(tmp_path, "link/x", "kept", "real/x", ignore=lambda path, _: path in ("kept/no", "real"))
    assert [path for path, _ in found.walk()] == ["data/kept/x"]


def test_range_is_touched_only_where_a_named_path_can_sort(tmp_path):
    paths = named(tmp_path, "b", "d/e")
    assert paths.is_within("", "b")
    assert paths.is_within("b", "b/x")
    assert not paths.is_within("b", "b.x")
    assert not paths.is_within("b0", "d/dz")
    assert paths.is_within("d", "z")
    assert not paths.is_within("d/e0", "z")


def test_path_is_below_a_name_by_whole_components():
    assert is_at_or_below("data/a/b", {"data/a"})
    assert is_at_or_below("data/a", {"data/a"})
    assert not is_at_or_below("data/ab", {"data/a"})
