"""What a power cut may take (promises P2, P3): the order of fsync and rename, read from a system call trace.

A lost page cannot be staged here. Instead the order is checked that makes losing one harmless: a pack is flushed
before it gets its name, the folder that has its name before a record names it, records before pointers.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dvx.testing.shell import dvx_command, run

# What strace prints, with `-y` for the paths of descriptors; a call of a thread may be cut in two lines.
FSYNC = re.compile(r"f(?:data)?sync\(\d+<([^>]*)>")
RENAME = re.compile(r'rename(?:at2?)?\((?:[^",]*, )?"([^"]*)", (?:[^",]*, )?"([^"]*)"')


def trace(strace: list[str], cwd: Path, log: Path, *args: str) -> list[tuple[str, ...]]:
    """The events of a command in order: ("fsync", path) once it is done, ("rename", source, target) as it starts."""
    what = ["-y", "-s", "4096", "-o", str(log), "-e", "trace=fsync,fdatasync,rename,renameat,renameat2"]
    ran = run([*strace, *what, *dvx_command(*args)], cwd)
    assert ran.code == 0, ran
    events: list[tuple[str, ...]] = []
    waiting: dict[str, str] = {}
    for line in log.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if match := RENAME.match(rest):
            events.append(("rename", match[1], match[2]))
        elif match := FSYNC.match(rest):
            if "unfinished" in rest:
                waiting[thread] = match[1]
            else:
                events.append(("fsync", match[1]))
        elif "fsync resumed" in rest or "fdatasync resumed" in rest:
            events.append(("fsync", waiting.pop(thread)))
    return events


def position(events: list[tuple[str, ...]], event: tuple[str, ...], *, after: int = -1) -> int:
    for number, found in enumerate(events):
        if number > after and found == event:
            return number
    raise AssertionError(f"{event} is not among the events after {after}")


def check_objects(events: list[tuple[str, ...]], store: Path) -> int:
    """Every object is flushed before its rename and its folder after; packs before records. Returns the last event."""
    last_pack_safe = last = -1
    renamed = [
        (number, event) for number, event in enumerate(events)
        if event[0] == "rename" and str(event[2]).startswith((f"{store}/packs/", f"{store}/roots/"))
    ]  # fmt: skip
    assert any("/packs/" in event[2] for _, event in renamed)
    assert any("/roots/" in event[2] for _, event in renamed)
    for number, (_, source, target) in renamed:
        assert position(events, ("fsync", source)) < number, f"{target} has its name before it is on disk"
        safe = position(events, ("fsync", str(Path(target).parent)), after=number)
        if "/packs/" in target:
            last_pack_safe = max(last_pack_safe, safe)
        last = max(last, safe)
    first_record = min(number for number, event in renamed if "/roots/" in event[2])
    assert last_pack_safe < first_record, "a record names a pack whose own name may be lost"
    return last


def test_add_flushes_packs_then_records_then_pointers(
    scene: Callable, strace: list[str], tmp_path: Path
) -> None:
    author = scene("edited").author
    events = trace(strace, author, tmp_path / "log", "add", "data", "model.bin")
    last = check_objects(events, author / ".git" / "dvx" / "store")
    for name in ("data.dvx", "model.bin.dvx"):
        renames = [
            (number, event) for number, event in enumerate(events)
            if event[0] == "rename" and event[2] == str(author / name)
        ]  # fmt: skip
        ((number, (_, source, _)),) = renames
        assert number > last, f"{name} is in place before the data it names is on disk"
        assert position(events, ("fsync", source)) < number


@pytest.mark.parametrize(
    ("name", "who", "command"), [("added", "author", "push"), ("pushed", "colleague", "fetch")]
)
def test_push_and_fetch_flush_packs_before_records(
    scene: Callable, strace: list[str], tmp_path: Path, name: str, who: str, command: str
) -> None:
    copy = scene(name)
    events = trace(strace, getattr(copy, who), tmp_path / "log", command)
    check_objects(events, copy.remote if command == "push" else copy.colleague / ".git" / "dvx" / "store")
