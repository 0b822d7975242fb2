"""The reference pages of the documentation, made from the code.

Owns docs/reference/cli.md, config.md and errors.md; scripts/generate-reference writes them and a test compares
them. Must not depend on the machine: the default number of jobs, for example, is not spelled out.
"""

import inspect
from collections.abc import Iterator

import click

from dvx.cli.options import common_options
from dvx.cli.reference_errors import errors_page
from dvx.cli.root import COMMANDS, cli
from dvx.repo.settings import REMOTE_OPTIONS, SETTINGS, Setting


def reference_pages() -> dict[str, str]:
    """The pages by file name."""
    return {
        "cli.md": "\n".join(_cli_page()) + "\n",
        "config.md": "\n".join(_config_page()) + "\n",
        "errors.md": "\n".join(errors_page()) + "\n",
    }


# Commands


def _cli_page() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "Made by `scripts/generate-reference`; change the help texts in `src/dvx/cli`, not this page."
    yield ""
    yield "<!-- page: not run, page: help texts; tests/unit/cli/test_reference.py reads every example as dvx does -->"
    yield ""
    yield "Results go to standard output, everything else to standard error. Paths are relative to the current"
    yield "directory, after `-C`. Exit codes are in [errors.md](errors.md), settings in [config.md](config.md)."
    yield ""
    yield "These options may stand before or after the command:"
    yield ""
    yield from _parameters(common_options())
    context = click.Context(cli, info_name="dvx")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield from _command(command, f"dvx {name}", level=2)


def _command(command: click.Command, path: str, *, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield ""
    yield f"{'#' * level} {path}"
    yield ""
    yield "```text"
    yield " ".join([path, *command.collect_usage_pieces(context)])
    yield "```"
    yield ""
    yield from _help_text(command)
    common = {parameter.name for parameter in common_options()} | {"help"}
    own = [p for p in command.params if isinstance(p, click.Option) and p.name not in common]
    if own:
        yield ""
        yield from _parameters(own)
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _command(inner, f"{path} {name}", level=level + 1)


def _help_text(command: click.Command) -> Iterator[str]:
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    yield text.strip()
    yield ""
    yield "```sh"
    yield from (line[2:] for line in examples.rstrip().splitlines())
    yield "```"


def _parameters(parameters: "list[click.Parameter] | list[click.Option]") -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for option in parameters:
        assert isinstance(option, click.Option)
        yield f"| {_spelling(option)} | {_cell(option.help or '')} |"


def _spelling(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.secondary_opts:
        names += ", " + ", ".join(f"`{name}`" for name in option.secondary_opts)
    if option.is_flag or option.count:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {_cell(' | '.join(map(str, option.type.choices)))}"
    return f"{names} {option.metavar or 'TEXT'}"


# Settings


def _config_page() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Made by `scripts/generate-reference`; change `src/dvx/repo/settings.py`, not this page."
    yield ""
    yield "A value comes from the first of these that has it: a flag of the command; the environment variable;"
    yield "`<git-common-dir>/dvx/config.toml` (this clone with all its work trees, `--local`); `.dvx/config.toml`"
    yield "(committed); the user's file (`--user`): `~/.config/dvx/config.toml`, on Windows"
    yield "`%APPDATA%\\dvx\\config.toml`."
    yield "`dvx config list --show-origin` shows which one it was."
    yield "A linked work tree may have a `<git-dir>/dvx/config.toml` of its own, which wins over that of the clone."
    yield "Relative folders start at the top of the main work tree, in whichever work tree a command runs."
    yield ""
    yield "A setting that this dvx does not know is named in a warning and left out. A value that cannot be used fails"
    yield "the commands that need it, and no other. Where a sparse checkout leaves `.dvx/config.toml` out, the staged"
    yield "one counts."
    yield ""
    yield "Secrets are refused in the committed file, and so are the settings marked as local."
    yield ""
    yield "| setting | type | default | environment | meaning |"
    yield "|---|---|---|---|---|"
    for setting in SETTINGS:
        where = "" if setting.shared else "; local"
        yield _setting(setting, setting.name, setting.env, _cell(setting.meaning) + where)
    yield ""
    yield "`metrics.direction.NAME`, one of `lower`, `higher` and `none`, says which value of a metric is better; NAME"
    yield "may have dots."
    yield ""
    yield "## Remotes"
    yield ""
    yield "Set with `dvx remote add`, or as `remote.NAME.OPTION`; the variable is `DVX_REMOTE_NAME_OPTION`."
    yield ""
    yield "| setting | type | default | environment | meaning |"
    yield "|---|---|---|---|---|"
    for option in REMOTE_OPTIONS:
        yield _setting(
            option, f"remote.NAME.{option.name}", f"DVX_REMOTE_NAME_{option.env}", _cell(option.meaning)
        )


def _setting(setting: Setting, name: str, variable: str, meaning: str) -> str:
    kind = ", ".join(f"`{choice}`" for choice in setting.choices) or setting.type
    # The number of cores is the one default that differs between machines.
    default = "cores" if setting.name == "core.jobs" else _default(setting.default)
    return f"| `{name}` | {kind} | {default} | `{variable}` | {meaning} |"


def _default(value: bool | int | str | None) -> str:
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
