"""disk.safe_writes: files below a root, whole, and never through a link."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from dvx.core.errors import LocalDiskError, PathRefused
from dvx.disk import folders, safe_writes
from dvx.disk.reading import FileStat
from dvx.disk.safe_writes import NewFile, WorkspaceWriter
from dvx.disk.symlinks import check_symlink_target


def write_file(writer: WorkspaceWriter, rel_path: str, data: bytes, *, executable: bool) -> FileStat:
    folder, _, name = rel_path.rpartition("/")
    (stat,) = writer.write_files(folder, [NewFile(name, data, executable)])
    return stat


@pytest.fixture(params=["descriptors", "paths"])
def writer(request, tmp_path, monkeypatch):
    if request.param == "paths":
        monkeypatch.setattr(folders, "HAS_DESCRIPTORS", False)
    root = tmp_path / "root"
    root.mkdir()
    with WorkspaceWriter(str(root)) as found:
        yield found


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def everything(root):
    return sorted(
        os.path.relpath(os.path.join(top, name), root) for top, _, names in os.walk(root) for name in names
    )


@pytest.mark.parametrize(("executable", "mode"), [(False, 0o640), (True, 0o750)])
def test_write_file_makes_folders_and_follows_the_umask(writer, root, executable, mode):
    write_file(writer, "a/b/c", b"content", executable=executable)
    assert (root / "a/b/c").read_bytes() == b"content"
    assert (root / "a/b/c").stat().st_mode & 0o777 == mode


def test_write_file_replaces_a_file_and_a_symlink_but_not_its_target(writer, root):
    (root / "target").write_text("kept")
    (root / "link").symlink_to("target")
    (root / "file").write_text("old")
    for name in ("link", "file"):
        write_file(writer, name, memoryview(b"new"), executable=False)
        assert not (root / name).is_symlink()
        assert (root / name).read_bytes() == b"new"
    assert (root / "target").read_text() == "kept"


@pytest.mark.parametrize("executable", [False, True])
def test_temporary_appears_under_its_name_at_commit(writer, root, executable):
    descriptor, temporary = writer.create_temporary("d/big")
    os.write(descriptor, b"part one, ")
    os.write(descriptor, b"part two")
    os.close(descriptor)
    assert not (root / "d/big").exists()
    writer.commit(temporary, "d/big", executable=executable)
    assert (root / "d/big").read_bytes() == b"part one, part two"
    assert (root / "d/big").stat().st_mode & 0o777 == (0o750 if executable else 0o640)
    assert everything(root) == ["d/big"]


def test_discarded_temporary_is_gone_and_may_be_discarded_again(writer, root):
    descriptor, temporary = writer.create_temporary("d/big")
    os.close(descriptor)
    writer.discard(temporary)
    writer.discard(temporary)
    assert everything(root) == []


@pytest.mark.parametrize("step", ["write", "replace"])
def test_write_that_fails_keeps_the_old_file_and_leaves_no_temporary(writer, root, monkeypatch, step):
    (root / "file").write_text("old")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(LocalDiskError) as caught:
        write_file(writer, "file", b"new", executable=False)
    assert caught.value.kind == "disk-full"
    assert (root / "file").read_text() == "old"
    assert everything(root) == ["file"]


@pytest.mark.parametrize("path", ["", "../x", "a/../../x", "/etc/x", ".git/hooks/pre-commit", "a//b", "a\0b"])
def test_unsafe_paths_are_refused_everywhere(writer, root, path):
    for attempt in (
        lambda: write_file(writer, path, b"", executable=False),
        lambda: writer.create_temporary(path),
        lambda: writer.make_symlink(path, "x"),
        lambda: writer.remove(path),
    ):
        with pytest.raises(PathRefused):
            attempt()
    assert everything(root.parent) == []


def test_nothing_is_written_or_removed_through_a_symlinked_parent(writer, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (root / "data").symlink_to(outside)
    for attempt in (
        lambda: write_file(writer, "data/x", b"", executable=False),
        lambda: writer.create_temporary("data/x"),
        lambda: writer.make_symlink("data/x", "y"),
        lambda: writer.make_folders("data/sub"),
        lambda: writer.remove("data/precious"),
    ):
        with pytest.raises(PathRefused, match="`data` is a symbolic link"):
            attempt()
    assert everything(outside) == ["precious"]


def test_directory_in_the_place_of_a_file_is_kept(writer, root):
    (root / "x/y").mkdir(parents=True)
    with pytest.raises(LocalDiskError):
        write_file(writer, "x", b"", executable=False)
    with pytest.raises(LocalDiskError):
        writer.remove("x")
    assert everything(root) == []
    assert (root / "x/y").is_dir()


def test_folder_removed_by_somebody_else_is_made_again(writer, root):
    write_file(writer, "a/b/one", b"1", executable=False)
    (root / "a/b/one").unlink()
    (root / "a/b").rmdir()
    (root / "a").rmdir()
    write_file(writer, "a/b/two", b"2", executable=False)
    assert everything(root) == ["a/b/two"]
    (root / "a/b/two").unlink()
    (root / "a/b").rmdir()
    descriptor, temporary = writer.create_temporary("a/b/three")
    os.close(descriptor)
    writer.commit(temporary, "a/b/three", executable=False)
    assert everything(root) == ["a/b/three"]


def test_symlink_replaces_what_has_its_name(writer, root):
    (root / "d").mkdir()
    (root / "d/link").write_text("old")
    writer.make_symlink("d/link", "../file")
    assert os.readlink(root / "d/link") == "../file"
    writer.make_symlink("d/link", "other")
    assert os.readlink(root / "d/link") == "other"
    assert everything(root) == ["d/link"]


def test_symlink_that_leaves_the_tracked_folder_inside_the_root_is_refused(writer, root):
    with pytest.raises(PathRefused) as caught:
        writer.make_symlink("data/set/link", "../other", inside="data/set")
    assert caught.value.kind == "unsafe-symlink"
    writer.make_symlink("data/set/sub/link", "../other", inside="data/set")
    assert everything(root) == ["data/set/sub/link"]


def test_remove_takes_files_and_links_and_says_whether_there_was_one(writer, root):
    (root / "file").touch()
    (root / "link").symlink_to("file")
    assert [writer.remove(name) for name in ("link", "file", "file", "no/such")] == [True, True, False, False]
    assert everything(root) == []


def test_remove_empty_folders_goes_up_to_the_first_that_is_used(writer, root):
    writer.make_folders("a/b/c/d")
    write_file(writer, "a/keep", b"", executable=False)
    writer.remove_empty_folders("a/b/c/d")
    assert os.listdir(root / "a") == ["keep"]
    writer.remove("a/keep")
    writer.remove_empty_folders("a/gone/already")
    assert root.is_dir()
    assert os.listdir(root) == []


def test_remove_empty_folders_leaves_a_symlink(writer, root, tmp_path):
    (tmp_path / "outside/empty").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "outside")
    writer.remove_empty_folders("link/empty")
    writer.remove_empty_folders("link")
    assert (tmp_path / "outside/empty").is_dir()
    assert (root / "link").is_symlink()


def test_many_threads_write_into_many_folders(writer, root):
    names = [f"d{number % 90}/e/f{number}" for number in range(900)]

    def write(name):
        write_file(writer, name, name.encode(), executable=False)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, names))
    assert everything(root) == sorted(names)
    assert all((root / name).read_text() == name for name in names)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("a", "b"), ("a", "./b/c/"), ("a/b", "../c"), ("a/b/c", "../.."), ("a/b", ".."), ("a", "."),
        ("a", "name with space"), ("a", "..."), ("a/b", "..//c"),
    ],
)  # fmt: skip
def test_symlink_target_inside_the_folder_is_accepted(link, target):
    assert check_symlink_target(link, target) is None


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        ("a", "", "empty"),
        ("a", "/etc/passwd", "absolute"),
        ("a", "C:/x", "absolute"),
        ("a", "..", "leaves"),
        ("a/b", "../../c", "leaves"),
        ("a", "b/../c", "after a name"),
        ("a", "b/../../c", "after a name"),
        ("a", ".git/config", "not safe"),
        ("a", "x\\y", "not safe"),
        ("a", "x\0y", "not safe"),
        ("a", "x" * 5000, "too long"),
    ],
)
def test_symlink_target_that_may_leave_the_folder_is_refused(link, target, reason):
    with pytest.raises(PathRefused, match=reason) as caught:
        check_symlink_target(link, target)
    assert caught.value.kind == "unsafe-symlink"


def test_workspace_writer_needs_no_umask(root, writer, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask belongs to the whole process"))
    write_file(writer, "x", b"", executable=True)
    assert safe_writes.TEMPORARY_PREFIX == ".dvx-tmp-"


# many files of one folder

MANY = [NewFile(f"{number:02}", b"%d" % number, number == 3) for number in range(9)]


def check_many(folder, stats):
    for file, found in zip(MANY, stats, strict=True):
        path = folder / file.name
        seen = path.lstat()
        assert path.read_bytes() == file.data
        assert seen.st_mode & 0o777 == (0o750 if file.executable else 0o640)
        assert found == (seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)


@pytest.mark.parametrize("folder", ["new", "a/b/new", ""])
def test_files_of_a_new_or_old_folder_are_written_with_the_status_they_keep(writer, root, folder):
    check_many(root / folder, writer.write_files(folder, MANY))
    check_many(root / folder, writer.write_files(folder, MANY[:]))
    assert len(everything(root)) == len(MANY)


def test_new_folder_appears_only_when_all_its_files_are_written(writer, root, monkeypatch):
    if not folders.HAS_DESCRIPTORS:
        pytest.skip("folders are made in place where they cannot be held open")
    seen = []
    write_all = safe_writes.write_all

    def spy(descriptor, data):
        seen.append((root / "data/new").exists())
        write_all(descriptor, data)

    monkeypatch.setattr(safe_writes, "write_all", spy)
    check_many(root / "data/new", writer.write_files("data/new", MANY))
    assert seen == [False] * len(MANY)
    assert [entry.name for entry in (root / "data").iterdir()] == ["new"]


def test_new_folder_whose_last_file_fails_is_not_there_at_all(writer, root, monkeypatch):
    if not folders.HAS_DESCRIPTORS:
        pytest.skip("folders are made in place where they cannot be held open")
    write_all = safe_writes.write_all

    def full(descriptor, data):
        if data == MANY[-1].data:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_all(descriptor, data)

    monkeypatch.setattr(safe_writes, "write_all", full)
    with pytest.raises(LocalDiskError) as caught:
        writer.write_files("data/new", MANY)
    assert caught.value.kind == "disk-full"
    assert everything(root) == []
    assert list((root / "data").iterdir()) == []


@pytest.mark.parametrize("is_empty", [False, True])
def test_folder_that_somebody_makes_meanwhile_keeps_its_files_and_gets_the_new_ones(
    writer, root, monkeypatch, is_empty
):
    if not folders.HAS_DESCRIPTORS:
        pytest.skip("folders are made in place where they cannot be held open")
    write_all = safe_writes.write_all

    def make_folder(descriptor, data):
        (root / "data/new").mkdir(exist_ok=True)
        if not is_empty:
            (root / "data/new/theirs").write_text("kept")
        write_all(descriptor, data)

    monkeypatch.setattr(safe_writes, "write_all", make_folder)
    check_many(root / "data/new", writer.write_files("data/new", MANY))
    assert (root / "data/new/theirs").exists() is not is_empty
    assert [entry.name for entry in (root / "data").iterdir()] == ["new"]


@pytest.mark.parametrize("obstacle", ["link", "file"])
def test_link_or_file_that_takes_the_place_of_a_new_folder_is_refused(
    writer, root, tmp_path, monkeypatch, obstacle
):
    outside = tmp_path / "outside"
    outside.mkdir()

    def take_place(descriptor, data):
        if not os.path.lexists(root / "new"):
            if obstacle == "link":
                (root / "new").symlink_to(outside)
            else:
                (root / "new").write_text("theirs")

    monkeypatch.setattr(safe_writes, "write_all", take_place)
    if not folders.HAS_DESCRIPTORS:
        pytest.skip("folders are made in place where they cannot be held open")
    with pytest.raises(PathRefused if obstacle == "link" else LocalDiskError):
        writer.write_files("new", MANY)
    assert everything(outside) == []
    assert [entry.name for entry in root.iterdir()] == ["new"]


def test_many_files_are_refused_through_a_symlinked_parent_and_under_unsafe_names(writer, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "data").symlink_to(outside)
    for folder in ("data", "data/new"):
        with pytest.raises(PathRefused, match="`data` is a symbolic link"):
            writer.write_files(folder, MANY)
    for folder, name in (("x", "../y"), ("..", "y"), ("x", ".git"), ("/etc", "y")):
        with pytest.raises(PathRefused):
            writer.write_files(folder, [*MANY, NewFile(name, b"", False)])
    assert everything(outside) == []
    assert [entry.name for entry in root.iterdir()] == ["data"]


def test_leftover_files_and_folders_in_the_making_are_removed_and_nothing_else(writer, root):
    staged = root / "d/.dvx-tmp-0123456789abcdef-7"
    staged.mkdir(parents=True)
    (staged / "x").write_text("part")
    (root / "d/.dvx-tmp-0123456789abcdef-8").write_text("part")
    assert writer.remove_leftover("d/.dvx-tmp-0123456789abcdef-7")
    assert writer.remove_leftover("d/.dvx-tmp-0123456789abcdef-8")
    assert not writer.remove_leftover("d/.dvx-tmp-0123456789abcdef-9")
    for kept in (".dvx-tmp-mine/x", ".dvx-tmp-0123456789abcdef-1/sub/x"):
        (root / kept).parent.mkdir(parents=True)
        (root / kept).write_text("mine")
        with pytest.raises(LocalDiskError):
            writer.remove_leftover(kept.split("/")[0])
        assert (root / kept).read_text() == "mine"
