"""The JSON document of a failure.

Owns its fields, which are public: fields may be added, never changed or removed. See dvx.cli.documents.
"""

from collections.abc import Callable, Sequence
from typing import Final

from dvx.cli.documents import Fields
from dvx.core.errors import DvxError

SCHEMA: Final = "dvx.error/1"


def error_fields(error: DvxError, *, causes: Sequence[str], placed: Callable[[str], str] = str) -> Fields:
    """dvx.error/1; `affected` is null where nothing is to be said of it"""
    return {
        "kind": error.kind,
        "what": error.what,
        "affected": error.affected,
        "causes": list(causes),
        "hints": [placed(hint) for hint in error.hints],
        "exit_code": int(error.exit_code),
    }


def wants_document(args: Sequence[str]) -> bool:
    """Whether a command line, which may be malformed, asks for JSON."""
    end = args.index("--") if "--" in args else len(args)
    return "--json" in args[:end]
