"""`core.fileMode = false`: executable bits are those of the pointers, not those of the disk."""

import os

from dvx.ops.staged_check import check_staged
from dvx.testing.workspace import make_repo


def test_bits_of_the_disk_are_no_change_and_those_of_the_version_before_stay(tmp_path):
    work = make_repo(tmp_path / "work")
    work.write({"data/plain": b"1", "data/tool": b"2", "model.bin": b"3"})
    os.chmod(work.path("data/tool"), 0o755)
    work.add("data", "model.bin")
    work.commit("v1")
    work.git("config", "core.fileMode", "false")
    before = work.pointer("data")
    for name, mode in (("data/plain", 0o755), ("data/tool", 0o644), ("model.bin", 0o755)):
        os.chmod(work.path(name), mode)
    assert work.status().is_clean
    with work.open() as project:
        assert check_staged(project).is_clean
    work.add("data", "model.bin")
    assert work.pointer("data") == before
    work.write({"data/tool": b"edit"})
    work.add("data")
    work.git("config", "core.fileMode", "true")
    os.chmod(work.path("data/plain"), 0o644)
    os.chmod(work.path("data/tool"), 0o755)
    os.chmod(work.path("model.bin"), 0o644)
    assert work.status().is_clean
