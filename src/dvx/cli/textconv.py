"""`dvx textconv FILE`: what Git shows of a pointer in `git diff`, `git log -p` and `git show`.

Owns the rule that it never fails and never asks a network: Git gives up the whole diff when this does. Must stay
cheap to import, because Git runs it twice for each changed pointer.
"""

import sys
from collections.abc import Mapping

from dvx.cli.output import escape
from dvx.core.errors import DvxError, ExitCode


def print_textconv(path: str, *, env: Mapping[str, str]) -> int:
    """Print a pointer in a few lines, or anything else as the text it is, with what is not printable spelled out.

    Returns the exit code: not 0 only if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        sys.stderr.write(f"error: cannot read `{escape(path)}`: {error.strerror}\n")
        return ExitCode.FAILED
    lines = _summary(data, env) or data.decode("utf-8", "backslashreplace").split("\n")
    text = "\n".join("\t".join(escape(part) for part in line.split("\t")) for line in lines)
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.write(b"" if text.endswith("\n") or not text else b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return ExitCode.DONE  # a pager that was closed
    except OSError as error:
        sys.stderr.write(f"error: cannot write the results: {error.strerror}\n")
        return ExitCode.FAILED
    return ExitCode.DONE


def _summary(data: bytes, env: Mapping[str, str]) -> list[str]:
    """The lines for a pointer; [] for anything else."""
    from dvx.formats.pointer import parse_pointer

    try:
        pointer = parse_pointer(data)
    except DvxError:
        return []
    from dvx.ops.pointer_summary import summarise_pointer

    return summarise_pointer(pointer, ".", env)
