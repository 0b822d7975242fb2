"""Which paths are pointers: text only.

Owns the suffix. Kept apart from the reading of pointers, because hooks that find nothing to do need no TOML (9 ms).
"""

from typing import Final

from dvx.repo.repository import CONFIG_FOLDER

POINTER_SUFFIX: Final = ".dvx"


def pointer_path_of(data_path: str) -> str:
    """Return the path of the pointer for a data path."""
    return data_path + POINTER_SUFFIX


def is_pointer_path(path: str) -> bool:
    """Tell whether a path is one of a pointer: ends in `.dvx` after a name, and is not below `.dvx/`."""
    name = path.rpartition("/")[2]
    return path.endswith(POINTER_SUFFIX) and name != POINTER_SUFFIX and path.split("/")[0] != CONFIG_FOLDER
