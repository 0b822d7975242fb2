"""`scripts/bench scale`: how dvx behaves with more files, larger files, more versions, more pointers, more latency.

Owns the command line and the output. The scenarios are in `scale_*.py`; each removes what it made.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmark.dvx_command import make_dvx
from benchmark.measure import StepFailed, touch_memory
from benchmark.scale_files import run_files
from benchmark.scale_inputs import write_small_files
from benchmark.scale_large import run_large
from benchmark.scale_paper import format_paper
from benchmark.scale_place import NoSpace, Place
from benchmark.scale_pointers import run_pointers
from benchmark.scale_report import Section, format_markdown, format_text
from benchmark.scale_versions import VERSIONS, VersionPoint, run_versions, save_curve

_REPETITIONS: Final = 5
_TOUCHED_BYTES: Final = 12 << 30


def say(text: str) -> None:
    """Tell on standard error how far the run is."""
    print(text, file=sys.stderr, flush=True)


def _files(place: Place, arguments: argparse.Namespace) -> Section:
    return run_files(place, scale=arguments.scale, repetitions=arguments.repetitions, say=say)


def _large(place: Place, arguments: argparse.Namespace) -> Section:
    return run_large(place, scale=arguments.scale, say=say)


def _versions(place: Place, arguments: argparse.Namespace) -> Section:
    return run_versions(place, scale=arguments.scale, versions=arguments.versions, say=say)


def _pointers(place: Place, arguments: argparse.Namespace) -> Section:
    return run_pointers(place, scale=arguments.scale, repetitions=arguments.repetitions, say=say)


def _latency(place: Place, arguments: argparse.Namespace) -> Section:
    from benchmark.scale_latency import run_latency  # boto3, which only this scenario needs

    return run_latency(place, scale=arguments.scale, repetitions=arguments.repetitions, say=say)


_SCENARIOS: Final[dict[str, Callable[[Place, argparse.Namespace], Section]]] = {
    "files": _files,
    "large": _large,
    "versions": _versions,
    "pointers": _pointers,
    "latency": _latency,
}
PAPER: Final = "paper"
DESCRIPTION: Final = """\
Measure how dvx behaves at scale; every target is printed as met or missed.

files      100 000 and 1 000 000 files of 4 KiB through every command (20 GiB of disk)
large      one file of 2 GiB and one of 20 GiB (35 GiB of disk)
versions   100 versions of a 107 MB table with scattered edits
pointers   1 000 pointers in one repository
latency    a cold pull of W2 from S3 with 50 ms added to every request
paper      no measurement: the tables of docs/explanation/scale.md

Without a name all but `paper` are run. The exit code is 1 if a result was wrong or a scenario could not be run, not
if a target was missed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `scripts/bench scale`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    add = parser.add_argument
    add("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join([*_SCENARIOS, PAPER])}")
    add("--scale", type=float, default=1.0, metavar="F", help="multiply every size by F (default: 1)")
    add("--versions", type=int, default=VERSIONS, metavar="N", help=f"of the table (default: {VERSIONS})")
    add(
        "--repetitions", type=int, default=_REPETITIONS, metavar="N",
        help=f"of short commands, and of the pulls of `latency` (default: {_REPETITIONS})",
    )  # fmt: skip
    add("--folder", type=Path, metavar="DIR", help="where to work (default: the temporary folder)")
    add("--json", type=Path, metavar="FILE", help="write all figures")
    add("--markdown", type=Path, metavar="FILE", help="write the tables")
    add("--svg", type=Path, metavar="FILE", help="draw the curves of `versions`")


def run(arguments: argparse.Namespace) -> int:
    """Run the scenarios and print, after each one, what it found. Returns the exit code."""
    names = arguments.scenarios or list(_SCENARIOS)
    unknown = [name for name in names if name not in _SCENARIOS and name != PAPER]
    if unknown or arguments.scale <= 0 or arguments.versions < 1 or arguments.repetitions < 1:
        say(
            f"scripts/bench scale: unknown or impossible: {unknown or 'a number'}; see `scripts/bench scale -h`"
        )
        return 2
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="dvx-scale-", dir=arguments.folder)).resolve()
    try:
        sections = _run_all(names, scratch, arguments)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return int(any(section.wrong for section in sections))


def _run_all(names: list[str], scratch: Path, arguments: argparse.Namespace) -> list[Section]:
    sections: list[Section] = []
    place: Place | None = None
    for name in names:
        if name == PAPER:
            print(format_paper(), end="", flush=True)
            continue
        place = place or _prepare(scratch, arguments.scale)
        sections.append(_run_scenario(name, place, arguments))
        print(format_text(sections[-1]), flush=True)
        _save(sections, arguments)
    return sections


def _prepare(scratch: Path, scale: float) -> Place:
    """The place of all scenarios; every command runs once, so that none is measured while Python compiles it.

    The memory is used once before that, as much as a full run fills with files, up to half of it.
    """
    touch_memory(int(min(_TOUCHED_BYTES * scale, (describe_machine()["memory_bytes"] or 0) / 2)))
    place = Place(scratch, make_dvx(scratch / "environment"))
    repository = place.make_repository("warm-up/author", remote=str(scratch / "warm-up" / "remote"))
    write_small_files(repository / "data", 10)
    for command in ("add data", "status", "diff", "ls data", "checkout", "push"):
        place.dvx.run(repository, *command.split())
    place.commit(repository)
    for mode in ("--store", "--no-store"):
        clone, _ = place.clone(repository, f"warm-up/{mode}")
        place.dvx.run(clone, "pull", mode)
    place.remove(scratch / "warm-up")
    return place


def _run_scenario(name: str, place: Place, arguments: argparse.Namespace) -> Section:
    """Run one scenario; a failure becomes a section that says so."""
    try:
        return _SCENARIOS[name](place, arguments)
    except (StepFailed, NoSpace, FileNotFoundError) as error:
        return Section(name, "not measured", wrong=[str(error)])


def _save(sections: list[Section], arguments: argparse.Namespace) -> None:
    """Write the files after every scenario, so that what is measured is not lost if a later one is ended."""
    if arguments.json is not None:
        document = {
            "machine": describe_machine(),
            "scale": arguments.scale,
            "scenarios": {s.name: s.as_json() for s in sections},
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if arguments.markdown is not None:
        arguments.markdown.write_text("\n".join(map(format_markdown, sections)), encoding="utf-8")
    points = [point for section in sections for point in section.raw.get("points", ())]
    if arguments.svg is not None and points:
        save_curve([VersionPoint(**point) for point in points], arguments.svg)


def describe_machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    return {
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": platform.platform(),
        "python": platform.python_version(),
    }
