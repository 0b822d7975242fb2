"""Literals that a Python file assigns at module level, and in classes there. The file is parsed, never executed.

Owns which assignments count: one whose value is only known when the program runs is named as left out.
"""

import ast
import warnings
from collections.abc import Iterator, Sequence

from dvx.repo.value_flat import Unstorable, decoded, unreadable

_NOT_LITERAL = "it is not a plain literal, so only running the program would tell"


def parse_python(data: bytes, name: str) -> dict[object, object]:
    """Return the literals by name, those of a class nested under its name.

    The last assignment of a name counts. What is changed in place (`LR *= 2`) or assigned in a branch or a loop is
    Unstorable. Raises UsageError for what is not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as invalid escapes, which concern the program's author
            tree = ast.parse(decoded(data, name))
        return _literals(tree.body)
    except SyntaxError as error:
        raise unreadable(name, f"line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise unreadable(name, f"it is not Python ({error})") from error


def _literals(body: Sequence[ast.stmt]) -> dict[object, object]:
    found: dict[object, object] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = _literals(statement.body)
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                _assign(found, target, statement.value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            _assign(found, statement.target, statement.value)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            found.pop(statement.name, None)
        elif not isinstance(statement, ast.AnnAssign):
            for assigned in _assigned(statement):
                found[assigned] = Unstorable(_NOT_LITERAL)
    return found


def _assign(found: dict[object, object], target: ast.expr, value: ast.expr) -> None:
    if isinstance(target, ast.Name):
        if not (target.id.startswith("__") and target.id.endswith("__")):
            found[target.id] = _literal(value)
        return
    # `a, b = …`, `x[0] = …`, `x.y = …`: names that are not a plain literal any more.
    for inner in ast.walk(target):
        if isinstance(inner, ast.Name):
            found[inner.id] = Unstorable(_NOT_LITERAL)


def _literal(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError):
        return Unstorable(_NOT_LITERAL)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement sets or deletes, outside of functions and classes in it."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from (inner.id for inner in ast.walk(node.value) if isinstance(inner, ast.Name))
        pending.extend(ast.iter_child_nodes(node))
