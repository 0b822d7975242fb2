"""disk.lock: one at a time."""

import subprocess
import sys
import threading
import time

import pytest

from dvx.core.errors import Busy, ExitCode
from dvx.disk.lock import hold_lock
from dvx.testing.shell import HANG_S

HOLDER = """
import sys
from dvx.disk.lock import hold_lock
with hold_lock(sys.argv[1], timeout_s=60, describe="x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_makes_its_folder_and_is_free_again_after_the_block(tmp_path):
    path = str(tmp_path / "a/b/lock")
    for _ in range(2):
        with hold_lock(path, timeout_s=0, describe="the workspace"):
            assert (tmp_path / "a/b/lock").exists()


def test_lock_is_free_again_after_an_error_in_the_block(tmp_path):
    path = str(tmp_path / "lock")
    with pytest.raises(KeyError), hold_lock(path, timeout_s=0, describe="x"):
        raise KeyError
    with hold_lock(path, timeout_s=0, describe="x"):
        pass


def test_lock_held_by_another_process_is_busy_until_that_ends(tmp_path):
    path = str(tmp_path / "lock")
    waits = []
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=-1, stdout=-1)
    try:
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Busy) as caught,
            hold_lock(path, timeout_s=0.2, describe="the workspace", on_wait=lambda: waits.append(1)),
        ):
            pass
        assert waits == [1]
        assert caught.value.exit_code == ExitCode.BUSY
        assert "the workspace after 0.2 s" in caught.value.what
        assert caught.value.hints
    finally:
        holder.communicate(b"")
    with hold_lock(path, timeout_s=HANG_S, describe="the workspace", on_wait=lambda: waits.append(2)):
        pass
    assert waits == [1]


def test_lock_waits_for_the_other_holder(tmp_path):
    path = str(tmp_path / "lock")
    order = []
    entered = threading.Event()

    def hold():
        with hold_lock(path, timeout_s=HANG_S, describe="x"):
            entered.set()
            time.sleep(0.2)
            order.append("first")

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with hold_lock(path, timeout_s=HANG_S, describe="x"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_lock_works_and_excludes_where_there_is_no_flock(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    path = str(tmp_path / "lock")
    flock = fcntl.flock

    def refuse(fd, operation):
        if sys._getframe(1).f_globals["__name__"] == "dvx.disk.lock":
            raise OSError(38, "not implemented")
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", refuse)
    for _ in range(2):
        with hold_lock(path, timeout_s=0, describe="x"):
            with pytest.raises(Busy), hold_lock(path, timeout_s=0, describe="x"):
                pass
            monkeypatch.setattr(fcntl, "flock", flock)
            # The same lock for those who can use flock.
            with pytest.raises(Busy), hold_lock(path, timeout_s=0, describe="x"):
                pass
            monkeypatch.setattr(fcntl, "flock", refuse)
