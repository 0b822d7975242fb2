"""Verbs of Git, DVC and Git LFS that dvx has no command for, and what does their work here.

Owns the one table. Every command that it names exists: a test runs them through the command line's own parser.
"""

from collections.abc import Mapping
from typing import Final

_GIT_DOES: Final = (
    "bisect", "blame", "branch", "cherry-pick", "describe", "merge", "rebase", "reflog", "revert", "rev-parse", "stash",
    "submodule", "tag", "worktree",
)  # fmt: skip
_NO_PIPELINES: Final = (
    "dvx runs no pipelines: run the program yourself, then record the line: "
    "`dvx add PATH --command 'python train.py' --from INPUT`"
)
_EXPERIMENTS: Final = "commits are the experiments: `dvx log`, `dvx compare REV REV`, `dvx plot FILE`"
_NO_FILTERS: Final = (
    "dvx has no filters: pointers stand beside the data, and `dvx hooks install` lets data follow Git"
)
_NO_LOCKS: Final = "tracked files are plain files: edit them, then `dvx add --update`"
_NO_GC: Final = "dvx has no command that removes stored data; what is tracked: `dvx ls`"

LEADS: Final[Mapping[str, str]] = {
    **{verb: f"Git does that: `git {verb}`" for verb in _GIT_DOES},
    "artifacts": "list tracked data of a version: `dvx ls --rev REV`",
    "cache": "where the local store is: `dvx config get store.path`; what is in use: `dvx ls`",
    "clean": _NO_FILTERS,
    "commit": "`dvx add --update`, then `git commit`",
    "dag": "what data was made from: `dvx lineage PATH`",
    "data": "`dvx status`",
    "dedup": "data is stored once, chunk by chunk: `dvx add PATH` says what was new",
    "destroy": "`dvx rm --keep PATH` stops tracking; `dvx hooks uninstall` takes the hooks out",
    "doctor": "`dvx remote check`, `dvx hooks status` and `dvx verify`",
    "env": "`dvx config list --show-origin`",
    "exp": _EXPERIMENTS,
    "experiments": _EXPERIMENTS,
    "filter-process": _NO_FILTERS,
    "freeze": "an import stays at its commit until `dvx update PATH`",
    "fsck": "`dvx verify --workspace --remote`",
    "gc": _NO_GC,
    "get-url": "fetch it with its own tool, then `dvx add PATH`",
    "import-url": "fetch it with its own tool, then `dvx add PATH`",
    "info": "`dvx status` and `dvx meta show PATH`",
    "install": "`dvx hooks install`",
    "list": "`dvx ls`",
    "lock": _NO_LOCKS,
    "locks": _NO_LOCKS,
    "ls-files": "`dvx ls -R`",
    "ls-remote": "`dvx remote list`",
    "ls-tree": "`dvx ls -R --rev REV`",
    "migrate": "let Git forget the file, then track it: `git rm --cached PATH`, `dvx add PATH`",
    "move": "`dvx mv SOURCE DESTINATION`",
    "plots": "`dvx plot FILE`",
    "pointer": "what a pointer names: `dvx textconv FILE`",
    "prune": _NO_GC,
    "queue": _EXPERIMENTS,
    "remove": "`dvx rm PATH`",
    "repro": _NO_PIPELINES,
    "reset": "`git reset`, then bring the data back: `dvx checkout`",
    "restore": "`dvx checkout TARGET`, or of another version: `dvx checkout --rev REV TARGET`",
    "root": "`git rev-parse --show-toplevel`",
    "run": _NO_PIPELINES,
    "save": "`dvx add --update`, then `git commit`",
    "show": "what a commit changed: `dvx diff REV~1 REV`; its values: `dvx metrics show REV`",
    "smudge": _NO_FILTERS,
    "stage": _NO_PIPELINES,
    "switch": "`git switch BRANCH`, then `dvx checkout`; `dvx hooks install` does the second by itself",
    "track": "`dvx add PATH`",
    "unfreeze": "`dvx update PATH`",
    "uninstall": "`dvx hooks uninstall`",
    "unlock": _NO_LOCKS,
    "unprotect": _NO_LOCKS,
    "untrack": "`dvx rm --keep PATH`",
    "version": "`dvx --version`",
}
# The same inside of groups.
GROUP_LEADS: Final[Mapping[str, Mapping[str, str]]] = {
    "config": {"edit": "the file of the repository is `.dvx/config.toml`; all values: `dvx config list`"},
    "hooks": {
        "remove": "`dvx hooks uninstall`",
        "add": "`dvx hooks install`",
        "list": "`dvx hooks status`",
        "show": "`dvx hooks status`",
    },
    "meta": {"get": "`dvx meta show PATH`", "list": "`dvx meta show`", "add": "`dvx meta set PATH NAME=VALUE`"},
    "metrics": {"list": "`dvx metrics show`", "log": "`dvx log`"},
    "params": {"list": "`dvx params show`", "log": "`dvx log`"},
    "remote": {
        "delete": "`dvx remote remove NAME`",
        "get-url": "`dvx config get remote.NAME.url`",
        "ls": "`dvx remote list`",
        "modify": "`dvx config set remote.NAME.OPTION VALUE`",
        "rename": "`dvx remote add NEW URL`, then `dvx remote remove OLD`",
        "rm": "`dvx remote remove NAME`",
        "set-url": "`dvx remote add --force NAME URL`",
        "show": "`dvx remote list`",
        "test": "`dvx remote check NAME`",
    },
}  # fmt: skip
