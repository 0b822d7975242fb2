"""Scenario `versions`: a hundred versions of a table, each with rows inserted and deleted all over it.

Owns the steps, the curve and the targets. The table and its edits come from `table.py`.
"""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmark import table
from benchmark.measure import Cost, settle
from benchmark.scale_curve import Line, Panel, draw_panels
from benchmark.scale_fragments import read_layout
from benchmark.scale_inputs import hash_file
from benchmark.scale_place import Place, store_of, weigh_store
from benchmark.scale_report import MIB, Section, Target, number

VERSIONS: Final = 100
SIZE_BYTES: Final = table.SIZE_BYTES // 10
EDITED_ROWS: Final = 100
_NAME: Final = "table.csv"
_SHOWN: Final = 10
# "Flat": the last fifth of the versions takes at most a quarter more than the first fifth.
_FLAT_LIMIT: Final = 1.25
# The fragmentation rule: three ranges for each MiB, and 64.
_RANGES_PER_MIB: Final = 3
_FREE_RANGES: Final = 64
# Names for panels and targets, and what they are of.
_CURVES: Final = (
    ("add", "s", ("add_s",)),
    ("newly stored", "MB", ("new_mb",)),
    ("switch", "s", ("to_previous_s", "back_s", "to_old_s")),
    ("per GiB of the table", "", ("runs_per_gib", "ranges_per_gib")),
)


@dataclass(frozen=True, slots=True)
class VersionPoint:
    """What version `number` (from 1) took: seconds, MB (10^6) newly in the store, the layout of its record.

    Switches: to the version before, back to this one, and to an old one drawn at random.
    """

    number: int
    size_bytes: int
    add_s: float
    new_mb: float
    to_previous_s: float
    back_s: float
    to_old_s: float
    runs_per_gib: float
    ranges_per_gib: float
    packs: int
    peak_mib: float


def run_versions(place: Place, *, scale: float, versions: int, say: Callable[[str], None]) -> Section:
    """Add `versions` versions one after the other, switching after each; removes all. Raises NoSpace."""
    size_bytes = max(100_000, int(SIZE_BYTES * scale))
    # The first version, two tables in the making, and for each edit about one chunk of 64 KiB.
    rows = max(1, round(EDITED_ROWS * scale))
    place.require_space(
        4 * size_bytes + versions * rows * 2 * 64 * 1024, what=f"{versions} versions of a table"
    )
    run = _VersionsRun(place, rows)
    try:
        run.begin(size_bytes)
        for number_ in range(1, versions + 1):
            run.add_version(number_)
            if number_ % max(1, versions // _SHOWN) == 0:
                say(f"versions: {number_} of {versions}, add {run.points[-1].add_s:.2f} s")
    finally:
        run.end()
    return report_versions(run.points, run.wrong, rows=rows)


class _VersionsRun:
    """The repository, and what is known of its versions."""

    def __init__(self, place: Place, rows: int) -> None:
        self.points: list[VersionPoint] = []
        self.wrong: list[str] = []
        self._place = place
        self._rows = rows
        self._top = place.folder / "versions"
        self._repository = self._top / "author"
        self._next = self._top / "next.csv"
        self._digests: list[str] = []
        self._chance = random.Random(1)
        self._stored_bytes = 0

    def begin(self, size_bytes: int) -> None:
        """Make the repository and the first version."""
        self._place.make_repository("versions/author", remote=str(self._top / "remote"))
        table.write_table(self._next, size_bytes)

    def end(self) -> None:
        """Remove everything."""
        self._place.remove(self._top)

    def add_version(self, number_: int) -> None:
        """Put the next version in place, add and commit it, switch away and back, and make the one after."""
        file = self._repository / _NAME
        self._next.replace(file)
        self._digests.append(hash_file(file))
        cost = self._run("add", _NAME)
        self._place.commit(self._repository)
        self._place.git(self._repository, "tag", f"v{number_}")
        stored_bytes = weigh_store(store_of(self._repository)).size_bytes
        layout = read_layout(store_of(self._repository), self._repository / f"{_NAME}.dvx")
        edits = table.TableEdits(self._rows, self._rows, 0)
        table.edit_table(file, self._next, edits, seed=number_)
        old = self._chance.randint(1, number_)
        self.points.append(
            VersionPoint(
                number=number_,
                size_bytes=layout.size_bytes,
                add_s=cost.seconds,
                new_mb=(stored_bytes - self._stored_bytes) / 1e6,
                to_previous_s=self._switch(max(1, number_ - 1)),
                back_s=self._switch(number_),
                to_old_s=self._switch(old),
                runs_per_gib=layout.runs_per_gib,
                ranges_per_gib=layout.ranges_per_gib,
                packs=layout.packs,
                peak_mib=cost.peak_bytes / MIB,
            )
        )
        self._switch(number_)
        self._stored_bytes = stored_bytes

    def _switch(self, number_: int) -> float:
        self._place.git(self._repository, "checkout", "-q", f"v{number_}")
        cost = self._run("checkout")
        if hash_file(self._repository / _NAME) != self._digests[number_ - 1]:
            self.wrong.append(f"after a switch to version {number_} the table is not what was added")
        return cost.seconds

    def _run(self, *args: str) -> Cost:
        settle()
        return self._place.dvx.run(self._repository, *args)[0]


def report_versions(points: Sequence[VersionPoint], wrong: list[str], *, rows: int) -> Section:
    """The table of some versions, and whether the curves stay flat; the first version is not an edit."""
    size_mb = points[0].size_bytes / 1e6
    title = f"{len(points)} versions of a CSV of {size_mb:.1f} MB, {rows} rows inserted and {rows} deleted in each"
    section = Section("versions", title)
    section.columns = (
        "version", "add s", "new MB", "to previous s", "back s", "to a random old s", "runs/GiB", "ranges/GiB", "packs",
    )  # fmt: skip
    section.rows = [_cells(point) for point in shown_points(points)]
    section.targets = _targets(points)
    section.notes = [
        "flat: median of the last fifth of the versions over median of the first fifth, version 1 left out",
        "ranges: ranged reads that a reader of the whole version makes, after merging in windows of 8 MiB; the rule "
        "allows three for each MiB, and 64",
    ]
    section.wrong = wrong
    section.raw = {"rows": rows, "points": [asdict(point) for point in points]}
    return section


def shown_points(points: Sequence[VersionPoint]) -> list[VersionPoint]:
    """The first two versions, about ten in between, and the last."""
    step = max(1, len(points) // _SHOWN)
    return [p for p in points if p.number <= 2 or p.number % step == 0 or p.number == len(points)]


def _cells(point: VersionPoint) -> tuple[str, ...]:
    seconds = (point.add_s, point.new_mb, point.to_previous_s, point.back_s, point.to_old_s)
    layout = (point.runs_per_gib, point.ranges_per_gib, point.packs)
    return (str(point.number), *map(number, seconds), *map(number, layout))


def _targets(points: Sequence[VersionPoint]) -> list[Target]:
    if len(points) < 3:
        return []
    names = {
        "add, seconds": "add_s",
        "newly stored, bytes": "new_mb",
        "switch to the previous version": "to_previous_s",
        "switch back": "back_s",
        "switch to a random old version": "to_old_s",
    }
    targets = [Target(f"flat: {what}", rise(points, name), _FLAT_LIMIT, "x") for what, name in names.items()]
    later = rise(points, "runs_per_gib", from_part=2)
    targets.append(Target("bounded: runs per GiB, last fifth over middle fifth", later, _FLAT_LIMIT, "x"))
    last = max(points, key=lambda point: point.ranges_per_gib)
    limit = _RANGES_PER_MIB * 1024 + _FREE_RANGES * 1024 * MIB / last.size_bytes
    targets.append(Target("ranges per GiB, the worst version", last.ranges_per_gib, limit, ""))
    return targets


def rise(points: Sequence[VersionPoint], name: str, *, from_part: int = 0) -> float:
    """Median of the last fifth of the versions after the first over median of another fifth (0 is the first)."""
    values = [float(getattr(point, name)) for point in points[1:]]
    part = max(1, len(values) // 5)
    start = len(values) * from_part // 5
    return statistics.median(values[-part:]) / max(statistics.median(values[start : start + part]), 1e-9)


def draw_versions(points: Sequence[VersionPoint]) -> str:
    """The curves as SVG; version 1, which stores everything, is left out."""
    later = points[1:] or points
    panels = [
        Panel(
            f"{title}, {unit}" if unit else title,
            [Line(_label(name), [(p.number, float(getattr(p, name))) for p in later]) for name in names],
        )
        for title, unit, names in _CURVES
    ]
    return draw_panels(f"{len(points)} versions of one table", "version", panels)


def _label(name: str) -> str:
    return name.removesuffix("_s").removesuffix("_mb").removesuffix("_per_gib").replace("_", " ")


def save_curve(points: Sequence[VersionPoint], path: Path) -> None:
    """Write the curves to a file."""
    path.write_text(draw_versions(points), encoding="utf-8")
