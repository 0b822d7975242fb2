"""The JSON documents of commands that deal with other repositories.

Owns their fields, which are public: fields may be added, never changed or removed. See dvx.cli.documents.
"""

from typing import TYPE_CHECKING

from dvx.cli.documents import Fields, checkout_fields, fetch_fields, tracked_fields

if TYPE_CHECKING:
    from dvx.ops.get import GetResult
    from dvx.ops.imports import Imported
    from dvx.ops.pull import PullResult


def get_fields(result: "GetResult", *, repository: str, path: str, seconds: float) -> Fields:
    """dvx.get/1"""
    return {
        "repository": repository,
        "commit": result.commit,
        "path": path,
        "out": result.out,
        "paths": result.paths,
        "written": result.written,
        "present": result.present,
        "written_bytes": result.size_bytes,
        "seconds": round(seconds, 3),
    }


def clone_fields(result: "PullResult | None", *, folder: str, seconds: float) -> Fields:
    """dvx.clone/1; `fetched` and `checkout` are null where nothing is tracked"""
    fetched = result.fetched if result is not None else None
    return {
        "folder": folder,
        "fetched": fetch_fields(fetched) if fetched is not None else None,
        "checkout": checkout_fields(result.checkout) if result is not None else None,
        "seconds": round(seconds, 3),
    }


def imported_fields(imported: "Imported") -> Fields:
    """dvx.import/1, and one entry of dvx.update/1"""
    return {
        **tracked_fields(imported.tracked),
        "repository": imported.source.repository,
        "revision": imported.source.revision,
        "commit": imported.source.commit,
        "source_path": imported.source.path,
        "old_commit": imported.old_commit,
        "changed": imported.is_changed,
        "added": imported.added,
        "modified": imported.modified,
        "removed": imported.removed,
    }
