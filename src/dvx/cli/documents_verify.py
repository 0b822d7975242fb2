"""The JSON documents of `dvx verify` and `dvx key`, and the receipt.

Owns their fields, which are public: fields may be added, never changed or removed.
"""

from typing import TYPE_CHECKING

from dvx import __version__
from dvx.cli.documents import Fields, tracked_fields
from dvx.cli.render import without_password

if TYPE_CHECKING:
    from dvx.ops.cache_key import CacheKey
    from dvx.ops.verify import VerifyReport
    from dvx.ops.verify_remote import RemoteCheck, RootCheck
    from dvx.ops.verify_workspace import WorkspaceCheck


def verify_fields(report: "VerifyReport", *, seconds: float) -> Fields:
    """dvx.verify/1; `workspace` and `remote` are null where they were not looked at"""
    workspace = report.workspace
    return {
        "result": report.outcome.value,
        "commit": report.commit,
        "dirty": report.is_dirty,
        "workspace": None if workspace is None else [_workspace_check(check) for check in workspace],
        "remote": _remote_fields(report.remote) if report.remote is not None else None,
        "seconds": round(seconds, 3),
    }


def _workspace_check(check: "WorkspaceCheck") -> Fields:
    return {
        **tracked_fields(check.tracked),
        "verified": check.is_right,
        "right_files": check.files,
        "right_bytes": check.size_bytes,
        "deviations": [
            {"path": path, "deviation": deviation.value} for path, deviation in check.deviations.items()
        ],
        "problem": check.problem,
        "absent_files": check.absent,
    }


def _remote_fields(check: "RemoteCheck") -> Fields:
    return {
        "name": check.name,
        "url": without_password(check.url),
        "packs": check.objects,
        "stored_bytes": check.size_bytes,
        "paths": [_root_check(root) for root in check.roots],
    }


def _root_check(root: "RootCheck") -> Fields:
    return {
        **tracked_fields(root.tracked),
        "state": root.state.value,
        "packs": root.packs,
        "missing": list(root.missing),
        "damaged": list(root.damaged),
        "sampled_chunks": root.sampled.chunks if root.sampled is not None else 0,
        "problem": root.problem,
    }


def receipt_fields(report: "VerifyReport", *, time: str) -> Fields:
    """dvx.receipt/1: what was verified, by what, when. Every field is there in every receipt."""
    from dvx.ops.receipt import FORMAT_VERSIONS

    workspace, remote = report.workspace, report.remote
    return {
        "schema": "dvx.receipt/1",
        "result": report.outcome.value,
        "commit": report.commit,
        "dirty": report.is_dirty,
        "pointers": [
            {**tracked_fields(target.tracked), "inside": list(target.inside)} for target in report.targets
        ],
        "workspace": None if workspace is None else _receipt_workspace(workspace),
        "remote": None if remote is None else _receipt_remote(remote),
        "tool": {"name": "dvx", "version": __version__},
        "formats": dict(FORMAT_VERSIONS),
        "time": time,
    }


def _receipt_workspace(checks: "tuple[WorkspaceCheck, ...]") -> Fields:
    return {
        "verified": all(check.is_right for check in checks),
        "files": sum(check.files for check in checks),
        "size": sum(check.size_bytes for check in checks),
        "deviations": sum(len(check.deviations) for check in checks),
    }


def _receipt_remote(check: "RemoteCheck") -> Fields:
    return {
        "verified": all(root.state == "complete" for root in check.roots),
        "name": check.name,
        "url": without_password(check.url),
        "packs": check.objects,
        "stored_bytes": check.size_bytes,
        "sampled_chunks": sum(root.sampled.chunks for root in check.roots if root.sampled is not None),
    }


def key_fields(key: "CacheKey", *, store: str) -> Fields:
    """dvx.key/1; `store` is the folder of the local store, which is what a cache keeps"""
    return {
        "key": key.key,
        "restore_prefix": key.restore_prefix,
        "roots": key.roots,
        "size": key.size_bytes,
        "store": store,
    }
