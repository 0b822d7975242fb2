"""What a pointer names in a few lines, made so that a line diff of two versions says what changed.

Owns the lines of the pointer itself. Must not fail for what is not there, and imports what reads a listing only for
a directory: Git runs this for every version that it shows.
"""

from collections.abc import Mapping

from dvx.core.ids import short_id
from dvx.core.sizes import format_size
from dvx.formats.canonical_toml import format_document
from dvx.formats.pointer import KIND_DIRECTORY, Pointer


def summarise_pointer(pointer: Pointer, folder: str, env: Mapping[str, str]) -> list[str]:
    """The lines for a pointer of the repository around `folder`. They are not escaped.

    A directory is followed by its files or folders, as far as its listing is in the local store.
    """
    lines = [
        f"dvx {pointer.kind} {short_id(pointer.id)}",
        f"size: {format_size(pointer.size)} ({pointer.size} bytes)",
    ]
    if pointer.files is not None:
        lines.append(f"files: {pointer.files}")
    lines += format_document({}, pointer.extra).splitlines()
    if pointer.kind != KIND_DIRECTORY:
        return lines
    from dvx.ops.listing_summary import summarise_listing  # 50 ms for the store, which a file does not need

    listing = summarise_listing(pointer.id, folder, env)
    return [*lines, "", *listing] if listing else lines
