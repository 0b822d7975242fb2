"""One run of the command line: where it runs, how much it says, and the project it opens.

Owns what the global options set. Must not know a single command.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dvx.cli.output import Output

if TYPE_CHECKING:
    from dvx.ops.failures import Failures
    from dvx.ops.project import Project
    from dvx.repo.config import Config
    from dvx.repo.repository import Repository


# Set while Git runs a hook of dvx; commands that are started from there start no hooks again.
IN_HOOK: Final = "DVX_IN_HOOK"


@dataclass(slots=True)
class Invocation:
    """The state of one run. `folder` is the current directory after `-C`; `overrides` are settings given as
    flags; `opened` is the repository that was opened last; `started_s` is the monotonic time of the start;
    `failures` are those of the project that was opened last.
    """

    env: Mapping[str, str]
    folder: str
    output: Output
    verbosity: int = 0
    may_ask: bool = True
    rehearses: bool = False
    opened: "Repository | None" = None
    overrides: dict[str, str] = field(default_factory=dict)
    started_s: float = field(default_factory=time.monotonic)
    # Command lines of interrupted commands that this one has finished.
    finished: list[tuple[str, ...]] = field(default_factory=list)
    failures: "Failures | None" = None

    @staticmethod
    def of_process(env: Mapping[str, str]) -> "Invocation":
        """The run of this process, with its standard streams."""
        output = Output(
            sys.stdout, sys.stderr, uses_colour=not env.get("NO_COLOR") and env.get("TERM") != "dumb"
        )
        return Invocation(env=env, folder=_current_folder(), output=output)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started_s

    @property
    def is_ci(self) -> bool:
        """Whether this runs in continuous integration, by the variable CI that every such service sets."""
        return self.env.get("CI", "").lower() not in ("", "0", "false", "no")

    @property
    def has_failures(self) -> bool:
        """Whether something went wrong with single paths."""
        return self.failures is not None and bool(self.failures.found)

    def repository(self, *, allows_bare: bool = False) -> "Repository":
        """The Git repository around the current folder. Raises NotARepository.

        What a command that was killed has left there is finished, if nobody is in the way.
        """
        from dvx.repo.repository import Repository

        repository = Repository.discover(self.folder, env=self.env, allows_bare=allows_bare)
        self.stand_in(repository)
        self.opened = repository
        if os.path.lexists(repository.intention_path) and not self.rehearses:
            self._finish_interrupted(repository)
        return repository

    def stand_in(self, repository: "Repository | None" = None) -> None:
        """Let hints from now on count from the folder of the shell."""
        if self.folder == _current_folder() and not (repository is not None and repository.prefix):
            return
        from dvx.cli.hint_paths import Standpoint  # only in a subfolder and with `-C`

        root = None if repository is None else os.path.realpath(repository.root)
        folder, current = os.path.realpath(self.folder), os.path.realpath(_current_folder())
        self.output.placed = Standpoint(root, folder, current).placed

    def _finish_interrupted(self, repository: "Repository") -> None:
        from dvx.cli.progress import make_reporter
        from dvx.ops.project import Project
        from dvx.ops.recovery import finish_or_go_on

        reporter = make_reporter(self.output, is_shown=False)
        with Project(repository, env=self.env, overrides=self.overrides, reporter=reporter) as project:
            finish_or_go_on(project)
        self.finished += project.finished

    @contextmanager
    def project(
        self, *, needs_init: bool = False, allows_bare: bool = False, remote: str | None = None
    ) -> "Iterator[Project]":
        """Open the project around the current folder, with progress on standard error.

        `remote` is the one that was named with `-r`: a name that no remote has is an error, also where nothing turns
        out to be asked of it.
        """
        from dvx.cli.progress import make_reporter
        from dvx.core.progress import NullReporter
        from dvx.ops.project import Project

        repository = self.repository(allows_bare=allows_bare)
        if needs_init:
            repository.require_initialised()
        with (
            self.rehearsal() as scratch,
            Project(repository, env=self.env, overrides=self.overrides, reporter=NullReporter()) as project,
        ):
            project.rehearsal = scratch
            reporter = make_reporter(self.output, is_shown=self._shows_progress(project))
            project.reporter = reporter
            if remote is not None:
                project.remote_config(remote)
            project.finished += self.finished
            try:
                # Of commands that only read, too: the error promises that the next one gets round the damage.
                with project.setting_damage_aside():
                    yield project
            finally:
                self.failures = vars(project).get("failures")  # there only if anything asked for it
                reporter.finish()

    @contextmanager
    def rehearsal(self) -> "Iterator[str | None]":
        """The folder for the caches of a `--dry-run`; None without it."""
        if not self.rehearses:
            yield None
            return
        import tempfile  # 2 ms, only for `--dry-run`

        with tempfile.TemporaryDirectory(prefix="dvx-dry-run-") as folder:
            yield folder

    def _shows_progress(self, project: "Project") -> bool:
        """What the settings say; those that cannot be read fail what needs them, not what only shows progress."""
        from dvx.core.errors import DvxError

        try:
            config = project.config
            self._warn_of_unknown(config)
            return not self.output.is_quiet and config.flag("core.progress")
        except DvxError:
            return False

    def _warn_of_unknown(self, config: "Config") -> None:
        """Say once what the settings have that this dvx does not know; not in hooks, which run all the time."""
        if IN_HOOK not in os.environ:
            for text in config.unknown:
                self.output.warning(text)


def _current_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return os.environ.get("PWD", os.path.sep)  # the folder is gone; discovery says what is wrong
