"""The JSON documents of `dvx hooks install`, `uninstall` and `status`.

Owns their fields, which are public: fields may be added, never changed or removed. Paths are as the disk has them.
"""

import os
from typing import TYPE_CHECKING

from dvx.cli.documents import Fields

if TYPE_CHECKING:
    from dvx.ops.hooks import HooksChange, HooksReport
    from dvx.repo.hook_files import FoundHook


def status_fields(report: "HooksReport") -> Fields:
    """dvx.hooks-status/1"""
    return {
        "working": report.is_working,
        "mode": report.mode.value if report.mode is not None else None,
        "folder": _text(report.folder),
        "git": ".".join(map(str, report.git_version)),
        "interpreter": _text(report.interpreter),
        "interpreter_exists": report.interpreter_exists,
        "hooks": [_hook(hook) for hook in report.hooks],
        "drivers": report.has_drivers,
        "problems": list(report.problems),
    }


def change_fields(change: "HooksChange") -> Fields:
    """dvx.hooks-install/1 and dvx.hooks-uninstall/1"""
    return {"changed": change.changed, "notes": list(change.notes), "status": status_fields(change.report)}


def _hook(hook: "FoundHook") -> Fields:
    return {
        "name": hook.name,
        "state": hook.state.value,
        "path": _text(hook.path),
        "by": hook.by or None,
        "chained": _text(hook.chained),
        "chained_by": hook.chained_by or None,
    }


def _text(path: str | None) -> str | None:
    return None if path is None else os.fsencode(path).decode("utf-8", "backslashreplace")
