"""The JSON documents that commands print.

Owns their fields, which are public: fields may be added, never changed or removed. Paths are relative to the
repository, ids are `blake3:<hex>`, sizes are bytes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dvx.cli.render import without_password
from dvx.core.ids import format_id
from dvx.disk.atomic import printable

if TYPE_CHECKING:
    from dvx.backends.probe import ProbeFinding
    from dvx.ops.add import AddResult
    from dvx.ops.checkout import CheckoutResult
    from dvx.ops.diff import Change, DiffReport
    from dvx.ops.fetch import FetchResult
    from dvx.ops.listing import ListedPath
    from dvx.ops.push import PushResult
    from dvx.ops.remotes import CheckReport
    from dvx.ops.status import PathStatus, StatusReport
    from dvx.repo.pointers import TrackedPointer
    from dvx.repo.remotes import RemoteConfig

Fields = dict[str, Any]


def tracked_fields(tracked: "TrackedPointer") -> Fields:
    """What a pointer says, and where it is."""
    pointer = tracked.pointer
    return {
        "path": tracked.path,
        "pointer": tracked.pointer_path,
        "kind": pointer.kind,
        "id": format_id(pointer.id),
        "size": pointer.size,
        "files": pointer.files if pointer.files is not None else 1,
    }


def status_fields(report: "StatusReport") -> Fields:
    """dvx.status/1"""
    return {
        "clean": report.is_clean,
        "paths": [_path_status(status) for status in report.paths],
        "broken": [
            {"pointer": path, "kind": error.kind, "message": error.what}
            for path, error in sorted(report.broken.items())
        ],
        "removed": report.removed,
        "left_out": report.left_out,
        "remote": without_password(report.remote) if report.remote is not None else None,
    }


def _path_status(status: "PathStatus") -> Fields:
    return {
        **tracked_fields(status.tracked),
        "state": status.state.value,
        "git": status.git,
        "remote": status.remote.value if status.remote is not None else None,
        "problem": status.problem,
        "refused": [
            {"path": printable(path), "kind": error.kind, "message": error.what}
            for path, error in status.refused.items()
        ],
        "files_here": status.files_here,
        "part": list(status.wanted),
        "stale_metadata": _stale_metadata(status),
        "differences": [
            {
                "path": item.path,
                "state": item.state.value,
                "old_size": item.entry.size if item.entry is not None else None,
                "new_size": item.found.size if item.found is not None else None,
            }
            for item in status.differences
        ],
    }


def _stale_metadata(status: "PathStatus") -> list[Fields]:
    if not status.stale_metadata:
        return []
    from dvx.cli.documents_meta import stale_fields

    return stale_fields(status.stale_metadata)


def add_fields(result: "AddResult", *, seconds: float) -> Fields:
    """dvx.add/1"""
    from dvx.cli.documents_meta import metadata_fields
    from dvx.repo.pointers import TrackedPointer, pointer_path_of

    return {
        "paths": [
            {
                **tracked_fields(TrackedPointer(added.path, pointer_path_of(added.path), added.pointer)),
                "changed": added.is_changed,
                "absent_files": added.absent,
                **metadata_fields(added.pointer),
            }
            for added in result.added
        ],
        "files": result.files,
        "size": result.plain_bytes,
        "read_bytes": result.read_bytes,
        "new_bytes": result.new_bytes,
        "stored_bytes": result.stored_bytes,
        "again_bytes": result.again_bytes,
        "git_files": result.changed_git_files,
        "warnings": result.warnings,
        "seconds": round(seconds, 3),
    }


def diff_fields(report: "DiffReport", *, new_rev: str | None) -> Fields:
    """dvx.diff/1; `new` is null for the workspace"""
    from dvx.ops.diff import ChangeKind

    return {
        "old": report.old,
        "new": new_rev,
        "counts": {kind.value: report.count(kind) for kind in ChangeKind},
        "size_change": report.size_change,
        "changes": [_change(change) for change in report.changes],
    }


def _change(change: "Change") -> Fields:
    return {
        "change": change.kind.value,
        "path": change.path,
        "old_path": change.old_path,
        "old_size": change.old_size,
        "new_size": change.new_size,
    }


def listed_fields(listed: "ListedPath") -> Fields:
    """One entry of dvx.ls/1"""
    return {
        "path": listed.path,
        "kind": listed.kind,
        "size": listed.size,
        "files": listed.files,
        "id": format_id(listed.id) if listed.id is not None else None,
    }


def push_fields(result: "PushResult", *, remote: str, seconds: float) -> Fields:
    """dvx.push/1"""
    return {
        "remote": without_password(remote),
        "roots": result.roots,
        "present": result.present,
        "size": result.plain_bytes,
        "sent_bytes": result.size_bytes,
        "packs": result.packs,
        "seconds": round(seconds, 3),
    }


def fetch_fields(result: "FetchResult") -> Fields:
    """dvx.fetch/1, and `fetched` of dvx.pull/1"""
    return {
        "roots": result.roots,
        "present": result.present,
        "received_bytes": result.size_bytes,
        "packs": result.packs,
    }


def checkout_fields(result: "CheckoutResult") -> Fields:
    """dvx.checkout/1, and `checkout` of dvx.pull/1"""
    return {
        "paths": result.paths,
        "written": result.written,
        "removed": result.removed,
        "written_bytes": result.size_bytes,
        "kept": result.kept,
        "refused": [{"kind": error.kind, "message": error.what} for error in result.refused],
    }


def remote_fields(remote: "RemoteConfig", *, is_default: bool) -> Fields:
    """One entry of dvx.remote-list/1"""
    options = {
        name: without_password(value) if isinstance(value, str) else value
        for name, value in sorted(remote.options.items())
    }
    return {
        "name": remote.name,
        "url": without_password(remote.url),
        "options": options,
        "origin": remote.origin,
        "default": is_default,
    }


def check_fields(report: "CheckReport") -> Fields:
    """dvx.remote-check/1"""
    return {
        "name": report.name,
        "url": without_password(report.location),
        "usable": report.is_usable,
        "findings": _findings(report.findings),
    }


def _findings(findings: "Sequence[ProbeFinding]") -> list[Fields]:
    return [
        {"name": item.name, "ok": item.ok, "required": item.required, "detail": item.detail}
        for item in findings
    ]
