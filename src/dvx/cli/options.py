"""Options and arguments that several commands share, and the base classes of all commands.

Owns the global options, which may stand before or after the command. Must not run anything.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click

from dvx.cli.completions import complete_path, complete_remote, complete_revision
from dvx.cli.invocation import Invocation

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
_HELP_NAMES: Final = ["-h", "--help"]

pass_invocation = click.make_pass_decorator(Invocation)


def common_options() -> list[click.Parameter]:
    """Fresh global options; each sets something on the Invocation."""
    return [
        click.Option(
            ["-C", "folder"], metavar="DIR", multiple=True, expose_value=False, callback=_set_folder,
            help="Run as if started in DIR.",
        ),
        click.Option(
            ["-v", "--verbose"], count=True, expose_value=False, callback=_set_verbosity,
            help="Say more; with an error, show where it came from.",
        ),
        click.Option(
            ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_set_quiet,
            help="No progress and no summary; results, notes, warnings and errors stay.",
        ),
        click.Option(
            ["--no-input"], is_flag=True, expose_value=False, callback=_set_no_input,
            help="Never ask a question.",
        ),
    ]  # fmt: skip


class DvxOption(click.Option):
    """An option that also answers to names of earlier releases and of other tools, which no help lists."""

    def __init__(self, *args: Any, also: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*args, **named)
        self.also = tuple(also)

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know all names."""
        shown, self.opts = self.opts, [*self.opts, *self.also]
        super().add_to_parser(parser, ctx)
        self.opts = shown


class DvxCommand(click.Command):
    """A command with the global options and -h."""

    def __init__(self, *args: Any, **named: Any) -> None:
        named.setdefault("context_settings", {})["help_option_names"] = _HELP_NAMES
        super().__init__(*args, **named)
        self.params += common_options()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, which also writes help and version then."""
        with _explaining_output(ctx):
            return super().parse_args(ctx, args)


class RemoteFlagCommand(DvxCommand):
    """A command whose `--remote` asks the default remote, and with the name of a remote behind it that one.

    A word that is a path, or no remote here, stays what it is elsewhere on the line: a target.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell `--remote NAME` and `--remote=NAME` as `-r NAME`."""
        end = args.index("--") if "--" in args else len(args)
        read: list[str] = []
        for place, arg in enumerate(args[:end]):
            following = args[place + 1 : place + 2] if place + 1 < end else []
            if arg.startswith("--remote="):
                read += ["-r", arg.partition("=")[2]]
            elif arg == "--remote" and following and _is_remote(following[0], args):
                read.append("-r")
            else:
                read.append(arg)
        return super().parse_args(ctx, read + args[end:])


def _is_remote(word: str, args: Sequence[str]) -> bool:
    folder = os.path.join(*args[args.index("-C") + 1 :][:1]) if "-C" in args[:-1] else "."
    return not os.path.lexists(os.path.join(folder, word)) and word in known_remotes(folder)


class DvxGroup(click.Group):
    """A group of commands with the global options and -h."""

    command_class = DvxCommand

    def __init__(self, *args: Any, **named: Any) -> None:
        named.setdefault("context_settings", {})["help_option_names"] = _HELP_NAMES
        super().__init__(*args, **named)
        self.params += common_options()

    def rewrite(self, args: list[str]) -> list[str]:
        """Spell out a shorthand of this group."""
        return args

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, shorthands spelled out."""
        with _explaining_output(ctx):
            return super().parse_args(ctx, args if ctx.resilient_parsing else self.rewrite(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name what was meant where there is no command of this name."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            from dvx.cli.unknown_commands import unknown_command  # 5 ms that only a mistake needs

            raise unknown_command(ctx, args[0], names)
        return super().resolve_command(ctx, args)


@contextmanager
def _explaining_output(context: click.Context) -> Iterator[None]:
    """Let what click could not write fail as every result of dvx does."""
    try:
        yield
    except OSError:
        invocation = context.find_object(Invocation)
        if invocation is None:
            raise
        with invocation.output.explaining():
            raise


def _set_folder(context: click.Context, _: click.Parameter, value: Sequence[str]) -> None:
    invocation = context.find_object(Invocation)
    for folder in value:
        if invocation is None:
            return
        invocation.folder = os.path.join(invocation.folder, folder)
        if not os.path.isdir(invocation.folder):
            raise click.UsageError(f"`{folder}` is not a folder", ctx=context)
    if invocation is not None and value:
        invocation.stand_in()


def _set_verbosity(context: click.Context, _: click.Parameter, value: int) -> None:
    invocation = context.find_object(Invocation)
    if invocation is not None:
        invocation.verbosity += value


def _set_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    invocation = context.find_object(Invocation)
    if invocation is not None and value:
        invocation.output.is_quiet = True


def _set_no_input(context: click.Context, _: click.Parameter, value: bool) -> None:
    invocation = context.find_object(Invocation)
    if invocation is not None and value:
        invocation.may_ask = False


def _set_jobs(context: click.Context, _: click.Parameter, value: int | None) -> None:
    invocation = context.find_object(Invocation)
    if invocation is not None and value is not None:
        invocation.overrides["core.jobs"] = str(value)


def jobs_option(function: AnyFunction) -> AnyFunction:
    """`--jobs N`, as the setting core.jobs."""
    return click.option(
        "-j", "--jobs", type=click.IntRange(min=1), metavar="N", expose_value=False, callback=_set_jobs,
        help="Things to do at once (default: the setting core.jobs).",
    )(function)  # fmt: skip


def _set_rehearses(context: click.Context, _: click.Parameter, value: bool) -> None:
    invocation = context.find_object(Invocation)
    if invocation is not None and value:
        invocation.rehearses = True


def dry_run_option(function: AnyFunction) -> AnyFunction:
    """`--dry-run`: the plan is printed where it would be carried out (dvx.ops.rehearsal)."""
    return click.option(
        "-n", "--dry-run", is_flag=True, expose_value=False, callback=_set_rehearses,
        help="Say what would be done, and change nothing.",
    )(function)  # fmt: skip


def json_option(function: AnyFunction) -> AnyFunction:
    """`--json`, passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def remote_option(function: AnyFunction) -> AnyFunction:
    """`-r NAME`, passed as `remote_name`."""
    return click.option(
        "-r", "--remote", "remote_name", metavar="NAME", shell_complete=complete_remote,
        help="The remote to use (default: the default remote).",
    )(function)  # fmt: skip


def force_option(meaning: str) -> Callable[[AnyFunction], AnyFunction]:
    """`--force`, which says what it gives up."""
    return click.option("-f", "--force", is_flag=True, help=meaning)


def targets_argument(function: AnyFunction) -> AnyFunction:
    """`[TARGET]...`: tracked paths, pointers, folders above them, paths and patterns inside them."""
    return click.argument(
        "targets", nargs=-1, metavar="[TARGET]...", type=click.Path(), shell_complete=complete_path
    )(function)


def revisions_options(function: AnyFunction) -> AnyFunction:
    """`--rev REV` and `--all`, passed as `revs` and `all_refs`."""
    function = click.option(
        "--all", "all_refs", cls=DvxOption, also=["--all-refs"], is_flag=True,
        help="Everything that any branch or tag ever named.",
    )(function)  # fmt: skip
    return click.option(
        "--rev",
        "revs",
        multiple=True,
        metavar="REV",
        shell_complete=complete_revision,
        help="What REV names, not the work tree. Can be repeated.",
    )(function)


def known_remotes(folder: str) -> list[str]:
    """The names of the remotes of the repository at `folder`; none where they cannot be read."""
    from dvx.core.errors import DvxError
    from dvx.repo.config import load_config
    from dvx.repo.remotes import remote_names
    from dvx.repo.repository import Repository

    env: Mapping[str, str] = os.environ
    try:
        repository = Repository.discover(os.path.abspath(folder), env=env)
        return remote_names(load_config(repository, env=env))
    except (DvxError, OSError):
        return []
