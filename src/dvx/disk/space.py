"""Whether a disk has room for what will be written, asked before the first byte.

Owns how much is left alone, and the words. Must not write anything.
"""

from typing import Final

from dvx.core.errors import LocalDiskError
from dvx.core.shell_words import quote
from dvx.core.sizes import format_size
from dvx.disk.atomic import existing_folder, printable

# Left alone beside what is written: folders, journals, other programs. A few files need little of it.
_MOST_SPARE_BYTES: Final = 16 * 1024 * 1024
_LEAST_SPARE_BYTES: Final = 64 * 1024
_SPARE_SHARE: Final = 4


def spare_bytes(needed_bytes: int) -> int:
    """How much has to stay free when `needed_bytes` are written."""
    return min(_MOST_SPARE_BYTES, _LEAST_SPARE_BYTES + needed_bytes // _SPARE_SHARE)


def check_free(path: str, needed_bytes: int, *, purpose: str, affected: str, otherwise: str = "") -> None:
    """Raise LocalDiskError (`disk-full`) unless the disk that `path` is on, or will be, has the room.

    `purpose` follows "not enough space"; `otherwise` is a way round that the hint ends with.
    """
    from shutil import disk_usage  # 2 ms, with the archive formats it knows

    folder = existing_folder(path)
    free, spare = disk_usage(folder).free, spare_bytes(needed_bytes)
    if needed_bytes + spare <= free:
        return
    raise LocalDiskError(
        f"not enough space {purpose}: {format_size(needed_bytes)} needed and {format_size(spare)} kept free, "
        f"{format_size(free)} there",
        affected=affected,
        hints=[
            f"free space (`df -h {quote(printable(folder))}` shows its use), "
            + (otherwise or "then run the command again")
        ],
        kind="disk-full",
    )
