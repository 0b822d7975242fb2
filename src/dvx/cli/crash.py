"""The crash log: what a maintainer needs to know of a bug in dvx.

Owns the file and what is in it. Must not write secrets: no environment, and no passwords of addresses.
"""

import os
import platform
import re
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Final

from dvx import __version__
from dvx.disk.user_folders import user_state_folder

_PASSWORD: Final = re.compile(r"(://[^/@\s:]*):[^/@\s]*@")


def write_crash_log(error: BaseException, *, args: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Write the log to the user's state folder, else to the temporary folder; None if neither can be written.

    The file is readable by its owner alone.
    """
    text = _log_text(error, args)
    name = time.strftime("crash-%Y%m%d-%H%M%S-") + f"{os.getpid()}.log"
    for is_own in (True, False):
        try:
            folder = user_state_folder(env) if is_own else tempfile.gettempdir()
            if folder is None:
                continue
            path = os.path.join(folder, name)
            os.makedirs(folder, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return None


def _log_text(error: BaseException, args: Sequence[str]) -> str:
    head = [
        f"dvx {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"time: {time.strftime('%Y-%m-%dT%H:%M:%S%z')}",
        f"command: dvx {_without_passwords(' '.join(map(repr, args)))}",
        "",
    ]
    return "\n".join(head) + _without_passwords("".join(traceback.format_exception(error)))


def _without_passwords(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text)
