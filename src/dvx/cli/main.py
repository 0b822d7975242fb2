"""The entry point of the `dvx` command.

Owns the process: its streams, its signals and its exit code. Must stay cheap to import: everything that a
command needs comes in when that command runs.
"""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from dvx import __version__

# So many new objects before Python looks for garbage in reference cycles; its own number is 700. Modules, entries, rows
# and indexes of many files stay and hold no cycles, and each look visits them again: 5 ms of a status, 17 % of the CPU
# time of a pull of 400 000 files, a sixth of a log of 50 000 versions.
_OBJECTS_BETWEEN_LOOKS = 500_000
_STREAMS = (("stdin", 0, os.O_RDONLY), ("stdout", 1, os.O_WRONLY), ("stderr", 2, os.O_WRONLY))


def main() -> None:
    """Run the command line of this process and exit with its code."""
    _read_names_as_utf8()
    _open_missing_streams()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 10, 10)
    code = run(sys.argv[1:], env=os.environ)
    gc.freeze()  # Python frees everything when it ends; it need not look for cycles before (5 ms)
    sys.exit(code)


def _read_names_as_utf8() -> None:
    """Start Python again in its UTF-8 mode where the locale has another encoding: names on disk are bytes.

    It cannot be turned on later, and a name that was read as Latin-1 would be stored as another one.
    """
    if sys.getfilesystemencoding() != "utf-8" and os.name == "posix":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves


def _open_missing_streams() -> None:
    """Let each stream that was closed lead to nowhere, as with `dvx status >&-`, before any other file is opened.

    A data file would get its number otherwise, and have messages written into it.
    """
    for name, number, flags in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # for Git, started from here
        if getattr(sys, name) is None:
            mode = "r" if flags == os.O_RDONLY else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def run(args: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Run one command and return its exit code."""
    if list(args) == ["--version"]:
        # Hooks and scripts ask this often; answered before click is imported, which takes 25 ms.
        with suppress(OSError, ValueError):  # explained below, where it cannot be written
            sys.stdout.write(f"dvx {__version__}\n")
            sys.stdout.flush()
            return 0
    if len(args) == 2 and args[0] == "textconv" and not args[1].startswith("-"):
        from dvx.cli.textconv import print_textconv  # as above: `git log -p` runs it for every version

        return print_textconv(args[1], env=env)
    from dvx.cli.boundary import run_guarded
    from dvx.cli.invocation import Invocation
    from dvx.cli.plain import parse_plain, run_plain

    invocation = Invocation.of_process(env)

    def invoke() -> int:
        if list(args[:2]) == ["hooks", "run"] and len(args) > 2 and not args[2].startswith("-"):
            from dvx.cli.hook_runs import run_hook  # Git waits for its hooks: without click, as above

            return run_hook(invocation, args[2], args[3:], sys.stdin.buffer)
        line = parse_plain(args, env=env)
        if line is not None:
            return run_plain(line, invocation)  # without click, as above
        from dvx.cli.root import cli

        return int(cli.main(args=list(args), prog_name="dvx", standalone_mode=False, obj=invocation) or 0)

    return run_guarded(invoke, invocation, args=args)
