"""`dvx hooks run NAME`: what the hook scripts call.

Owns which function does the work of which hook. Imports no click: Git waits for this command.
"""

import os
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from dvx.cli.invocation import IN_HOOK, Invocation
from dvx.core.errors import UsageError


def run_hook(invocation: Invocation, name: str, args: Sequence[str], stdin: BinaryIO) -> int:
    """Do the work of the Git hook `name` and return its exit code; `stdin` is what Git wrote to the hook.

    Git commands started from here run no hook of dvx. Raises UsageError for a name that dvx has no hook for.
    """
    action = _ACTIONS.get(name)
    if action is None:
        raise UsageError(
            f"dvx has no hook `{name[:80]}`",
            hints=[f"the hooks are: {', '.join(_ACTIONS)}"],
            kind="unknown-hook",
        )
    os.environ[IN_HOOK] = name
    return action(invocation, name, args, stdin)


def _pre_commit(invocation: Invocation, _: str, args: Sequence[str], __: BinaryIO) -> int:
    from dvx.cli.hook_actions import pre_commit

    return pre_commit(invocation, args)


def _pre_push(invocation: Invocation, _: str, args: Sequence[str], stdin: BinaryIO) -> int:
    from dvx.cli.hook_actions import pre_push

    return pre_push(invocation, args, os.fsdecode(stdin.read()).splitlines())


def _follow(invocation: Invocation, name: str, args: Sequence[str], _: BinaryIO) -> int:
    from dvx.cli.hook_actions import follow

    return follow(invocation, name, args)


_Action = Callable[[Invocation, str, Sequence[str], BinaryIO], int]
_ACTIONS: Final[dict[str, _Action]] = {
    "pre-commit": _pre_commit,
    "pre-push": _pre_push,
    "post-checkout": _follow,
    "post-merge": _follow,
    "post-rewrite": _follow,
    "post-index-change": _follow,
}
HOOKS: Final = tuple(_ACTIONS)
