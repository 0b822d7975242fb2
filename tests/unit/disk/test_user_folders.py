"""disk.user_folders: where state of a person goes."""

import sys

import pytest

from dvx.disk.user_folders import user_state_folder


@pytest.mark.skipif(sys.platform == "win32", reason="XDG variables are for other systems")
@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"HOME": "/home/x"}, "/home/x/.local/state/dvx"),
        ({"HOME": "/home/x", "XDG_STATE_HOME": "/state"}, "/state/dvx"),
        ({"XDG_STATE_HOME": "relative"}, None),
        ({"HOME": "relative"}, None),
        ({}, None),
    ],
)
def test_state_folder_follows_the_environment(env, folder):
    assert user_state_folder(env) == folder
