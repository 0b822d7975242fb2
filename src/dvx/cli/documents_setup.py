"""The JSON documents of commands that set something up or move it: init, rm, mv, config and remote.

Owns their fields, which are public: fields may be added, never changed or removed.
"""

from typing import TYPE_CHECKING

from dvx.cli.documents import Fields
from dvx.cli.render import without_password

if TYPE_CHECKING:
    from dvx.ops.init import InitResult
    from dvx.ops.move import RemoveResult


def init_fields(result: "InitResult", *, root: str) -> Fields:
    """dvx.init/1; `git_files` are the files that are new or changed"""
    return {
        "root": root,
        "was_initialised": result.was_initialised,
        "remote": result.remote,
        "git_files": list(result.changed),
    }


def rm_fields(result: "RemoveResult", *, keep: bool) -> Fields:
    """dvx.rm/1"""
    return {"paths": list(result.paths), "removed_files": result.files, "kept": keep}


def mv_fields(*, old_path: str, path: str) -> Fields:
    """dvx.mv/1"""
    return {"old_path": old_path.removesuffix(".dvx"), "path": path}


def setting_fields(*, key: str, value: object, origin: str) -> Fields:
    """dvx.config-get/1, dvx.config-set/1 and dvx.config-unset/1; `value` is null where it is not set"""
    return {
        "key": key,
        "value": without_password(value) if isinstance(value, str) else value,
        "origin": origin,
    }


def remote_change_fields(*, name: str, url: str | None) -> Fields:
    """dvx.remote-add/1, dvx.remote-remove/1 and dvx.remote-default/1; `url` is null for a remote that is gone"""
    return {"name": name, "url": without_password(url) if url is not None else None}
