"""The error for a pack whose bytes are not what its ids or its index say.

Owns the words and what a handler needs to know to set the pack aside. Must not move anything.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dvx.core.errors import IntegrityError
from dvx.formats.layout import pack_key

if TYPE_CHECKING:
    from dvx.store.store import Store

_Result = TypeVar("_Result")


class DamagedPack(IntegrityError):
    """Bytes of a pack do not match the ids of its chunks.

    `pack` is its name, empty where no single pack is to blame; `is_remote` tells on which side it is.
    """

    kind = "damaged-pack"
    pack: bytes = b""
    is_remote: bool = True


def reading_again(store: "Store", read: Callable[[], _Result]) -> _Result:
    """Run `read`, and for a remote run it once more after DamagedPack: bits may flip on the way, too."""
    try:
        return read()
    except DamagedPack:
        if not store.is_remote:
            raise
    return read()


def damaged_pack(store: "Store", pack: bytes) -> DamagedPack:
    """The error for a pack whose content is not what its index says."""
    if not store.is_remote:
        hints = ["run `dvx pull`: the damaged pack was moved aside and is fetched again"]
    else:
        hints = [f"delete `{pack_key(pack)}` there, then push from a clone that has the data: `dvx push`"]
    error = DamagedPack(
        f"pack {pack.hex()} in `{store.location}` is damaged",
        affected="nothing was written from the damaged bytes",
        hints=hints,
    )
    error.pack = pack
    error.is_remote = store.is_remote
    return error
