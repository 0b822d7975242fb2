"""Values that a training hands over, as plain numbers and short text.

Owns the unwrapping of numpy and torch scalars, the flat names of nested values, and the spelling of numbers that
JSON does not have. Must not import numpy or torch.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from dvx.core.errors import UsageError

Plain = bool | int | float | str
# As in pointers, which take these names over.
MAX_NAME_CHARACTERS: Final = 200


def plain_value(name: str, value: object) -> Plain:
    """Return one number, truth value or short text; whatever has an `.item()` of one element is unwrapped.

    Raises UsageError (kind `bad-metadata`) for everything else, such as a tensor of many elements.
    """
    if isinstance(value, float):  # float64 of numpy is one; the file wants the plain number
        return float(value)
    if isinstance(value, bool | int):
        return bool(value) if isinstance(value, bool) else int(value)
    if isinstance(value, str):
        return _text(name, value)
    item = getattr(value, "item", None)
    if callable(item):
        try:
            unwrapped = item()
        except (TypeError, ValueError, RuntimeError) as error:
            raise _refused(name, f"{type(value).__name__} of more than one element") from error
        if isinstance(unwrapped, bool | int | float | str):
            return plain_value(name, unwrapped)
    raise _refused(name, type(value).__name__)


def flat_values(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Plain]]:
    """Yield (name with dots, value) for nested values. Raises UsageError as `plain_value` does."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat_values(value, name + ".")
        else:
            yield check_name(name), plain_value(name, value)


def check_name(name: str) -> str:
    """Return `name`, or raise UsageError where it is no name for a value: empty, long, or not printable."""
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise UsageError(
            f"{name[:60]!a} cannot be the name of a parameter or a metric",
            hints=[f"use printable text of at most {MAX_NAME_CHARACTERS} characters"],
            kind="bad-metadata",
        )
    return name


def json_value(value: Plain) -> Plain:
    """The value as JSON may hold it: NaN and the infinities are the strings "nan", "inf" and "-inf"."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def number_of(text: str) -> float | None:
    """The number that a cell or a JSON string spells, None where it spells none."""
    try:
        return float(text)
    except ValueError:
        return None


def _text(name: str, text: str) -> str:
    # A line of the history is a row: text that ends a line would tear it.
    if not text.isprintable():
        raise _refused(name, "text of several lines")
    return str(text)


def _refused(name: str, what: str) -> UsageError:
    return UsageError(
        f"the value of `{name}` is not one number or short text: {what}",
        hints=["log one number for each name, such as the mean"],
        kind="bad-metadata",
    )
