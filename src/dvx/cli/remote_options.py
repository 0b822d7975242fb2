"""One flag for each option that a remote can have, for the commands that write a remote down.

Owns how settings of a remote become flags. Must not know what they mean.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from dvx.repo.settings import REMOTE_OPTIONS

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def store_options(function: AnyFunction) -> AnyFunction:
    """`--endpoint`, `--region` and the like, passed by their names; None for those that were not given."""
    for option in reversed(REMOTE_OPTIONS):
        if option.name == "url":
            continue
        flag = "--" + option.name.replace("_", "-")
        meaning = option.meaning[:1].upper() + option.meaning[1:] + "."
        if option.type == "bool":
            function = click.option(flag, option.name, is_flag=True, default=None, help=meaning)(function)
        else:
            kind = click.Choice(option.choices) if option.choices else click.STRING
            function = click.option(flag, option.name, type=kind, help=meaning)(function)
    return function


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in options.items() if value is not None}
