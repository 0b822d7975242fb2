"""The command line of `scripts/bench`. Owns the arguments; the commands are in the modules beside it."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_SOURCES: Final = Path(__file__).resolve().parent.parent.parent / "src"
if (_SOURCES / "dvx").is_dir():  # the test kit of this checkout, not that of an installed dvx
    sys.path.insert(0, str(_SOURCES))

from benchmark import bounds, hooks, profile_command, scale, startup  # noqa: E402 - found through the lines above
from benchmark.chart import draw_chart  # noqa: E402
from benchmark.measure import StepFailed  # noqa: E402
from benchmark.report import describe_run, format_markdown, format_text, make_tables  # noqa: E402
from benchmark.run import RunRequest, run_benchmark  # noqa: E402
from benchmark.tool import Peers  # noqa: E402
from benchmark.tools import TOOLS  # noqa: E402
from benchmark.workloads import KINDS  # noqa: E402

_REMOTES: Final = ("folder", "s3")
_QUICK_SCALE: Final = 0.025
_DESCRIPTION: Final = "Measure dvx, alone and beside other tools. See docs/explanation/performance.md."


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 1 if a result was wrong or dvx failed, not if a target was missed."""
    arguments = make_parser().parse_args(args)
    try:
        return int(arguments.command(arguments))
    except StepFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=_DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="three workloads, all tools", description=_RUN_HELP)
    _add_run_arguments(run)
    run.set_defaults(command=_run)
    for name, module, summary in (
        ("scale", scale, "many files, a large file, many versions, many pointers, latency"),
        ("startup", startup, "what a command that does nothing takes"),
        ("hooks", hooks, "what Git hooks take when there is nothing to do, beside those of git-lfs and DVC"),
        ("bounds", bounds, "what libraries and kernel alone take for an add and a checkout, beside dvx"),
        ("profile", profile_command, "where the time of a dvx command goes"),
    ):
        command = commands.add_parser(name, help=summary, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(command=module.run)
    return parser


_RUN_HELP: Final = """Generate the workloads, take every tool through all steps, compare every result byte for
byte, and print tables: seconds, CPU, memory, what is new on the remote, and the targets. A tool that is missing
is installed into --peers if it is a Python package, else skipped and named."""


def _add_run_arguments(parser: argparse.ArgumentParser) -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dvx-bench"
    add = parser.add_argument
    add("--scale", type=float, default=1.0, metavar="F", help="size of the workloads, 1 = 4 GiB in all (1)")
    add(
        "--quick",
        action="store_true",
        help=f"--scale {_QUICK_SCALE} --repetitions 1, each tool on one remote only (S3 if it can) and only dvx "
        "warmed up: about two minutes with all tools on two idle cores, to see that everything works and roughly "
        "where dvx stands",
    )
    add("--workloads", type=_names(tuple(KINDS)), default=list(KINDS), metavar="W1,W2,W3", help="which (all)")
    add(
        "--tools",
        type=_names(TOOLS),
        default=list(TOOLS),
        metavar="T1,T2",
        help=f"which of {','.join(TOOLS)} (all)",
    )
    add("--remotes", type=_names(_REMOTES), default=list(_REMOTES), metavar="R1,R2", help="folder, s3 (both)")
    add("--repetitions", type=int, default=3, metavar="N", help="how often each tool does everything (3)")
    add(
        "--folder",
        type=Path,
        default=cache / "work",
        help="inputs are kept here; needs about 20 GB at scale 1",
    )
    add(
        "--peers",
        type=Path,
        default=cache / "peers",
        help="a virtual environment for each Python peer is here",
    )
    add("--no-install", action="store_true", help="install nothing")
    for name in ("json", "svg", "markdown"):
        add(f"--{name}", type=Path, metavar="FILE", help=f"write the results as {name} to FILE")


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = list(known) if text == "all" else text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return names

    return parse


def _run(arguments: argparse.Namespace) -> int:
    request = RunRequest(
        scale=_QUICK_SCALE if arguments.quick else arguments.scale,
        workloads=arguments.workloads,
        tools=arguments.tools,
        remotes=arguments.remotes,
        repetitions=1 if arguments.quick else arguments.repetitions,
        folder=arguments.folder.resolve(),
        peers=Peers(arguments.peers.resolve(), not arguments.no_install),
        is_quick=arguments.quick,
    )
    results = run_benchmark(request, say=lambda line: print(line, file=sys.stderr, flush=True))
    tables = make_tables(results)
    print(f"\n{format_text(tables)}\n{describe_run(results)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results.to_json(), indent=1) + "\n")
    if arguments.svg:
        arguments.svg.write_text(draw_chart(results))
    if arguments.markdown:
        arguments.markdown.write_text(format_markdown(results, tables))
    has_failed = any(absence.tool == "dvx" for absence in results.absences)
    return int(bool(results.wrong()) or has_failed)
