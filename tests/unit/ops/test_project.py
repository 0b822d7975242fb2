"""ops.project: what one command has open."""

import sys

from dvx.testing.workspace import make_repo


def test_open_project_switches_threads_often_and_gives_the_setting_back(tmp_path):
    before = sys.getswitchinterval()
    with make_repo(tmp_path / "work").open():
        assert sys.getswitchinterval() < 0.001
    assert sys.getswitchinterval() == before
