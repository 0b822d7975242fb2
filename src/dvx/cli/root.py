"""The table of commands.

Owns the names and one-line descriptions of all commands. Importing it imports none of them: `dvx --help` and
shell completion of a command's name stay fast.
"""

from importlib import import_module
from typing import Final, NamedTuple

import click

from dvx import __version__
from dvx.cli.options import DvxGroup


class Entry(NamedTuple):
    """Where a command is, and what it does in a few words."""

    place: str
    summary: str


COMMANDS: Final = {
    "init": Entry("dvx.cli.commands.init:init", "Set up dvx in a Git repository."),
    "add": Entry("dvx.cli.commands.add:add", "Store data and write pointers for Git."),
    "status": Entry("dvx.cli.commands.status:status", "Compare the workspace with its pointers."),
    "diff": Entry("dvx.cli.commands.diff:diff", "Show what changed in the data between versions."),
    "log": Entry("dvx.cli.commands.log:log", "Show data, parameters and metrics over commits."),
    "compare": Entry("dvx.cli.commands.compare:compare", "Set versions side by side: data, parameters, metrics."),
    "params": Entry("dvx.cli.commands.params:params", "Show and compare parameters of any version."),
    "metrics": Entry("dvx.cli.commands.metrics:metrics", "Show and compare metrics of any version."),
    "ls": Entry("dvx.cli.commands.ls:ls", "List tracked data, of any version."),
    "plot": Entry("dvx.cli.commands.plot:plot", "Draw metrics over steps or over history."),
    "lineage": Entry("dvx.cli.commands.lineage:lineage", "Show what data was made from, and what from it."),
    "push": Entry("dvx.cli.commands.push:push", "Copy data to a remote."),
    "fetch": Entry("dvx.cli.commands.fetch:fetch", "Copy data from a remote to the local store."),
    "pull": Entry("dvx.cli.commands.pull:pull", "Fetch data and bring it into the workspace."),
    "checkout": Entry("dvx.cli.commands.checkout:checkout", "Bring local data into the workspace."),
    "get": Entry("dvx.cli.commands.get:get", "Get data of another repository, without cloning it."),
    "cat": Entry("dvx.cli.commands.cat:cat", "Write a tracked file to standard output."),
    "import": Entry("dvx.cli.commands.import_data:import_data", "Track data of another repository here."),
    "update": Entry("dvx.cli.commands.update:update", "Bring imported data up to date with its source."),
    "clone": Entry("dvx.cli.commands.clone:clone", "Clone a repository and pull its data."),
    "verify": Entry("dvx.cli.commands.verify:verify", "Check that workspace and remote have the data."),
    "meta": Entry("dvx.cli.commands.meta:meta", "Show and change what a pointer says beside the data."),
    "check": Entry("dvx.cli.commands.check:check", "Check rules over metrics, sizes and names."),
    "key": Entry("dvx.cli.commands.key:key", "Print a name for the data, for CI caches."),
    "rm": Entry("dvx.cli.commands.rm:rm", "Stop tracking data."),
    "mv": Entry("dvx.cli.commands.mv:mv", "Move or rename tracked data."),
    "hooks": Entry("dvx.cli.commands.hooks:hooks", "Let Git run dvx: install, remove and check its hooks."),
    "remote": Entry("dvx.cli.commands.remote:remote", "Add, list, remove and check remotes."),
    "config": Entry("dvx.cli.commands.config:config", "Read and change settings."),
    "resolve": Entry("dvx.cli.commands.resolve:resolve", "End conflicts of pointers after a merge."),
    "help": Entry("dvx.cli.commands.help:help_", "Show how a command is used."),
    "completion": Entry("dvx.cli.commands.completion:completion", "Print the completion script of a shell."),
    "merge-driver": Entry("dvx.cli.commands.merge_driver:merge_driver", "Merge a pointer; run by Git."),
    "textconv": Entry("dvx.cli.commands.textconv:textconv", "Show a pointer; run by `git diff`."),
}  # fmt: skip


class LazyGroup(DvxGroup):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.place.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list from the table, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.version_option(__version__, message="dvx %(version)s")
def cli() -> None:
    """Version large data and models with Git.

    dvx cuts data into chunks, stores and pushes them once, and keeps a small pointer in Git in their place.

    \b
    Examples:
      dvx init --remote s3://bucket/prefix    set up this Git repository
      dvx add data/train                      store a folder, write data/train.dvx
      git commit -m "training data"           the commit now names the exact data
      dvx push                                send what the remote does not have
      git pull && dvx pull                    get a colleague's data
    """
