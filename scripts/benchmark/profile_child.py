"""Runs one dvx command in this process with the functions of `stages.py` counted.

Owns putting counted functions in place of the original ones, from outside: a module is changed right after it
was executed, before anything imports names from it. Started by profile_command as a script of its own, so that
imports are counted as in a real start. Arguments: the file for the report, then those of dvx.
"""

import importlib
import inspect
import json
import os
import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from benchmark.stages import IMPORT, STAGES, WHOLE, Place
from benchmark.stopwatch import Stopwatch, cost_of_counting_s


def main() -> int:
    """Run the command, write the report, and return the exit code of dvx."""
    report, *args = sys.argv[1:]
    stopwatch = Stopwatch(WHOLE)
    watch = install(stopwatch)
    started_s, cpu_started_s = time.perf_counter(), time.process_time()

    def command() -> int:
        from dvx.cli.main import run

        return run(args, env=os.environ)

    try:
        code = int(stopwatch.wrap(command, "other")())
    finally:
        wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_started_s
        watch.uninstall()
    _write_report(report, stopwatch, wall_s=wall_s, cpu_s=cpu_s)
    return code


def _write_report(report: str, stopwatch: Stopwatch, *, wall_s: float, cpu_s: float) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    document = {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "children_cpu_s": children.ru_utime + children.ru_stime,
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "counting_s": cost_of_counting_s(),
        "threads_left": threading.active_count() - 1,
        "stages": {stage: asdict(found) for stage, found in stopwatch.totals().items()},
    }
    with open(report, "w", encoding="ascii") as file:
        json.dump(document, file)


class ImportWatch:
    """A finder in front of all others: counts imports, and changes the modules of the table once they are there."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._find = stopwatch.wrap(self._find_spec, IMPORT)
        self._wanted: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for stage, places in STAGES.items():
            for place in places:
                self._wanted[place.module].append((place.name, stage))

    def install(self) -> None:
        """Count from now on, in modules that are imported already, too."""
        for name in self._wanted:
            if name in sys.modules:
                self._change(sys.modules[name])
        sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Stop counting imports; changed modules stay changed."""
        sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Have the other finders find it, and count its execution."""
        found: ModuleSpec | None = self._find(name, path, target)
        loader: Any = found.loader if found is not None else None
        # Built-in and frozen modules are loaded by classes, which must stay as they are; they take no time.
        if loader is None or isinstance(loader, type):
            return found
        counted = self._stopwatch.wrap(loader.exec_module, IMPORT)

        def execute_and_change(module: ModuleType) -> None:
            counted(module)
            if name in self._wanted:
                self._change(module)

        loader.exec_module = execute_and_change
        return found

    def _find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and (found := finder.find_spec(name, path, target)) is not None:
                return found
        return None

    def _change(self, module: ModuleType) -> None:
        for name, stage in self._wanted[module.__name__]:
            replace_function(module, name, partial(self._counted, stage))

    def _counted(self, stage: str, function: Any) -> Any:
        if inspect.isclass(function):
            return counted_class(function, self._stopwatch, stage)
        return self._stopwatch.wrap(function, stage)


def install(stopwatch: Stopwatch) -> ImportWatch:
    """Put counted functions in place of those in the table."""
    watch = ImportWatch(stopwatch)
    watch.install()
    return watch


def resolve(place: Place) -> Any:
    """The function or class that a place of the table names. Raises ImportError or AttributeError."""
    found: Any = importlib.import_module(place.module)
    for part in place.name.split("."):
        found = inspect.getattr_static(found, part)
    return found


def replace_function(module: ModuleType, name: str, counted: Callable[[Any], Any]) -> None:
    """Replace a function of a module, or a method by `Class.method`. Raises AttributeError if there is none."""
    *path, last = name.split(".")
    owner: Any = module
    for part in path:
        owner = getattr(owner, part)
    found = inspect.getattr_static(owner, last)
    if isinstance(found, classmethod | staticmethod):
        setattr(owner, last, type(found)(counted(found.__func__)))
    else:
        setattr(owner, last, counted(found))


def counted_class(original: Any, stopwatch: Stopwatch, stage: str) -> type:
    """A class in place of one written in C, whose methods cannot be replaced: it hands every call on."""

    class Counted:
        __slots__ = ("_inner",)
        make = staticmethod(stopwatch.wrap(original, stage))

        def __init__(self, *args: Any, **named: Any) -> None:
            self._inner = self.make(*args, **named)

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._inner, name)
            return stopwatch.wrap(found, stage) if callable(found) else found

    return Counted


if __name__ == "__main__":
    sys.exit(main())
