"""Laws of dvx.disk and dvx.repo that hold for every input."""

import errno
import os
import tempfile

import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from dvx.core.errors import DvxError, PathRefused
from dvx.core.paths import check_stored_path
from dvx.disk.reading import FileStat
from dvx.disk.safe_writes import NewFile, WorkspaceWriter
from dvx.disk.symlinks import check_symlink_target
from dvx.disk.walk import walk_tree
from dvx.repo.config_edit import set_value
from dvx.repo.gitignore import add_ignore, ignore_line, remove_ignore
from dvx.repo.repository import Repository
from dvx.repo.targets import matches_inside


def leads_in_a_circle(path: str) -> bool:
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def write_file(writer: WorkspaceWriter, rel_path: str, data: bytes, *, executable: bool) -> FileStat:
    folder, _, name = rel_path.rpartition("/")
    (stat,) = writer.write_files(folder, [NewFile(name, data, executable)])
    return stat


NAMES = st.text(alphabet="ab.-0 ~é\U0001f600", min_size=1, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
HOSTILE = st.lists(
    st.sampled_from(["a", "b", "..", ".", "", ".git", "link", "up", "C:"]), min_size=1, max_size=5
).map("/".join)


def is_stored(path):
    try:
        check_stored_path(path)
    except PathRefused:
        return False
    return True


@settings(max_examples=100, deadline=None)
@given(st.lists(PATHS.filter(is_stored), max_size=12))
def test_what_is_written_is_walked_in_the_order_of_its_bytes(paths):
    with tempfile.TemporaryDirectory() as root, WorkspaceWriter(root) as writer:
        written = set()
        for path in paths:
            try:
                write_file(writer, path, path.encode(), executable=False)
                written.add(path)
            except DvxError:  # a folder and a file of one name
                continue
        found = [entry.path for entry in walk_tree(root) if entry.kind == "file"]
        assert found == sorted(written, key=str.encode)
        for path in found:
            writer.remove(path)
            writer.remove_empty_folders(path.rpartition("/")[0])
        assert [entry for entry in walk_tree(root) if entry.kind == "file"] == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=6))
def test_no_sequence_of_links_and_writes_leaves_the_root(steps):
    with tempfile.TemporaryDirectory() as top:
        root = os.path.join(top, "outer", "root")
        os.makedirs(root)
        with WorkspaceWriter(root) as writer:
            for path, target in steps:
                for attempt in (
                    lambda path=path, target=target: writer.make_symlink(path, target),
                    lambda path=path, target=target: write_file(writer, target, b"x", executable=False),
                ):
                    try:
                        attempt()
                    except DvxError:
                        continue
            for folder, folders, files in os.walk(root):
                for name in folders + files:
                    if leads_in_a_circle(os.path.join(folder, name)):
                        continue  # leads nowhere, and realpath makes something up
                    real = os.path.realpath(os.path.join(folder, name))
                    assert real == root or real.startswith(root + os.sep)
        assert os.listdir(top) == ["outer"]
        assert os.listdir(os.path.join(top, "outer")) == ["root"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_symlink_check_gives_only_refusals(link, target):
    try:
        check_symlink_target(link, target)
    except PathRefused:
        return
    assert not target.startswith("/")


@settings(max_examples=100, deadline=None)
@given(NAMES.filter(is_stored), st.binary(max_size=30))
def test_ignoring_and_not_ignoring_keeps_what_was_there(name, before):
    with tempfile.TemporaryDirectory() as root:
        repo = Repository(root=root, git_dir=root, common_dir=root)
        place = os.path.join(root, ".gitignore")
        with open(place, "wb") as file:
            file.write(before)
        if not add_ignore(repo, ignore_line(name)):
            return  # the line was there
        with open(place, "rb") as file:
            assert file.read().startswith(before)
        assert add_ignore(repo, ignore_line(name)) is False
        assert remove_ignore(repo, ignore_line(name)) is True
        after = b""
        if os.path.exists(place):
            with open(place, "rb") as file:
                after = file.read()
        assert after in (before, before + b"\n", before + b"\r\n")


@given(st.lists(st.text(alphabet="ab*?[]!-^\\/.+(", max_size=12), max_size=3), st.text(max_size=12))
def test_every_pattern_compiles_and_matches_itself_literally(patterns, path):
    predicate = matches_inside(patterns)
    assert predicate(path) in (True, False)
    assert all(predicate(pattern) for pattern in patterns)


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_every_text_that_is_set_is_read_back(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "c.toml")
        set_value(path, "remote.o.region", text)
        with open(path, "rb") as file:
            assert tomli.load(file) == {"remote": {"o": {"region": text}}}
