"""Which kinds of errors the source raises, and the reference page of errors.

Owns `errors.md`. Runs where the documents are made and tested, never in a command: it reads the source of dvx.
"""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Final

import dvx
from dvx.cli.error_kinds import KINDS
from dvx.core.errors import DvxError, ExitCode

_CODE_MEANINGS: Final = {
    ExitCode.DONE: "Done.",
    ExitCode.FAILED: "Failed; the message says why.",
    ExitCode.USAGE: "The command line makes no sense: unknown option, path outside of the repository, overlap.",
    ExitCode.PARTIAL: "Some targets were finished, others failed. Damage is 7 all the same, and 6 says that "
    "data was missing and nothing else failed.",
    ExitCode.CREDENTIALS: "A store refused the credentials, or there are none.",
    ExitCode.DIFFERENCES: "Differences were found by a command that was asked for them (`--exit-code`, `dvx verify`), "
    "or a rule of `dvx check` fails.",
    ExitCode.DATA_MISSING: "Data that a pointer names is not where it was looked for.",
    ExitCode.INTEGRITY: "Bytes do not match their id, or are no valid dvx object.",
    ExitCode.BUSY: "Another dvx command holds the lock.",
    ExitCode.UNREACHABLE: "A remote could not be reached, or kept failing.",
    ExitCode.NOT_A_REPOSITORY: "No Git repository here, or `dvx init` has not been run.",
    ExitCode.BUG: "A bug in dvx; the message names the crash log.",
    ExitCode.INTERRUPTED: "Interrupted with Ctrl-C; the same command goes on where this one stopped.",
}
# A test kit that ships with dvx and is no part of its commands.
_LEFT_OUT: Final = "dvx.testing"
# What a name can stand for.
_Texts = Mapping[str, set[str]]


def errors_page() -> Iterator[str]:
    """The lines of the page."""
    yield from _INTRODUCTION
    for code in ExitCode:
        yield f"| {int(code)} | {_CODE_MEANINGS[code]} |"
    yield from _KINDS_INTRODUCTION
    for kind, codes in sorted(raised_kinds().items()):
        yield f"| `{kind}` | {', '.join(str(int(code)) for code in sorted(codes))} | {_meaning(kind)} |"


_INTRODUCTION: Final = (
    "# Errors",
    "",
    "Made by `scripts/generate-reference`; change `src/dvx/core/errors.py` and `src/dvx/cli/error_kinds.py`, not this",
    "page.",
    "",
    "An error says on standard error what went wrong, what it affects, and the next command:",
    "",
    "<!-- page: setup",
    "git init project && cd project && dvx init --remote ../remote && mkdir data && echo rows > data/new",
    "-->",
    "<!-- page: exit 1 -->",
    "```console",
    "$ dvx pull data/new",
    "error: `data/new` is not tracked by dvx",
    "hint: list what is tracked: `dvx ls`",
    "hint: track it: `dvx add data/new`",
    "```",
    "",
    "With `-v` the causes and the place in the code follow. The text may change; exit codes and kinds do not. With",
    "`--json` the error is also a document on standard output, [`dvx.error/1`](json.md#dvxerror1).",
    "",
    "## Exit codes",
    "",
    "| code | meaning |",
    "|---:|---|",
)
_KINDS_INTRODUCTION: Final = (
    "",
    "## Kinds",
    "",
    "`kind` in a JSON document is one of these. Where several exit codes stand beside a kind, the command decides.",
    "",
    "| kind | code | meaning |",
    "|---|---:|---|",
)


def _meaning(kind: str) -> str:
    meaning = KINDS.get(kind)
    if meaning is None:
        raise LookupError(f"errors of kind {kind!r} are raised and not described in dvx/cli/error_kinds.py")
    return meaning.replace("|", "\\|")


def raised_kinds() -> dict[str, set[ExitCode]]:
    """Every kind that an error of dvx can have, with its exit codes: of classes, and of the places that raise them."""
    found: dict[str, set[ExitCode]] = {"bug": {ExitCode.BUG}, "interrupted": {ExitCode.INTERRUPTED}}
    trees = [(module, ast.parse(inspect.getsource(module))) for module in _modules()]
    given = _given_by_keyword(tree for _, tree in trees)
    for module, tree in trees:
        for error in _error_classes(module):
            found.setdefault(error.kind, set()).add(error.exit_code)
        texts = {**given, **_assigned(tree), **_constants(module)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for kind, code in _kinds_of_call(node, module, texts):
                    found.setdefault(kind, set()).add(code)
    return found


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(dvx.__path__, "dvx."):
        if not info.name.startswith(_LEFT_OUT) and not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def _error_classes(module: ModuleType) -> Iterator[type[DvxError]]:
    for item in vars(module).values():
        if isinstance(item, type) and issubclass(item, DvxError) and item.__module__ == module.__name__:
            yield item


def _kinds_of_call(call: ast.Call, module: ModuleType, texts: _Texts) -> Iterator[tuple[str, ExitCode]]:
    """The kinds that a call of the class of an error names; one that is taken over from another error is that one's."""
    error = getattr(module, call.func.id, None) if isinstance(call.func, ast.Name) else None
    if not isinstance(error, type) or not issubclass(error, DvxError):
        return
    for keyword in call.keywords:
        if keyword.arg == "kind":
            for kind in _texts(keyword.value, texts):
                yield kind, error.exit_code


def _texts(node: ast.expr, names: _Texts) -> set[str]:
    """What an expression can be: a text, or what a name in it can stand for."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return _texts(body, names) | _texts(other, names)
        case ast.Name(id=name):
            return names.get(name, set())
        case ast.JoinedStr(
            values=[ast.Constant(value=str(start)), ast.FormattedValue(value=ast.Name(id=name))]
        ):
            return {start + text for text in names.get(name, set())}
    return set()


def _given_by_keyword(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """The texts that calls anywhere in dvx give to an argument, by its name."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg not in (None, "kind"):
                found.setdefault(str(node.arg), set()).update(_texts(node.value, {}))
    return found


def _assigned(tree: ast.Module) -> dict[str, set[str]]:
    """The texts that a module gives to names inside of its functions."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, set()).update(_texts(node.value, {}))
    return found


def _constants(module: ModuleType) -> dict[str, set[str]]:
    return {name: {value} for name, value in vars(module).items() if isinstance(value, str)}
