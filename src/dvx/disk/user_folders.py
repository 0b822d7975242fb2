"""Where programs keep what belongs to a person on this machine.

Owns the conventions of the platforms. Must not create anything.
"""

import os
import sys
from collections.abc import Mapping


def user_state_folder(env: Mapping[str, str]) -> str | None:
    """The folder for state of dvx that is no setting and no cache; None where the environment names no home."""
    if sys.platform == "win32":
        base = env.get("LOCALAPPDATA", "")
    else:
        home = env.get("HOME", "")
        base = env.get("XDG_STATE_HOME", "") or (os.path.join(home, ".local", "state") if home else "")
    return os.path.join(base, "dvx") if os.path.isabs(base) else None
