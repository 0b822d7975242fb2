"""repo.git_source over HTTP: Git's own server program, with and without a password."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from dvx.core.errors import GitError
from dvx.core.ids import hash_bytes
from dvx.formats.pointer import Pointer, format_pointer
from dvx.repo.git_address import parse_git_address
from dvx.repo.git_source import open_commit
from dvx.testing.git_server import PASSWORD, has_git_server, start_git_server

POINTER = Pointer("file", hash_bytes(b"data"), 4)


def run(cwd, *args):
    return subprocess.run(["git", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """The address of a server with `x.git`: 300 pointers and 2 MB of code."""
    if not has_git_server():
        pytest.skip("this Git has no http-backend")
    work = tmp_path / "work"
    work.mkdir()
    run(work, "init", "-q", "-b", "main")
    for number in range(300):
        (work / f"{number}.dvx").write_bytes(format_pointer(Pointer("file", hash_bytes(b"%d" % number), 4)))
    (work / "model.dvx").write_bytes(format_pointer(POINTER))
    (work / "code.bin").write_bytes(os.urandom(2_000_000))
    run(work, "add", ".")
    run(work, "commit", "-q", "-m", "one")
    (tmp_path / "served").mkdir()
    run(tmp_path, "clone", "-q", "--bare", "work", "served/x.git")
    run(tmp_path / "served" / "x.git", "config", "uploadpack.allowFilter", "true")
    with start_git_server(tmp_path / "served") as address:
        yield address


def open_url(tmp_path, url):
    folder = tmp_path / "fetched"
    folder.mkdir(exist_ok=True)
    address = parse_git_address(url, base_dir="/")
    return open_commit(address, None, folder=str(folder), env=dict(os.environ), may_ask=False, is_typed=True)


def test_pointers_come_over_http_without_the_code(tmp_path, server):
    pointers, config = open_url(tmp_path, f"http://{server}/x.git").read(lambda _: True)
    assert config is None
    assert len(pointers) == 301
    assert [each.pointer for each in pointers if each.path == "model"] == [POINTER]
    folder = tmp_path / "fetched"
    packed = sum(
        os.path.getsize(os.path.join(top, name)) for top, _, names in os.walk(folder) for name in names
    )
    assert packed < 300_000


def test_password_in_the_address_is_used_and_never_shown(tmp_path, server):
    found = open_url(tmp_path, f"http://user:{PASSWORD}@{server}/private/x.git")
    assert len(found.read(lambda path: path == "model")[0]) == 1
    assert found.address.shown == f"http://{server}/private/x.git"
    (tmp_path / "other").mkdir()
    with pytest.raises(GitError) as caught:
        open_url(tmp_path / "other", f"http://user:{PASSWORD}x@{server}/private/x.git")
    said = " ".join([caught.value.what, *caught.value.hints])
    assert PASSWORD not in said
    assert "credentials" in said


def test_missing_password_fails_instead_of_asking(tmp_path, server):
    with pytest.raises(GitError, match="cannot read the repository"):
        open_url(tmp_path, f"http://{server}/private/x.git")
