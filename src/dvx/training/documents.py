"""Parameters and the latest metrics as the text of a file: JSON, or YAML by the name of the file.

Owns the spelling. Every file is written whole; `dvx.training.run` says where and when.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from dvx.core.errors import UsageError
from dvx.training.values import check_name, json_value, plain_value

Tree = Mapping[str, Any]


def plain_tree(values: Mapping[str, object], prefix: str = "") -> dict[str, Any]:
    """Nested values with every scalar unwrapped; lists hold scalars. Raises UsageError as `plain_value` does."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        name = check_name(f"{prefix}{key}")
        if isinstance(value, Mapping):
            tree[str(key)] = plain_tree(value, name + ".")
        elif isinstance(value, list | tuple):
            tree[str(key)] = [plain_value(name, item) for item in value]
        elif value is None:
            tree[str(key)] = None
        else:
            tree[str(key)] = plain_value(name, value)
    return tree


def merged(old: Tree, new: Tree) -> dict[str, Any]:
    """`old` with the values of `new` on top, table by table."""
    both = dict(old)
    for key, value in new.items():
        before = both.get(key)
        is_table = isinstance(before, Mapping) and isinstance(value, Mapping)
        both[key] = merged(before, value) if is_table and before is not None else value
    return both


def format_tree(tree: Tree, path: str) -> bytes:
    """The text of a file with this name: YAML for `.yaml` and `.yml`, JSON for `.json`. Ends in a newline."""
    if path.lower().endswith((".yaml", ".yml")):
        return "".join(_yaml_lines(tree)).encode("utf-8") or b"{}\n"
    return (json.dumps(_finite(tree), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def check_extension(path: str, known: tuple[str, ...], what: str) -> str:
    """Return `path`, or raise UsageError where its ending names no known form."""
    if not path.lower().endswith(known):
        raise UsageError(f"`{path}` cannot hold {what}", hints=[f"name it with one of {', '.join(known)}"])
    return path


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return json_value(value) if value is not None else None


def _yaml_lines(tree: Tree, indent: str = "") -> Iterator[str]:
    for key, value in tree.items():
        name = json.dumps(key, ensure_ascii=False)
        if isinstance(value, Mapping) and value:
            yield f"{indent}{name}:\n"
            yield from _yaml_lines(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{name}: [{', '.join(map(_yaml_scalar, value))}]\n"
        else:
            yield f"{indent}{name}: {_yaml_scalar(value)}\n"


def _yaml_scalar(value: Any) -> str:
    """Spell a scalar so that YAML 1.1 and 1.2 agree: text quoted, a dot in every float (`1.0e-05`)."""
    if isinstance(value, Mapping):
        return "{}"
    if not isinstance(value, float):
        return json.dumps(value, ensure_ascii=False)
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, mark, exponent = repr(value).partition("e")
    return f"{digits}{'' if '.' in digits else '.0'}{mark}{exponent}"
