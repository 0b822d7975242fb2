"""The one-line summary of a push.

Owns its words. Must not write anything.
"""

from typing import TYPE_CHECKING

from dvx.cli.render import format_duration, format_saved, plural
from dvx.core.sizes import format_size

if TYPE_CHECKING:
    from dvx.ops.push import PushResult


def push_summary(result: "PushResult", *, place: str, seconds: float, has_failures: bool = False) -> str:
    """What a push did; `place` is the address as it may be shown. Failures are told apart."""
    if not result.roots:
        return f"nothing to push: everything {'else ' if has_failures else ''}is on {place}"
    saved = format_saved(stored_bytes=result.size_bytes, plain_bytes=result.plain_bytes)
    return (
        f"pushed {plural(result.roots, 'root')} ({format_size(result.plain_bytes)}) "
        f"in {format_duration(seconds)}: "
        f"{format_size(result.size_bytes)} in {plural(result.packs, 'pack')} sent"
        + (f", {saved} saved by dedup and compression" if saved else "")
    )
