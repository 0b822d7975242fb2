"""The text of Git hooks: POSIX sh that runs a hook that was there before, guards, and only then starts Python.

Owns every line of that text, and telling a hook that dvx wrote from one that anybody changed. Must not touch a
file; `hook_files` does. What a hook does once Python runs is not decided here.
"""

import hashlib
import json
import shlex
from dataclasses import dataclass
from typing import Final

# The hooks of dvx, in the order in which a person meets them.
HOOK_NAMES: Final = (
    "pre-commit", "pre-push", "post-checkout", "post-merge", "post-rewrite", "post-index-change"
)  # fmt: skip
_FOLLOWING: Final = frozenset({"post-checkout", "post-merge", "post-rewrite", "post-index-change"})
_SEAL: Final = b"# dvx hook 1 "
_SHELL: Final = b"#!/bin/sh\n"
# Python exits with this where it has no dvx: no command of dvx does.
NO_DVX: Final = 97
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ksh", "ash"})


@dataclass(frozen=True, slots=True)
class Chained:
    """A hook that runs before that of dvx.

    `path` is beside the hook of dvx where `is_beside` (and then a name, or `folder/name`), else a path as Git
    takes one: absolute, or relative to the top of the work tree. `shell` is the command of its `#!` line where
    it is run as if it still had the name of the hook; "" runs it as a program.
    """

    path: str
    is_beside: bool
    shell: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """What a hook script was made from. `made_folder`: its folder was not there before the hooks of dvx."""

    name: str
    interpreter: str
    chained: Chained | None = None
    made_folder: bool = False


@dataclass(frozen=True, slots=True)
class WrittenHook:
    """A hook script that dvx wrote. `is_intact` is False once anybody edited it."""

    hook: Hook
    is_intact: bool


def script_of(hook: Hook) -> bytes:
    """The hook script: runs `hook.chained` first, then `dvx hooks run NAME` unless a guard finds nothing to do.

    A chained pre-commit or pre-push that fails ends it with its exit code. Any other hook goes on and exits with
    the code of the chained one. Without dvx it says so in one line and exits as the chained one did.
    """
    lines = [_ABOUT, "code=0", f"python={_quote(hook.interpreter)}", f"start={_quote(START)}"]
    if hook.chained is not None:
        lines += _chain_lines(hook.name, hook.chained)
    lines += ['[ -z "$DVX_IN_HOOK" ] || exit "$code"']
    if hook.name in _FOLLOWING:
        lines += _guard_lines(hook.name)
    lines += _run_lines(hook.name, gives_input=hook.name == "pre-push" and hook.chained is not None)
    return _sealed(hook, lines)


def forwarder_of(hook: Hook) -> bytes:
    """A script that does nothing but run `hook.chained`, for hooks that dvx has no part in."""
    assert hook.chained is not None
    target = _quote(hook.chained.path)
    return _sealed(hook, [_ABOUT, f'[ ! -x {target} ] || exec {target} "$@"'])


def config_command(name: str) -> str:
    """The value of `hook.dvx-NAME.command`: finds the script in the Git directory, wherever that is by now.

    Git appends the arguments of the hook. The script is read into the shell that Git started (1 ms saved).
    """
    guard = f"{_MOVED} || exit 0; " if name == "post-index-change" else ""
    return (
        f"dvx_hook() {{ {guard}dvx_common=.git; "
        "[ -d .git ] || dvx_common=$(git rev-parse --git-common-dir); "
        f'dvx_script=$dvx_common/dvx/hooks/{name}; [ -f "$dvx_script" ] || '
        f"{{ echo \"dvx: the script of the {name} hook is gone; bring it back: 'dvx hooks install'\" >&2; exit 0; }}; "
        'case $dvx_script in /*|[A-Za-z]:*) ;; *) dvx_script=./$dvx_script ;; esac; . "$dvx_script"; }; dvx_hook'
    )


def read_script(data: bytes) -> WrittenHook | None:
    """Tell what a script was made from; None for one that dvx did not write."""
    if not data.startswith(_SHELL + _SEAL):
        return None
    seal, _, rest = data[len(_SHELL + _SEAL) :].partition(b"\n")
    try:
        about = json.loads(rest.partition(b"\n")[0].removeprefix(b"# "))
        chained = about["chained"]
        hook = Hook(
            name=str(about["name"]),
            interpreter=str(about["interpreter"]),
            chained=None if chained is None else Chained(**chained),
            made_folder=bool(about["made_folder"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
    return WrittenHook(hook, is_intact=seal == _sum_of(rest))


def calls_dvx(data: bytes, name: str) -> bool:
    """Whether a hook that somebody else wrote runs `dvx hooks run NAME` itself."""
    return f"dvx hooks run {name}".encode() in data


def shell_for(data: bytes) -> str:
    """The shell that has to read a chained hook under the hook's own name; "" where it can run as a program.

    Husky 4 and other scripts take the name of the hook from `$0`, which is another one once the file is renamed.
    """
    command = _shebang(data)
    program = command.split()[:1]
    if not program or program[0].rpartition("/")[2] not in _SHELLS | {"env"}:
        return ""
    if program[0].endswith("/env") and command.split()[1:2] not in [[shell] for shell in _SHELLS]:
        return ""
    return command if _wants_name(data) else ""


def wants_own_folder(data: bytes) -> bool:
    """Whether a chained hook has to keep its name, in another folder: a program that reads it from its path."""
    return _wants_name(data) and not shell_for(data)


def written_by(data: bytes) -> str:
    """The tool that a hook is from, in a few words; "another hook" where that cannot be seen."""
    for sign, tool in _TOOLS:
        if sign in data:
            return tool
    return "another hook"


_TOOLS: Final = (
    (b"File generated by pre-commit", "the pre-commit framework"),
    (b"lefthook", "lefthook"),
    (b"husky", "husky"),
    (b"overcommit", "overcommit"),
    (b"git lfs", "git-lfs"),
    (b"git-lfs", "git-lfs"),
    (b"dvc git-hook", "DVC"),
)

_ABOUT: Final = "# Written by `dvx hooks install`. `dvx hooks uninstall` puts back what was here before."
# -P keeps Python from importing modules out of the work tree; `-c` starts 3 ms faster than `-m`.
START: Final = f"""\
try:
    from dvx.cli.main import main
except ModuleNotFoundError:
    raise SystemExit({NO_DVX})
main()"""


def _wants_name(data: bytes) -> bool:
    return b"husky.sh" in data or b"basename" in data or b"${0##*/}" in data


def _shebang(data: bytes) -> str:
    line = data.partition(b"\n")[0]
    return line[2:].decode("utf-8", "replace").strip() if line.startswith(b"#!") else ""


def _sealed(hook: Hook, lines: list[str]) -> bytes:
    chained = hook.chained
    about = {
        "name": hook.name,
        "interpreter": hook.interpreter,
        "chained": chained and {"path": chained.path, "is_beside": chained.is_beside, "shell": chained.shell},
        "made_folder": hook.made_folder,
    }
    body = "\n".join([f"# {json.dumps(about)}", *lines, ""]).encode("utf-8", "surrogateescape")
    return _SHELL + _SEAL + _sum_of(body) + b"\n" + body


def _sum_of(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode("ascii")


def _chain_lines(name: str, chained: Chained) -> list[str]:
    is_blocking = name.startswith("pre-")
    lines = []
    target = _quote(chained.path)
    if chained.is_beside:
        lines.append("case $0 in */*) folder=${0%/*} ;; *) folder=. ;; esac")
        target = f'"$folder"/{target}'
    lines.append(f"chained={target}")
    command = '"$chained" "$@"'
    if chained.shell:
        command = (
            f'DVX_CHAINED=$chained {shlex.join(chained.shell.split())} -c \'. "$DVX_CHAINED"\' "$0" "$@"'
        )
    if name == "pre-push":
        lines += ["input=$(cat)", 'give() { [ -z "$input" ] || printf \'%s\\n\' "$input" 2>/dev/null; }']
        command = f"give | {command}"
    failed = "exit" if is_blocking else "code=$?"
    return [*lines, 'if [ -x "$chained" ]; then', f"    {command} || {failed}", "fi"]


# Git says 0 where the index changed and the work tree did not: `git status`. It says so too of
# `git sparse-checkout set` and `add`, which move files; they hold a lock meanwhile.
_MOVED: Final = '[ "$1" = 1 ] || [ -f "${GIT_DIR:-.git}/info/sparse-checkout.lock" ]'


def _guard_lines(name: str) -> list[str]:
    """Leave before Python starts when the staged pointers are those that the workspace followed last."""
    lines = []
    if name == "post-index-change":
        lines.append(f'{_MOVED} || exit "$code"')
    lines += [
        "git_dir=$GIT_DIR",
        'if [ -z "$git_dir" ]; then',
        # Git runs hooks at the top of the work tree: asking it costs 2 ms.
        "    if [ -d .git ]; then git_dir=.git; else git_dir=$(git rev-parse --git-dir); fi",
        "fi",
        "followed=$git_dir/dvx/followed",
        # Where nothing was ever tracked there is nothing to follow without a pointer; elsewhere Python starts once
        # and writes the file.
        '[ -f "$followed" ] || [ -f "$git_dir/dvx/stat.db" ] || followed=/dev/null',
    ]
    same = "git ls-files -s -- '*.dvx' | cmp -s - \"$followed\" 2>/dev/null"
    if name == "post-checkout":
        # Flag 0: files were checked out, and so may be a pointer that is the same in the index as before.
        same = f'[ "$3" = 1 ] && {same}'
    if name == "post-index-change":
        # A sparse checkout hides and shows pointers that stay the same in the index.
        same = f'[ "$1" = 1 ] && {same}'
    return [*lines, f'if {same}; then exit "$code"; fi']


def _run_lines(name: str, *, gives_input: bool) -> list[str]:
    give = "give | " if gives_input else ""
    arguments = f'hooks run {name} "$@"'
    return [
        f"result={NO_DVX}",
        'if [ -x "$python" ]; then',
        f'    {give}"$python" -P -c "$start" {arguments}',
        "    result=$?",
        "fi",
        f'if [ "$result" -eq {NO_DVX} ]; then',
        "    if command -v dvx >/dev/null 2>&1; then",
        f"        {give}dvx {arguments}",
        "        result=$?",
        "    else",
        f'        echo "dvx: not found, so the {name} hook did nothing;'
        " install dvx again, then run 'dvx hooks install'\" >&2",
        "        result=0",
        "    fi",
        "fi",
        # Git passes the exit code of post-checkout on; following the data never makes a checkout fail.
        *([] if name in _FOLLOWING else ['[ "$result" -eq 0 ] || exit "$result"']),
        'exit "$code"',
    ]


def _quote(text: str) -> str:
    return shlex.quote(text)
