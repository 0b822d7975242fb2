"""repo.git_source: one commit of another repository, by every kind of revision, with little fetched."""

import os
import subprocess

import pytest

from dvx.core.errors import FormatError, GitError, NotFound, UsageError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer
from dvx.repo import git_source
from dvx.repo.git_address import parse_git_address
from dvx.repo.git_source import open_commit

CODE_BYTES = 5_000_000
FORMATS = pytest.mark.parametrize("source", ["sha1", "sha256"], indirect=True)
REVISIONS = {
    None: "new 0",
    "main": "new 0",
    "HEAD": "new 0",
    "refs/heads/main": "new 0",
    "v1": "old 0",
    "refs/tags/v1": "old 0",
    "feature/x": "old 0",
    "main~1": "old 0",
    "HEAD^": "old 0",
}
POINTERS = 60


def run(cwd, *args):
    done = subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def pointer_bytes(text):
    return format_pointer(Pointer("file", hash_bytes(text.encode()), len(text)))


@pytest.fixture
def source(tmp_path, request):
    """A bare repository of two commits: 60 pointers, configuration, and 5 MB of code."""
    work = tmp_path / "work"
    work.mkdir()
    run(work, "init", "-q", "-b", "main", f"--object-format={getattr(request, 'param', 'sha1')}")
    (work / ".dvx").mkdir()
    (work / ".dvx" / "config.toml").write_bytes(b"# settings\n")
    (work / "data").mkdir()
    for number in range(POINTERS):
        (work / "data" / f"{number}.dvx").write_bytes(pointer_bytes(f"old {number}"))
    (work / "code.bin").write_bytes(os.urandom(CODE_BYTES))
    run(work, "add", ".")
    run(work, "commit", "-q", "-m", "one")
    run(work, "tag", "-a", "v1", "-m", "annotated")
    run(work, "branch", "feature/x")
    (work / "data" / "0.dvx").write_bytes(pointer_bytes("new 0"))
    run(work, "commit", "-q", "-a", "-m", "two")
    bare = tmp_path / "source.git"
    run(tmp_path, "clone", "-q", "--bare", str(work), str(bare))
    run(bare, "config", "uploadpack.allowFilter", "true")
    return bare


def address_of(source, *, is_url=True):
    return parse_git_address(f"file://{source}" if is_url else str(source), base_dir="/")


def open_at(tmp_path, address, rev=None, *, is_typed=True, env=None):
    folder = tmp_path / "fetched"
    folder.mkdir(exist_ok=True)
    environment = dict(os.environ) | (env or {})
    return open_commit(address, rev, folder=str(folder), env=environment, may_ask=False, is_typed=is_typed)


def fetched_blobs(folder):
    lines = run(folder, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    return [int(line.split()[2]) for line in lines if line.split()[1] == "blob"]


def everything(_):
    return True


@FORMATS
@pytest.mark.parametrize("is_url", [True, False])
def test_every_kind_of_revision_leads_to_its_commit(tmp_path, source, is_url):
    old = run(source, "rev-parse", "main~1")
    for number, (rev, text) in enumerate((REVISIONS | {old: "old 0", old[:8]: "old 0"}).items()):
        top = tmp_path / str(number)
        top.mkdir()
        found = open_at(top, address_of(source, is_url=is_url), rev)
        assert found.commit == run(source, "rev-parse", f"{rev or 'main'}^{{commit}}")
        pointers, config = found.read(everything)
        assert len(pointers) == POINTERS
        assert (pointers[0].path, pointers[0].pointer.id) == ("data/0", hash_bytes(text.encode()))
        assert config == b"# settings\n"


@pytest.mark.parametrize("rev", [None, "main~1"])
def test_only_the_wanted_files_are_fetched_and_with_one_request(tmp_path, source, rev):
    log = tmp_path / "trace"
    found = open_at(tmp_path, address_of(source), rev, env={"GIT_TRACE2_EVENT": str(log)})
    found.read(lambda path: path != "data/7")
    folder = tmp_path / "fetched"
    sizes = fetched_blobs(folder)
    assert len(sizes) == POINTERS  # one pointer was not wanted, and the configuration was
    assert max(sizes) < 1000
    packed = sum(
        os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(folder) for name in names
    )
    assert packed < 200_000
    fetches = [line for line in log.read_text().splitlines() if '"cmd_name"' in line and '"fetch"' in line]
    assert len(fetches) <= 3


def test_server_without_filters_gives_the_same(tmp_path, source):
    run(source, "config", "uploadpack.allowFilter", "false")
    pointers, config = open_at(tmp_path, address_of(source), "v1").read(everything)
    assert (len(pointers), config) == (POINTERS, b"# settings\n")


def test_old_server_that_gives_no_unnamed_commit_is_asked_for_everything_named(tmp_path, source, monkeypatch):
    commit = run(source, "rev-parse", "main~1")
    run(source, "tag", "-d", "v1")
    run(source, "branch", "-D", "feature/x")
    monkeypatch.setattr(git_source, "_QUIET", ("-c", "protocol.version=0"))
    found = open_at(tmp_path, address_of(source), commit)
    assert found.commit == commit
    assert found.read(everything)[0][0].pointer.id == hash_bytes(b"old 0")
    assert max(fetched_blobs(tmp_path / "fetched")) < 1000


def test_git_without_fetch_from_standard_input_reads_one_by_one(tmp_path, source, monkeypatch):
    found = open_at(tmp_path, address_of(source))
    monkeypatch.setattr(git_source, "_WANTING", ("--no-such-option",))
    assert len(found.read(lambda path: path in ("data/1", "data/2"))[0]) == 2


@pytest.mark.parametrize("is_url", [True, False])
def test_unknown_revision_is_named(tmp_path, source, is_url):
    for rev in ("nope", "abcdef1", "v1~9", "0" * 40):
        top = tmp_path / rev
        top.mkdir()
        with pytest.raises((NotFound, GitError)) as caught:
            open_at(top, address_of(source, is_url=is_url), rev)
        assert caught.value.kind in ("unknown-revision", "git-source")
        assert caught.value.hints


@pytest.mark.parametrize("rev", ["-x", "--upload-pack=x", "main:code.bin", "a b", "a\nb", ""])
def test_revision_that_is_none_is_refused(tmp_path, rev):
    with pytest.raises(UsageError):
        open_at(tmp_path, address_of(tmp_path / "source.git"), rev)


def test_repository_without_a_commit_says_so(tmp_path):
    run(tmp_path, "init", "-q", "--bare", "empty.git")
    for is_url in (True, False):
        with pytest.raises(NotFound, match="has no commit"):
            open_at(tmp_path, address_of(tmp_path / "empty.git", is_url=is_url))


def test_place_without_a_repository_says_so(tmp_path):
    with pytest.raises(GitError, match="cannot read the repository"):
        open_at(tmp_path, address_of(tmp_path / "nothing"))
    with pytest.raises(NotFound, match="no Git repository"):
        open_at(tmp_path, address_of(tmp_path / "nothing", is_url=False))


def test_folder_inside_a_repository_is_not_taken_for_it(tmp_path, source):
    with pytest.raises(NotFound, match="inside of"):
        open_at(tmp_path, address_of(tmp_path / "work" / "data", is_url=False))
    assert open_at(tmp_path, address_of(tmp_path / "work" / ".git", is_url=False)).place == str(
        tmp_path / "work"
    )


def test_state_of_a_hook_does_not_lead_to_its_repository(tmp_path, source):
    run(tmp_path, "init", "-q", "hooked")
    env = {"GIT_DIR": str(tmp_path / "hooked" / ".git"), "GIT_WORK_TREE": str(tmp_path / "hooked")}
    for is_url in (True, False):
        found = open_at(tmp_path, address_of(source, is_url=is_url), "v1", env=env)
        assert len(found.read(everything)[0]) == POINTERS


def test_wanted_pointer_that_is_broken_is_named_with_its_repository(tmp_path, source):
    work = tmp_path / "work"
    (work / "bad.dvx").write_bytes(b"<<<<<<< ours\n")
    run(work, "add", "bad.dvx")
    run(work, "commit", "-q", "-m", "bad")
    run(work, "push", "-q", str(source), "main")
    found = open_at(tmp_path, address_of(source))
    assert len(found.read(lambda path: path == "data/1")[0]) == 1
    with pytest.raises(FormatError, match=r"bad\.dvx"):
        found.read(everything)


@pytest.mark.parametrize(("is_url", "is_typed"), [(True, False), (False, False), (False, True)])
def test_repository_on_this_machine_cannot_start_a_program(tmp_path, source, is_url, is_typed):
    """A partial clone may name a command as its remote's upload-pack; missing objects would start it."""
    evil = tmp_path / "evil"
    run(tmp_path, "clone", "-q", "--no-local", "--filter=blob:none", "--bare", f"file://{source}", str(evil))
    mark = tmp_path / "started"
    run(evil, "config", "remote.origin.uploadpack", f"touch {mark}; git-upload-pack")
    run(evil, "config", "uploadpack.allowFilter", "true")
    found = open_at(tmp_path, address_of(evil, is_url=is_url), "main", is_typed=is_typed)
    with pytest.raises(GitError):
        found.read(everything)
    assert not mark.exists()
