"""Which targets a symbolic link may have. Works on text only; must not look at a disk."""

from typing import Final

from dvx.core.errors import PathRefused
from dvx.core.paths import check_stored_path

_MAX_TARGET_BYTES: Final = 4096


def check_symlink_target(link_path: str, target: str) -> None:
    """Refuse a symlink that could lead out of its tracked folder. `link_path` is relative to that folder.

    Accepted are relative targets whose `..` all come first and climb no higher than the tracked folder. A
    `..` after a name is refused even where it looks harmless: if the name is itself a link, it leads
    somewhere else than the text says. Raises PathRefused (kind `unsafe-symlink`).
    """
    reason = _target_reason(link_path, target)
    if reason is not None:
        raise PathRefused(
            f"the symbolic link `{link_path}` to {target[:200]!a} is refused: {reason}",
            hints=[
                "replace the link by the file it stands for, or by a relative link inside the same folder",
                "or leave it out with a line in `.dvxignore`",
            ],
            kind="unsafe-symlink",
        )


def _target_reason(link_path: str, target: str) -> str | None:
    if not target or len(target) > _MAX_TARGET_BYTES:
        return "its target is empty or too long"
    if target.startswith("/") or target[1:2] == ":":
        return "its target is absolute"
    parts = [part for part in target.split("/") if part not in ("", ".")]
    climbs = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    if ".." in parts[climbs:]:
        return "its target has `..` after a name"
    folders = link_path.split("/")[:-1]
    if climbs > len(folders):
        return "its target leaves the tracked folder"
    try:
        reached = folders[: len(folders) - climbs] + parts[climbs:]
        if reached:
            check_stored_path("/".join(reached))
    except PathRefused as error:
        return error.what
    return None
