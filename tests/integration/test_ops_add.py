"""ops.add over real Git repositories: what is stored, what is refused, what is read again."""

import os
import random
import socket
import threading

import pytest

from dvx.core.errors import ChangedWhileReading, DataMissing, NotFound, PathRefused, UsageError
from dvx.core.ids import EMPTY_ID, hash_bytes
from dvx.formats.manifest_reader import walk_entries
from dvx.ops.add import run_add
from dvx.ops.add_targets import plan_add
from dvx.store import root_layout
from dvx.testing.workspace import EMPTY_FOLDER, clone_repo, make_repo, store_objects

MIB = 1024 * 1024


@pytest.fixture
def work(tmp_path):
    return make_repo(tmp_path / "work", remote=tmp_path / "remote")


def entries(work, path):
    with work.open() as project, project.pages() as pages:
        root = work.pointer(path).id
        return {entry.path: entry for entry in walk_entries(root, pages.for_root(root))}


def refused(work, *paths):
    before = work.snapshot()
    status = work.git("status", "--porcelain")
    with pytest.raises((PathRefused, UsageError, NotFound)) as caught:
        work.add(*paths)
    assert work.snapshot() == before
    assert work.git("status", "--porcelain") == status
    return caught.value


def test_add_file_writes_pointer_ignore_line_and_stages_both(work):
    work.write({"model.bin": b"weights"})
    result = work.add("model.bin")
    pointer = work.pointer("model.bin")
    assert (pointer.kind, pointer.id, pointer.size, pointer.files) == (
        "file",
        hash_bytes(b"weights"),
        7,
        None,
    )
    assert work.git("status", "--porcelain").splitlines() == ["A  .gitignore", "A  model.bin.dvx"]
    assert work.read(".gitignore") == b"/model.bin\n"
    assert result.changed_git_files == [".gitignore", "model.bin.dvx"]
    assert (result.files, result.plain_bytes, result.read_bytes, result.new_bytes) == (1, 7, 7, 7)
    assert work.read("model.bin") == b"weights"


def test_add_empty_file_and_file_of_each_boundary_size_restore_equal(work):
    sizes = [0, 1, 32 * 1024, 256 * 1024, MIB - 1, MIB, MIB + 1, 4 * MIB, 4 * MIB + 1, 8 * MIB, 8 * MIB + 1]
    files = {f"data/{size}": os.urandom(size) for size in sizes}
    work.write(files)
    result = work.add("data")
    assert (result.files, result.plain_bytes) == (len(sizes), sum(sizes))
    found = entries(work, "data")
    assert {path: entry.id for path, entry in found.items()} == {
        str(size): hash_bytes(files[f"data/{size}"]) for size in sizes
    }
    assert found["0"].id == EMPTY_ID
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files


def test_add_directory_keeps_executable_bit_links_and_empty_folders(work):
    work.write(
        {"data/run.sh": b"#!", "data/link": "-> run.sh", "data/sub/empty": EMPTY_FOLDER, "data/x": b""}
    )
    os.chmod(work.path("data/run.sh"), 0o755)
    work.add("data")
    kinds = {path: entry.kind for path, entry in entries(work, "data").items()}
    assert kinds == {"link": "symlink", "run.sh": "executable", "sub/empty": "directory", "x": "file"}
    before = work.snapshot()
    work.remove("data")
    work.checkout()
    assert work.snapshot() == before
    assert os.access(work.path("data/run.sh"), os.X_OK)
    assert not os.access(work.path("data/x"), os.X_OK)


def test_add_empty_directory_has_no_files_and_comes_back(work):
    work.write({"data": EMPTY_FOLDER})
    assert work.add("data").files == 0
    work.remove("data")
    work.checkout()
    assert work.snapshot() == {"data": EMPTY_FOLDER}


@pytest.mark.parametrize("names", [["data/a"], ["data/a", "data/b/c"]])
def test_file_is_added_to_an_empty_directory_that_status_found_unchanged(work, names):
    os.mkdir(work.path("data"))
    work.add("data")
    assert work.status().is_clean  # marks the page, which has no entries
    work.write(dict.fromkeys(names, b"1"))
    assert {item.path for item in work.status().paths[0].differences} == set(names)
    assert work.add("data").added[0].pointer.files == len(names)
    work.remove("data")
    work.checkout()
    assert work.snapshot() == dict.fromkeys(names, b"1")


def test_add_changed_mode_alone_changes_the_pointer_and_stores_nothing(work):
    work.write({"tool": b"x" * 100})
    work.add("tool")
    os.chmod(work.path("tool"), 0o755)
    result = work.add("tool")
    assert work.pointer("tool").extra["executable"] is True
    assert result.added[0].is_changed
    assert result.new_bytes == 0
    os.chmod(work.path("tool"), 0o644)
    work.add("tool")
    assert "executable" not in work.pointer("tool").extra


def test_add_unchanged_directory_again_reads_nothing(work):
    work.write({f"data/{i}": os.urandom(100) for i in range(50)})
    work.add("data")
    os.utime(work.path("data/1"), (1, 1))
    for i in range(50):
        os.utime(work.path(f"data/{i}"), (1_000_000, 1_000_000))
    os.sync()
    work.status()  # rows written now are certain: the files are old
    pointer = work.pointer("data")
    result = work.add("data")
    assert (work.pointer("data"), result.added[0].is_changed, result.new_bytes) == (pointer, False, 0)


def test_add_directory_where_a_file_was_tracked_and_back(work):
    work.write({"data": b"one file"})
    os.chmod(work.path("data"), 0o755)
    work.add("data")
    work.remove("data")
    work.write({"data/a": b"now a folder"})
    work.add("data")
    assert work.pointer("data").kind == "directory"
    assert "executable" not in work.pointer("data").extra
    work.remove("data")
    work.write({"data": b"a file again"})
    work.add("data")
    assert (work.pointer("data").kind, work.pointer("data").id) == ("file", hash_bytes(b"a file again"))


def test_add_of_a_path_inside_a_tracked_directory_updates_that_path_only(work):
    work.write({"data/a": b"1", "data/b": b"2", "data/sub/c": b"3", "data/sub/d": b"4"})
    work.add("data")
    work.write({"data/a": b"changed", "data/b": b"changed too", "data/sub/c": b"33", "data/sub/new": b"n"})
    work.remove("data/sub/d")
    work.add("data/a", "data/sub")
    ids = {path: entry.id for path, entry in entries(work, "data").items()}
    expected = {"a": b"changed", "b": b"2", "sub/c": b"33", "sub/new": b"n"}
    assert ids == {path: hash_bytes(content) for path, content in expected.items()}
    assert work.pointer("data").files == 4


@pytest.mark.parametrize("between", [0, 3000])
@pytest.mark.parametrize("before", [b"file", "-> target", EMPTY_FOLDER])
def test_add_of_a_path_below_what_was_a_file_replaces_that(work, before, between):
    rest = {f"data/x-{number:04}": b"" for number in range(between)}  # in leaves between `x` and `x/y/z`
    work.write({"data/a": b"a", "data/x": before, **rest})
    work.add("data")
    work.remove("data/x")
    work.write({"data/x/y/z": b"z", "data/x/new": b"not named", "data/a": b"not named either"})
    work.add("data/x/y/z")
    names = {"a", "x/y/z", *(name.removeprefix("data/") for name in rest)}
    found = entries(work, "data")
    assert found.keys() == names
    assert found["a"].id == hash_bytes(b"a")
    work.add("data")
    assert entries(work, "data").keys() == names | {"x/new"}
    assert work.status().is_clean


def test_add_inside_a_directory_whose_version_is_nowhere_is_refused(work, tmp_path):
    work.write({"data/a": b"1", "data/b": b"2"})
    work.add("data")
    work.commit()
    clone = clone_repo(work, tmp_path / "clone")
    clone.write({"data/a": b"edited"})
    before = clone.pointer("data")
    with pytest.raises(DataMissing) as caught:
        clone.add("data/a")
    assert "dvx add --remove data" in caught.value.hints[-1]
    assert clone.pointer("data") == before
    clone.add("data", leaves_out=True)
    assert entries(clone, "data").keys() == {"a"}


def test_add_honours_dvxignore(work):
    work.write(
        {"data/keep": b"1", "data/x.tmp": b"2", "data/cache/y": b"3", ".dvxignore": b"*.tmp\ncache/\n"}
    )
    work.add("data")
    assert list(entries(work, "data")) == ["keep"]
    assert work.status().is_clean


def test_add_file_with_same_content_twice_stores_it_once(work):
    content = os.urandom(300_000)
    work.write({"data/a": content, "data/b": content, "data/c": content})
    result = work.add("data")
    assert (result.plain_bytes, result.new_bytes) == (900_000, 300_000)
    work.remove("data")
    work.checkout()
    assert work.snapshot() == {f"data/{name}": content for name in "abc"}


def test_add_file_that_changes_while_it_is_read_writes_no_pointer(work):
    work.write({"big": os.urandom(24 * MIB)})
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            with open(work.path("big"), "r+b") as file:
                file.write(os.urandom(8))

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        with pytest.raises(ChangedWhileReading, match="`big` changed"):
            work.add("big")
    finally:
        stop.set()
        writer.join()
    assert not os.path.exists(work.path("big.dvx"))
    assert not os.path.exists(work.path(".gitignore"))
    assert [name for name in work.state_files() if "tmp" in name] == []
    work.add("big")
    assert work.pointer("big").id == hash_bytes(work.read("big"))


def test_add_of_a_file_that_git_tracks_says_git_rm_cached(work):
    work.write({"code.py": b"print()"})
    work.git("add", "code.py")
    error = refused(work, "code.py")
    assert error.kind == "tracked-by-git"
    assert error.hints == ("take it out of Git, keeping the file: `git rm --cached code.py`",)


def test_add_of_a_folder_with_a_file_that_git_tracks_is_refused(work):
    work.write({"src/a.py": b"", "src/data": b"x"})
    work.git("add", "src/a.py")
    assert refused(work, "src").kind == "tracked-by-git"


def test_add_of_a_pointer_names_the_data(work):
    work.write({"a": b"1"})
    work.add("a")
    assert refused(work, "a.dvx").kind == "pointer-of-pointer"


def test_add_of_a_folder_with_a_tracked_path_inside_is_an_overlap(work):
    work.write({"data/a": b"1", "data/b": b"2"})
    work.add("data/a")
    assert refused(work, "data").kind == "overlap"


def test_add_of_overlapping_paths_at_once_is_refused(work):
    work.write({"data/a": b"1", "data/b": b"2"})
    assert refused(work, "data", "data/a").kind == "overlap"


def test_add_where_gitignore_hides_the_pointer_is_refused(work):
    work.write({".gitignore": b"/out/\n", "out/model": b"1"})
    error = refused(work, "out/model")
    assert error.kind == "pointer-ignored"
    assert error.hints[0] == "Git does not look into `out`: rule `/out/` in `.gitignore`, line 1"


def test_add_of_a_symlink_is_refused(work):
    work.write({"real": b"1", "link": "-> real"})
    assert refused(work, "link").kind == "symlink-target"


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
def test_add_of_a_folder_with_a_link_that_leads_out_is_refused(work, target):
    work.write({"data/a": b"1", "data/link": f"-> {target}"})
    assert refused(work, "data").kind == "unsafe-symlink"


@pytest.mark.skipif(os.name == "nt", reason="names on Windows are Unicode")
def test_add_of_a_folder_with_a_name_that_is_not_utf8_is_refused(work):
    work.write({"data/a": b"1"})
    with open(os.fsencode(work.path("data")) + b"/bad-\xff", "wb"):
        pass
    assert refused(work, "data").kind == "non-utf8-name"


def test_add_of_a_folder_with_a_socket_is_refused(work, monkeypatch):
    work.write({"data/a": b"1"})
    monkeypatch.chdir(work.path("data"))
    server = socket.socket(socket.AF_UNIX)
    server.bind("s")
    server.close()
    error = None
    with pytest.raises(PathRefused) as caught:
        work.add("data")
    error = caught.value
    assert error.kind == "special-file"
    assert not os.path.exists(work.path("data.dvx"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_add_of_an_unreadable_file_names_it(work):
    work.write({"data/a": b"1"})
    os.chmod(work.path("data/a"), 0)
    with pytest.raises(Exception, match="data/a"):
        work.add("data")


@pytest.mark.parametrize("path", ["", ".git", ".git/config", ".dvx", ".dvx/config.toml"])
def test_add_of_what_belongs_to_git_or_dvx_is_refused(work, path):
    assert isinstance(refused(work, path), PathRefused)


def test_add_of_a_nested_git_repository_is_refused(work):
    work.write({"sub/a": b"1"})
    work.git("init", "-q", "sub")
    assert isinstance(refused(work, "sub"), PathRefused)


def test_add_of_a_missing_path_and_of_a_tracked_path_that_is_not_checked_out_differ(work):
    assert "does not exist" in refused(work, "nope").what
    work.write({"a": b"1"})
    work.add("a")
    work.remove("a")
    assert "dvx pull a" in refused(work, "a").hints[0]


def test_add_of_a_pattern_adds_matching_files_without_pointers(work):
    work.write({"m/a.bin": b"1", "m/b.bin": b"2", "m/c.txt": b"3"})
    work.add("m/*.bin")
    result = work.add("m/*.bin")
    assert [added.path for added in result.added] == ["m/a.bin", "m/b.bin"]


def test_add_without_paths_updates_everything_tracked_that_is_present(work):
    work.write({"a": b"1", "b": b"2", "c": b"3"})
    work.add("a", "b", "c")
    work.write({"a": b"11"})
    work.remove("c")
    result = work.add()
    assert [(added.path, added.is_changed) for added in result.added] == [("a", True), ("b", False)]
    assert work.pointer("c").id == hash_bytes(b"3")


def test_add_keeps_tables_of_the_pointer(work):
    work.write({"a": b"1"})
    work.add("a")
    with open(work.path("a.dvx"), "a") as file:
        file.write('\n[meta]\nowner = "me"\n')
    work.write({"a": b"2"})
    work.add("a")
    assert work.pointer("a").extra["meta"] == {"owner": "me"}


def test_add_without_autostage_leaves_the_staging_area_alone(work):
    work.write({"a": b"1"})
    work.with_overrides({"core.autostage": "false"}).add("a")
    assert work.git("status", "--porcelain").splitlines() == ["?? .gitignore", "?? a.dvx"]


def test_add_of_unportable_names_warns_or_refuses_as_configured(work):
    work.write({"data/CON": b"1", "data/a?": b"2", "data/X": b"3", "data/x": b"4"})
    with pytest.raises(PathRefused) as caught:
        work.with_overrides({"core.portable": "refuse"}).add("data")
    assert caught.value.kind == "unportable-name"
    assert not os.path.exists(work.path("data.dvx"))
    warnings = work.add("data").warnings
    assert len(warnings) == 3
    assert "differ only by case" in warnings[-1]


def test_add_reuses_only_packs_that_are_really_in_the_local_store(work):
    content = os.urandom(100_000)
    work.write({"a": content})
    work.add("a")
    for place in store_objects(work.path(".git/dvx/store"), ["packs"]):
        os.unlink(place)
    work.write({"b": content})
    work.add("b")
    work.remove("b")
    work.checkout("b")
    assert work.read("b") == content


def test_add_after_a_page_pack_was_lost_writes_the_listing_again(work):
    work.write({f"data/{i}": b"%d" % i for i in range(20)})
    work.add("data")
    before = work.snapshot()
    for place in store_objects(work.path(".git/dvx/store"), ["packs"]):
        os.unlink(place)
    work.add("data")
    work.remove("data")
    work.checkout()
    assert work.snapshot() == before


def test_add_of_edited_middle_of_a_big_file_stores_a_small_part_again(work):
    content = bytearray(os.urandom(12 * MIB))
    work.write({"big": bytes(content)})
    work.add("big")
    content[6 * MIB : 6 * MIB + 10] = b"0123456789"
    work.write({"big": bytes(content)})
    result = work.add("big")
    assert result.new_bytes < MIB
    work.remove("big")
    work.checkout()
    assert work.read("big") == bytes(content)


def test_add_thousands_of_tiny_files_stores_and_restores_them(work):
    files = {f"data/{i // 500}/{i:05d}": b"%d" % (i // 2) for i in range(3000)}
    work.write(files)
    result = work.add("data")
    assert (result.files, result.plain_bytes) == (3000, sum(map(len, files.values())))
    work.remove("data")
    work.checkout()
    assert work.snapshot() == files


def test_two_adds_at_once_both_leave_their_ignore_line(work):
    for name in "abcdefgh":
        work.write({name: name.encode()})
    threads = [threading.Thread(target=work.add, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(work.read(".gitignore").decode().split()) == [f"/{name}" for name in "abcdefgh"]
    assert {name: work.pointer(name).id for name in "abcdefgh"} == {
        name: hash_bytes(name.encode()) for name in "abcdefgh"
    }


def test_plan_add_alone_changes_nothing(work):
    work.write({"a": b"1"})
    with work.open() as project:
        plan = plan_add(project, ["a"])
        assert [target.path for target in plan.targets] == ["a"]
        assert not os.path.exists(work.path("a.dvx"))
        run_add(project, plan)
    assert os.path.exists(work.path("a.dvx"))


def test_chunks_scattered_over_a_store_are_stored_again_and_counted(work, monkeypatch):
    """Without free ranges, 60 of 600 small files in any order would each take a reader to another place."""
    monkeypatch.setattr(root_layout, "_FREE_RANGES", 0)
    chance = random.Random(5)
    contents = [chance.randbytes(30_000) for _ in range(600)]
    work.write({f"first/{number:04}": content for number, content in enumerate(contents)})
    assert work.add("first").again_bytes == 0
    picked = {f"second/{number:04}": content for number, content in enumerate(chance.sample(contents, 60))}
    work.write(picked)
    result = work.add("second")
    assert 0 < result.again_bytes == result.new_bytes
    work.remove("second")
    work.checkout("second")
    assert work.snapshot("second") == picked


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["new\nline", "tab\tx", "back\\slash", "x" * 252])
def test_name_that_no_pointer_can_have_is_refused_before_anything_is_written(work, name):
    work.write({name: b"x", "line": b"in Git"})
    with pytest.raises(PathRefused) as caught:
        work.add(name)
    assert caught.value.affected == "nothing was added"
    before = work.git("diff", "HEAD", "--name-only")
    assert ".gitignore" not in before
    assert work.git("status", "--porcelain", "--untracked-files=all", "--", "line") == "?? line\n"
