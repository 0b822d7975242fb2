"""The file that `dvx verify --receipt` writes: its bytes, its time, and how it gets on the disk.

Owns the canonical spelling. The fields are made by the command line, as those of every other document are.
"""

import os
import time
from collections.abc import Mapping
from typing import Final

from dvx.core.errors import UsageError
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.formats.canonical_json import format_json
from dvx.formats.marker import STORE_VERSION
from dvx.formats.pack import PACK_VERSION
from dvx.formats.placement import PLACEMENT_VERSION
from dvx.formats.pointer import POINTER_VERSION

FORMAT_VERSIONS: Final[Mapping[str, int]] = {
    "pointer": POINTER_VERSION,
    "store": STORE_VERSION,
    "pack": PACK_VERSION,
    "placement": PLACEMENT_VERSION,
}
_LATEST_S: Final = 253_402_300_799  # the end of the year 9999, which RFC 3339 can spell


def receipt_time(env: Mapping[str, str]) -> str:
    """The time in UTC as RFC 3339 spells it; that of SOURCE_DATE_EPOCH where it is set. Raises UsageError."""
    epoch = env.get("SOURCE_DATE_EPOCH", "")
    if epoch and not (epoch.isascii() and epoch.isdigit() and int(epoch) <= _LATEST_S):
        raise UsageError(
            f"SOURCE_DATE_EPOCH is not a number of seconds: {epoch[:40]!a}",
            affected="no receipt was written",
            hints=["unset it: `unset SOURCE_DATE_EPOCH`"],
        )
    moment = time.gmtime(int(epoch) if epoch else None)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)


def write_receipt(path: str, fields: Mapping[str, object]) -> None:
    """Write canonical JSON in one line, at once or not at all; folders above it are made."""
    folder = os.path.dirname(path)
    if folder:
        with disk_errors(folder, "create"):
            os.makedirs(folder, exist_ok=True)
    write_atomic(path, format_json(fields) + b"\n")
